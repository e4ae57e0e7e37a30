//! What `cargo test` says last. The sheet is printed when a test program exits, so each test here starts this very program again, for some
//! of the rehearsals at the end.

mod practice;

use harness::{Exercise, Lab, insta::assert_snapshot};
use practice::PRACTICE;
use std::{env, fs, path::Path, process::Command};

const RUBRIC: &str = r#"
title = "Practice"

[[check]]
id = "p1"
name = "zebra_comes_first"
points = 8
visibility = "public"
concept = "order"
feedback = "The rubric's order counts, not the alphabet's."
book = "02-sockets.md#the-four-calls"

[[check]]
id = "p2"
name = "ant_comes_second"
points = 8
visibility = "public"
concept = "order"
feedback = "The rubric's order counts, not the alphabet's."
book = "02-sockets.md#the-four-calls"

[[check]]
id = "p3"
name = "unfinished"
points = 4
visibility = "public"
concept = "todo"
feedback = "Write it."
book = "02-sockets.md#the-four-calls"
"#;

const MISTAKES: &str = "[[mistake]]\nsays = \"It ends with another code.\"\nfails = [\"zebra_comes_first\", \"ant_comes_second\"]\n\
    [[mistake]]\nsays = \"Other.\"\nfails = [\"unfinished\"]\n";

fn lab() -> Lab {
    Lab::open(Exercise {
        package: "practice",
        rubric: RUBRIC,
        built: Some(PRACTICE),
    })
}

/// What this program prints below libtest's summary when it runs these rehearsals.
fn sheet_of(rehearsals: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mistakes.toml"), MISTAKES).expect("a file");
    let all = said(rehearsals, folder.path());
    let (above, sheet) = all.split_once("\npractice  ").expect("a sheet");
    assert!(above.contains("test result"), "it is not the last thing:\n{all}");
    assert!(!above.contains("While"), "a failure is printed twice:\n{all}");
    assert!(!all.contains("RUST_BACKTRACE"), "noise:\n{all}");
    assert!(
        sheet.lines().all(|line| line.chars().count() <= 80),
        "too wide:\n{sheet}"
    );
    format!("practice  {sheet}")
}

fn said(rehearsals: &[&str], folder: &Path) -> String {
    let mut command = Command::new(env::current_exe().expect("this test program"));
    command.args(["--ignored", "--exact"]).args(rehearsals);
    for name in [
        "WORKBOOK_SUBJECT",
        "WORKBOOK_JAIL",
        "WORKBOOK_EVIDENCE",
        "RUST_BACKTRACE",
    ] {
        command.env_remove(name);
    }
    let output = command
        .env("CARGO_MANIFEST_DIR", folder)
        .output()
        .expect("this program runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Without the chart, whose times differ.
fn without_chart(sheet: &str) -> String {
    let (mut kept, mut in_chart) = (String::new(), false);
    for line in sheet.lines() {
        in_chart = line.contains("What happened") || in_chart && !line.is_empty();
        if !in_chart {
            kept += &format!("{line}\n");
        }
    }
    kept
}

#[test]
fn the_first_failure_of_the_rubric_stands_in_full_and_the_mistake_is_named() {
    assert_snapshot!(without_chart(&sheet_of(&["zebra_comes_first", "ant_comes_second", "passes", "passes_too"])), @"
    practice  Practice                                                0 of 16 points
      ✘ p1  zebra comes first                                                 0 of 8
      ✘ p2  ant comes second                                                  0 of 8
      ✔     passes
      ✔     passes too

      This looks like a mistake that we know
        It ends with another code.

      First to fix
      p1 zebra comes first

        While     looking how `practice exit` ended
        Expected  exit code 0
        Received  `practice exit` exited with code 1


        About     order
        Think     The rubric's order counts, not the alphabet's.
        Read      book/src/02-sockets.md#the-four-calls

      Then
        p2 ant comes second: expected exit code 0; received `practice exit` exited
          with code 2

      Only this check   cargo test -p practice zebra_comes_first
      A hint            cargo grader hint practice
      Again on save     cargo grader watch practice
    ");
}

#[test]
fn a_program_that_is_not_finished_is_told_what_is_next_and_is_not_diagnosed() {
    let sheet = sheet_of(&["unfinished"]);
    assert!(sheet.contains("Next to write\n  p3 unfinished\n"), "{sheet}");
    assert!(!sheet.contains("This looks like"), "{sheet}");
}

#[test]
fn a_program_that_fails_more_than_it_passes_is_not_diagnosed() {
    let sheet = sheet_of(&["zebra_comes_first", "ant_comes_second", "passes"]);
    assert!(!sheet.contains("This looks like"), "{sheet}");
}

#[test]
fn a_success_has_its_sheet_too() {
    let sheet = sheet_of(&["passes"]);
    assert!(
        sheet.contains("  ✔ ") && !sheet.contains("cargo grader hint"),
        "{sheet}"
    );
}

#[test]
fn one_exit_code_counts_whoever_prints_last() {
    let status = |name: &str| {
        let mut command = Command::new(env::current_exe().expect("this test program"));
        command
            .args(["--ignored", "--exact", name])
            .env_remove("WORKBOOK_EVIDENCE");
        command.output().expect("this program runs").status.code()
    };
    assert_eq!((status("passes"), status("unfinished")), (Some(0), Some(101)));
}

#[test]
#[ignore = "a rehearsal"]
fn zebra_comes_first() {
    lab().run(["exit", "1"]).expect_code(0);
}

#[test]
#[ignore = "a rehearsal"]
fn ant_comes_second() {
    lab().run(["exit", "2"]).expect_code(0);
}

#[test]
#[ignore = "a rehearsal"]
fn unfinished() {
    lab().serve(["todo"]);
}

#[test]
#[ignore = "a rehearsal"]
fn passes() {
    lab().run(["exit", "0"]).expect_code(0);
}

#[test]
#[ignore = "a rehearsal"]
fn passes_too() {
    lab().run(["exit", "0"]).expect_code(0);
}
