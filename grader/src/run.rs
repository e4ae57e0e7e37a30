//! Runs the checks of one exercise against one program, and decides each outcome.
//!
//! A pass needs three things that no program under test can produce alone: the suite's own exit status 0, the name of a test
//! from the suite's own list, and evidence that names this artifact and at least one step.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use harness::evidence::{self, Record};

use crate::build::Artifact;
use crate::course::{Check, Limits};
use crate::grade::{CheckRun, Failure, NotRun, Outcome};
use crate::isolation::ended::{Limit, Note};
use crate::isolation::policy::{TMP, Visible};
use crate::isolation::{Isolation, Isolator, Slot, Workplace};
use crate::process::{self, Interrupt};
use crate::report::sanitize;
use crate::suite::{ExerciseSuites, Suite};

mod limits;

/// Our own failures are tried again so many times before a check is left blank.
const RETRIES: usize = 2;

/// A program that computed for so much of the time had a processor.
const ITS_SHARE: f64 = 0.15;

/// Who else may run beside a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Others,
    Nobody,
}

/// What one attempt at a check, or at one of its cases, led to.
struct Attempt {
    outcome: Outcome,
    seconds: f64,
    /// It was lost to a deadline on a machine that was too busy for that to mean anything.
    starved: bool,
}

/// What running checks needs to know.
#[derive(Debug)]
pub struct Runner<'a> {
    /// Suites of the exercise.
    pub suites: &'a ExerciseSuites,
    /// Its limits.
    pub limits: Limits,
    /// What the program may see beside itself: programs of the system that it may start.
    pub beside: Vec<Visible>,
    /// The program under test.
    pub artifact: &'a Artifact,
    /// Where each case gets a folder, outside what the program may see.
    pub workplace: &'a Workplace,
    /// Root of the course.
    pub root: &'a Path,
    /// Cells and jails.
    pub isolator: &'a Isolator,
    /// Whose they are.
    pub slot: &'a Slot,
    /// Ends a check before its time; what then comes of it counts for nothing.
    pub interrupt: Interrupt,
    /// The first lost case settles a check: the others are not run.
    pub brief: bool,
}

/// What is left of one test.
#[derive(Debug)]
pub struct Held {
    /// How the suite ended.
    pub ended: process::Ended,
    /// The evidence that it left.
    pub evidence: String,
    /// What cell and jail say.
    pub notes: Vec<Note>,
}

