//! Every rule of intake, on archives made in memory and folders made on the spot.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;
use crate::submission::Work;

const LIB: &str = "exercises/ex01-four-calls/src/lib.rs";

/// A course with two exercises, and an empty class beside it.
struct Room {
    course: Course,
    class: TempDir,
    _root: TempDir,
}

impl Room {
    fn new() -> Room {
        let root = TempDir::new().unwrap();
        write(root.path(), "Cargo.toml", b"[workspace]\n");
        for folder in ["ex01-four-calls", "ex02-echo"] {
            let dir = root.path().join("exercises").join(folder);
            write(&dir, "Cargo.toml", b"[package]\n");
            write(&dir, "rubric.toml", RUBRIC.as_bytes());
            write(&dir, "src/main.rs", b"fn main() {}\n");
            write(&dir, "tests/public.rs", b"");
        }
        let course = Course::load(root.path()).unwrap();
        Room {
            course,
            class: TempDir::new().unwrap(),
            _root: root,
        }
    }

    fn class(&self) -> Vec<Submission> {
        read_class(self.class.path(), &self.course).unwrap()
    }

    /// The submission `ada` of a class that holds nothing else.
    fn ada(&self) -> Submission {
        let mut class = self.class();
        assert_eq!((class.len(), class[0].student.as_str()), (1, "ada"));
        class.remove(0)
    }

    fn file(&self, path: &str, content: &[u8]) {
        write(self.class.path(), path, content);
    }

    fn ada_dir(&self) -> PathBuf {
        self.class.path().join("ada")
    }

    /// `ada.zip` with these entries.
    fn zip(&self, entries: &[(&str, &[u8])]) {
        let mut zip = ZipWriter::new(Cursor::default());
        for (name, content) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        self.file("ada.zip", zip.finish().unwrap().get_ref());
    }

    /// `ada.tar.gz` with what `build` puts in.
    fn tar(&self, build: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        build(&mut tar);
        self.file("ada.tar.gz", &tar.into_inner().unwrap().finish().unwrap());
    }
}

type Cursor = std::io::Cursor<Vec<u8>>;

const RUBRIC: &str = r#"
title = "T"
level = 1
minutes = 1
chapter = "c.md"
[[check]]
id = "p1"
name = "n"
points = 1
visibility = "public"
concept = "c"
feedback = "f"
book = "c.md#x"
"#;

