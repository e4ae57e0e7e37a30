//! The evidence that a test leaves for the grader, for every way in which a test can come out.

mod practice;

use harness::{
    Lab,
    evidence::{Outcome, Record, read_all},
};
use practice::{PRACTICE, graded};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// The records that a session leaves, whether it panics or not.
fn records_of(session: impl FnOnce(Lab)) -> Vec<Record> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("evidence");
    let _ = catch_unwind(AssertUnwindSafe(|| session(graded(&file))));
    let text = fs::read_to_string(&file).expect("evidence");
    read_all(&text).expect("records")
}

fn record_of(session: impl FnOnce(Lab)) -> Record {
    let mut records = records_of(session);
    assert_eq!(records.len(), 1, "one lab, one record");
    records.remove(0)
}

#[test]
fn a_pass_names_the_program_that_was_started() {
    let record = record_of(|lab| drop(lab.run(["exit", "0"]).expect_code(0)));
    let file = fs::metadata(PRACTICE).expect("the practice program");
    assert_eq!(record.outcome, Outcome::Passed);
    assert_eq!((record.subject.device, record.subject.inode), (file.dev(), file.ino()));
    assert_eq!(
        (record.package.as_str(), record.check.as_str()),
        ("practice", "a_pass_names_the_program_that_was_started")
    );
    assert!(record.steps > 0 && record.seconds > 0.0);
    assert_eq!(
        (record.failure, record.reason, record.fix_first, record.case),
        (None, String::new(), String::new(), String::new())
    );
}

#[test]
fn a_test_that_starts_nothing_names_no_program() {
    let record = record_of(drop);
    assert_eq!((record.steps, record.subject.device, record.subject.inode), (0, 0, 0));
    let tool = record_of(|lab| drop(lab.tool("cat").map(|cat| cat.run(b""))));
    assert_eq!((tool.subject.device, tool.subject.inode), (0, 0));
}

/// The program answers everything; what it says beside that is too much.
#[test]
fn too_much_output_loses_a_check_that_would_be_passed() {
    let record = record_of(|lab| {
        let program = lab.program(["says-more-than-it-may"]).start();
        program.expect_line("all is well");
        let patience = Instant::now() + Duration::from_secs(20);
        while program.stderr_so_far().len() < 4 << 20 && Instant::now() < patience {}
    });
    assert_eq!(record.outcome, Outcome::Failed);
    let failure = record.failure.expect("a failure");
    assert_eq!(failure.expected, "at most 4096 KiB on stdout and stderr together");
    assert!(
        failure
            .received
            .contains("was stopped: it wrote more than the 4096 KiB"),
        "{failure:?}"
    );
    assert!(failure.stderr.lines().count() <= 12 && failure.chart.len() < 10_000);
}

#[test]
fn a_deadline_is_told_from_other_failures() {
    let late = record_of(|lab| {
        lab.set_step(practice::SHORT);
        lab.serve(["silent"]);
    });
    assert!(late.late && late.outcome == Outcome::Failed);
    let wrong = record_of(|lab| drop(lab.run(["exit", "0"]).expect_code(1)));
    assert!(!wrong.late && wrong.starved.is_empty());
}

#[test]
fn a_failure_carries_its_report() {
    let record = record_of(|lab| drop(lab.run(["fail", "error: out of luck"]).expect_code(0)));
    let failure = record.failure.expect("a failure");
    assert_eq!(record.outcome, Outcome::Failed);
    assert_eq!(failure.expected, "exit code 0");
    assert_eq!(failure.stderr, "error: out of luck\n");
    assert!(failure.received.contains("code 3") && failure.chart.contains("starts: practice fail"));
}

#[test]
fn the_first_failure_counts() {
    let record = record_of(|lab| {
        for code in [1, 2] {
            let _ = catch_unwind(AssertUnwindSafe(|| lab.run(["exit", "0"]).expect_code(code)));
        }
    });
    assert_eq!(record.failure.expect("a failure").expected, "exit code 1");
}

#[test]
fn a_failed_control_blames_its_owner() {
    let record = record_of(|lab| {
        lab.control("p3", |lab| lab.fail("talking", "this", "that"));
    });
    assert_eq!(
        (record.outcome, record.fix_first.as_str()),
        (Outcome::NotRunControl, "p3")
    );
    assert!(record.failure.is_some());
    let later = record_of(|lab| {
        lab.control("p3", |lab| lab.expect("talking", "this", "this", true));
        lab.fail("talking", "this", "that");
    });
    assert_eq!((later.outcome, later.fix_first.as_str()), (Outcome::Failed, ""));
}

#[test]
fn a_missing_tool_is_nobodys_fault() {
    let record = record_of(|lab| assert!(lab.tool("no-such-tool-anywhere").is_none()));
    assert_eq!(record.outcome, Outcome::NotRunHere);
    assert_eq!(record.reason, "no-such-tool-anywhere is not installed");
}

#[test]
fn a_bug_in_a_test_is_not_the_students() {
    let record = record_of(|_lab| panic!("an index was wrong"));
    assert_eq!(record.outcome, Outcome::Fault);
    assert!(
        record.reason.contains("an index was wrong") && record.reason.contains("evidence.rs"),
        "{}",
        record.reason
    );
}

#[test]
fn a_program_that_cannot_be_started_is_a_fault() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("evidence");
    let subject = folder.path().join("missing");
    let grading = harness::Grading {
        subject: Some(subject),
        evidence: Some(file.clone()),
        jail: None,
    };
    let lab = Lab::open_for(practice::EXERCISE, grading);
    let _ = catch_unwind(AssertUnwindSafe(move || lab.run(["exit", "0"])));
    let records = read_all(&fs::read_to_string(&file).expect("evidence")).expect("records");
    assert_eq!(records[0].outcome, Outcome::Fault);
}

#[test]
fn every_lab_leaves_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("evidence");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(graded(&file).run(["exit", "0"])));
        }
    });
    let records = read_all(&fs::read_to_string(&file).expect("evidence")).expect("records");
    assert_eq!(records.len(), 8);
}
