//! Places: where in a submission the exercises lie.
//!
//! They may lie at the top, below `exercises/`, or below up to two folders more (`ada/`, `homework-main/`). When one
//! exercise lies in several places, the shallowest counts, and among those the one with the course's own spelling.

use super::{MAX_DEPTH, name};
use crate::course::{Course, Exercise};

/// Folders that may lie around the exercises, `exercises/` itself not counted.
const MAX_WRAPPERS: usize = 2;
const EXERCISES: &str = "exercises";

/// A folder of an exercise inside the submission. The order is the order of preference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// In no exercise's folder: it counts when nothing else does.
    pub is_loose: bool,
    /// Folders around it that should not be there.
    pub wrappers: usize,
    not_below_exercises: bool,
    /// Whether the folder's name is another one than the course's.
    pub spelled_otherwise: bool,
    /// Folders around it; empty, or ends with `/`.
    pub around: String,
    folder: String,
}

impl Place {
    /// Where source files belong that lie in no exercise's folder.
    pub(super) fn loose(exercise: &Exercise) -> Place {
        Place {
            is_loose: true,
            wrappers: 0,
            not_below_exercises: false,
            spelled_otherwise: false,
            around: String::new(),
            folder: exercise.folder.clone(),
        }
    }

    pub(super) fn path(&self) -> String {
        format!("{}{}", self.around, self.folder)
    }
}

/// A path that belongs to an exercise.
pub(super) struct Located<'p> {
    /// Index into the course's exercises.
    pub exercise: usize,
    pub place: Place,
    /// Path below the exercise's folder.
    pub rest: &'p [&'p str],
}

impl Located<'_> {
    /// Build output is neither wanted nor worth a note.
    pub(super) fn is_build_output(&self) -> bool {
        self.rest.first() == Some(&"target")
    }

    /// Whether the path, counted from the exercise's folder on, has more parts than anybody needs.
    pub(super) fn is_too_deep(&self) -> bool {
        self.rest.len() + 1 > MAX_DEPTH
    }
}

/// Finds out to which exercise a path belongs.
pub(super) fn locate<'p>(course: &Course, parts: &'p [&'p str]) -> Option<Located<'p>> {
    let known = |at: &usize| exercise_in(course, parts[*at]).is_some();
    let mut candidates = (0..parts.len())
        .filter(|at| may_lie_around(&parts[..*at]))
        .filter(known);
    // `ex01/ex01-four-calls/src/lib.rs`: the folder that `src` lies in is the one.
    let at = candidates
        .clone()
        .find(|at| parts.get(at + 1) == Some(&"src"))
        .or_else(|| candidates.next_back())?;
    let exercise = exercise_in(course, parts[at])?;
    let below_exercises = at > 0 && parts[at - 1] == EXERCISES;
    let place = Place {
        is_loose: false,
        wrappers: at - usize::from(below_exercises),
        not_below_exercises: !below_exercises,
        spelled_otherwise: parts[at] != course.exercises[exercise].folder,
        around: parts[..at].iter().map(|part| format!("{part}/")).collect(),
        folder: parts[at].to_string(),
    };
    Some(Located {
        exercise,
        place,
        rest: &parts[at + 1..],
    })
}

/// A folder that looks like an exercise with sources, but is none of this course.
pub(super) fn unknown_exercise<'p>(parts: &[&'p str]) -> Option<&'p str> {
    let mut pairs = parts.windows(2).enumerate();
    let is_one = |at: usize, pair: &[&str]| {
        may_lie_around(&parts[..at]) && pair[1] == "src" && name::exercise_number(pair[0]).is_some()
    };
    pairs.find(|(at, pair)| is_one(*at, pair)).map(|(_, pair)| pair[0])
}

/// Whether something wanted can lie in this folder: for walkers, to leave out what is big and useless.
pub(super) fn is_worth_a_look(course: &Course, parts: &[&str]) -> bool {
    if parts.iter().any(|part| name::is_ignored(part)) {
        return false;
    }
    match locate(course, parts) {
        Some(located) => !located.is_build_output() && !located.is_too_deep(),
        None => may_lie_around(parts) && parts.last() != Some(&"target"),
    }
}

/// Whether exercises may lie below these folders.
fn may_lie_around(parts: &[&str]) -> bool {
    parts.len() - usize::from(parts.last() == Some(&EXERCISES)) <= MAX_WRAPPERS
}

fn exercise_in(course: &Course, folder: &str) -> Option<usize> {
    let number = name::exercise_number(folder)?;
    course.exercises.iter().position(|exercise| exercise.name == number)
}
