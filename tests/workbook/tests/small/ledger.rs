//! A class that is graded in pieces gets what it gets in one go: killed and resumed, in parts, after a change of the course.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;
use workbook::SmallCourse;

use crate::GRADER;

const STUDENTS: usize = 12;

/// A small course with a class in front of it.
struct Class {
    course: SmallCourse,
    dir: TempDir,
}

impl Class {
    fn new() -> Class {
        let course = SmallCourse::new();
        let dir = tempfile::tempdir().unwrap();
        let loaded = grader::course::Course::load(course.root()).unwrap();
        workbook::class::write(dir.path(), &loaded, &[&loaded.exercises[0]], STUDENTS, 3).unwrap();
        Class { course, dir }
    }

    fn arguments<'a>(&'a self, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
        let class = self.dir.path().to_str().unwrap();
        let mut arguments = vec![
            "ex01",
            "--jobs",
            "2",
            "--submissions",
            class,
            "--out",
            out.to_str().unwrap(),
        ];
        arguments.extend(more);
        arguments
    }

    /// Grades to the end; answers with what was said on standard error.
    fn graded(&self, out: &Path, more: &[&str]) -> String {
        let run = self.course.grader(GRADER, &self.arguments(out, more)).assert().code(0);
        String::from_utf8(run.get_output().stderr.clone()).unwrap()
    }

    /// Grades until so many grades more are in the ledger, then kills the grader as hard as can be.
    fn killed_after(&self, out: &Path, more: usize) {
        let before = graded_lines(out);
        let mut grader = Command::new(GRADER);
        grader
            .current_dir(self.course.root())
            .args(self.arguments(out, &["--trust-submissions", "--target-dir"]))
            .arg(workbook::shared_target());
        let mut grader = grader.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while graded_lines(out) < before + more {
            assert!(
                grader.try_wait().unwrap().is_none(),
                "it ended before it could be killed"
            );
            assert!(Instant::now() < deadline, "no {more} grades in two minutes");
            std::thread::yield_now();
        }
        grader.kill().unwrap();
        grader.wait().unwrap();
    }
}

/// Grades in a ledger: every whole line of that kind.
fn graded_lines(out: &Path) -> usize {
    let text = fs::read_to_string(out.join("ledger.jsonl")).unwrap_or_default();
    text.split_inclusive('\n')
        .filter(|line| line.starts_with("{\"graded\":") && line.ends_with('\n'))
        .count()
}

/// The files that have to be the same however a class was graded.
fn decided(out: &Path) -> [String; 2] {
    ["gradebook.json", "gradebook.txt"].map(|name| fs::read_to_string(out.join(name)).unwrap())
}

fn folders<const N: usize>() -> (TempDir, [PathBuf; N]) {
    let top = tempfile::tempdir().unwrap();
    let folders = std::array::from_fn(|at| top.path().join(at.to_string()));
    (top, folders)
}

#[test]
fn killed_and_resumed_or_in_parts_the_gradebook_is_the_same_to_the_byte() {
    let class = Class::new();
    let (_top, [undisturbed, killed, first, second, whole]) = folders();
    class.graded(&undisturbed, &[]);
    let grades = graded_lines(&undisturbed);
    assert!(
        (8..STUDENTS).contains(&grades),
        "copies and those who handed in nothing share a grade: {grades}"
    );

    for more in [1, 2, 1, 2] {
        class.killed_after(&killed, more);
    }
    // As if the last kill had come in the middle of a write.
    let ledger = killed.join("ledger.jsonl");
    let torn = fs::read_to_string(&ledger).unwrap() + "{\"graded\":{\"key\":\"12";
    fs::write(&ledger, torn).unwrap();
    let said = class.graded(&killed, &[]);
    assert!(said.contains("the 20 bytes were cut off"), "{said}");
    assert_eq!(decided(&killed), decided(&undisturbed));
    assert_eq!(graded_lines(&killed), grades, "nothing was graded twice");

    class.graded(&first, &["--shard", "1/2"]);
    class.graded(&second, &["--shard", "2/2"]);
    let (one, two, all) = (
        first.to_str().unwrap(),
        second.to_str().unwrap(),
        whole.to_str().unwrap(),
    );
    class
        .course
        .grader(GRADER, &["merge", two, one, "--out", all])
        .assert()
        .code(0);
    assert_eq!(decided(&whole), decided(&undisturbed));
    reports_are_made_again(&class, &whole, &undisturbed);
    let alone = class
        .course
        .grader(GRADER, &["merge", one, "--out", all])
        .assert()
        .code(3);
    alone.stderr(contains("part 2/2 of the class is missing"));
}