impl Runner<'_> {
    /// Runs one check with all of its cases. What is our fault is tried again: a check that was lost because the machine was busy once,
    /// with nothing else beside it, so that an endless program costs at most that much more.
    pub fn run(&self, check: Arc<Check>) -> CheckRun {
        let mut last = self.attempt(&check, Beside::Others);
        let mut seconds = last.seconds;
        if last.starved {
            last = self.attempt(&check, Beside::Nobody);
            seconds += last.seconds;
        }
        for _ in 0..RETRIES {
            if last.starved || self.interrupt.is_asked() || !matches!(last.outcome, Outcome::Inconclusive(_)) {
                break;
            }
            last = self.attempt(&check, Beside::Others);
            seconds += last.seconds;
        }
        CheckRun {
            check,
            outcome: last.outcome,
            seconds,
        }
    }

    fn attempt(&self, check: &Check, beside: Beside) -> Attempt {
        let Some((suite, cases)) = self.suites.cases_of(&check.name, check.visibility) else {
            return Attempt::fault("its suite was not built".into());
        };
        let mut worst: Option<Attempt> = None;
        let mut seconds = 0.0;
        for case in cases {
            let attempt = match self.hold_beside(suite, case, beside) {
                Ok(held) => self.judged(case, &held),
                Err(error) => Attempt::fault(format!("{error:#}")),
            };
            seconds += attempt.seconds;
            let worse = |known: &Attempt| rank(&attempt.outcome) > rank(&known.outcome);
            if worst.as_ref().is_none_or(worse) {
                worst = Some(attempt);
            }
            if self.brief && worst.as_ref().is_some_and(|worst| rank(&worst.outcome) > 1) {
                break;
            }
        }
        let worst = worst.unwrap_or_else(|| Attempt::fault("the suite has no such test".into()));
        Attempt { seconds, ..worst }
    }

    fn judged(&self, case: &str, held: &Held) -> Attempt {
        let outcome = self.judge(case, &held.ended, &held.evidence, &held.notes);
        let lost = matches!(outcome, Outcome::Failed(_) | Outcome::NotRun(NotRun::Control { .. }));
        let seconds = held.ended.seconds;
        match held.starved().filter(|_| lost) {
            Some(reason) => Attempt {
                seconds,
                starved: true,
                ..Attempt::fault(reason)
            },
            None => Attempt {
                outcome,
                seconds,
                starved: false,
            },
        }
    }

    /// Runs one test in its own cell, and the programs that it starts in a jail.
    ///
    /// # Errors
    /// The disk or the cell fails us.
    pub fn hold(&self, suite: &Suite, case: &str) -> Result<Held> {
        self.hold_beside(suite, case, Beside::Others)
    }

    fn hold_beside(&self, suite: &Suite, case: &str, beside: Beside) -> Result<Held> {
        let machine = &self.isolator.machine;
        let _shared = (beside == Beside::Others).then(|| machine.read().unwrap_or_else(PoisonError::into_inner));
        let _alone = (beside == Beside::Nobody).then(|| machine.write().unwrap_or_else(PoisonError::into_inner));
        let room = self.workplace.folder("c-")?;
        let evidence = room.path().join("evidence");
        std::fs::write(&evidence, "").with_context(|| format!("cannot write {}", evidence.display()))?;
        let (mut cell, jail) = self.isolator.cell_with(
            self.slot,
            room.path(),
            self.limits.of_run(),
            &self.artifact.program,
            &self.beside,
        )?;
        cell.arg(&suite.program).args(["--exact", case, "--test-threads", "1"]);
        cell.env_clear()
            .current_dir(room.path())
            .env("TMPDIR", room.path().join(TMP));
        for kept in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(kept) {
                cell.env(kept, value);
            }
        }
        cell.env("INSTA_WORKSPACE_ROOT", self.root)
            .env("INSTA_UPDATE", "no")
            .env("INSTA_FORCE_PASS", "0");
        cell.env("WORKBOOK_SUBJECT", &self.artifact.program)
            .env("WORKBOOK_EVIDENCE", &evidence)
            .envs(jail.map(|jail| ("WORKBOOK_JAIL", jail)));
        // The harness ends a check by itself at its own wall limit; this one is for a harness that does not.
        let wall = Duration::from_secs(self.limits.check_seconds + 5);
        let own_network = self.isolator.level() == Isolation::Namespaces;
        let turn = (!own_network).then(|| self.isolator.one_network.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = process::run_unless(&mut cell, wall, &self.interrupt)?;
        drop(turn);
        Ok(Held {
            ended,
            evidence: std::fs::read_to_string(&evidence).context("cannot read the evidence")?,
            notes: Note::read_all(room.path()),
        })
    }

    fn judge(&self, case: &str, ended: &process::Ended, evidence: &str, notes: &[Note]) -> Outcome {
        if let Some(fault) = Note::fault(notes) {
            return Outcome::Inconclusive(format!("the program could not be jailed: {fault}"));
        }
        let records = match evidence::read_all(evidence) {
            Ok(records) => records,
            Err(error) => return Outcome::Inconclusive(format!("the evidence cannot be read: {error}")),
        };
        if let Some(record) = records.iter().find(|record| record.outcome == evidence::Outcome::Fault) {
            // The test needs room for its own files too; who filled it is known.
            return match Note::limits(notes).contains(&Limit::Disk) {
                true => Outcome::Failed(limits::disk_full(&self.limits)),
                false => Outcome::Inconclusive(record.reason.clone()),
            };
        }
        let lost = |record| self.lost(record, notes, ended.seconds);
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

    /// The outcome of a record that lost its check, if it did.
    fn lost(&self, record: &Record, notes: &[Note], seconds: f64) -> Option<Outcome> {
        let failure = || {
            let told = record.failure.clone().unwrap_or_default();
            let remarks = limits::remarks(&self.limits, notes, record.late, &told, seconds);
            self.failure(told, &remarks)
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

    /// What the student is told: the limits that were hit are named, the folders of this machine are not.
    fn failure(&self, told: evidence::Failure, remarks: &str) -> Failure {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let ours = [
            (self.workplace.path(), "FOLDER"),
            (self.root, "COURSE"),
            (home.as_path(), "~"),
        ];
        let scrubbed = |text: &str| sanitize::scrub_paths(text, &ours);
        Failure {
            doing: scrubbed(&told.doing),
            expected: scrubbed(&told.expected),
            received: scrubbed(&told.received) + remarks,
            chart: scrubbed(&told.chart),
            stderr: scrubbed(&told.stderr),
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

impl Attempt {
    fn fault(reason: String) -> Attempt {
        Attempt {
            outcome: Outcome::Inconclusive(reason),
            seconds: 0.0,
            starved: false,
        }
    }
}

impl Held {
    /// What the test says about a machine that was too busy for its deadline. A program that had all there is of something, or all the
    /// processor time that the cell can account for, has nobody else to blame.
    fn starved(&self) -> Option<String> {
        let computed = Note::cpu_seconds(&self.notes).unwrap_or_default();
        if !Note::limits(&self.notes).is_empty() || computed > self.ended.seconds * ITS_SHARE {
            return None;
        }
        let records = evidence::read_all(&self.evidence).ok()?;
        let mut said = records.into_iter().map(|record| record.starved);
        said.find(|starved| !starved.is_empty())
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
