//! What the harness's own tests start from: a lab for the practice program, and the report of a session that is meant to fail.
#![allow(dead_code)] // every file of tests compiles this anew and uses a part of it

use harness::{Exercise, Grading, Lab, Report};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

pub const PRACTICE: &str = env!("CARGO_BIN_EXE_practice");

pub const RUBRIC: &str = r#"
[[check]]
id = "p2"
name = "the_whole_report"
points = 8
concept = "connected vs listening descriptor, close"
feedback = "The client still waits for end-of-file because you never closed the descriptor accept() gave you."
book = "02-sockets.md#two-kinds-of-socket"
"#;

pub const EXERCISE: Exercise = Exercise {
    package: "practice",
    rubric: RUBRIC,
    built: Some(PRACTICE),
};

/// Patience for what is meant to take too long.
pub const SHORT: Duration = Duration::from_millis(200);

pub fn lab() -> Lab {
    Lab::open_for(EXERCISE, Grading::default())
}

/// A lab that writes its evidence to `file`.
pub fn graded(file: &Path) -> Lab {
    let grading = Grading {
        subject: Some(PRACTICE.into()),
        evidence: Some(file.to_owned()),
        ..Grading::default()
    };
    Lab::open_for(EXERCISE, grading)
}

/// Runs a session that has to fail; gives its report with the numbers of this run hidden.
pub fn report_of(session: impl FnOnce(&Lab)) -> String {
    report_in(&lab(), session)
}

/// The report as a student reads it.
pub fn raw_report_in(lab: &Lab, session: impl FnOnce(&Lab)) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| session(lab))).expect_err("the session is meant to fail");
    let Report(text) = *payload.downcast::<Report>().expect("a report and no other panic");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "wider than a terminal:\n{text}"
    );
    text
}

pub fn report_in(lab: &Lab, session: impl FnOnce(&Lab)) -> String {
    let text = raw_report_in(lab, session);
    lab.redact(
        &without_what_proc_tells(&text)
            .lines()
            .map(|line| hide_place(&hide_times(line)) + "\n")
            .collect::<String>(),
    )
}

/// Not every machine lets one look, so these sentences are tried apart, in `clues.rs`, on the text as it was.
fn without_what_proc_tells(text: &str) -> String {
    let (mut kept, mut in_clue) = (String::new(), false);
    for line in text.lines() {
        in_clue = line.contains("→ `practice") || in_clue && line.starts_with("         ");
        if !in_clue {
            kept += &format!("{line}\n");
        }
    }
    kept
}

/// What was done, expected and received: the part of a report above the chart.
pub fn fields_of(session: impl FnOnce(&Lab)) -> String {
    fields_in(&lab(), session)
}

/// The same of a session in which something is meant to take too long.
pub fn impatient_fields_of(session: impl FnOnce(&Lab)) -> String {
    fields_in(&lab().with_step(SHORT), session)
}

fn fields_in(lab: &Lab, session: impl FnOnce(&Lab)) -> String {
    let report = report_in(lab, session);
    let from = report.find("\nWhile").expect("a report") + 1;
    let to = report[from..].find("\n\n").map_or(report.len(), |at| from + at);
    report[from..to].to_owned()
}

/// `0.213 ` at the beginning of a line of the chart, `3.0 s` anywhere.
fn hide_times(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let is_number = |word: &String, decimals| {
        word.parse::<f64>().is_ok()
            && word
                .split_once('.')
                .is_some_and(|(_, fraction)| fraction.len() == decimals)
    };
    if let Some(first) = words
        .iter_mut()
        .find(|word| !word.is_empty())
        .filter(|word| is_number(word, 3))
    {
        *first = format!("{:<1$}", "T", first.len());
    }
    for at in 1..words.len() {
        if words[at].trim_end_matches([';', ',', ')']) == "s" && is_number(&words[at - 1], 1) {
            words[at - 1] = "N".to_owned();
        }
    }
    words.join(" ")
}

/// Line and column of a panic: they change with every edit of the practice program.
fn hide_place(line: &str) -> String {
    let Some((before, after)) = line.split_once("practice.rs:") else {
        return line.to_owned();
    };
    format!(
        "{before}practice.rs:LINE{}",
        after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':')
    )
}
