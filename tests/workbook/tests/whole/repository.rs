//! The real course: full points for the solutions, none for the stubs, and a handout that stands alone.

use std::path::Path;
use std::process::{Command, Stdio};

use predicates::prelude::*;
use predicates::str::contains;
use workbook::{copy_tree, grader_in, only_one, repository, shared_target};

use crate::GRADER;

#[test]
fn the_reference_solutions_get_every_point() {
    let run = crate::grader()
        .args(["--all", "--solutions", "--format", "json"])
        .assert()
        .code(0);
    let gradebook: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let one = &gradebook["submissions"][0];
    assert!(one["of"].as_u64().unwrap() > 0);
    assert_eq!(one["points"], one["of"], "{one:#}");
}

#[test]
fn the_untouched_tree_gets_nothing() {
    let run = crate::grader().args(["--all", "--format", "json"]).assert().code(0);
    let gradebook: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(gradebook["submissions"][0]["points"], 0, "{gradebook:#}");
}

#[test]
fn points_below_the_asked_share_are_exit_code_1() {
    crate::grader().args(["ex01", "--fail-under", "1"]).assert().code(1);
}

#[test]
fn doctor_names_compiler_isolation_and_tools() {
    let run = crate::grader().arg("doctor").assert().code(0);
    run.stdout(
        contains("rustc")
            .and(contains("isolation"))
            .and(contains("tracer"))
            .and(contains("python3"))
            .and(contains("socat")),
    );
}

/// A student's evening: the handout builds alone, the stub fails readably, the finished exercise passes, the grader agrees.
#[test]
fn the_handout_stands_alone_and_holds_nothing_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let handout = folder.path().join("handout");
    crate::grader().arg("handout").arg(&handout).assert().code(0);
    assert!(!handout.join("solutions").exists() && !handout.join("tests/workbook").exists());
    assert_no_hidden_text(&handout);

    let red = cargo_test(&handout, &["-p", "ex01"]);
    assert!(!red.status.success(), "the stub passes");
    let text = String::from_utf8_lossy(&red.stdout);
    let (_, sheet) = text.split_once("test result: FAILED").expect("libtest's summary");
    assert!(
        sheet.contains("Next to write\n  p1 prints the real port"),
        "no word of what to write:\n{text}"
    );
    assert!(
        sheet.contains("open_listener") && sheet.contains("What happened"),
        "{text}"
    );
    assert!(
        !text.contains("Connection refused"),
        "a wall of refused connections:\n{text}"
    );
    assert!(!text.contains("RUST_BACKTRACE"), "backtrace noise:\n{text}");

    let solution = repository().join("solutions/ex01-four-calls/src/lib.rs");
    std::fs::copy(solution, handout.join("exercises/ex01-four-calls/src/lib.rs")).unwrap();
    let green = cargo_test(&handout, &["-p", "ex01"]);
    assert!(green.status.success(), "{}", String::from_utf8_lossy(&green.stdout));

    a_student_starts_over(&handout);

    let _only_one = only_one();
    let mut grader = grader_in(GRADER, &handout);
    let run = grader
        .args(["ex01", "--format", "json", "--target-dir"])
        .arg(shared_target())
        .assert()
        .code(0);
    let gradebook: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let checks = gradebook["submissions"][0]["grades"][0]["checks"].as_array().unwrap();
    assert!(
        !checks.is_empty() && checks.iter().all(|check| check["visibility"] == "public"),
        "{checks:#?}"
    );
    assert_eq!(gradebook["submissions"][0]["points"], gradebook["submissions"][0]["of"]);
}

/// Hints, and back to the stub and again to what was there.
fn a_student_starts_over(handout: &Path) {
    let said = |arguments: &[&str]| {
        let run = grader_in(GRADER, handout).args(arguments).assert().code(0);
        String::from_utf8(run.get_output().stdout.clone()).unwrap()
    };
    assert!(said(&["hint", "ex01"]).contains("Hint 1 of 3: where to look"));
    assert!(said(&["next"]).starts_with("ex01  Four calls"));
    let folder = handout.join("exercises/ex01-four-calls");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let mine = read("src/lib.rs");
    assert!(said(&["reset", "ex01"]).contains("before-reset-1"));
    assert_eq!(read("src/lib.rs"), read("stub/lib.rs"));
    assert_eq!(read("before-reset-1/lib.rs"), mine);
    std::fs::write(folder.join("src/lib.rs"), mine).unwrap();
}

#[test]
fn a_handout_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("precious"), "mine").unwrap();
    crate::grader().arg("handout").arg(folder.path()).assert().code(2);
    assert_eq!(std::fs::read_to_string(folder.path().join("precious")).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// An exercise laid out by `grader new` is right at once.
#[test]
fn a_new_exercise_passes_its_audit() {
    let folder = tempfile::tempdir().unwrap();
    let course = folder.path().join("course");
    for part in [
        "exercises",
        "solutions",
        "book",
        "tests/harness",
        "tests/workbook",
        "grader",
    ] {
        copy_without_target(&repository().join(part), &course.join(part));
    }
    for file in ["Cargo.toml", "Cargo.lock", "clippy.toml"] {
        std::fs::copy(repository().join(file), course.join(file)).unwrap();
    }
    grader_in(GRADER, &course)
        .args(["new", "ex18-parrot"])
        .assert()
        .code(0)
        .stdout(contains("ex18-parrot"));
    let _only_one = only_one();
    let run = grader_in(GRADER, &course)
        .args(["audit", "ex18", "--target-dir"])
        .arg(shared_target())
        .assert();
    run.code(0)
        .stdout(contains("reference solution").and(contains("no defect")));
    grader_in(GRADER, &course)
        .args(["new", "ex18-again"])
        .assert()
        .code(2)
        .stderr(contains("ex18"));
    grader_in(GRADER, &course)
        .args(["new", "parrot"])
        .assert()
        .code(2)
        .stderr(contains("ex18-short-name"));
}

fn copy_without_target(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match (path.is_dir(), path.ends_with("target")) {
            (_, true) => {}
            (true, _) => copy_tree(&path, &target),
            (false, _) => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

/// `cargo test` as a student types it, but with a target folder that later runs of this test find warm.
fn cargo_test(course: &Path, arguments: &[&str]) -> std::process::Output {
    let mut cargo = Command::new("cargo");
    cargo
        .arg("test")
        .args(arguments)
        .current_dir(course)
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let of_cargo = name.starts_with("CARGO_") && name != "CARGO_HOME";
        if of_cargo || name.starts_with("INSTA") || name == "RUST_BACKTRACE" {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_TARGET_DIR", repository().join("target/workbook-handout"));
    cargo.output().unwrap()
}

/// No canary, and no line of code that only a hidden file has.
fn assert_no_hidden_text(handout: &Path) {
    let canary = ["CANARY", "7f3a91c2", "hidden"].join("-");
    let text: String = walkdir::WalkDir::new(handout)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned())
        .collect();
    assert!(text.len() > 10_000 && !text.contains(&canary));
    let solution = std::fs::read_to_string(repository().join("solutions/ex01-four-calls/src/lib.rs")).unwrap();
    let stub = std::fs::read_to_string(repository().join("exercises/ex01-four-calls/src/lib.rs")).unwrap();
    let mut secrets = solution
        .lines()
        .map(str::trim)
        .filter(|line| line.len() > 40 && !stub.contains(line))
        .peekable();
    assert!(secrets.peek().is_some(), "the solution has no line that the stub lacks");
    for line in secrets.filter(|line| !line.starts_with("// SOLUTION")) {
        assert!(!text.contains(line), "the handout has a line of the solution: {line}");
    }
}
