//! One exercise's result in the form that GitHub Classroom's reporter reads (in base64, from an environment variable).
//!
//! Its readers add up points in two ways, from `max_score` and from the tests; both give the same number here.

use anyhow::{Result, bail};
use serde::Serialize;

use super::checks;
use crate::grade::{Build, CheckRun, Grade, Outcome, StudentGrades};

#[derive(Serialize)]
struct Results {
    version: u32,
    status: &'static str,
    max_score: u32,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    status: &'static str,
    score: u32,
    max_score: u32,
    message: String,
    line_no: u32,
    test_code: String,
}

/// JSON on one line.
///
/// # Errors
/// There is more than one exercise: a result is about one.
pub fn results(student: &StudentGrades) -> Result<String> {
    let [grade] = student.grades.as_slice() else {
        bail!(
            "this format is about one exercise, and here are {}; name one, as in `grader ex01 --format classroom`",
            student.grades.len()
        );
    };
    let tests: Vec<Test> = grade.checks.iter().map(test).collect();
    let results = Results {
        version: 1,
        status: status(grade),
        max_score: grade.of(),
        tests,
    };
    Ok(serde_json::to_string(&results)? + "\n")
}

fn status(grade: &Grade) -> &'static str {
    match &grade.build {
        _ if grade.is_inconclusive() => "error",
        Build::Built { .. } if grade.points() == grade.of() => "pass",
        _ => "fail",
    }
}

fn test(run: &CheckRun) -> Test {
    Test {
        name: format!("{} {}", run.check.id, checks::sentence(&run.check.name)),
        status: match &run.outcome {
            Outcome::Passed => "pass",
            Outcome::Inconclusive(_) => "error",
            _ => "fail",
        },
        score: run.points(),
        max_score: run.of(),
        // All of it goes through an environment variable, which holds 128 KiB.
        message: match checks::is_lost(run) {
            true => checks::why_lost(run),
            false => checks::why_without_points(run),
        },
        line_no: 0,
        test_code: String::new(),
    }
}
