//! Handouts of a small made-up course.

use super::*;

/// A course with one exercise, its solution, and what a maintainer's tree has lying about.
struct Room {
    root: tempfile::TempDir,
}

const RUBRIC: &str = r#"
title = "T"
level = 1
minutes = 1
chapter = "c.md"
check = [
    { id = "p1", name = "n", points = 1, visibility = "public", concept = "c", feedback = "f", book = "c.md#x" },
    { id = "p2", name = "o", points = 1, visibility = "public", concept = "c", feedback = "f", book = "c.md#x" },
    { id = "p3", name = "p", points = 1, visibility = "public", concept = "c", feedback = "f", book = "c.md#x" },
]
"#;
const SECRET: &str = "let secret_of_the_solution = compute(42);";

impl Room {
    fn new() -> Room {
        let room = Room {
            root: tempfile::tempdir().unwrap(),
        };
        let canary = leaks::canary();
        let manifest =
            "[workspace]\nmembers = [\n    \"exercises/*\",\n    \"tests/workbook\", # not in the handout\n]\n";
        let solution = format!(
            "// {canary}\n//! An exercise with a line that both have.\npub fn f() {{\n    // SOLUTION todo!(\"compute it\")\n    {SECRET}\n    // END SOLUTION\n}}\n"
        );
        let hidden = format!("// {canary}\nfn a_hidden_check_with_a_long_name() {{}}\n");
        for (name, text) in [
            ("Cargo.toml", manifest),
            ("README.md", "# Course\n"),
            ("ARCHITECTURE.md", "for maintainers\n"),
            (".gitignore", "/target\n"),
            (".cargo/config.toml", "[alias]\n"),
            ("book/src/SUMMARY.md", "# Summary\n"),
            ("book/build/index.html", "<html>"),
            ("grader/src/main.rs", "fn main() {}\n"),
            ("tests/harness/src/lib.rs", "//! Harness\n"),
            ("tests/workbook/src/lib.rs", "//! Workbook\n"),
            ("tests/submissions/class/ada/lib.rs", "// ada\n"),
            ("target/debug/x", "x"),
            ("exercises/netlab/src/lib.rs", "//! Given\n"),
            ("exercises/rppal-standin/src/lib.rs", "//! Given\n"),
            ("exercises/ex01-a/Cargo.toml", "[package]\n"),
            ("exercises/ex01-a/rubric.toml", RUBRIC),
            ("exercises/ex01-a/README.md", "# A\n"),
            ("exercises/ex01-a/src/lib.rs", &solution),
            ("exercises/ex01-a/src/attempt.rs", "// a maintainer's attempt\n"),
            ("exercises/ex01-a/src/main.rs", "fn main() {}\n"),
            ("exercises/ex01-a/tests/public.rs", "// public\n"),
            ("exercises/ex01-a/tests/snapshots/a.snap.new", "new"),
            ("solutions/ex01-a/Cargo.toml", "[package]\n"),
            ("solutions/ex01-a/src/lib.rs", &solution),
            ("solutions/ex01-a/tests/hidden.rs", &hidden),
            (
                "solutions/ex01-a/mutants.toml",
                "[[mutant]]\nid = \"m1\"\nname = \"a\"\nbelieves = \"A secret belief of many students.\"\nfeedback = \"Say \\\"f\\\" to them.\"\nloses = [\"n\"]\n",
            ),
            (
                "solutions/ex01-a/signatures.toml",
                "a = [\"n\", \"o\", \"a_hidden_check_with_a_long_name\"]\nb = [\"n\", \"o\"]\n",
            ),
        ] {
            room.file(name, text);
        }
        room
    }

    fn file(&self, name: &str, text: &str) {
        put(self.root.path(), name, text.as_bytes()).unwrap();
    }

    fn course(&self) -> Course {
        Course::load(self.root.path()).unwrap()
    }

    fn handout(&self) -> PathBuf {
        self.root.path().join("out/handout")
    }

    /// The message of a handout that must not be made; nothing may be left of it.
    fn refused(&self) -> String {
        let error = format!("{:#}", write(&self.course(), &self.handout()).unwrap_err());
        assert!(!self.handout().exists());
        let left = fs::read_dir(self.root.path().join("out")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "something was left behind");
        error
    }
}

fn names(dir: &Path) -> Vec<String> {
    let files = WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| entry.path().strip_prefix(dir).unwrap().display().to_string())
        .collect()
}

