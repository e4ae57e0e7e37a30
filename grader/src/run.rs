//! Runs the checks of one exercise against one program, and decides each outcome.
//!
//! A pass needs three things that no program under test can produce alone: the suite's own exit status 0, the name of a test
//! from the suite's own list, and evidence that names this artifact and at least one step.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::evidence::{self, Record};

use crate::build::Artifact;
use crate::course::{Check, Limits};
use crate::grade::{CheckRun, Failure, NotRun, Outcome};
use crate::process;
use crate::suite::{ExerciseSuites, Suite};

/// Our own failures are tried again so many times before a check is left blank.
const RETRIES: usize = 2;

/// What running checks needs to know.
#[derive(Debug)]
pub struct Runner<'a> {
    /// Suites of the exercise.
    pub suites: &'a ExerciseSuites,
    /// Its limits.
    pub limits: Limits,
    /// The program under test.
    pub artifact: &'a Artifact,
    /// An empty folder for evidence files, outside what the program may see.
    pub folder: &'a Path,
    /// Root of the course.
    pub root: &'a Path,
    /// The grader's own program, which is also the cell.
    pub cell: &'a Path,
}

impl Runner<'_> {
    /// Runs one check with all of its cases.
    pub fn run(&self, check: Check) -> CheckRun {
        let (mut outcome, mut seconds) = self.attempt(&check);
        for _ in 0..RETRIES {
            if !matches!(outcome, Outcome::Inconclusive(_)) {
                break;
            }
            let (again, more) = self.attempt(&check);
            (outcome, seconds) = (again, seconds + more);
        }
        CheckRun {
            check,
            outcome,
            seconds,
        }
    }

    fn attempt(&self, check: &Check) -> (Outcome, f64) {
        let Some((suite, cases)) = self.suites.cases_of(&check.name, check.visibility) else {
            return (Outcome::Inconclusive("its suite was not built".into()), 0.0);
        };
        let mut seconds = 0.0;
        let mut worst = None;
        for case in cases {
            let (outcome, spent) = match self.case(suite, case) {
                Ok(found) => found,
                Err(error) => (Outcome::Inconclusive(format!("{error:#}")), 0.0),
            };
            seconds += spent;
            let worse = worst.as_ref().is_none_or(|known| rank(&outcome) > rank(known));
            if worse {
                worst = Some(outcome);
            }
        }
        (
            worst.unwrap_or_else(|| Outcome::Inconclusive("the suite has no such test".into())),
            seconds,
        )
    }

    /// One test in its own cell.
    fn case(&self, suite: &Suite, case: &str) -> Result<(Outcome, f64)> {
        let evidence = tempfile::Builder::new()
            .prefix("evidence-")
            .tempfile_in(self.folder)
            .with_context(|| format!("cannot make a file in {}", self.folder.display()))?;
        let mut cell = Command::new(self.cell);
        cell.args(["cell", "--"])
            .arg(&suite.program)
            .args(["--exact", case, "--test-threads", "1"]);
        cell.env_clear().current_dir(self.folder);
        for kept in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                cell.env(kept, value);
            }
        }
        cell.env("INSTA_WORKSPACE_ROOT", self.root)
            .env("INSTA_UPDATE", "no")
            .env("INSTA_FORCE_PASS", "0");
        cell.env("WORKBOOK_SUBJECT", &self.artifact.program)
            .env("WORKBOOK_EVIDENCE", evidence.path());
        // The harness ends a check by itself at its own wall limit; this one is for a harness that does not.
        let wall = Duration::from_secs(self.limits.check_seconds + 5);
        let ended = process::run(&mut cell, wall)?;
        let text = std::fs::read_to_string(evidence.path()).context("cannot read the evidence")?;
        Ok((self.judge(case, &ended, &text), ended.seconds))
    }

    fn judge(&self, case: &str, ended: &process::Ended, evidence: &str) -> Outcome {
        let records = match evidence::read_all(evidence) {
            Ok(records) => records,
            Err(error) => return Outcome::Inconclusive(format!("the evidence cannot be read: {error}")),
        };
        if let Some(record) = records.iter().find(|record| record.outcome == evidence::Outcome::Fault) {
            return Outcome::Inconclusive(record.reason.clone());
        }
        if let Some(found) = records.iter().find_map(lost) {
            return found;
        }
        if !ended.success() {
            return Outcome::Inconclusive(format!("the suite gave no reason ({})", ended.in_words()));
        }
        if let Some(record) = records
            .iter()
            .find(|record| record.outcome == evidence::Outcome::NotRunHere)
        {
            return Outcome::NotRun(NotRun::Here(record.reason.clone()));
        }
        match records.iter().all(|record| self.vouches(case, record)) && !records.is_empty() {
            true => Outcome::Passed,
            false => Outcome::Inconclusive("the suite ended well but left no evidence for this program".into()),
        }
    }

    /// Whether a record is about this case and this artifact, with something done.
    fn vouches(&self, case: &str, record: &Record) -> bool {
        let name = if record.case.is_empty() {
            record.check.clone()
        } else {
            format!("{}::{}", record.check, record.case)
        };
        name == case
            && record.steps > 0
            && (record.subject.device, record.subject.inode) == (self.artifact.device, self.artifact.inode)
    }
}

/// The outcome of a record that lost its check, if it did.
fn lost(record: &Record) -> Option<Outcome> {
    let failure = || {
        let failure = record.failure.clone().unwrap_or_default();
        Failure {
            doing: failure.doing,
            expected: failure.expected,
            received: failure.received,
            chart: failure.chart,
            stderr: failure.stderr,
        }
    };
    match record.outcome {
        evidence::Outcome::Failed => Some(Outcome::Failed(failure())),
        evidence::Outcome::NotRunControl => Some(Outcome::NotRun(NotRun::Control {
            fix_first: record.fix_first.clone(),
            failure: failure(),
        })),
        _ => None,
    }
}

/// Which of a check's cases decides: our fault before the student's, and a failure before all that is no failure.
fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Passed => 0,
        Outcome::NotRun(NotRun::Here(_)) => 1,
        Outcome::NotRun(_) => 2,
        Outcome::Failed(_) => 3,
        Outcome::Inconclusive(_) => 4,
    }
}
