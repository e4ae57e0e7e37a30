//! The table student × exercise, in the richest form that fits: points with words beside them, with words below them,
//! or points alone.

use crate::grade::{Build, Grade, Gradebook, StudentGrades};
use crate::report::{checks, sanitize};

/// Columns that a terminal is expected to have.
const ROOM: usize = 100;
/// Columns of a student's name; a longer one is cut.
const NAME: usize = 20;
/// Least columns for words below points; narrower ones leave a word per line.
const NARROWEST: usize = 9;
/// Exercises up to which there are words at all.
const WORDS_UP_TO: usize = 6;

/// A cell: lines of text, one below the other.
type Cell = Vec<String>;

pub(super) fn render(gradebook: &Gradebook) -> String {
    let fits = |rows: &Vec<Vec<Cell>>| total_width(rows) <= ROOM;
    if gradebook.exercises.len() <= WORDS_UP_TO {
        let beside = rows(gradebook, &|grade| vec![beside(grade)]);
        if fits(&beside) {
            return draw(&beside, "  ");
        }
        for width in (NARROWEST..=24).rev() {
            let below = rows(gradebook, &|grade| below(grade, width));
            if fits(&below) {
                return draw(&below, "  ");
            }
        }
    }
    let mut alone = rows(gradebook, &|grade| vec![alone(grade)]);
    alone.insert(1, row_of_points(gradebook));
    let gap = if fits(&alone) { "  " } else { " " };
    draw(&alone, gap)
}

fn beside(grade: &Grade) -> String {
    format!("{} {}", points(grade), words(grade)).trim_end().to_string()
}

fn below(grade: &Grade, width: usize) -> Cell {
    let mut lines = vec![points(grade)];
    lines.extend(
        checks::wrapped(&words(grade), width)
            .into_iter()
            .filter(|line| !line.is_empty()),
    );
    lines
}

fn alone(grade: &Grade) -> String {
    match sign(grade) {
        Some(sign) => sign.into(),
        None => grade.points().to_string(),
    }
}

fn points(grade: &Grade) -> String {
    match sign(grade) {
        Some(sign) => sign.into(),
        None => format!("{}/{}", grade.points(), grade.of()),
    }
}

fn words(grade: &Grade) -> String {
    if grade.build == Build::Missing {
        String::new()
    } else {
        sanitize::line(&grade.in_three_words())
    }
}

fn sign(grade: &Grade) -> Option<&'static str> {
    match () {
        () if grade.is_inconclusive() => Some("?"),
        () if grade.build == Build::Missing => Some("–"),
        () => None,
    }
}

/// Header and one row per student; the first column is the name, the last the total.
fn rows(gradebook: &Gradebook, cell: &dyn Fn(&Grade) -> Cell) -> Vec<Vec<Cell>> {
    let mut rows = vec![header(gradebook)];
    for student in &gradebook.students {
        let mut row = vec![vec![cut(&sanitize::line(&student.student))]];
        for (exercise, _) in &gradebook.exercises {
            let grade = student.grades.iter().find(|grade| grade.exercise == *exercise);
            row.push(grade.map(cell).unwrap_or_default());
        }
        row.push(vec![total(student)]);
        rows.push(row);
    }
    rows
}

/// What each exercise is worth here, for a table that shows points alone.
fn row_of_points(gradebook: &Gradebook) -> Vec<Cell> {
    let of = |name: &String| {
        let grades = gradebook.students.iter().flat_map(|student| &student.grades);
        grades
            .filter(|grade| grade.exercise == *name)
            .map(Grade::of)
            .max()
            .unwrap_or(0)
    };
    let each = gradebook.exercises.iter().map(|(name, _)| vec![of(name).to_string()]);
    std::iter::once(vec!["(of)".into()])
        .chain(each)
        .chain([Cell::new()])
        .collect()
}

fn header(gradebook: &Gradebook) -> Vec<Cell> {
    let names = gradebook.exercises.iter().map(|(name, _)| vec![name.clone()]);
    std::iter::once(vec!["student".into()])
        .chain(names)
        .chain([vec!["total".into()]])
        .collect()
}

fn total(student: &StudentGrades) -> String {
    let unsure = if student.grades.iter().any(Grade::is_inconclusive) {
        " ?"
    } else {
        ""
    };
    format!("{}/{}{unsure}", student.points(), student.of())
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME - 1) {
        Some((at, c)) if at + c.len_utf8() < name.len() => format!("{}…", &name[..at]),
        _ => name.to_string(),
    }
}

fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .flat_map(|row| &row[column])
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0)
    };
    (0..columns).map(width).collect()
}

fn total_width(rows: &[Vec<Cell>]) -> usize {
    let widths = widths(rows);
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

fn draw(rows: &[Vec<Cell>], gap: &str) -> String {
    let widths = widths(rows);
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        for line in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{:<width$}", cell.get(line).map_or("", String::as_str)));
            text.push_str(cells.collect::<Vec<_>>().join(gap).trim_end());
            text.push('\n');
        }
        if i == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            text.push_str(&format!("{}\n", rules.join(gap)));
        }
    }
    text
}