fn write(dir: &Path, path: &str, content: &[u8]) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A tar entry whose name is not looked at by the library that writes it.
fn tar_entry(tar: &mut tar::Builder<GzEncoder<Vec<u8>>>, name: &[u8], kind: tar::EntryType, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(315_532_800); // 1980
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

fn files(work: &Work) -> Vec<&str> {
    work.files.keys().map(String::as_str).collect()
}

fn notes(submission: &Submission) -> Vec<&str> {
    submission.notes.iter().map(|note| note.0.as_str()).collect()
}

/// The only note.
#[track_caller]
fn note(submission: &Submission) -> &str {
    assert_eq!(submission.notes.len(), 1, "{:?}", submission.notes);
    &submission.notes[0].0
}

#[test]
fn a_class_of_folder_zip_and_tar_gives_the_same_work_three_times() {
    let room = Room::new();
    room.file(&format!("carl/{LIB}"), b"// mine\n");
    room.zip(&[(LIB, b"// mine\n")]);
    fs::rename(room.class.path().join("ada.zip"), room.class.path().join("bob.ZIP")).unwrap();
    room.tar(|tar| tar_entry(tar, LIB.as_bytes(), tar::EntryType::Regular, b"// mine\n"));
    let class = room.class();
    assert_eq!(
        class.iter().map(|s| s.student.as_str()).collect::<Vec<_>>(),
        ["ada", "bob", "carl"]
    );
    for one in &class {
        assert_eq!(one.works["ex01"].files["lib.rs"], b"// mine\n");
        assert_eq!(one.works["ex01"].digest(), class[0].works["ex01"].digest());
        assert!(one.notes.is_empty(), "{:?}", one.notes);
    }
}

#[test]
fn the_class_own_files_are_no_submissions() {
    let room = Room::new();
    room.file("README.md", b"");
    room.file("expected.toml", b"");
    room.file(".git/config", b"");
    room.file(&format!("ada/{LIB}"), b"");
    room.ada();
}

#[test]
fn an_empty_class_is_an_error_that_names_the_folder() {
    let room = Room::new();
    room.file("README.md", b"");
    let error = read_class(room.class.path(), &room.course).unwrap_err().to_string();
    assert!(
        error.contains(room.class.path().to_str().unwrap()) && error.contains("no submission"),
        "{error}"
    );
    let gone = room.class.path().join("gone");
    let error = read_class(&gone, &room.course).unwrap_err().to_string();
    assert!(error.contains(gone.to_str().unwrap()), "{error}");
}

#[test]
fn one_submission_is_not_taken_for_a_class() {
    let room = Room::new();
    room.file(LIB, b"");
    let error = read_class(room.class.path(), &room.course).unwrap_err().to_string();
    assert!(error.contains("is one submission"), "{error}");
}

#[test]
fn a_broken_archive_is_that_students_note() {
    let room = Room::new();
    room.file("ada.zip", b"PK\x03\x04 and then nothing");
    room.file("bob.tar.gz", b"\x1f\x8b garbage");
    room.file("carl.rar", b"Rar!");
    room.file(&format!("dora/{LIB}"), b"");
    let class = room.class();
    assert_eq!(class.len(), 4);
    for broken in &class[..2] {
        assert!(
            broken.works.is_empty() && note(broken).contains("cannot be read"),
            "{broken:?}"
        );
    }
    assert!(note(&class[2]).contains("hand in a .zip"));
    assert!(class[3].works.contains_key("ex01"));
}

#[test]
fn a_truncated_archive_gives_nothing_at_all() {
    let room = Room::new();
    room.tar(|tar| {
        tar_entry(tar, LIB.as_bytes(), tar::EntryType::Regular, b"one");
        let noise: Vec<u8> = (0..60_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        tar_entry(tar, b"ex02-echo/src/lib.rs", tar::EntryType::Regular, &noise);
    });
    let path = room.class.path().join("ada.tar.gz");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let ada = room.ada();
    assert!(ada.works.is_empty() && note(&ada).contains("cannot be read"), "{ada:?}");
}

#[test]
fn a_wrong_top_folder_is_repaired_with_one_note() {
    for around in ["ada/", "homework-main/exercises/", "a/b/exercises/", "Übung 1/"] {
        let room = Room::new();
        let (one, two) = (
            format!("{around}ex01-four-calls/src/lib.rs"),
            format!("{around}ex02-echo/src/lib.rs"),
        );
        room.zip(&[
            (one.as_str(), b""),
            (two.as_str(), b""),
            ("__MACOSX/ex01-four-calls/src/._lib.rs", b"x"),
        ]);
        let ada = room.ada();
        assert_eq!(ada.works.len(), 2);
        assert_eq!(note(&ada), format!("the exercises were found below `{around}`"));
    }
}

#[test]
fn no_note_for_the_right_places_and_no_work_from_too_deep() {
    for at in [
        "ex01-four-calls/src/lib.rs",
        LIB,
        "./exercises//ex01-four-calls/src/lib.rs",
    ] {
        let room = Room::new();
        room.zip(&[(at, b"")]);
        assert_eq!((room.ada().works.len(), room.ada().notes.len()), (1, 0), "{at}");
    }
    let room = Room::new();
    room.zip(&[("a/b/c/ex01-four-calls/src/lib.rs", b"")]);
    assert!(room.ada().works.is_empty());
    assert!(note(&room.ada()).contains("expected files like `ex01-four-calls/src/lib.rs`"));
}

#[test]
fn another_slug_is_taken_with_a_note_and_an_unknown_exercise_is_ignored_with_one() {
    let room = Room::new();
    room.zip(&[
        ("Ex01_mine/src/lib.rs", b""),
        ("ex99-zzz/src/lib.rs", b""),
        ("ex02-echo/src/lib.rs", b""),
    ]);
    let ada = room.ada();
    assert_eq!(ada.works.keys().collect::<Vec<_>>(), ["ex01", "ex02"]);
    assert_eq!(
        notes(&ada),
        [
            "`ex99-zzz` is not an exercise of this course; it is ignored",
            "`Ex01_mine` is taken as `ex01-four-calls`"
        ]
    );
}

#[test]
fn the_shallower_of_two_copies_counts() {
    let room = Room::new();
    room.zip(&[
        ("backup/ex02-echo/src/lib.rs", b"old"),
        ("exercises/ex02-echo/src/lib.rs", b"new"),
    ]);
    let ada = room.ada();
    assert_eq!(ada.works["ex02"].files["lib.rs"], b"new");
    assert_eq!(
        note(&ada),
        "ex02 was found twice; `exercises/ex02-echo` counts, `backup/ex02-echo` is ignored"
    );
}

#[test]
fn a_course_tree_is_read_from_its_exercises_only() {
    let room = Room::new();
    room.file(LIB, b"mine");
    room.file("solutions/ex01-four-calls/src/lib.rs", b"reference");
    room.file("tests/submissions/ex02-echo/src/lib.rs", b"fixture");
    room.file("exercises/ex01-four-calls/target/debug/x.rs", b"");
    let own = read_tree(room.class.path(), "me", &room.course).unwrap();
    assert_eq!((own.student.as_str(), own.works.len()), ("me", 1));
    assert_eq!(own.works["ex01"].files["lib.rs"], b"mine");
    assert!(own.notes.is_empty(), "{:?}", own.notes);
}

#[test]
fn modules_beside_lib_are_taken_and_nothing_else() {
    let room = Room::new();
    room.zip(&[
        ("ex01-four-calls/src/lib.rs", b""),
        ("ex01-four-calls/src/wire/frame.rs", b""),
        ("ex01-four-calls/src/target/mod.rs", b""),
        ("ex01-four-calls/src/.git/x.rs", b""),
        ("ex01-four-calls/README.md", b"notes"),
        ("ex01-four-calls/Cargo.toml", b"[package]\r\n"),
        ("ex01-four-calls/Cargo.lock", b""),
        ("ex01-four-calls/tests/public.rs", b""),
        ("ex01-four-calls/target/debug/build/x/y/z/a/b/c/out.rs", b""),
    ]);
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["lib.rs", "target/mod.rs", "wire/frame.rs"]);
    assert!(ada.notes.is_empty(), "{:?}", ada.notes);
}

#[test]
fn what_would_change_the_build_is_not_taken_and_noted() {
    let room = Room::new();
    room.zip(&[
        ("ex01-four-calls/src/lib.rs", b""),
        ("ex01-four-calls/build.rs", b"fn main() {}"),
        ("ex01-four-calls/Cargo.toml", b"[package]\nbuild = \"build.rs\"\n"),
        ("ex01-four-calls/tests/public.rs", b"// nothing to see"),
        ("ex01-four-calls/src/bin/ex01.rs", b""),
        ("ex01-four-calls/src/data.txt", b""),
        ("ex01-four-calls/.cargo/config.toml", b""),
    ]);
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["lib.rs"]);
    assert_eq!(
        notes(&ada),
        [
            "`ex01-four-calls/build.rs` is not taken: only .rs files below src/ are",
            "`ex01-four-calls/Cargo.toml` differs from the course's file; the course's is used",
            "`ex01-four-calls/tests/public.rs` differs from the course's file; the course's is used",
            "`ex01-four-calls/src/bin/ex01.rs` is refused: the exercise has one program, src/main.rs, and the course gives it",
            "`ex01-four-calls/src/data.txt` is refused: only .rs files are taken from src/",
        ]
    );
}

