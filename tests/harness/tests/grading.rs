//! How a suite is told what to test: by cargo, or by the grader's three environment variables.
//!
//! The variables belong to a whole process, so each test here starts this very test program again, for one of the rehearsals at the end.

mod practice;

use harness::{
    Exercise, Lab,
    evidence::{Outcome, Record, read_all},
};
use practice::PRACTICE;
use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
};

const BUILT: Exercise = practice::EXERCISE;
const NOT_BUILT: Exercise = Exercise { built: None, ..BUILT };

fn rehearse(name: &str, variables: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env::current_exe().expect("this test program"));
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    for name in [
        "WORKBOOK_SUBJECT",
        "WORKBOOK_JAIL",
        "WORKBOOK_EVIDENCE",
        "RUST_BACKTRACE",
    ] {
        command.env_remove(name);
    }
    command
        .envs(variables.iter().copied())
        .output()
        .expect("this test program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn without_variables_the_built_program_is_tested() {
    assert!(rehearse("passes", &[]).status.success());
}

#[test]
fn the_named_program_is_tested_instead() {
    let output = rehearse("passes", &[("WORKBOOK_SUBJECT", Path::new("/bin/false"))]);
    assert!(!output.status.success());
    assert!(said(&output).contains("exited with code 1"), "{}", said(&output));
    assert!(
        rehearse(
            "passes_without_a_built_program",
            &[("WORKBOOK_SUBJECT", Path::new(PRACTICE))]
        )
        .status
        .success()
    );
}

/// The trap: a grader that lost its subject would otherwise test the reference for everyone.
#[test]
fn evidence_without_a_program_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("evidence");
    for subject in [&[][..], &[("WORKBOOK_SUBJECT", Path::new(""))]] {
        let output = rehearse("passes", &[&[("WORKBOOK_EVIDENCE", file.as_path())], subject].concat());
        assert!(!output.status.success());
        assert!(said(&output).contains("WORKBOOK_SUBJECT is not"), "{}", said(&output));
        assert!(!file.exists());
    }
    assert!(!rehearse("passes_without_a_built_program", &[]).status.success());
}

#[test]
fn the_program_runs_behind_its_launcher() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("evidence");
    let grading = [
        ("WORKBOOK_SUBJECT", Path::new(PRACTICE)),
        ("WORKBOOK_JAIL", Path::new("/usr/bin/env")),
        ("WORKBOOK_EVIDENCE", file.as_path()),
    ];
    assert!(rehearse("sees_no_variable_of_the_grader", &grading).status.success());
    assert!(rehearse("table::case_2_of_three", &grading).status.success());
    let records: Vec<Record> = read_all(&fs::read_to_string(&file).expect("evidence")).expect("records");
    let named: Vec<_> = records
        .iter()
        .map(|r| (r.check.as_str(), r.case.as_str(), r.outcome))
        .collect();
    assert_eq!(
        named,
        [
            ("sees_no_variable_of_the_grader", "", Outcome::Passed),
            ("table", "case_2_of_three", Outcome::Passed)
        ]
    );
}

#[test]
fn a_failure_prints_its_report_and_nothing_about_threads() {
    let output = rehearse("fails", &[]);
    let text = said(&output);
    assert!(!output.status.success());
    assert!(text.contains("While     looking how"), "{text}");
    assert!(
        !text.contains("panicked at") && !text.contains("RUST_BACKTRACE"),
        "{text}"
    );
}

#[test]
#[ignore = "a rehearsal: started by the tests above"]
fn passes() {
    Lab::open(BUILT).run(["exit", "0"]).expect_code(0);
}

#[test]
#[ignore = "a rehearsal: started by the tests above"]
fn passes_without_a_built_program() {
    Lab::open(NOT_BUILT).run(["exit", "0"]).expect_code(0);
}

#[test]
#[ignore = "a rehearsal: started by the tests above"]
fn fails() {
    Lab::open(BUILT).run(["exit", "0"]).expect_code(1);
}

#[test]
#[ignore = "a rehearsal: started by the tests above"]
fn sees_no_variable_of_the_grader() {
    let lab = Lab::open(BUILT);
    let printed = lab.run(["surroundings"]).expect_code(0).stdout_text();
    lab.expect(
        "looking at the environment",
        "no variables",
        &printed,
        !printed.contains("variable"),
    );
}

/// What a table-driven test looks like to libtest.
mod table {
    #[test]
    #[ignore = "a rehearsal: started by the tests above"]
    fn case_2_of_three() {
        harness::Lab::open(super::BUILT).run(["exit", "0"]).expect_code(0);
    }
}
