//! The record that a test leaves for the grader: one JSON line per [`Lab`](crate::Lab), written here and read back with the same type.
//!
//! An exit status alone proves nothing: a test that ran nothing, or ran another program, exits 0 too. The record names the program that was
//! started (device and inode), how many steps were taken, and how it came out.

use crate::recording::Recording;
use serde_json::{Value, json};
use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The only version so far.
pub const VERSION: u64 = 1;

/// How a test came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every step went well.
    Passed,
    /// A step went wrong: the subject's fault.
    Failed,
    /// This machine lacks something; the check leaves the denominator.
    NotRunHere,
    /// The session without the fault failed already: another check owns that.
    NotRunControl,
    /// The test or the harness failed: nobody's points.
    Fault,
}

impl Outcome {
    const NAMES: [(Outcome, &str); 5] = [
        (Outcome::Passed, "passed"),
        (Outcome::Failed, "failed"),
        (Outcome::NotRunHere, "not_run_here"),
        (Outcome::NotRunControl, "not_run_control"),
        (Outcome::Fault, "fault"),
    ];

    /// The word used in the file.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(outcome, _)| *outcome == self)
            .map_or("", |(_, name)| name)
    }

    fn from_name(name: &str) -> Option<Outcome> {
        Self::NAMES
            .iter()
            .find(|(_, n)| *n == name)
            .map(|(outcome, _)| *outcome)
    }
}

/// The executable that was started: device and inode, since a path can be made to point elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Where it was found.
    pub path: PathBuf,
    /// `st_dev`; 0 when the test started no program.
    pub device: u64,
    /// `st_ino`; 0 when the test started no program.
    pub inode: u64,
}

/// What the failed step was, as the student reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// What the test was doing: `reading the time of day`.
    pub doing: String,
    /// What should have come.
    pub expected: String,
    /// What came.
    pub received: String,
    /// The conversation up to here, drawn.
    pub chart: String,
    /// The last lines that the subject wrote to stderr.
    pub stderr: String,
}

/// One line of the evidence file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Package of the exercise: `ex01`.
    pub package: String,
    /// Name of the test function.
    pub check: String,
    /// Case of a table-driven test, or empty.
    pub case: String,
    /// What was started.
    pub subject: Identity,
    /// Steps taken.
    pub steps: u64,
    /// Wall time.
    pub seconds: f64,
    /// How it came out.
    pub outcome: Outcome,
    /// Why, for [`Outcome::NotRunHere`] and [`Outcome::Fault`].
    pub reason: String,
    /// The check that owns the fault, for [`Outcome::NotRunControl`].
    pub fix_first: String,
    /// The failed step, for [`Outcome::Failed`] and [`Outcome::NotRunControl`].
    pub failure: Option<Failure>,
    /// The failed step waited until its deadline.
    pub late: bool,
    /// A sentence, when it did so on a machine that was too busy for that to mean anything; else empty.
    pub starved: String,
    /// All that happened, where the test asked for it: [`Lab::recorded`](crate::Lab::recorded). Checks do not; `grader trace` draws it.
    pub recording: Option<Recording>,
}

impl Record {
    /// The record as one line of JSON, without the newline.
    pub fn to_json(&self) -> String {
        let failure = self.failure.as_ref().map(|f| {
            json!({ "doing": f.doing, "expected": f.expected, "received": f.received, "chart": f.chart, "stderr": f.stderr })
        });
        json!({
            "version": VERSION,
            "package": self.package,
            "check": self.check,
            "case": self.case,
            "subject": {
                "path": self.subject.path.to_string_lossy(),
                "device": self.subject.device,
                "inode": self.subject.inode,
            },
            "steps": self.steps,
            "seconds": self.seconds,
            "outcome": self.outcome.name(),
            "reason": self.reason,
            "fix_first": self.fix_first,
            "failure": failure,
            "late": self.late,
            "starved": self.starved,
            "recording": self.recording.as_ref().map(Recording::to_json),
        })
        .to_string()
    }