#[test]
fn a_handout_holds_what_a_student_needs_and_nothing_else() {
    let room = Room::new();
    write(&room.course(), &room.handout()).unwrap();
    assert_eq!(
        names(&room.handout()),
        [
            ".cargo/config.toml",
            ".gitignore",
            "Cargo.toml",
            "README.md",
            "book/src/SUMMARY.md",
            "exercises/ex01-a/Cargo.toml",
            "exercises/ex01-a/README.md",
            "exercises/ex01-a/mistakes.toml",
            "exercises/ex01-a/rubric.toml",
            "exercises/ex01-a/src/lib.rs",
            "exercises/ex01-a/src/main.rs",
            "exercises/ex01-a/stub/lib.rs",
            "exercises/ex01-a/tests/public.rs",
            "exercises/netlab/src/lib.rs",
            "exercises/rppal-standin/src/lib.rs",
            "grader/src/main.rs",
            "tests/harness/src/lib.rs",
        ]
    );
    let read = |name: &str| fs::read_to_string(room.handout().join(name)).unwrap();
    assert_eq!(
        read("exercises/ex01-a/src/lib.rs"),
        "//! An exercise with a line that both have.\npub fn f() {\n    todo!(\"compute it\")\n}\n",
        "the stub is derived, whatever lies in the tree"
    );
    assert_eq!(
        read("exercises/ex01-a/stub/lib.rs"),
        read("exercises/ex01-a/src/lib.rs")
    );
    let mistakes = read("exercises/ex01-a/mistakes.toml");
    assert_eq!(
        mistakes.split_once("\n\n").unwrap().1,
        "[[mistake]]\nsays = 'Say \"f\" to them.'\nfails = [\"n\", \"o\"]\n",
        "public checks and sentences, of known mutants"
    );
    assert_eq!(
        read("Cargo.toml"),
        "[workspace]\nmembers = [\n    \"exercises/*\",\n]\n"
    );
    let mode = fs::metadata(room.handout()).unwrap().permissions().mode();
    assert_eq!(mode & 0o055, 0o055, "others may read it");
    assert_eq!(fs::read_dir(room.root.path().join("out")).unwrap().count(), 1);
    let _ = Course::load(&room.handout()).unwrap();
}

#[test]
fn given_modules_go_along_and_are_no_secret() {
    let room = Room::new();
    room.file(
        "exercises/ex01-a/rubric.toml",
        &format!("given = [\"attempt.rs\"]\n{RUBRIC}"),
    );
    room.file("exercises/ex01-a/src/attempt.rs", &format!("{SECRET}\n"));
    write(&room.course(), &room.handout()).unwrap();
    let given = fs::read_to_string(room.handout().join("exercises/ex01-a/src/attempt.rs")).unwrap();
    assert_eq!(given, format!("{SECRET}\n"));
}

