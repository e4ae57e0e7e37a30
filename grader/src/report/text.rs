//! Text for the terminal: the table of a class, and the report on one's own tree. Plain characters, no colour.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use super::{checks, sanitize, student};
use crate::grade::{Build, CheckRun, Grade, Gradebook, NotRun, Outcome, StudentGrades};

/// One table, student × exercise, and below it whatever a reader has to know to trust it.
pub fn class_table(gradebook: &Gradebook) -> String {
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut text = format!(
        "{}, {} · isolation {} · {}\n\n",
        counted(gradebook.students.len(), "submission"),
        counted(gradebook.exercises.len(), "exercise"),
        sanitize::line(&gradebook.isolation),
        sanitize::line(&gradebook.toolchain)
    );
    text.push_str(&table::render(gradebook));
    text.push_str(&legend(gradebook));
    text.push_str(&not_run_here(&gradebook.students));
    text.push_str(&inconclusive(&gradebook.students));
    text.push_str(&with_notes(gradebook));
    text
}

/// One's own tree: per exercise every check in a line, the first failure in full, the others in short; the total last.
pub fn own_tree(student: &StudentGrades, gradebook: &Gradebook) -> String {
    let mut text = String::new();
    for grade in &student.grades {
        text.push_str(&own_exercise(grade));
        text.push('\n');
    }
    let notes = student::notes(student);
    if !notes.is_empty() {
        text.push_str(&format!("{}\n", notes.trim_start()));
    }
    let only = std::slice::from_ref(student);
    for left_out in [not_run_here(only), inconclusive(only)] {
        if !left_out.is_empty() {
            text.push_str(&format!("{}\n", left_out.trim_start()));
        }
    }
    text.push_str(&student::total(student));
    let (isolation, toolchain) = (student.isolation(), sanitize::line(&gradebook.toolchain));
    text.push_str(&format!("Graded with {toolchain}, isolation {isolation}.\n"));
    text
}

/// One's own work on one exercise.
pub(crate) fn own_exercise(grade: &Grade) -> String {
    let mut text = checks::heading(grade);
    match &grade.build {
        Build::Built { .. } => text.push_str(&checks::list(grade)),
        // Without a program a list of checks says the same line over and over.
        _ => return text + &checks::build(grade),
    }
    text + &first_to_fix(grade)
}

/// What to begin with, in full, and what comes then; empty when nothing was lost.
pub(crate) fn first_to_fix(grade: &Grade) -> String {
    let mut text = String::new();
    let lost: Vec<&CheckRun> = grade.checks.iter().filter(|run| checks::is_lost(run)).collect();
    let failed = lost.iter().find(|run| matches!(run.outcome, Outcome::Failed(_)));
    let Some(first) = failed.or(lost.first()) else {
        return text;
    };
    text.push_str(&checks::diagnoses(grade));
    let begin = checks::begin_with(first);
    text.push_str(&format!("\n  {begin}\n{}", checks::in_full(first, grade)));
    let others = checks::the_others(first, &lost);
    if !others.is_empty() {
        text.push_str(&format!("\n  Then\n{others}"));
    }
    text
}

/// What the signs in the table mean, as far as they occur in it.
fn legend(gradebook: &Gradebook) -> String {
    let grades = || gradebook.students.iter().flat_map(|student| &student.grades);
    let mut text = String::new();
    if grades().any(|grade| grade.build == Build::Missing) {
        text.push_str("  –  nothing handed in; counts 0 points\n");
    }
    if grades().any(Grade::is_inconclusive) {
        text.push_str("  ?  the grader failed, not the student: not graded yet, counts neither way\n");
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// Which checks this machine could not run, once per reason.
fn not_run_here(students: &[StudentGrades]) -> String {
    let mut reasons: BTreeMap<String, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for grade in students.iter().flat_map(|student| &student.grades) {
        for run in &grade.checks {
            if let Outcome::NotRun(NotRun::Here(reason)) = &run.outcome {
                let exercises = reasons.entry(sanitize::line(reason)).or_default();
                exercises.entry(&grade.exercise).or_default().insert(&run.check.id);
            }
        }
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut text = "\nNot run here, and left out of the points:\n".to_string();
    for (reason, exercises) in reasons {
        let checks = exercises.iter().map(|(exercise, ids)| {
            let ids: String = ids.iter().map(|id| format!("{}{id}", checks::FIXED_SPACE)).collect();
            format!("{exercise}{ids}")
        });
        text.push_str(&checks::paragraph(
            "  ",
            &format!("{reason}: {}", checks.collect::<Vec<_>>().join(", ")),
        ));
    }
    text.push_str("  `grader doctor` says how to get what is missing.\n");
    text
}

/// What was our fault, once per reason.
fn inconclusive(students: &[StudentGrades]) -> String {
    let mut reasons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for student in students {
        for grade in &student.grades {
            let runs = grade
                .checks
                .iter()
                .map(|run| &run.outcome)
                .filter_map(|outcome| match outcome {
                    Outcome::Inconclusive(reason) => Some(reason),
                    _ => None,
                });
            let build = match &grade.build {
                Build::Inconclusive(reason) => Some(reason),
                _ => None,
            };
            for reason in runs.chain(build) {
                let who = format!("{} {}", sanitize::line(&student.student), grade.exercise);
                let who = who.replace(' ', &checks::FIXED_SPACE.to_string());
                reasons.entry(sanitize::line(reason)).or_default().insert(who);
            }
        }
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut text = "\nThe grader's fault; grade these again:\n".to_string();
    for (reason, who) in reasons {
        let who = who.into_iter().collect::<Vec<_>>().join(", ");
        text.push_str(&checks::paragraph("  ", &format!("{reason}: {who}")));
    }
    text
}

fn with_notes(gradebook: &Gradebook) -> String {
    let noted = gradebook.students.iter().filter(|student| !student.notes.is_empty());
    let noted: Vec<String> = noted
        .map(|student| format!("{} ({})", sanitize::line(&student.student), student.notes.len()))
        .collect();
    if noted.is_empty() {
        return String::new();
    }
    format!(
        "\n{}",
        checks::paragraph(
            "",
            &format!("Notes on what was handed in, in the reports of: {}", noted.join(", "))
        )
    )
}
