//! One submission's `results.json` for Gradescope: `schema/gradescope-results.schema.json` describes it.
//!
//! Gradescope wants one number of a fixed total. Checks that this machine cannot run leave ours, so the score is scaled to the points of
//! the whole rubric; `grade.rs` does that. Every text is of format `text`: Gradescope's default is HTML.

use serde::Serialize;
use serde_json::{Value, json};

use super::format::{Setting, Shown};
use super::{checks, sanitize, student};
use crate::course::Visibility;
use crate::grade::{CheckRun, Grade, Gradebook, Outcome, StudentGrades};

#[derive(Serialize)]
struct Results {
    /// None when nothing is known: Gradescope then says that the autograder failed, instead of 0 points.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    output: String,
    output_format: &'static str,
    test_output_format: &'static str,
    test_name_format: &'static str,
    stdout_visibility: Shown,
    tests: Vec<Test>,
    extra_data: Value,
}

#[derive(Serialize)]
struct Test {
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u32>,
    max_score: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    name: String,
    number: String,
    output: String,
    tags: Vec<String>,
    visibility: Shown,
}

/// The whole file, with a newline at its end.
pub fn results(student: &StudentGrades, gradebook: &Gradebook, setting: &Setting) -> String {
    let several = student.grades.len() > 1;
    let runs = student
        .grades
        .iter()
        .flat_map(|grade| grade.checks.iter().map(move |run| (grade, run)));
    let results = Results {
        score: student.scaled_points(),
        output: summary(student),
        output_format: "text",
        test_output_format: "text",
        test_name_format: "text",
        stdout_visibility: Shown::Hidden,
        tests: runs
            .map(|(grade, run)| test(run, grade, several, setting.hidden))
            .collect(),
        extra_data: json!({
            "isolation": student.isolation(),
            "toolchain": sanitize::line(&gradebook.toolchain),
            "digests": student.grades.iter().map(|grade| (grade.exercise.clone(), grade.digest.clone())).collect::<std::collections::BTreeMap<_, _>>(),
            "points": student.points(),
            "of": student.of(),
            "inconclusive": student.grades.iter().any(Grade::is_inconclusive),
        }),
    };
    let text = serde_json::to_string_pretty(&results).expect("strings and finite numbers are always JSON");
    text + "\n"
}

/// What is said above the checks. Points of hidden checks are not in it: whoever may not see those yet reads this.
fn summary(student: &StudentGrades) -> String {
    let mut text = String::new();
    for grade in &student.grades {
        text.push_str(&format!("{}  {}\n", grade.exercise, sanitize::line(&grade.title)));
        text.push_str(&checks::build(grade));
        text.push_str(&checks::diagnoses(grade));
        text.push_str(&checks::left_out(grade));
    }
    text.push_str(&student::notes(student));
    if student.grades.iter().any(Grade::is_inconclusive) {
        text.push_str(
            "\nThis is not final: the grader, not the program, failed in some checks. Ask your instructor to run it again.\n",
        );
    }
    text
}

fn test(run: &CheckRun, grade: &Grade, several: bool, hidden: Shown) -> Test {
    let status = match (&run.outcome, run.of()) {
        (Outcome::Passed, _) => Some("passed"),
        (_, 0) => None,
        _ => Some("failed"),
    };
    Test {
        score: (!matches!(run.outcome, Outcome::Inconclusive(_))).then(|| run.points()),
        max_score: run.of(),
        status,
        name: checks::sentence(&run.check.name),
        number: match several {
            true => format!("{} {}", grade.exercise, run.check.id),
            false => run.check.id.clone(),
        },
        output: output(run, grade),
        tags: vec![grade.exercise.clone()],
        visibility: match run.check.visibility {
            Visibility::Public => Shown::Visible,
            Visibility::Hidden => hidden,
        },
    }
}

fn output(run: &CheckRun, grade: &Grade) -> String {
    match checks::is_lost(run) {
        true => checks::in_full(run, grade),
        false => checks::why_without_points(run),
    }
}