/// From the ledger alone: all of them, or one student's, or none for somebody who is not there.
fn reports_are_made_again(class: &Class, from: &Path, undisturbed: &Path) {
    let report = |more: &[&str]| {
        let arguments = [&["report", "--from", from.to_str().unwrap()][..], more].concat();
        class.course.grader(GRADER, &arguments).assert()
    };
    fs::remove_file(from.join("gradebook.txt")).unwrap();
    report(&[]).code(0);
    assert_eq!(decided(from), decided(undisturbed));
    let only = contains("\r\ns003,").and(contains("s002").not());
    report(&["--format", "csv", "--student", "s003"]).code(0).stdout(only);
    report(&["--format", "csv", "--student", "nobody"])
        .code(2)
        .stderr(contains("there is no `nobody`").and(contains("s001")));
}

#[test]
fn what_has_not_changed_is_not_graded_again_and_what_has_is_shown_before_it_counts() {
    let class = Class::new();
    let (_top, [out]) = folders();
    class.graded(&out, &[]);
    let (grades, before) = (graded_lines(&out), decided(&out));
    let said = class.graded(&out, &[]);
    assert!(said.starts_with("0 grades to make, 12 in the ledger"), "{said}");
    assert_eq!((graded_lines(&out), decided(&out)), (grades, before.clone()));
    let at = out.to_str().unwrap();
    let regrade = |what: &str| {
        class
            .course
            .grader(GRADER, &["regrade", what, "--trust-submissions", "--out", at])
            .assert()
    };
    regrade("--diff")
        .code(0)
        .stdout("Nothing changes for any of 12 students.\n");

    // Other points need no grading, another test does.
    class
        .course
        .edit("exercises/ex01-small/rubric.toml", "points = 60", "points = 50");
    let shown = regrade("--diff").code(0).stderr(contains("0 grades to make"));
    shown.stdout(
        contains("because of: points in the rubric")
            .and(contains("h1 halves (hidden)  passed → passed, 60 of 60 → 50 of 50")),
    );
    class
        .course
        .edit("solutions/ex01-small/tests/hidden.rs", "//!", "//! Changed.\n//!");
    let other = regrade("--apply")
        .code(1)
        .stderr(contains(format!("{grades} grades to make")));
    other
        .stderr(contains("not the differences that were shown last"))
        .stdout(contains("because of: hidden tests, points in the rubric"));
    assert_eq!(decided(&out), before, "nothing counts before it is applied");
    regrade("--apply").code(0).stderr(contains("0 grades to make"));
    assert_ne!(decided(&out), before);
    regrade("--diff")
        .code(0)
        .stdout("Nothing changes for any of 12 students.\n");

    let forced = class.graded(&out, &["--force"]);
    assert!(
        forced.starts_with(&format!("{grades} grades to make, 0 in the ledger")),
        "{forced}"
    );
}

#[test]
fn a_second_grader_in_one_folder_is_refused() {
    let class = Class::new();
    let (_top, [out]) = folders();
    fs::create_dir(&out).unwrap();
    let _first = grader::ledger::Ledger::open(&out).unwrap();
    let second = class
        .course
        .grader(GRADER, &class.arguments(&out, &[]))
        .assert()
        .code(2);
    second.stderr(contains(format!(
        "another grader (process {}) works in this folder",
        std::process::id()
    )));
}

/// A disk of 40 KiB, in a mount that only this test sees.
#[test]
fn a_full_disk_is_told_and_what_was_graded_before_is_kept() {
    let class = Class::new();
    if !nix::unistd::geteuid().is_root() || harness::find_tool("unshare").is_none() {
        println!("not run here: it takes root and unshare");
        return;
    }
    let (_top, [out, undisturbed]) = folders();
    fs::create_dir(&out).unwrap();
    let script = "mount -t tmpfs -o size=8k none \"$1\" && shift && { \"$@\"; code=$?; cp \"$OUT\"/ledger.jsonl \"$OUT.kept\"; exit $code; }";
    let mut shell = Command::new("unshare");
    shell
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&out)
        .arg(GRADER)
        .args(class.arguments(&out, &["--trust-submissions", "--target-dir"]));
    let run = shell
        .arg(workbook::shared_target())
        .current_dir(class.course.root())
        .env("OUT", &out)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    if said.contains("unshare failed") {
        println!("not run here: {said}");
        return;
    }
    assert_eq!(run.status.code(), Some(3), "{said}");
    assert!(
        said.contains("ledger.jsonl") && said.contains("make room and run the same command again"),
        "{said}"
    );
    let kept = out.with_extension("kept");
    let text = fs::read_to_string(&kept).unwrap();
    assert!(
        text.ends_with('\n') && text.lines().count() > 0,
        "whole lines are left: {text}"
    );
    fs::copy(&kept, out.join("ledger.jsonl")).unwrap();
    let said = class.graded(&out, &[]);
    assert!(!said.contains(" 0 in the ledger"), "{said}");
    class.graded(&undisturbed, &[]);
    assert_eq!(decided(&out), decided(&undisturbed));
}
