//! Traps that hand out points for nothing, each with the defence that closes it.

use std::path::Path;
use std::process::Command;

use grader::build::{Artifact, Builder, Built};
use grader::course::{Course, Visibility};
use grader::grade::Outcome;
use grader::isolation::{Isolation, Isolator, Slot, Workplace};
use grader::process::Interrupt;
use grader::run::Runner;
use grader::submission::Work;
use grader::suite::{self, ExerciseSuites, Suites};
use grader::toolchain::Toolchain;
use predicates::prelude::*;
use predicates::str::contains;
use workbook::SmallCourse;

use crate::GRADER;

const RIGHT: &str = "pub fn double(n: u64) -> u64 { n * 2 }\npub fn halve(n: u64) -> u64 { n / 2 }\n";
const WRONG: &str = "pub fn double(n: u64) -> u64 { n + 2 }\npub fn halve(n: u64) -> u64 { n - 2 }\n";

/// A small course with its suites compiled, for tests of single steps of the road.
struct Prepared {
    small: SmallCourse,
    course: Course,
    suites: Suites,
    toolchain: Toolchain,
    isolator: Isolator,
    slot: Slot,
    workplace: Workplace,
}

fn prepared() -> Prepared {
    let small = SmallCourse::new();
    let mut course = Course::load(small.root()).unwrap();
    course.target_dir = workbook::shared_target();
    let toolchain = Toolchain::find().unwrap();
    let suites = suite::compile(&course, &[&course.exercises[0]], &toolchain).unwrap();
    let isolator = Isolator::find(Path::new(GRADER), Isolation::Namespaces).unwrap();
    Prepared {
        slot: isolator.slots(1).unwrap().remove(0),
        workplace: isolator.workplace(&course.target_dir.join("work")).unwrap(),
        isolator,
        small,
        course,
        suites,
        toolchain,
    }
}

impl Prepared {
    fn build(&self, lib: &str, stage: &Path) -> Artifact {
        let mut work = Work::default();
        work.files.insert("lib.rs".into(), lib.into());
        let builder = Builder {
            exercise: &self.course.exercises[0],
            suites: &self.suites["ex01"],
            toolchain: &self.toolchain,
            isolator: &self.isolator,
            slot: &self.slot,
        };
        match builder.build(&work, stage).unwrap() {
            Built::Program { artifact, .. } => artifact,
            Built::Rejected { diagnostics, .. } => panic!("{diagnostics}"),
        }
    }

    fn runner<'a>(&'a self, suites: &'a ExerciseSuites, artifact: &'a Artifact) -> Runner<'a> {
        Runner {
            suites,
            limits: self.course.exercises[0].rubric.limits,
            beside: Vec::new(),
            artifact,
            workplace: &self.workplace,
            root: self.small.root(),
            isolator: &self.isolator,
            slot: &self.slot,
            interrupt: Interrupt::default(),
            brief: false,
        }
    }

    fn suite(&self) -> &Path {
        &self.suites["ex01"].public.program
    }
}

#[test]
fn a_lost_subject_is_a_panic_and_never_the_reference_program() {
    let prepared = prepared();
    let evidence = prepared.small.root().join("evidence");
    let run = Command::new(prepared.suite())
        .args(["--exact", "doubles"])
        .env_remove("WORKBOOK_SUBJECT")
        .env("WORKBOOK_EVIDENCE", &evidence)
        .env("CARGO_BIN_EXE_ex01", "/bin/true")
        .output()
        .unwrap();
    assert!(!run.status.success(), "the suite took some other program");
    assert!(
        String::from_utf8_lossy(&run.stdout).contains("WORKBOOK_SUBJECT"),
        "it does not say what is missing"
    );
}

/// `suite --exact NAME` exits 0 when no test has that name.
#[test]
fn a_test_that_does_not_exist_is_no_pass() {
    let prepared = prepared();
    let unknown = Command::new(prepared.suite())
        .args(["--exact", "trebles"])
        .output()
        .unwrap();
    assert!(unknown.status.success(), "libtest has changed: this trap is no more");
    let mut suites = prepared.suites["ex01"].clone();
    suites.public.tests = vec!["trebles".into()];
    let stage = tempfile::tempdir().unwrap();
    let artifact = prepared.build(RIGHT, stage.path());
    let mut check = prepared.course.exercises[0].rubric.checks[0].clone();
    std::sync::Arc::make_mut(&mut check).name = "trebles".into();
    let outcome = prepared.runner(&suites, &artifact).run(check).outcome;
    assert!(matches!(outcome, Outcome::Inconclusive(_)), "{outcome:?}");
}

