//! The gradebook for Canvas: the columns that its import asks for, and one per exercise.
//!
//! Canvas finds a student by `ID`, else `SIS User ID`, else `SIS Login ID`. A submission's name stands in the last of them, so the import
//! works as it is where folders are named by login; else fill in one column before.

use anyhow::Result;

use super::csv::{cell, points, table};
use crate::grade::{Build, Grade, Gradebook, StudentGrades};

const COLUMNS: [&str; 5] = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"];

/// One row per student below a row of possible points. What is not final is empty: Canvas leaves such a grade as it was.
///
/// # Errors
/// None in practice: it is written into memory.
pub fn gradebook(gradebook: &Gradebook) -> Result<String> {
    let exercises = gradebook.exercises.iter().map(|(name, _)| name.clone());
    let header: Vec<String> = COLUMNS.map(String::from).into_iter().chain(exercises).collect();
    let mut possible = vec!["    Points Possible".to_string()];
    possible.resize(COLUMNS.len(), String::new());
    possible.extend((0..gradebook.exercises.len()).map(|at| possible_points(gradebook, at).to_string()));
    table([header, possible].into_iter().chain(gradebook.students.iter().map(row)))
}

/// What the exercise offers here: that is known from the programs that were checked. It is less for those of whose checks one is
/// inconclusive, and theirs is left empty.
fn possible_points(gradebook: &Gradebook, exercise: usize) -> u32 {
    let grades = || {
        gradebook
            .students
            .iter()
            .filter_map(|student| student.grades.get(exercise))
    };
    let checked = grades().filter(|grade| matches!(grade.build, Build::Built { .. }));
    let of_checked = checked.map(Grade::of).max();
    of_checked.or_else(|| grades().map(Grade::of).max()).unwrap_or(0)
}

fn row(student: &StudentGrades) -> Vec<String> {
    let name = cell(&student.student);
    let mut row = vec![name.clone(), String::new(), String::new(), name, String::new()];
    row.extend(student.grades.iter().map(|grade| match grade.is_inconclusive() {
        true => String::new(),
        false => points(grade),
    }));
    row
}
