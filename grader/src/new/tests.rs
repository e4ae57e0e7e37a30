//! The layout of a new exercise. That its audit is green is tested with the whole course.

use super::*;

const RUBRIC: &str = "title = \"T\"\nlevel = 1\nminutes = 1\nchapter = \"c.md\"\n[[check]]\nid = \"p1\"\nname = \"n\"\npoints = 1\n\
    visibility = \"public\"\nconcept = \"c\"\nfeedback = \"f\"\nbook = \"c.md#x\"\n";

/// A course with `ex01-a` and its solution, and a book of three chapters.
fn course() -> (tempfile::TempDir, Course) {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("Cargo.toml", "[workspace]\n"),
        ("exercises/ex01-a/Cargo.toml", ""),
        ("exercises/ex01-a/rubric.toml", RUBRIC),
        ("exercises/ex01-a/src/main.rs", ""),
        ("exercises/ex01-a/tests/public.rs", ""),
        ("solutions/ex01-a/Cargo.toml", ""),
        ("solutions/ex01-a/src/lib.rs", ""),
        ("solutions/ex01-a/tests/hidden.rs", ""),
        ("solutions/ex01-a/mutants.toml", ""),
        ("book/src/00-start.md", ""),
        ("book/src/02-sockets.md", ""),
        (
            "book/src/SUMMARY.md",
            "# Summary\n\n[Start](00-start.md)\n\n- [Sockets](02-sockets.md)\n\n# Appendices\n\n- [Index](x.md)\n",
        ),
    ] {
        write_atomically(&root.path().join(name), text.as_bytes()).unwrap();
    }
    let course = Course::load(root.path()).unwrap();
    (root, course)
}

#[test]
fn both_folders_the_chapter_and_the_line_of_the_summary_are_laid_out() {
    let (root, course) = course();
    let written = create(&course, "ex18-two-words").unwrap();
    let names: Vec<_> = written
        .iter()
        .map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "book/src/03-two-words.md",
            "exercises/ex18-two-words/Cargo.toml",
            "exercises/ex18-two-words/README.md",
            "exercises/ex18-two-words/rubric.toml",
            "exercises/ex18-two-words/src/lib.rs",
            "exercises/ex18-two-words/src/main.rs",
            "exercises/ex18-two-words/tests/public.rs",
            "solutions/ex18-two-words/Cargo.toml",
            "solutions/ex18-two-words/mutants.toml",
            "solutions/ex18-two-words/src/lib.rs",
            "solutions/ex18-two-words/tests/hidden.rs",
            "book/src/SUMMARY.md",
        ]
    );
    let read = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
    for name in &names {
        let left = read(name)
            .split('@')
            .skip(1)
            .step_by(2)
            .map(str::to_string)
            .find(|word| word.len() < 12);
        assert_eq!(left, None, "{name} still has a placeholder");
    }
    assert_eq!(
        read("book/src/SUMMARY.md"),
        "# Summary\n\n[Start](00-start.md)\n\n- [Sockets](02-sockets.md)\n- [Two words](03-two-words.md)\n\n# Appendices\n\n- [Index](x.md)\n"
    );
    let again = Course::load(root.path()).unwrap();
    let exercise = again.exercise("ex18").unwrap();
    assert_eq!(exercise.rubric.title, "Two words");
    assert_eq!(
        exercise.rubric.checks.iter().map(|check| check.points).sum::<u32>(),
        100
    );
    assert_eq!(
        read("exercises/ex18-two-words/src/lib.rs"),
        stub::files(exercise).unwrap()["lib.rs"]
    );
    assert!(!read("exercises/ex18-two-words/src/lib.rs").contains("to_vec"));
    for hidden in ["src/lib.rs", "tests/hidden.rs", "mutants.toml"] {
        let first = read(&format!("solutions/ex18-two-words/{hidden}"));
        assert!(first.lines().next().unwrap().ends_with(&handout::canary()), "{hidden}");
    }
}

#[test]
fn the_mutant_fits_the_solution_and_names_a_check_of_the_rubric() {
    let (root, course) = course();
    create(&course, "ex18-x").unwrap();
    let read = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
    let mutants: toml::Table = toml::from_str(&read("solutions/ex18-x/mutants.toml")).unwrap();
    let mutant = &mutants["mutant"][0];
    assert_eq!(
        read("solutions/ex18-x/src/lib.rs")
            .matches(mutant["find"].as_str().unwrap())
            .count(),
        1
    );
    assert!(read("exercises/ex18-x/rubric.toml").contains(&format!("name = {}", mutant["loses"][0])));
    assert!(
        read("solutions/ex18-x/tests/hidden.rs").contains(&format!("fn {}(", mutant["loses"][0].as_str().unwrap()))
    );
}

#[test]
fn bad_names_and_taken_numbers_are_refused() {
    let (root, course) = course();
    for bad in [
        "",
        "ex18",
        "ex18-",
        "ex1-a",
        "ex018-a",
        "exab-a",
        "ex18-A",
        "ex18-a--b",
        "ex18-a/b",
        "../ex18-a",
        "ex18-ä",
        "é",
    ] {
        let error = create(&course, bad).unwrap_err().to_string();
        assert!(error.contains("ex18-short-name"), "{bad}: {error}");
    }
    let error = create(&course, "ex01-other").unwrap_err().to_string();
    assert!(error.contains("exercises/ex01-a exists already"), "{error}");
    fs::create_dir_all(root.path().join("solutions/ex09-left-over")).unwrap();
    let error = create(&course, "ex09-new").unwrap_err().to_string();
    assert!(error.contains("solutions/ex09-left-over exists already"), "{error}");
}

#[test]
fn a_handout_gets_no_new_exercise() {
    let (root, _) = course();
    fs::remove_dir_all(root.path().join("solutions")).unwrap();
    let course = Course::load(root.path()).unwrap();
    let error = create(&course, "ex18-x").unwrap_err().to_string();
    assert!(error.contains("instructors' tree"), "{error}");
}

#[test]
fn nothing_is_left_when_a_file_cannot_be_written() {
    let (root, course) = course();
    let summary = root.path().join("book/src/SUMMARY.md");
    let text = fs::read_to_string(&summary).unwrap();
    let files = vec![
        (root.path().join("book/src/03-x.md"), String::new()),
        (root.path().join("exercises/ex18-x/Cargo.toml"), String::new()),
        (
            root.path().join("exercises/ex01-a/src/main.rs/no-folder.rs"),
            String::new(),
        ),
    ];
    assert!(write_all(&course, "ex18-x", &files).is_err());
    assert!(!root.path().join("exercises/ex18-x").exists() && !files[0].0.exists());
    assert_eq!(fs::read_to_string(&summary).unwrap(), text);
}