#[test]
fn the_given_main_is_ignored_with_a_note_only_if_it_differs() {
    let room = Room::new();
    for (content, expected) in [
        (&b"\xEF\xBB\xBFfn main() {}\r\n"[..], 0),
        (b"fn main() { cheat() }\n", 1),
    ] {
        room.zip(&[
            ("ex01-four-calls/src/lib.rs", b""),
            ("ex01-four-calls/src/main.rs", content),
        ]);
        let ada = room.ada();
        assert_eq!((files(&ada.works["ex01"]), ada.notes.len()), (vec!["lib.rs"], expected));
    }
}

#[test]
fn a_missing_lib_is_noted() {
    let room = Room::new();
    room.zip(&[("ex01-four-calls/src/library.rs", b"")]);
    assert_eq!(note(&room.ada()), "ex01 has no src/lib.rs");
}

#[test]
fn names_that_escape_are_refused_one_by_one() {
    let room = Room::new();
    let long = format!("ex01-four-calls/src/{}.rs", "n".repeat(300));
    let names: [&[u8]; 6] = [
        b"../ex01-four-calls/src/lib.rs",
        b"/ex01-four-calls/src/lib.rs",
        b"ex01-four-calls/src/../../x.rs",
        b"C:/ex01-four-calls/src/lib.rs",
        b"ex01-four-calls/src/\x1b[31mred.rs",
        b"ex01-four-calls/src/\xff.rs",
    ];
    room.tar(|tar| {
        for name in names {
            tar_entry(tar, name, tar::EntryType::Regular, b"x");
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        tar.append_data(&mut header, &long, &b"x"[..]).unwrap();
    });
    let ada = room.ada();
    let notes = notes(&ada);
    assert!(ada.works.is_empty());
    assert_eq!(notes.len(), names.len() + 2, "{notes:#?}");
    for (note, why) in notes
        .iter()
        .zip(["climbs", "absolute", "climbs", "absolute", "control", "UTF-8", "255"])
    {
        assert!(note.contains(why), "{note}");
    }
    assert!(notes.iter().all(|note| !note.contains('\x1b') && note.len() < 400));
}

#[test]
fn a_name_with_nul_does_not_become_a_shorter_one() {
    let room = Room::new();
    room.zip(&[("ex01-four-calls/src/lib.rs\0.txt", b"x")]);
    assert!(room.ada().works.is_empty());
    assert!(notes(&room.ada())[0].contains("control character"));
}

#[test]
fn special_entries_of_a_tar_are_refused() {
    use tar::EntryType::*;
    let room = Room::new();
    let kinds = [
        (Symlink, "symbolic"),
        (Link, "hard link"),
        (Fifo, "FIFO"),
        (Char, "device"),
        (Block, "device"),
    ];
    room.tar(|tar| {
        for (i, (kind, _)) in kinds.iter().enumerate() {
            tar_entry(tar, format!("ex01-four-calls/src/x{i}.rs").as_bytes(), *kind, b"");
        }
        tar.append_pax_extensions([("GNU.sparse.major", &b"1"[..])]).unwrap();
        tar_entry(tar, b"ex01-four-calls/src/sparse.rs", Regular, b"0\n");
        tar_entry(tar, LIB.as_bytes(), Regular, b"");
    });
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["lib.rs"]);
    let why = kinds.iter().map(|(_, why)| *why).chain(["sparse"]);
    assert_eq!(ada.notes.len(), kinds.len() + 1);
    for (note, why) in notes(&ada).iter().zip(why) {
        assert!(note.contains(why), "{note}");
    }
}

