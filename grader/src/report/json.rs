//! The gradebook as JSON, version 1: `schema/gradebook-1.schema.json` describes every field.
//!
//! Fields are only ever added to a version with care: the schema admits no field that it does not name.

use std::borrow::Cow;
use std::io::Write;

use anyhow::Result;
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};

use super::sanitize;
use crate::course::Visibility;
use crate::grade::{self, CheckRun, Grade, NotRun, StudentGrades};
use crate::ledger::Key;

/// How much a document says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What was decided: the same whenever the same is graded again.
    Decided,
    /// Also what was seen: times, failures and compilers' words, which differ from run to run.
    Seen,
}

/// The whole gradebook, indented, with a newline at its end; one student after the other is held in memory.
///
/// # Errors
/// Evidence cannot be read, or `out` cannot be written.
pub fn gradebook(gradebook: &grade::Gradebook, out: &mut dyn Write) -> Result<()> {
    document(gradebook, Detail::Seen, out)
}

/// The gradebook without what differs from run to run: two runs over the same class give the same bytes.
///
/// # Errors
/// `out` cannot be written.
pub fn decisions(gradebook: &grade::Gradebook, out: &mut dyn Write) -> Result<()> {
    document(gradebook, Detail::Decided, out)
}

fn document(gradebook: &grade::Gradebook, detail: Detail, out: &mut dyn Write) -> Result<()> {
    let document = Gradebook {
        version: 1,
        exercises: gradebook
            .exercises
            .iter()
            .map(|(name, title)| Exercise { name, title })
            .collect(),
        machine: Machine {
            isolation: sanitize::line(&gradebook.isolation),
            toolchain: sanitize::line(&gradebook.toolchain),
        },
        inconclusive: gradebook.is_inconclusive(),
        submissions: Submissions { gradebook, detail },
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    Ok(out.write_all(b"\n")?)
}

#[derive(Serialize)]
struct Gradebook<'g> {
    version: u32,
    exercises: Vec<Exercise<'g>>,
    machine: Machine,
    inconclusive: bool,
    submissions: Submissions<'g>,
}

/// Everybody's, each made when it is its turn.
struct Submissions<'g> {
    gradebook: &'g grade::Gradebook,
    detail: Detail,
}

impl Serialize for Submissions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let students = &self.gradebook.students;
        let mut all = serializer.serialize_seq(Some(students.len()))?;
        for student in students {
            let student = match self.detail {
                Detail::Decided => Cow::Borrowed(student),
                Detail::Seen => self.gradebook.in_full(student).map_err(S::Error::custom)?,
            };
            all.serialize_element(&submission(&student, self.detail))?;
        }
        all.end()
    }
}

#[derive(Serialize)]
struct Exercise<'g> {
    name: &'g str,
    title: &'g str,
}

#[derive(Serialize)]
struct Machine {
    isolation: String,
    toolchain: String,
}

#[derive(Serialize)]
struct Submission<'g> {
    student: String,
    submitted: Option<String>,
    points: u32,
    of: u32,
    lateness: Vec<Lateness<'g>>,
    notes: Vec<String>,
    grades: Vec<GradeOf<'g>>,
}

#[derive(Serialize)]
struct Lateness<'g> {
    exercise: &'g str,
    due: String,
    days: u32,
    free_days: u32,
    percent: u32,
}

#[derive(Serialize)]
struct GradeOf<'g> {
    exercise: &'g str,
    key: Key,
    digest: &'g str,
    isolation: String,
    points: u32,
    of: u32,
    inconclusive: bool,
    build: Build,
    checks: Vec<Check<'g>>,
    diagnoses: Vec<Diagnosis<'g>>,
}

#[derive(Serialize)]
struct Diagnosis<'g> {
    misconception: &'g str,
    feedback: &'g str,
    likeness: f64,
}

#[derive(Serialize)]
struct Build {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<String>,
}

#[derive(Serialize)]
struct Check<'g> {
    id: &'g str,
    name: &'g str,
    visibility: &'static str,
    points: u32,
    of: u32,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// `Some(None)` is the null of a check that did not fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Option<Failure>>,
    reason: String,
    fix_first: &'g str,
}

#[derive(Serialize)]
struct Failure {
    doing: String,
    expected: String,
    received: String,
    chart: String,
    stderr: String,
}

