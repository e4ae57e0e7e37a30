//! Where files have to lie, and what is repaired when they lie elsewhere.

use super::*;

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
fn a_given_module_is_the_courses_and_nothing_may_stand_in_for_it() {
    let room = Room::new();
    room.zip(&[
        ("ex02-echo/src/lib.rs", b""),
        ("ex02-echo/src/wire.rs", b"// mine\n"),
        ("ex02-echo/src/Wire.rs", b""),
        ("ex02-echo/src/wire/mod.rs", b""),
        ("ex02-echo/src/wire/frame.rs", b""),
        ("ex01-four-calls/src/wire.rs", b"// that exercise gives none\n"),
    ]);
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["wire.rs"]);
    assert_eq!(files(&ada.works["ex02"]), ["lib.rs", "wire/frame.rs"]);
    assert_eq!(
        notes(&ada),
        [
            "`ex02-echo/src/wire.rs` differs from the course's file; the course's is used",
            "`ex02-echo/src/Wire.rs` is refused: another file has that name, or is in its way",
            "`ex02-echo/src/wire/mod.rs` is refused: another file has that name, or is in its way",
            "ex01 has no src/lib.rs",
        ]
    );
}

#[test]
fn a_missing_lib_is_noted() {
    let room = Room::new();
    room.zip(&[("ex01-four-calls/src/library.rs", b"")]);
    assert_eq!(note(&room.ada()), "ex01 has no src/lib.rs");
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
