//! The gradebook for spreadsheets: RFC 4180, UTF-8, one row per student, and no cell that a spreadsheet would run as a formula.

use std::borrow::Cow;

use anyhow::{Context, Result};

use super::sanitize;
use crate::grade::{Build, Grade, Gradebook, StudentGrades};

const OF_AN_EXERCISE: [&str; 5] = ["points", "of", "late percent", "remark", "looks like"];

/// One row per student. Columns: `student`, `points`, `of`, `final` (yes, or no while something is the grader's fault), `submitted`
/// (a time, empty when nothing says it); then for each exercise `points`, `of`, `late percent` (what handing in late costs of the points,
/// which are whole here; empty without a deadline), `remark` (what went wrong, in about three words) and `looks like` (the misconceptions
/// that it looks like); then `isolation` and `notes`. Points of what is not graded yet are empty.
///
/// # Errors
/// None in practice: it is written into memory.
pub fn gradebook(gradebook: &Gradebook) -> Result<String> {
    let mut header: Vec<String> = ["student", "points", "of", "final", "submitted"]
        .map(String::from)
        .into();
    for (exercise, _) in &gradebook.exercises {
        header.extend(OF_AN_EXERCISE.map(|column| format!("{exercise} {column}")));
    }
    header.extend(["isolation", "notes"].map(String::from));
    let rows = gradebook.students.iter().map(row);
    table(std::iter::once(header).chain(rows))
}

fn row(student: &StudentGrades) -> Vec<String> {
    let is_final = !student.grades.iter().any(Grade::is_inconclusive);
    let mut row = vec![
        cell(&student.student),
        student.points().to_string(),
        student.of().to_string(),
        if is_final { "yes" } else { "no" }.into(),
        student.submitted.map_or_else(String::new, |time| time.to_string()),
    ];
    for grade in &student.grades {
        let looks_like: Vec<&str> = grade
            .diagnoses
            .iter()
            .map(|known| known.misconception.as_str())
            .collect();
        row.extend([
            points(grade),
            grade.of().to_string(),
            late_percent(student, grade),
            cell(&grade.in_three_words()),
            cell(&looks_like.join(" or ")),
        ]);
    }
    let notes: Vec<&str> = student.notes.iter().map(|note| note.0.as_str()).collect();
    row.extend([cell(&student.isolation()), cell(&notes.join("; "))]);
    row
}

fn late_percent(student: &StudentGrades, grade: &Grade) -> String {
    let late = student.lateness.iter().find(|late| late.exercise == grade.exercise);
    late.map_or_else(String::new, |late| late.percent.to_string())
}

/// The points of an exercise; empty where a number would be taken for a grade.
pub(super) fn points(grade: &Grade) -> String {
    let nothing_known = matches!(grade.build, Build::Inconclusive(_)) || (grade.is_inconclusive() && grade.of() == 0);
    if nothing_known {
        String::new()
    } else {
        grade.points().to_string()
    }
}

/// Text in a cell: one line, and with an apostrophe in front where a spreadsheet would take it for a formula.
pub(super) fn cell(raw: &str) -> String {
    // Where the comma is the decimal sign, spreadsheets begin another cell behind a semicolon.
    let line = sanitize::line(raw);
    let cells: Vec<Cow<str>> = line.split(';').map(harmless).collect();
    let cells = cells.join(";");
    let begins_oddly = raw.starts_with(['\t', '\r', '\n']) && !cells.starts_with('\'');
    if begins_oddly { format!("'{cells}") } else { cells }
}

fn harmless(cell: &str) -> Cow<'_, str> {
    // Some programs skip spaces, and read the wide forms of East Asian keyboards as the plain ones.
    let first = cell.trim_start().chars().next();
    let runs = first.is_some_and(|c| "=+-@|%\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c));
    if runs { format!("'{cell}").into() } else { cell.into() }
}

/// Rows as text, quoted where they have to be, with CR LF between them.
pub(super) fn table(rows: impl Iterator<Item = Vec<String>>) -> Result<String> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).context("cannot write a row of the table")?;
    }
    let bytes = writer.into_inner().context("cannot write the table")?;
    String::from_utf8(bytes).context("the table is no UTF-8")
}