#[test]
fn a_symlink_in_a_zip_is_refused() {
    let room = Room::new();
    let mut zip = ZipWriter::new(Cursor::default());
    zip.add_symlink(
        "ex01-four-calls/src/lib.rs",
        "../../../solutions/lib.rs",
        SimpleFileOptions::default(),
    )
    .unwrap();
    room.file("ada.zip", zip.finish().unwrap().get_ref());
    assert!(room.ada().works.is_empty());
    assert!(notes(&room.ada())[0].contains("symbolic link"));
}

#[test]
fn an_encrypted_entry_is_refused() {
    let room = Room::new();
    room.zip(&[("ex01-four-calls/src/lib.rs", b"secret")]);
    let path = room.class.path().join("ada.zip");
    let mut bytes = fs::read(&path).unwrap();
    let central = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[central + 8] |= 1;
    bytes[6] |= 1;
    fs::write(&path, bytes).unwrap();
    assert!(notes(&room.ada())[0].contains("encrypted"), "{:?}", room.ada().notes);
}

#[test]
fn links_and_fifos_in_a_folder_are_refused_and_do_not_hang() {
    let room = Room::new();
    room.file(&format!("ada/{LIB}"), b"");
    let src = room.ada_dir().join("exercises/ex01-four-calls/src");
    room.file("outside.rs", b"reference");
    symlink(room.class.path().join("outside.rs"), src.join("a.rs")).unwrap();
    fs::hard_link(room.class.path().join("outside.rs"), src.join("b.rs")).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(src.join("c.rs"))
            .status()
            .unwrap()
            .success()
    );
    let _socket = std::os::unix::net::UnixListener::bind(src.join("d.rs")).unwrap();
    symlink(room.class.path(), src.join("everything")).unwrap();
    fs::write(src.join(std::ffi::OsStr::from_bytes(b"\xff.rs")), b"").unwrap();
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["lib.rs"]);
    let why = ["symbolic", "hard link", "FIFO", "socket", "symbolic", "UTF-8"];
    assert_eq!(ada.notes.len(), why.len(), "{:?}", ada.notes);
    for (note, why) in notes(&ada).iter().zip(why) {
        assert!(note.contains(why), "{note}");
    }
}

