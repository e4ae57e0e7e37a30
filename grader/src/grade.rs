//! What grading finds: outcomes of checks, the grade of one exercise, and the gradebook that every report renders.
//! Points are computed from outcomes here and nowhere stored. All of it can be written down and read back: see [`crate::ledger`].

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::Result;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::basis::Basis;
use crate::course::{Check, Exercise};
use crate::diagnosis::Diagnosis;
use crate::isolation::Isolation;
use crate::ledger::Evidence;
use crate::submission::Note;

/// How one check ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The suite ended with success and left evidence that names this artifact and at least one step.
    Passed,
    /// The program did something else than the check asks for.
    Failed(Failure),
    /// The check did not take place.
    NotRun(NotRun),
    /// Our fault, not the student's: shown blank, never scored 0, and the grader then exits 3.
    Inconclusive(String),
}

/// Why a check did not take place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NotRun {
    /// This machine lacks what the check needs (a tool, tracing). It leaves the denominator.
    Here(String),
    /// The same session without the fault failed already: the named check is the one to fix first. Earns nothing.
    Control {
        /// Name of the check to fix first.
        fix_first: String,
        /// What the undisturbed session ran into.
        failure: Failure,
    },
    /// There is no program to check: nothing handed in, or it does not compile. Earns nothing.
    NoProgram,
}

/// What a failed check tells the student.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Failure {
    /// What the test was doing, e.g. "waiting for the end of the stream".
    pub doing: String,
    /// What the check asks for.
    pub expected: String,
    /// What came instead.
    pub received: String,
    /// The conversation so far as a text sequence chart; may be empty.
    pub chart: String,
    /// The last lines that the program wrote to its standard error; may be empty.
    pub stderr: String,
}

/// One check as it was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckRun {
    /// The check, as the rubric has it; shared, because a class has it thousands of times.
    pub check: Arc<Check>,
    /// How it ended.
    pub outcome: Outcome,
    /// Wall time in seconds, all cases together.
    pub seconds: f64,
}

impl CheckRun {
    /// Points earned: all of the check's points when it passed, else none.
    pub fn points(&self) -> u32 {
        if self.outcome == Outcome::Passed {
            self.check.points
        } else {
            0
        }
    }

    /// Points that could be earned here: 0 when this machine cannot run the check, or when we failed to.
    pub fn of(&self) -> u32 {
        match self.outcome {
            Outcome::NotRun(NotRun::Here(_)) | Outcome::Inconclusive(_) => 0,
            _ => self.check.points,
        }
    }
}

/// What became of the student's files for one exercise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Build {
    /// There was nothing for this exercise in the submission.
    Missing,
    /// A program was made.
    Built {
        /// Wall time in seconds.
        seconds: f64,
    },
    /// The compiler refused it, or a limit of the build was hit: the student's fault.
    Rejected {
        /// One sentence, e.g. "does not compile: E0308 mismatched types (src/lib.rs:12)".
        reason: String,
        /// What the compiler said, capped, stripped of control characters, with no path of this machine.
        diagnostics: String,
    },
    /// Our fault: the compiler could not be run.
    Inconclusive(String),
}

/// One submission's work on one exercise, graded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// Package name, e.g. `ex01`.
    pub exercise: String,
    /// Title of the exercise.
    pub title: String,
    /// SHA-256 of the accepted files, hex; empty when nothing was handed in.
    pub digest: String,
    /// What decided it besides those files: the course, the grader, the compiler.
    pub basis: Arc<Basis>,
    /// How programs were kept apart when it was graded: gradebooks that are put together may differ in it.
    pub isolation: Isolation,
    /// What became of the files.
    pub build: Build,
    /// One entry per check of the rubric that was asked for, in the rubric's order.
    pub checks: Vec<CheckRun>,
    /// The known misconceptions that explain what was lost, the likeliest first; mostly none or one.
    pub diagnoses: Vec<Diagnosis>,
}

impl Grade {
    /// Points earned.
    pub fn points(&self) -> u32 {
        self.checks.iter().map(CheckRun::points).sum()
    }

    /// Points that could be earned on this machine.
    pub fn of(&self) -> u32 {
        self.checks.iter().map(CheckRun::of).sum()
    }

    /// Whether something in it is our fault, so that the number is not to be trusted yet.
    pub fn is_inconclusive(&self) -> bool {
        matches!(self.build, Build::Inconclusive(_))
            || self
                .checks
                .iter()
                .any(|run| matches!(run.outcome, Outcome::Inconclusive(_)))
    }

    /// What went wrong, in about three words, for a table cell; empty when nothing did.
    pub fn in_three_words(&self) -> String {
        match &self.build {
            Build::Missing => return "not handed in".into(),
            Build::Rejected { reason, .. } => return reason.split(':').next().unwrap_or("rejected").to_string(),
            Build::Inconclusive(_) => return "grader's fault".into(),
            Build::Built { .. } => {}
        }
        if self.is_inconclusive() {
            return "grader's fault".into();
        }
        let lost = self.checks.iter().filter(|run| run.points() < run.of()).count();
        match lost {
            0 => String::new(),
            n if n == self.checks.len() => format!("all {n} failed"),
            1 => "1 check failed".into(),
            n => format!("{n} checks failed"),
        }
    }