/// Evidence about another program than the one that was built proves nothing about this one.
#[test]
fn evidence_that_names_another_artifact_is_no_pass() {
    let prepared = prepared();
    let stage = tempfile::tempdir().unwrap();
    let mut artifact = prepared.build(RIGHT, stage.path());
    let run = |artifact: &Artifact| {
        let check = prepared.course.exercises[0].rubric.checks[0].clone();
        assert_eq!(check.visibility, Visibility::Public);
        prepared.runner(&prepared.suites["ex01"], artifact).run(check).outcome
    };
    assert_eq!(run(&artifact), Outcome::Passed);
    artifact.inode += 1;
    let outcome = run(&artifact);
    assert!(matches!(outcome, Outcome::Inconclusive(_)), "{outcome:?}");
}

/// cargo compares times, so an old file can hide behind a newer build; two folders with the same shape can share artifacts.
#[test]
fn old_file_times_and_equal_folders_never_reuse_another_students_program() {
    let prepared = prepared();
    let class = prepared.small.root().join("class");
    for (student, lib) in [("ada", RIGHT), ("ben", WRONG)] {
        let source = class.join(student).join("ex01-small/src");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("lib.rs"), lib).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(315_532_800);
        std::fs::File::options()
            .write(true)
            .open(source.join("lib.rs"))
            .unwrap()
            .set_modified(old)
            .unwrap();
    }
    let run = prepared.small.grader(
        GRADER,
        &["--all", "--submissions", "class", "--jobs", "1", "--format", "json"],
    );
    assert_eq!(points(run), [("ada".into(), 100), ("ben".into(), 0)]);
}

/// `std::process::exit(0)` passes every grader that believes the exit status of a process with student code in it.
#[test]
fn exit_0_earns_nothing() {
    let lib = "pub fn double(_: u64) -> u64 { std::process::exit(0) }\npub fn halve(_: u64) -> u64 { std::process::exit(0) }\n";
    assert_eq!(alone(lib), 0);
}

/// The program writes what a passing test would write, to its own output and to that of the test process.
#[test]
fn forged_output_earns_nothing() {
    let lib = r#"
        use std::io::Write;
        fn forge() -> u64 {
            let text = "\ntest doubles ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
            let _ = std::io::stdout().write_all(text.as_bytes());
            for process in ["self".to_string(), std::os::unix::process::parent_id().to_string()] {
                for fd in [1, 2] {
                    if let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(format!("/proc/{process}/fd/{fd}")) {
                        let _ = file.write_all(text.as_bytes());
                    }
                }
            }
            7
        }
        pub fn double(_: u64) -> u64 { forge() }
        pub fn halve(_: u64) -> u64 { forge() }
    "#;
    assert_eq!(alone(lib), 0);
}

/// A process that leaves its session and its parent is not reached by killing the group; the cell reaps it.
#[test]
#[cfg(target_os = "linux")]
fn a_daemon_does_not_outlive_its_check() {
    let marker = format!("{}.{}", 86_399, std::process::id());
    let lib = r#"
        fn daemon() {
            let _ = std::process::Command::new("setsid")
                .args(["sh", "-c", "trap '' TERM HUP; sleep MARKER & sleep MARKER"])
                .stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null())
                .spawn();
        }
        pub fn double(n: u64) -> u64 { daemon(); n * 2 }
        pub fn halve(n: u64) -> u64 { daemon(); n / 2 }
    "#;
    assert_eq!(
        alone(&lib.replace("MARKER", &marker)),
        100,
        "starting a process is not forbidden"
    );
    let left: Vec<String> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.starts_with("sleep") && line.contains(&marker))
        .collect();
    assert!(left.is_empty(), "still running: {left:?}");
}

/// A loop without end costs its check, in words, and not the run.
#[test]
fn an_endless_program_is_a_failed_check() {
    let small = SmallCourse::new();
    small.write(
        "class/finn/ex01-small/src/lib.rs",
        "pub fn double(_: u64) -> u64 { loop {} }\npub fn halve(n: u64) -> u64 { n / 2 }\n",
    );
    let run = small
        .grader(GRADER, &["--all", "--submissions", "class", "--out", "out"])
        .assert()
        .code(0);
    run.stdout(contains("60"));
    let report = small.read("out/students/finn.txt");
    assert!(contains("probe").eval(&report), "{report}");
}

/// Points of the one submission with this `lib.rs`.
fn alone(lib: &str) -> u64 {
    let small = SmallCourse::new();
    small.write("class/one/ex01-small/src/lib.rs", lib);
    points(small.grader(GRADER, &["--all", "--submissions", "class", "--format", "json"]))[0].1
}

/// Student and points, from the gradebook that the grader prints.
fn points(mut grader: assert_cmd::Command) -> Vec<(String, u64)> {
    let run = grader.assert().code(0);
    let gradebook: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let submissions = gradebook["submissions"].as_array().unwrap();
    submissions
        .iter()
        .map(|one| {
            (
                one["student"].as_str().unwrap().to_string(),
                one["points"].as_u64().unwrap(),
            )
        })
        .collect()
}
