//! Source files in no exercise's folder: whose they are when one exercise is asked for, and what is said when they are nobody's.

use super::*;

impl Room {
    /// The submission `ada`, read for these exercises.
    fn ada_for(&self, asked: &[&str]) -> Submission {
        let exercises = asked.iter().map(|name| self.course.exercise(name).unwrap());
        let class = list_class(self.class.path()).unwrap();
        class[0].read(&self.course, &exercises.collect::<Vec<_>>()).unwrap()
    }
}

fn taken(name: &str) -> String {
    format!("{name} is taken as `lib.rs`")
}

#[test]
fn in_a_folder_an_archive_or_alone_they_are_the_only_exercises() {
    let as_those = "the files are taken as those of `ex01-four-calls/src`";
    for path in ["lib.rs", "src/lib.rs"] {
        let room = Room::new();
        room.file(&format!("ada/{path}"), b"// mine\n");
        let folder = room.ada_for(&["ex01"]);
        assert_eq!(
            (folder.works["ex01"].files["lib.rs"].as_slice(), note(&folder)),
            (&b"// mine\n"[..], as_those)
        );
        let room = Room::new();
        room.zip(&[(path, b"// mine\n"), ("src/wire.rs", b""), ("main.rs", b"fn main() {}")]);
        let zip = room.ada_for(&["ex01"]);
        assert_eq!(
            (files(&zip.works["ex01"]), note(&zip)),
            (vec!["lib.rs", "wire.rs"], as_those)
        );
    }
    for (name, noted) in [
        ("ada.rs", "`ada.rs`"),
        ("ada-2.rs", "`ada.rs`"),
        ("ex02.rs", "`ex02.rs`"),
        ("my work.rs", "`my_work.rs`"),
    ] {
        let room = Room::new();
        room.file(name, b"// mine\n");
        let alone = room.ada_for(&["ex01"]);
        assert_eq!(alone.works["ex01"].files["lib.rs"], b"// mine\n");
        assert_eq!(notes(&alone), [as_those, &taken(noted)]);
    }
}

#[test]
fn among_several_exercises_they_are_nobodys_and_the_student_is_told() {
    for asked in [&["ex01", "ex02"][..], &[]] {
        let room = Room::new();
        room.file("ada/lib.rs", b"// mine\n");
        let ada = room.ada_for(asked);
        assert!(ada.works.is_empty());
        assert!(
            notes(&ada)[0].contains("`lib.rs` lies in no exercise's folder"),
            "{:?}",
            ada.notes
        );
    }
}

#[test]
fn they_count_for_nothing_beside_an_exercise() {
    let room = Room::new();
    room.file("ada/lib.rs", b"// a draft\n");
    room.file(&format!("ada/{LIB}"), b"// mine\n");
    let ada = room.ada_for(&["ex01"]);
    assert_eq!(
        (ada.works["ex01"].files["lib.rs"].as_slice(), ada.notes.len()),
        (&b"// mine\n"[..], 0)
    );
    let other = room.ada_for(&["ex02"]);
    assert!(!other.works.contains_key("ex02"), "what was handed in is ex01");
}

#[test]
fn several_of_which_none_is_the_library_are_no_library() {
    let room = Room::new();
    room.file("ada/a.rs", b"");
    room.file("ada/b.rs", b"");
    assert!(notes(&room.ada_for(&["ex01"])).contains(&"ex01 has no src/lib.rs"));
}

#[test]
fn an_exercises_own_folder_is_not_taken_for_a_class() {
    let room = Room::new();
    room.file("lib.rs", b"");
    let error = list_class(room.class.path()).unwrap_err().to_string();
    assert!(error.contains("is one submission (lib.rs lies in it)"), "{error}");
}