#[test]
fn a_link_instead_of_a_submission_or_of_exercises_is_not_followed() {
    let room = Room::new();
    let elsewhere = TempDir::new().unwrap();
    write(elsewhere.path(), "ex01-four-calls/src/lib.rs", b"reference");
    symlink(elsewhere.path(), room.ada_dir()).unwrap();
    fs::create_dir(room.class.path().join("bob")).unwrap();
    symlink(elsewhere.path(), room.class.path().join("bob/exercises")).unwrap();
    let class = room.class();
    assert!(class.iter().all(|one| one.works.is_empty()), "{class:?}");
    assert!(notes(&class[0])[0].contains("symbolic link") && notes(&class[1])[0].contains("symbolic link"));
}

#[test]
fn of_two_entries_with_one_name_the_second_is_refused() {
    let room = Room::new();
    room.zip(&[
        ("ex01-four-calls/src/lib.rs", b"first"),
        ("ex01-four-calls/src/LIB.rs", b"case"),
        ("ex01-four-calls/src/liz.rs", b"same"),
    ]);
    let path = room.class.path().join("ada.zip");
    let mut bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() - 6 {
        if &bytes[at..at + 6] == b"liz.rs" {
            bytes[at + 2] = b'b';
        }
    }
    fs::write(&path, bytes).unwrap();
    let ada = room.ada();
    assert_eq!(ada.works["ex01"].files["lib.rs"], b"first");
    assert_eq!(
        (files(&ada.works["ex01"]).len(), ada.notes.len()),
        (1, 2),
        "{:?}",
        ada.notes
    );
    assert!(
        notes(&ada)
            .iter()
            .all(|note| note.contains("a file of that name already"))
    );
}

