//! Names and kinds of entries that are refused: what escapes, links, collides or is no file.

use super::*;

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
    room.file(".outside.rs", b"reference");
    symlink(room.class.path().join(".outside.rs"), src.join("a.rs")).unwrap();
    fs::hard_link(room.class.path().join(".outside.rs"), src.join("b.rs")).unwrap();
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
