//! Made-up ledgers of any size, to report about a class without grading it: the same numbers give the same grades.
//!
//! A grade is about as large as a real one: a third of the checks failed, each with a chart.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use grader::basis::Basis;
use grader::course::{Check, Course, Exercise};
use grader::grade::{Build, CheckRun, Failure, Grade, Gradebook, NotRun, Outcome, StudentGrades};
use grader::isolation::Isolation;
use grader::ledger::{Class, Ledger};

/// Issues a gradebook of `students` × these exercises in `out`; a failed check has `evidence` bytes.
///
/// # Errors
/// `out` cannot be written.
pub fn write(out: &Path, exercises: &[&Exercise], students: usize, evidence: usize) -> Result<()> {
    std::fs::create_dir_all(out)?;
    let (mut ledger, _) = Ledger::open(out)?;
    let chart = chart(evidence);
    let mut gradebook = Gradebook {
        isolation: Isolation::Namespaces.to_string(),
        toolchain: "rustc 1.95.0".into(),
        exercises: exercises
            .iter()
            .map(|exercise| (exercise.name.clone(), exercise.rubric.title.clone()))
            .collect(),
        ..Gradebook::default()
    };
    for student in 0..students {
        let mut grades = Vec::new();
        for (at, exercise) in exercises.iter().enumerate() {
            let made = grade(exercise, student * 31 + at, &chart);
            ledger.add(&made)?;
            grades.push(made.without_evidence());
        }
        gradebook.students.push(StudentGrades {
            student: format!("s{student:04}"),
            grades,
            ..StudentGrades::default()
        });
    }
    ledger.issue(&gradebook, &Class::default())
}

/// All exercises of a course.
pub fn exercises(course: &Course) -> Vec<&Exercise> {
    course.exercises.iter().collect()
}

fn grade(exercise: &Exercise, number: usize, chart: &str) -> Grade {
    let (basis, level) = (Arc::new(Basis::default()), Isolation::Namespaces);
    let (digest, checks) = (format!("{number:064x}"), exercise.available_checks());
    if number.is_multiple_of(12) {
        let build = Build::Rejected {
            reason: "does not compile: E0308 mismatched types (src/lib.rs:12)".into(),
            diagnostics: chart.into(),
        };
        return Grade::without_program(exercise, basis, level, digest, build, checks);
    }
    let run = |(at, check): (usize, Arc<Check>)| CheckRun {
        outcome: outcome(number + at, &check, chart),
        check,
        seconds: 0.25,
    };
    Grade {
        exercise: exercise.name.clone(),
        title: exercise.rubric.title.clone(),
        digest,
        basis,
        isolation: level,
        checks: checks.into_iter().enumerate().map(run).collect(),
        build: Build::Built { seconds: 0.4 },
        diagnoses: Vec::new(),
    }
}

fn outcome(number: usize, check: &Check, chart: &str) -> Outcome {
    let failure = || Failure {
        doing: "waiting for the end of the stream".into(),
        expected: "end of stream (the server closes the connection)".into(),
        received: "nothing for 3.0 s; the connection is still open".into(),
        chart: chart.into(),
        stderr: "thread 'main' panicked at src/lib.rs:12:5".into(),
    };
    match number % 9 {
        0 | 1 => Outcome::Failed(failure()),
        2 => Outcome::NotRun(NotRun::Control {
            fix_first: check.name.clone(),
            failure: failure(),
        }),
        _ => Outcome::Passed,
    }
}

/// A sequence chart of about so many bytes.
fn chart(bytes: usize) -> String {
    let line = "0.012   ├── connect ─────▶│ accept                   │ 127.0.0.1:40312\n";
    line.repeat(bytes / line.len())
}