    /// The same without what was seen: failures and compilers' words are most of a grade's bytes, and a table needs none of them.
    #[must_use]
    pub fn without_evidence(mut self) -> Grade {
        for run in &mut self.checks {
            if let Outcome::Failed(failure) | Outcome::NotRun(NotRun::Control { failure, .. }) = &mut run.outcome {
                *failure = Failure::default();
            }
        }
        if let Build::Rejected { diagnostics, .. } = &mut self.build {
            *diagnostics = String::new();
        }
        self
    }

    /// A grade without any program: every check earns nothing.
    pub fn without_program(
        exercise: &Exercise,
        basis: Arc<Basis>,
        isolation: Isolation,
        digest: String,
        build: Build,
        checks: Vec<Arc<Check>>,
    ) -> Grade {
        let inconclusive = match &build {
            Build::Inconclusive(reason) => Some(reason.clone()),
            _ => None,
        };
        let outcome = match inconclusive {
            Some(reason) => Outcome::Inconclusive(reason),
            None => Outcome::NotRun(NotRun::NoProgram),
        };
        let checks = checks
            .into_iter()
            .map(|check| CheckRun {
                check,
                outcome: outcome.clone(),
                seconds: 0.0,
            })
            .collect();
        Grade {
            exercise: exercise.name.clone(),
            title: exercise.rubric.title.clone(),
            digest,
            basis,
            isolation,
            build,
            checks,
            diagnoses: Vec::new(),
        }
    }
}

/// What handing in late costs on one exercise. It is a column of its own: points are what the checks say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// Package name, e.g. `ex01`.
    pub exercise: String,
    /// Until when it was due, grace not counted.
    pub due: Timestamp,
    /// Begun days after that; 0 within the grace.
    pub days: u32,
    /// How many of them the student's free late days pay for.
    pub free_days: u32,
    /// What the others cost, in percent of the points earned.
    pub percent: u32,
}

/// One student's grades.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StudentGrades {
    /// The name in the roster, or else of the folder or archive.
    pub student: String,
    /// When it was handed in, as far as anything says so.
    pub submitted: Option<Timestamp>,
    /// One per exercise that has a deadline, in the course's order; empty when nothing says when it was handed in.
    pub lateness: Vec<Lateness>,
    /// What intake repaired, ignored or refused.
    pub notes: Vec<Note>,
    /// One per exercise that was asked for, in the course's order.
    pub grades: Vec<Grade>,
}

impl StudentGrades {
    /// Points earned over all exercises.
    pub fn points(&self) -> u32 {
        self.grades.iter().map(Grade::points).sum()
    }

    /// Points that could be earned here over all exercises.
    pub fn of(&self) -> u32 {
        self.grades.iter().map(Grade::of).sum()
    }

    /// For platforms whose total is fixed: the points as a share of the whole rubric, when this machine could not run all of it. While
    /// something is inconclusive they are the points so far, and `None` when nothing could be earned at all.
    pub fn scaled_points(&self) -> Option<f64> {
        let runs = || self.grades.iter().flat_map(|grade| &grade.checks);
        let whole: u32 = runs().map(|run| run.check.points).sum();
        let (points, of) = (f64::from(self.points()), self.of());
        if self.grades.iter().any(Grade::is_inconclusive) {
            return (of > 0).then_some(points);
        }
        (of > 0).then(|| (points * f64::from(whole) / f64::from(of) * 100.0).round() / 100.0)
    }

    /// `L3 namespaces`; where grades differ, each level with its exercises: `L3 namespaces (ex01), L1 same user (ex02)`.
    pub fn isolation(&self) -> String {
        let mut levels: Vec<Isolation> = self.grades.iter().map(|grade| grade.isolation).collect();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.dedup();
        if let [one] = levels[..] {
            return one.to_string();
        }
        let with_exercises = levels.iter().map(|level| {
            let of_level = self.grades.iter().filter(|grade| grade.isolation == *level);
            let exercises: Vec<&str> = of_level.map(|grade| grade.exercise.as_str()).collect();
            format!("{level} ({})", exercises.join(" "))
        });
        with_exercises.collect::<Vec<_>>().join(", ")
    }
}

/// Everything a report needs to know about one grading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gradebook {
    /// Isolation level of the machine that wrote this, in words, e.g. "L0 none". Every grade has its own.
    pub isolation: String,
    /// Version line of the compiler, e.g. "rustc 1.95.0".
    pub toolchain: String,
    /// Exercises graded: name and title, in the course's order.
    pub exercises: Vec<(String, String)>,
    /// One per submission, in name order.
    pub students: Vec<StudentGrades>,
    /// Where failures and compilers' words are.
    pub evidence: Evidence,
}

impl Gradebook {
    /// One of its students with all evidence: for reports that show more than outcomes.
    ///
    /// # Errors
    /// The evidence cannot be read.
    pub fn in_full<'g>(&self, student: &'g StudentGrades) -> Result<Cow<'g, StudentGrades>> {
        self.evidence.added_to(student)
    }

    /// Whether anything in it is our fault.
    pub fn is_inconclusive(&self) -> bool {
        self.students.iter().flat_map(|s| &s.grades).any(Grade::is_inconclusive)
    }
}
