//! The record that a test leaves for the grader: one JSON line per [`Lab`](crate::Lab), written here and read back with the same type (`reading.rs`).
//!
//! An exit status alone proves nothing: a test that ran nothing, or ran another program, exits 0 too. The record names the program that was
//! started (device and inode), how many steps were taken, and how it came out.

use crate::{json::Json, recording::Recording};
use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The only version so far.
pub const VERSION: u64 = 1;

#[cfg(feature = "read")]
pub use crate::reading::read_all;

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

    #[cfg(feature = "read")]
    pub(crate) fn from_name(name: &str) -> Option<Outcome> {
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
        let subject = Json::Object(vec![
            ("path", Json::Text(self.subject.path.to_string_lossy())),
            ("device", Json::Whole(self.subject.device)),
            ("inode", Json::Whole(self.subject.inode)),
        ]);
        let fields = vec![
            ("version", Json::Whole(VERSION)),
            ("package", Json::from(&self.package)),
            ("check", Json::from(&self.check)),
            ("case", Json::from(&self.case)),
            ("subject", subject),
            ("steps", Json::Whole(self.steps)),
            ("seconds", Json::Real(self.seconds)),
            ("outcome", Json::from(self.outcome.name())),
            ("reason", Json::from(&self.reason)),
            ("fix_first", Json::from(&self.fix_first)),
            ("failure", self.failure.as_ref().map_or(Json::Null, failure_to_json)),
            ("late", Json::Bool(self.late)),
            ("starved", Json::from(&self.starved)),
            (
                "recording",
                self.recording.as_ref().map_or(Json::Null, Recording::to_json),
            ),
        ];
        Json::Object(fields).to_string()
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

fn failure_to_json(failure: &Failure) -> Json<'_> {
    let fields = [
        ("doing", &failure.doing),
        ("expected", &failure.expected),
        ("received", &failure.received),
        ("chart", &failure.chart),
        ("stderr", &failure.stderr),
    ];
    Json::Object(fields.map(|(name, text)| (name, text.into())).into())
}

#[cfg(all(test, feature = "read"))]
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