    /// Reads one line back.
    ///
    /// # Errors
    /// A sentence that names the first field which is missing or of the wrong kind.
    pub fn from_json(line: &str) -> Result<Record, String> {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
        if number(&value, "version")? != VERSION {
            return Err(format!("version {} of the evidence is unknown", value["version"]));
        }
        let outcome = text(&value, "outcome")?;
        Ok(Record {
            package: text(&value, "package")?,
            check: text(&value, "check")?,
            case: text(&value, "case")?,
            subject: Identity {
                path: text(&value["subject"], "path")?.into(),
                device: number(&value["subject"], "device")?,
                inode: number(&value["subject"], "inode")?,
            },
            steps: number(&value, "steps")?,
            seconds: value["seconds"].as_f64().ok_or("`seconds` is not a number")?,
            outcome: Outcome::from_name(&outcome).ok_or_else(|| format!("outcome `{outcome}` is unknown"))?,
            reason: text(&value, "reason")?,
            fix_first: text(&value, "fix_first")?,
            failure: failure(&value["failure"])?,
            late: value["late"].as_bool().unwrap_or_default(),
            starved: value["starved"].as_str().unwrap_or_default().to_owned(),
            recording: recording(&value["recording"])?,
        })
    }

    /// Adds the record to `file`. One write of one line: several tests of a process may do so at once.
    ///
    /// # Errors
    /// When the file cannot be opened or written.
    pub fn append(&self, file: &Path) -> io::Result<()> {
        let line = self.to_json() + "\n";
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)?
            .write_all(line.as_bytes())
    }
}

/// All the records of a file, in the order in which the tests ended.
///
/// # Errors
/// When a line is not a record: then nothing in the file is to be trusted.
pub fn read_all(text: &str) -> Result<Vec<Record>, String> {
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| Record::from_json(line).map_err(|e| format!("evidence, line {}: {e}", at + 1)))
        .collect()
}

/// Files of before there were recordings have none.
fn recording(value: &Value) -> Result<Option<Recording>, String> {
    (!value.is_null()).then(|| Recording::from_json(value)).transpose()
}

fn failure(value: &Value) -> Result<Option<Failure>, String> {
    if value.is_null() {
        return Ok(None);
    }
    Ok(Some(Failure {
        doing: text(value, "doing")?,
        expected: text(value, "expected")?,
        received: text(value, "received")?,
        chart: text(value, "chart")?,
        stderr: text(value, "stderr")?,
    }))
}

fn text(value: &Value, key: &str) -> Result<String, String> {
    value[key]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("`{key}` is not a text"))
}

fn number(value: &Value, key: &str) -> Result<u64, String> {
    value[key]
        .as_u64()
        .ok_or_else(|| format!("`{key}` is not a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(outcome: Outcome, failure: Option<Failure>) -> Record {
        Record {
            package: "ex01".into(),
            check: "prints_the_real_port".into(),
            case: "case_1".into(),
            subject: Identity {
                path: "/x/ex01".into(),
                device: 7,
                inode: u64::MAX,
            },
            steps: 3,
            seconds: 0.25,
            outcome,
            reason: "two\nlines and a \"quote\"".into(),
            fix_first: String::new(),
            late: failure.is_some(),
            failure,
            starved: "busy".into(),
            recording: None,
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let failure = Failure {
            doing: "é".into(),
            chart: "│\n│".into(),
            ..Failure::default()
        };
        for (outcome, _) in Outcome::NAMES {
            for failure in [None, Some(failure.clone())] {
                let record = record(outcome, failure);
                assert!(!record.to_json().contains('\n'));
                assert_eq!(Record::from_json(&record.to_json()), Ok(record));
            }
        }
    }

    #[test]
    fn a_recording_is_read_back_and_may_be_missing() {
        let mut with = record(Outcome::Passed, None);
        with.recording = Some(Recording::default());
        assert_eq!(Record::from_json(&with.to_json()), Ok(with));
        let without = record(Outcome::Passed, None);
        let old = without.to_json().replace(",\"recording\":null", "");
        assert!(!old.contains("recording"), "{old}");
        assert_eq!(Record::from_json(&old), Ok(without));
    }

    #[test]
    fn a_bad_line_says_what_is_wrong_with_it() {
        let good = record(Outcome::Passed, None).to_json();
        for (from, to, says) in [
            ("\"version\":1", "\"version\":2", "version 2"),
            ("\"passed\"", "\"green\"", "`green`"),
            ("\"steps\":3", "\"steps\":-3", "`steps`"),
            ("\"check\":", "\"chek\":", "`check`"),
        ] {
            assert!(good.contains(from));
            let error = read_all(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(says) && error.contains("line 1"), "{error}");
        }
    }
}