#[test]
fn it_is_written_into_an_empty_folder_but_over_nothing() {
    let room = Room::new();
    fs::create_dir_all(room.handout()).unwrap();
    write(&room.course(), &room.handout()).unwrap();
    let error = write(&room.course(), &room.handout()).unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
    let inside = room.root.path().join("book/handout");
    let error = write(&room.course(), &inside).unwrap_err().to_string();
    assert!(error.contains("lies in the course's book/"), "{error}");
    let error = write(&room.course(), &room.root.path().join("README.md"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("is not a folder"), "{error}");
}

#[test]
fn a_handout_gives_no_other_handout() {
    let room = Room::new();
    write(&room.course(), &room.handout()).unwrap();
    let course = Course::load(&room.handout()).unwrap();
    let error = write(&course, &room.root.path().join("again")).unwrap_err().to_string();
    assert_eq!(
        error,
        "this tree has no solutions/, so a handout cannot be derived from it"
    );
}

#[test]
fn the_canary_anywhere_stops_it() {
    let room = Room::new();
    room.file(
        "exercises/ex01-a/tests/public.rs",
        &format!("\n// {}\n", leaks::canary()),
    );
    let error = room.refused();
    assert!(
        error.starts_with("exercises/ex01-a/tests/public.rs:2 would hand out the canary"),
        "{error}"
    );
}

#[test]
fn a_line_of_a_hidden_file_stops_it_wherever_it_would_be_handed_out() {
    for (secret, origin) in [
        (SECRET, "solutions/ex01-a/src/lib.rs:5"),
        (
            "fn a_hidden_check_with_a_long_name() {}",
            "solutions/ex01-a/tests/hidden.rs:2",
        ),
        (
            "believes = \"A secret belief of many students.\"",
            "solutions/ex01-a/mutants.toml:4",
        ),
    ] {
        let room = Room::new();
        room.file("book/src/a.md", &format!("# A\n\n    {secret}\n"));
        let error = room.refused();
        assert!(
            error.starts_with("book/src/a.md:3") && error.contains(origin) && error.contains(secret),
            "{error}"
        );
    }
}

#[test]
fn a_solution_is_handed_out_only_where_the_course_file_lets_it() {
    for (says, handed_out) in [
        (None, false),
        (Some("ex01 = \"never\"\ndefault = \"on pass\""), false),
        (Some("ex01 = \"2999-01-01\""), false),
        (Some("ex01 = \"2026-01-01\""), true),
        (Some("default = \"on pass\""), true),
    ] {
        let room = Room::new();
        if let Some(says) = says {
            room.file("course.toml", &format!("[solutions]\n{says}\n"));
        }
        write(&room.course(), &room.handout()).unwrap();
        let names = names(&room.handout());
        assert_eq!(
            names.iter().any(|name| name.ends_with("solution.gz")),
            handed_out,
            "{says:?}"
        );
    }
    for wrong in [
        "[solutions]\nex01 = \"tomorrow\"\n",
        "[solutions]\nex77 = \"never\"\n",
        "[solution]\n",
    ] {
        let room = Room::new();
        room.file("course.toml", wrong);
        assert!(room.refused().contains("course.toml"), "{wrong}");
    }
}

#[test]
fn the_course_file_may_have_rules_of_the_class_and_they_stay_here() {
    let rules = "time_zone = \"Europe/Berlin\"\n[extension.\"Jane Doe\"]\nex01 = 2026-03-08T23:59:00\n[chosen]\n\"Jane Doe\" = \"late\"\n";
    for (solutions, handed_out) in [("", false), ("[solutions]\ndefault = \"never\"\n", true)] {
        let room = Room::new();
        room.file("course.toml", &format!("{rules}{solutions}"));
        write(&room.course(), &room.handout()).unwrap();
        let file = fs::read_to_string(room.handout().join("course.toml"));
        assert_eq!(file.is_ok(), handed_out, "{file:?}");
        assert_eq!(file.unwrap_or_default(), solutions);
    }
}

#[test]
fn a_line_that_public_files_have_too_is_no_secret() {
    let room = Room::new();
    room.file("exercises/ex01-a/README.md", SECRET);
    room.file("book/src/a.md", SECRET);
    write(&room.course(), &room.handout()).unwrap();
}

#[test]
fn a_link_in_what_is_copied_is_refused() {
    let room = Room::new();
    std::os::unix::fs::symlink("/etc/passwd", room.root.path().join("book/src/x.md")).unwrap();
    assert!(room.refused().contains("not a regular file"));
}

#[test]
fn the_lock_file_loses_what_only_the_left_out_member_needs() {
    let room = Room::new();
    let package = |name: &str, more: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n{more}");
    room.file("exercises/netlab/Cargo.toml", &package("netlab", ""));
    room.file("exercises/rppal-standin/Cargo.toml", &package("rppal-standin", ""));
    room.file("exercises/ex01-a/Cargo.toml", &package("ex01", ""));
    room.file(
        "tests/workbook/Cargo.toml",
        &package("workbook", "[dependencies]\nonly = { path = \"../only\" }\n"),
    );
    room.file("tests/only/Cargo.toml", &package("only", ""));
    room.file("tests/only/src/lib.rs", "");
    let block = |name: &str| format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.0.0\"\n");
    let header =
        "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\nversion = 4\n";
    let student = [header, &block("ex01"), &block("netlab"), &block("rppal-standin")].concat();
    let whole = [
        header,
        &block("ex01"),
        &block("netlab"),
        &block("only"),
        &block("rppal-standin"),
        &block("workbook"),
        "dependencies = [\n \"only\",\n]\n",
    ]
    .concat();
    room.file("Cargo.lock", &whole);
    write(&room.course(), &room.handout()).unwrap();
    assert_eq!(fs::read_to_string(room.handout().join("Cargo.lock")).unwrap(), student);
}
