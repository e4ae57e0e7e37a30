//! The report for one student of a class: what an instructor mails. Every check with its failure in full, hidden ones
//! too: a student may know what was asked and what the program did, though not the source of the test.

use super::checks;
use super::sanitize;
use crate::grade::{Grade, Gradebook, StudentGrades};

/// The whole report, plain text.
pub fn report(student: &StudentGrades, gradebook: &Gradebook) -> String {
    let name = sanitize::line(&student.student);
    let title = format!("Report for {name}");
    let mut text = format!("{title}\n{}\n\n", "═".repeat(title.chars().count()));
    for grade in &student.grades {
        text.push_str(&checks::heading(grade));
    }
    if student.grades.len() > 1 {
        text.push_str(&total(student));
    }
    text.push_str(&notes(student));
    for grade in &student.grades {
        text.push_str(&exercise(grade));
    }
    text.push_str(&format!("\n{}\n", "─".repeat(checks::WIDTH)));
    let (isolation, toolchain) = (student.isolation(), sanitize::line(&gradebook.toolchain));
    text.push_str(&format!("Graded with {toolchain}, isolation {isolation}.\n"));
    text
}

/// `Total   64 of 122 points`, in the column of the exercises' points.
pub(super) fn total(student: &StudentGrades) -> String {
    let inconclusive = student.grades.iter().any(Grade::is_inconclusive);
    let score = checks::score(student.points(), student.of(), inconclusive);
    format!("Total{score:>width$}\n", width = checks::WIDTH - 5)
}

/// What intake repaired, ignored or refused.
pub(super) fn notes(student: &StudentGrades) -> String {
    if student.notes.is_empty() {
        return String::new();
    }
    let mut text = "\nNotes on what was handed in\n".to_string();
    for note in &student.notes {
        let lines = checks::wrapped(&sanitize::line(&note.0), checks::WIDTH - 4);
        for (i, line) in lines.iter().enumerate() {
            text.push_str(if i == 0 { "  - " } else { "    " });
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn exercise(grade: &Grade) -> String {
    let mut text = format!("\n{}\n{}", "─".repeat(checks::WIDTH), checks::heading(grade));
    let build = checks::build(grade);
    if !build.is_empty() {
        text.push_str(&format!("\n{build}"));
    }
    text.push_str(&format!("\n{}", checks::list(grade)));
    text.push_str(&checks::left_out(grade));
    text.push_str(&checks::diagnoses(grade));
    for run in grade.checks.iter().filter(|run| checks::is_lost(run)) {
        text.push_str(&format!("\n{}", checks::in_full(run, grade)));
    }
    text
}
