//! The gradebook as JUnit XML, for CI systems, in the form that Jenkins' schema (junit-10.xsd) admits.
//!
//! One `testsuite` per submission and exercise; one `testcase` per check, and one that says whether there is a program. A check that cost
//! points is a `failure`; what is the compiler's word or our fault is an `error`; a check that did not take place is `skipped`.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{checks, sanitize};
use crate::course::Visibility;
use crate::grade::{Build, CheckRun, Grade, Gradebook, NotRun, Outcome, StudentGrades};

/// The whole gradebook; one student after the other is held in memory.
///
/// # Errors
/// Evidence cannot be read, or `out` cannot be written.
pub fn report(gradebook: &Gradebook, out: &mut dyn Write) -> Result<()> {
    let frame = frame(gradebook)?;
    let (head, foot) = frame.split_at(frame.rfind(END).context("JUnit XML without an end")?);
    out.write_all(without_skipped(head).as_bytes())?;
    for student in &gradebook.students {
        out.write_all(suites_of(&*gradebook.in_full(student)?, gradebook)?.as_bytes())?;
    }
    Ok(out.write_all(foot.as_bytes())?)
}

/// How the outermost element ends.
const END: &str = "</testsuites>";

/// The outermost element, which counts what is in it. Outcomes are enough for that.
fn frame(gradebook: &Gradebook) -> Result<String> {
    let mut frame = Report::new("workbook");
    for student in &gradebook.students {
        let counted = report_of(student, gradebook);
        frame.tests += counted.tests;
        frame.failures += counted.failures;
        frame.errors += counted.errors;
    }
    frame.to_string().context("cannot write JUnit XML")
}

/// The lines of one student's suites.
fn suites_of(student: &StudentGrades, gradebook: &Gradebook) -> Result<String> {
    let xml = report_of(student, gradebook)
        .to_string()
        .context("cannot write JUnit XML")?;
    let outermost = xml.find("<testsuites").context("JUnit XML without a beginning")?;
    let begin = xml[outermost..]
        .find('\n')
        .map_or(xml.len(), |line| outermost + line + 1);
    let end = xml.rfind(END).context("JUnit XML without an end")?;
    Ok(xml[begin..end].to_string())
}

fn report_of(student: &StudentGrades, gradebook: &Gradebook) -> Report {
    let several = gradebook.students.len() > 1;
    let mut report = Report::new("workbook");
    let suites = student
        .grades
        .iter()
        .map(|grade| suite(student, grade, gradebook, several));
    report.add_test_suites(suites);
    report
}

/// Jenkins' schema has no such attribute of the outermost element.
fn without_skipped(xml: &str) -> String {
    let Some(at) = xml.find(" skipped=\"") else {
        return xml.to_string();
    };
    let value = at + " skipped=\"".len();
    let length = xml[value..].find('"').map_or(0, |end| end + 1);
    format!("{}{}", &xml[..at], &xml[value + length..])
}

fn suite(student: &StudentGrades, grade: &Grade, gradebook: &Gradebook, several: bool) -> TestSuite {
    let name = sanitize::line(&student.student);
    let mut suite = TestSuite::new(format!("{name} {}", grade.exercise));
    // A name in front keeps the pairs of class and name apart, by which CI systems tell checks.
    let class = match several {
        true => format!("{}.{}", name.replace('.', "_"), grade.exercise),
        false => grade.exercise.clone(),
    };
    for (key, value) in properties(grade, gradebook) {
        suite.add_property((key, value.as_str()));
    }
    suite.add_test_case(built(grade, &class));
    for run in &grade.checks {
        suite.add_test_case(case(run, grade, &class));
    }
    let seconds: f64 = grade.checks.iter().map(|run| run.seconds).sum();
    suite.set_time(duration(seconds));
    suite
}

fn properties(grade: &Grade, gradebook: &Gradebook) -> Vec<(&'static str, String)> {
    let looks_like: Vec<String> = grade
        .diagnoses
        .iter()
        .map(|known| sanitize::line(&known.feedback))
        .collect();
    let mut properties = vec![
        ("points", grade.points().to_string()),
        ("of", grade.of().to_string()),
        ("isolation", grade.isolation.to_string()),
        ("toolchain", sanitize::line(&gradebook.toolchain)),
        ("digest", grade.digest.clone()),
    ];
    properties.extend(looks_like.into_iter().map(|sentence| ("looks like", sentence)));
    properties
}

/// Whether there is a program.
fn built(grade: &Grade, class: &str) -> TestCase {
    let (kind, reason, details) = match &grade.build {
        Build::Built { seconds } => {
            let mut case = TestCase::new("there_is_a_program", TestCaseStatus::success());
            case.set_classname(format!("{class}::build"))
                .set_time(duration(*seconds));
            return case;
        }
        Build::Missing => ("missing", "nothing was handed in for this exercise".to_string(), ""),
        Build::Rejected { reason, diagnostics } => ("rejected", sanitize::line(reason), diagnostics.as_str()),
        Build::Inconclusive(reason) => ("inconclusive", sanitize::line(reason), ""),
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind).set_message(reason);
    status.set_description(sanitize::text(details));
    let mut case = TestCase::new("there_is_a_program", status);
    case.set_classname(format!("{class}::build"));
    case
}

fn case(run: &CheckRun, grade: &Grade, class: &str) -> TestCase {
    let status = match &run.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed(_) => failed("failed", run, grade),
        Outcome::NotRun(NotRun::Control { .. }) => failed("not_run_control", run, grade),
        Outcome::NotRun(NotRun::Here(reason)) => skipped(&format!("not run here: {}", sanitize::line(reason))),
        Outcome::NotRun(NotRun::NoProgram) => skipped("there is no program to check"),
        Outcome::Inconclusive(reason) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("inconclusive");
            status.set_message(format!("the grader's fault: {}", sanitize::line(reason)));
            status
        }
    };
    let group = match run.check.visibility {
        Visibility::Public => "public",
        Visibility::Hidden => "hidden",
    };
    let mut case = TestCase::new(run.check.name.as_str(), status);
    case.set_classname(format!("{class}::{group}"))
        .set_time(duration(run.seconds));
    case
}

fn failed(kind: &str, run: &CheckRun, grade: &Grade) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(checks::why_lost(run));
    status.set_description(checks::in_full(run, grade));
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