#[test]
fn a_file_in_the_way_of_a_folder_is_refused_in_either_order() {
    let (file, below) = ("ex01-four-calls/src/a.rs", "ex01-four-calls/src/a.rs/b.rs");
    for order in [
        [file, below],
        [below, file],
        ["ex01-four-calls/src/lib.rs", "ex01-four-calls/src/main.rs/x.rs"],
    ] {
        let room = Room::new();
        room.zip(&[(order[0], b""), (order[1], b""), ("ex01-four-calls/src/Main.rs", b"")]);
        let ada = room.ada();
        assert_eq!(files(&ada.works["ex01"]).len(), 1, "{order:?}");
        assert_eq!(
            notes(&ada).iter().filter(|note| note.contains("in its way")).count(),
            2,
            "{:?}",
            ada.notes
        );
    }
}

#[test]
fn names_below_src_are_plain_ascii_and_not_too_deep() {
    let room = Room::new();
    room.zip(&[
        ("ex01-four-calls/src/lib.rs", b""),
        ("ex01-four-calls/src/a/b/c/d/e/f.rs", b""),
        ("ex01-four-calls/src/a/b/c/d/e/f/g.rs", b""),
        ("ex01-four-calls/src/caf\u{e9}.rs", b""),
        ("ex01-four-calls/src/lib copy.rs", b""),
    ]);
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["a/b/c/d/e/f.rs", "lib.rs"]);
    assert_eq!(ada.notes.len(), 3, "{:?}", ada.notes);
}

#[test]
fn limits_on_one_file_on_their_number_and_on_the_sum() {
    let room = Room::new();
    let big = vec![b' '; MAX_FILE as usize];
    room.file("ada/ex01-four-calls/src/big.rs", &[&big[..], b" "].concat());
    room.file("ada/ex01-four-calls/src/lib.rs", &big);
    for i in 0..9 {
        room.file(&format!("ada/ex02-echo/src/m{i}.rs"), &big);
    }
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["lib.rs"]);
    assert_eq!(ada.works["ex02"].files.len(), 7);
    assert_eq!(notes(&ada).iter().filter(|n| n.contains("at most 2 MiB")).count(), 2);
    assert!(notes(&ada)[0].contains("larger than 256 KiB"), "{:?}", ada.notes);

    let room = Room::new();
    for i in 0..260 {
        room.file(&format!("ada/ex01-four-calls/src/m{i:03}.rs"), b"");
    }
    let ada = room.ada();
    assert_eq!(ada.works["ex01"].files.len(), MAX_FILES);
    assert_eq!(ada.notes.len(), MAX_NOTES + 1);
    assert_eq!(notes(&ada)[MAX_NOTES], "… and 11 more");
}

#[test]
fn a_zip_bomb_costs_no_more_than_one_file() {
    let room = Room::new();
    let mut zip = ZipWriter::new(Cursor::default());
    let fast = SimpleFileOptions::default().compression_level(Some(1));
    zip.start_file("ex01-four-calls/src/lib.rs", fast).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..200).for_each(|_| zip.write_all(&zeros).unwrap());
    zip.start_file("ex02-echo/src/lib.rs", SimpleFileOptions::default())
        .unwrap();
    zip.write_all(b"fine").unwrap();
    room.file("ada.zip", zip.finish().unwrap().get_ref());
    let begun = std::time::Instant::now();
    let ada = room.ada();
    assert!(begun.elapsed().as_secs() < 5);
    assert_eq!(ada.works.keys().collect::<Vec<_>>(), ["ex02"]);
    assert!(note(&ada).contains("larger than 256 KiB"));
}