fn submission(student: &StudentGrades, detail: Detail) -> Submission<'_> {
    Submission {
        student: sanitize::line(&student.student),
        submitted: student.submitted.map(|time| time.to_string()),
        lateness: student.lateness.iter().map(lateness).collect(),
        points: student.points(),
        of: student.of(),
        notes: student.notes.iter().map(|note| sanitize::line(&note.0)).collect(),
        grades: student.grades.iter().map(|grade| grade_of(grade, detail)).collect(),
    }
}

fn lateness(lateness: &grade::Lateness) -> Lateness<'_> {
    Lateness {
        exercise: &lateness.exercise,
        due: lateness.due.to_string(),
        days: lateness.days,
        free_days: lateness.free_days,
        percent: lateness.percent,
    }
}

fn grade_of(grade: &Grade, detail: Detail) -> GradeOf<'_> {
    GradeOf {
        exercise: &grade.exercise,
        key: Key::of(grade),
        digest: &grade.digest,
        isolation: grade.isolation.to_string(),
        points: grade.points(),
        of: grade.of(),
        inconclusive: grade.is_inconclusive(),
        build: build(&grade.build, detail),
        checks: grade.checks.iter().map(|run| check(run, detail)).collect(),
        diagnoses: grade.diagnoses.iter().map(diagnosis).collect(),
    }
}

fn build(build: &grade::Build, detail: Detail) -> Build {
    let (outcome, seconds, reason, diagnostics) = match build {
        grade::Build::Missing => ("missing", 0.0, "", ""),
        grade::Build::Built { seconds } => ("built", *seconds, "", ""),
        grade::Build::Rejected { reason, diagnostics } => ("rejected", 0.0, reason.as_str(), diagnostics.as_str()),
        grade::Build::Inconclusive(reason) => ("inconclusive", 0.0, reason.as_str(), ""),
    };
    Build {
        outcome,
        seconds: seen(detail, || finite(seconds)),
        reason: sanitize::line(reason),
        diagnostics: seen(detail, || sanitize::text(diagnostics)),
    }
}

fn diagnosis(diagnosis: &crate::diagnosis::Diagnosis) -> Diagnosis<'_> {
    Diagnosis {
        misconception: &diagnosis.misconception,
        feedback: &diagnosis.feedback,
        likeness: (diagnosis.likeness * 100.0).round() / 100.0,
    }
}

fn check(run: &CheckRun, detail: Detail) -> Check<'_> {
    let mut check = Check {
        id: &run.check.id,
        name: &run.check.name,
        visibility: match run.check.visibility {
            Visibility::Public => "public",
            Visibility::Hidden => "hidden",
        },
        points: run.points(),
        of: run.of(),
        outcome: "passed",
        seconds: seen(detail, || finite(run.seconds)),
        failure: seen(detail, || None),
        reason: String::new(),
        fix_first: "",
    };
    match &run.outcome {
        grade::Outcome::Passed => {}
        grade::Outcome::Failed(failed) => {
            (check.outcome, check.failure) = ("failed", seen(detail, || Some(failure(failed))));
        }
        grade::Outcome::NotRun(NotRun::Here(reason)) => {
            (check.outcome, check.reason) = ("not_run_here", sanitize::line(reason));
        }
        grade::Outcome::NotRun(NotRun::Control {
            fix_first,
            failure: failed,
        }) => {
            (check.outcome, check.failure) = ("not_run_control", seen(detail, || Some(failure(failed))));
            check.fix_first = fix_first;
        }
        grade::Outcome::NotRun(NotRun::NoProgram) => check.outcome = "not_run_no_program",
        grade::Outcome::Inconclusive(reason) => {
            (check.outcome, check.reason) = ("inconclusive", sanitize::line(reason));
        }
    }
    check
}

/// What belongs only into a document that says what was seen.
fn seen<T>(detail: Detail, what: impl FnOnce() -> T) -> Option<T> {
    (detail == Detail::Seen).then(what)
}

fn failure(failure: &grade::Failure) -> Failure {
    Failure {
        doing: sanitize::text(&failure.doing),
        expected: sanitize::text(&failure.expected),
        received: sanitize::text(&failure.received),
        chart: sanitize::text(&failure.chart),
        stderr: sanitize::text(&failure.stderr),
    }
}

/// JSON knows neither NaN nor infinity, and nobody can use twelve decimals of a second.
fn finite(seconds: f64) -> f64 {
    if seconds.is_finite() {
        (seconds.max(0.0) * 1e6).round() / 1e6
    } else {
        0.0
    }
}
