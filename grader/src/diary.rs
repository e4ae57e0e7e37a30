//! The diary: what a student has done so far, in a file that anybody can read: `progress.toml` at the top of the tree.
//!
//! It decides nothing about points. Deleting it loses the marks in `grader list`, and how many hints were opened.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::grade::Grade;

/// Its name, at the top of the course.
pub const FILE: &str = "progress.toml";

const HEADER: &str =
    "# What you have done so far, written by `cargo grader`. Yours to read, and to delete: it decides nothing.\n\n";

/// By exercise, e.g. `ex01`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Diary(BTreeMap<String, Entry>);

/// One exercise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Entry {
    /// The most points so far.
    pub best: u32,
    /// Points that could be earned then.
    pub of: u32,
    /// When all of them were earned for the first time, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed: Option<String>,
    /// How many levels of hints were opened.
    pub hints: usize,
}

impl Diary {
    /// Reads the file; nothing done where there is none.
    ///
    /// # Errors
    /// It cannot be read or has a mistake in it; nothing is overwritten then.
    pub fn read(course: &Course) -> Result<Diary> {
        let path = course.root.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| {
                format!(
                    "{} has a mistake; correct it, or delete it to begin anew",
                    path.display()
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Diary::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// An exercise's entry.
    pub fn of(&self, exercise: &str) -> Entry {
        self.0.get(exercise).cloned().unwrap_or_default()
    }

    /// Whether all points were earned once.
    pub fn is_done(&self, exercise: &str) -> bool {
        self.0.get(exercise).is_some_and(|entry| entry.passed.is_some())
    }

    /// The first exercise in the course's order that is not done.
    pub fn next<'c>(&self, course: &'c Course) -> Option<&'c Exercise> {
        course.exercises.iter().find(|exercise| !self.is_done(&exercise.name))
    }
}

/// Changes one exercise's entry in the file, as it is on disk now.
///
/// # Errors
/// The file cannot be read, understood or written.
pub fn change(course: &Course, exercise: &str, change: impl FnOnce(&mut Entry)) -> Result<()> {
    let mut progress = Diary::read(course)?;
    let before = progress.clone();
    change(progress.0.entry(exercise.to_string()).or_default());
    if progress == before {
        return Ok(());
    }
    let text = HEADER.to_string() + &toml::to_string(&progress).context("cannot write progress as TOML")?;
    write_atomically(&course.root.join(FILE), text.as_bytes())
}

/// Remembers what a grade brought. What is inconclusive brought nothing.
///
/// # Errors
/// As [`change`].
pub fn note(course: &Course, grade: &Grade) -> Result<()> {
    if grade.is_inconclusive() {
        return Ok(());
    }
    let (points, of) = (grade.points(), grade.of());
    change(course, &grade.exercise, |entry| {
        if points > entry.best || entry.of == 0 {
            (entry.best, entry.of) = (points, of);
        }
        if of > 0 && points == of {
            entry.of = of;
            entry.passed.get_or_insert_with(now);
        }
    })
}

fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(root: &std::path::Path) -> Course {
        Course {
            root: root.to_path_buf(),
            exercises: Vec::new(),
            target_dir: root.join("target"),
        }
    }

    #[test]
    fn a_change_is_read_back_and_leaves_the_other_exercises_alone() {
        let folder = tempfile::tempdir().unwrap();
        let course = course(folder.path());
        change(&course, "ex01", |entry| entry.hints = 2).unwrap();
        change(&course, "ex02", |entry| (entry.best, entry.of) = (8, 40)).unwrap();
        let read = Diary::read(&course).unwrap();
        assert_eq!((read.of("ex01").hints, read.of("ex02").best), (2, 8));
        assert!(!read.is_done("ex02"));
        change(&course, "ex02", |entry| entry.passed = Some(now())).unwrap();
        assert!(Diary::read(&course).unwrap().is_done("ex02"));
    }

    #[test]
    fn a_file_with_a_mistake_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "ex01 = 3\n").unwrap();
        let error = format!(
            "{:#}",
            change(&course(folder.path()), "ex01", |e| e.hints = 1).unwrap_err()
        );
        assert!(error.contains("progress.toml has a mistake"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "ex01 = 3\n");
    }
}