#[test]
fn a_zip_entry_that_lies_about_its_size_is_read_up_to_the_limit_only() {
    let room = Room::new();
    room.zip(&[("ex01-four-calls/src/lib.rs", &vec![0; MAX_FILE as usize * 4])]);
    let path = room.class.path().join("ada.zip");
    let mut bytes = fs::read(&path).unwrap();
    let central = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[central + 24..central + 28].copy_from_slice(&10u32.to_le_bytes());
    bytes[22..26].copy_from_slice(&10u32.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let ada = room.ada();
    assert!(ada.works.is_empty() && !ada.notes.is_empty(), "{ada:?}");
}

#[test]
fn a_tar_bomb_is_stopped_while_it_unpacks() {
    let room = Room::new();
    let zeros = vec![0; 40 << 20];
    room.tar(|tar| {
        tar_entry(tar, LIB.as_bytes(), tar::EntryType::Regular, b"");
        tar_entry(tar, b"picture.png", tar::EntryType::Regular, &zeros);
        tar_entry(tar, b"ex02-echo/src/lib.rs", tar::EntryType::Regular, b"");
    });
    let ada = room.ada();
    assert!(
        ada.works.is_empty() && note(&ada).contains("more than 32 MiB"),
        "{:?}",
        ada.notes
    );
}

#[test]
fn many_entries_or_many_copies_are_one_note_and_no_work() {
    let room = Room::new();
    let names: Vec<String> = (0..=MAX_ENTRIES).map(|i| format!("x/{i}")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    room.zip(&entries);
    assert!(note(&room.ada()).contains("more than 2000 entries"));
    fs::remove_file(room.class.path().join("ada.zip")).unwrap();
    room.tar(|tar| {
        names
            .iter()
            .for_each(|name| tar_entry(tar, name.as_bytes(), tar::EntryType::Regular, b""))
    });
    assert!(note(&room.ada()).contains("more than 2000 entries"));
    fs::remove_file(room.class.path().join("ada.tar.gz")).unwrap();

    let big = vec![b' '; MAX_FILE as usize];
    let names: Vec<String> = (0..140)
        .map(|i| format!("copy{i}/ex01-four-calls/src/lib.rs"))
        .collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &big[..])).collect();
    room.zip(&entries);
    let ada = room.ada();
    assert!(
        ada.works.is_empty() && notes(&ada)[0].contains("more than 32 MiB"),
        "{:?}",
        ada.notes
    );
}

#[test]
fn text_keeps_its_bytes_but_for_the_byte_order_mark() {
    let room = Room::new();
    room.zip(&[
        ("ex01-four-calls/src/lib.rs", b"\xEF\xBB\xBFa\r\nb\xff"),
        ("ex01-four-calls/src/w.rs", b"\r\n"),
    ]);
    assert_eq!(room.ada().works["ex01"].files["lib.rs"], b"a\r\nb\xff");
}

#[test]
fn backslashes_of_windows_programs_are_repaired() {
    let room = Room::new();
    room.zip(&[("ex01-four-calls\\src\\lib.rs", b"")]);
    assert!(room.ada().works.contains_key("ex01"));
}

#[test]
fn two_submissions_of_one_name_stay_apart() {
    let room = Room::new();
    room.file(&format!("ada/{LIB}"), b"folder");
    room.zip(&[(LIB, b"zip")]);
    let class = room.class();
    assert_eq!(
        class.iter().map(|s| s.student.as_str()).collect::<Vec<_>>(),
        ["ada", "ada.zip"]
    );
}

#[test]
fn a_digest_depends_on_names_lengths_and_bytes() {
    let work = |files: &[(&str, &str)]| Work {
        files: files
            .iter()
            .map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()))
            .collect(),
    };
    let one = work(&[("a.rs", "xy"), ("b.rs", "")]).digest();
    assert_eq!(one.len(), 64);
    assert_eq!(one, work(&[("b.rs", ""), ("a.rs", "xy")]).digest());
    for other in [
        work(&[("a.rs", "x"), ("b.rs", "y")]),
        work(&[("a.rs", "xy"), ("c.rs", "")]),
        work(&[("a.rs", "xyb.rs")]),
    ] {
        assert_ne!(one, other.digest());
    }
}
