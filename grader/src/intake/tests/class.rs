//! A class: what counts as a submission, and archives that are broken.

use super::*;

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
