//! HTML: one page per student that loads nothing from elsewhere and runs nothing. Its looks are `templates/`.
//!
//! The template engine escapes every value; besides, a content security policy forbids scripts, frames, images and connections, so that
//! even a hole in that would show text only.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use super::format::Setting;
use super::{checks, sanitize};
use crate::course::Visibility;
use crate::grade::{Build, CheckRun, Failure, Grade, Gradebook, NotRun, Outcome, StudentGrades};

static TEMPLATES: LazyLock<Environment> = LazyLock::new(|| {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("these settings go together"));
    for (name, source) in [
        ("page.html", include_str!("templates/page.html")),
        ("student.html", include_str!("templates/student.html")),
        ("class.html", include_str!("templates/class.html")),
        ("style.css", include_str!("templates/style.css")),
    ] {
        environment.add_template(name, source).expect("templates are tested");
    }
    environment
});

/// A page from one of the templates.
pub(super) fn render(template: &str, page: impl Serialize) -> Result<String> {
    let template = TEMPLATES.get_template(template).context("no such template")?;
    template.render(Serde(page)).context("cannot render a page")
}

#[derive(Serialize)]
struct Page {
    title: String,
    name: String,
    score: String,
    points: u32,
    of: u32,
    toolchain: String,
    isolation: String,
    handed_in: String,
    notes: Vec<String>,
    exercises: Vec<Exercise>,
    book: String,
}

#[derive(Serialize)]
struct Exercise {
    name: String,
    title: String,
    score: String,
    points: u32,
    of: u32,
    build: String,
    diagnostics: String,
    diagnoses: Vec<String>,
    left_out: String,
    checks: Vec<Check>,
    lost: Vec<Lost>,
}

#[derive(Serialize)]
struct Check {
    id: String,
    sentence: String,
    sign: char,
    outcome: &'static str,
    points: String,
    hidden: bool,
    /// Whether there is a [`Lost`] to jump to.
    explained: bool,
}

#[derive(Serialize)]
struct Lost {
    id: String,
    sentence: String,
    not_run: String,
    quotations: Vec<(&'static str, String)>,
    chart: String,
    stderr: String,
    about: String,
    think: String,
    read: String,
    address: String,
}

/// The page of one student.
///
/// # Errors
/// A template has a mistake.
pub fn student(student: &StudentGrades, gradebook: &Gradebook, setting: &Setting) -> Result<String> {
    let name = sanitize::line(&student.student);
    let inconclusive = student.grades.iter().any(Grade::is_inconclusive);
    let page = Page {
        title: format!("Report for {name}"),
        name,
        score: checks::score(student.points(), student.of(), inconclusive),
        points: student.points(),
        of: student.of(),
        toolchain: sanitize::line(&gradebook.toolchain),
        isolation: student.isolation(),
        handed_in: checks::lateness(student).join(" "),
        notes: student.notes.iter().map(|note| sanitize::line(&note.0)).collect(),
        exercises: student.grades.iter().map(|grade| exercise(grade, setting)).collect(),
        book: setting.book.clone(),
    };
    render("student.html", page)
}

fn exercise(grade: &Grade, setting: &Setting) -> Exercise {
    let (build, diagnostics) = build(grade);
    let lost = grade.checks.iter().filter(|run| checks::is_lost(run));
    Exercise {
        name: grade.exercise.clone(),
        title: sanitize::line(&grade.title),
        score: checks::score(grade.points(), grade.of(), grade.is_inconclusive()),
        points: grade.points(),
        of: grade.of(),
        build,
        diagnostics,
        diagnoses: grade
            .diagnoses
            .iter()
            .map(|known| sanitize::line(&known.feedback))
            .collect(),
        left_out: checks::left_out(grade).split_whitespace().collect::<Vec<_>>().join(" "),
        checks: grade.checks.iter().map(check).collect(),
        lost: lost.map(|run| in_full(run, setting)).collect(),
    }
}

fn build(grade: &Grade) -> (String, String) {
    match &grade.build {
        Build::Built { .. } => (String::new(), String::new()),
        Build::Missing => ("Nothing was handed in for this exercise.".into(), String::new()),
        Build::Inconclusive(reason) => {
            let reason = sanitize::line(reason);
            let said = format!("The compiler could not be run. This is the grader's fault, not yours: {reason}");
            (said, String::new())
        }
        Build::Rejected { reason, diagnostics } => {
            let said = format!("No program was made: {}", sanitize::line(reason));
            (said, sanitize::text(diagnostics).trim_matches('\n').to_string())
        }
    }
}

fn check(run: &CheckRun) -> Check {
    let (sign, points) = checks::sign_and_points(run);
    Check {
        id: run.check.id.clone(),
        sentence: checks::sentence(&run.check.name),
        sign,
        outcome: match &run.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed(_) => "failed",
            Outcome::NotRun(NotRun::Here(_)) => "not run here",
            Outcome::NotRun(_) => "not run",
            Outcome::Inconclusive(_) => "inconclusive",
        },
        points,
        hidden: run.check.visibility == Visibility::Hidden,
        explained: checks::is_lost(run),
    }
}

fn in_full(run: &CheckRun, setting: &Setting) -> Lost {
    let nothing = Failure::default();
    let (failure, not_run) = match &run.outcome {
        Outcome::Failed(failure) => (failure, String::new()),
        Outcome::NotRun(NotRun::Control { fix_first, failure }) => {
            let first = checks::sentence(fix_first);
            (failure, format!("{} Fix first: {first}.", checks::NOT_RUN_CONTROL))
        }
        _ => (&nothing, String::new()),
    };
    let quotation = |name, text: &str| (name, sanitize::text(text).trim_end().to_string());
    let quotations = [
        quotation("While", &failure.doing),
        quotation("Expected", &failure.expected),
        quotation("Received", &failure.received),
    ];
    Lost {
        id: run.check.id.clone(),
        sentence: checks::sentence(&run.check.name),
        not_run,
        quotations: quotations.into_iter().filter(|(_, text)| !text.is_empty()).collect(),
        chart: sanitize::text(&failure.chart).trim_matches('\n').to_string(),
        stderr: sanitize::text(&failure.stderr).trim_matches('\n').to_string(),
        about: sanitize::line(&run.check.concept),
        think: sanitize::line(&run.check.feedback),
        read: run.check.book.clone(),
        address: setting.in_book(&run.check.book),
    }
}
