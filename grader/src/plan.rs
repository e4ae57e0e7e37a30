//! `grader list` and `grader next`: what there is to do, what is done, and what to begin with.

use anyhow::Result;
use harness::words;

use crate::after;
use crate::course::{Course, Exercise};
use crate::diary::Diary;

/// Every exercise in a line: done or not, level, time, best points so far.
///
/// # Errors
/// Progress cannot be read.
pub fn list(course: &Course) -> Result<String> {
    let progress = Diary::read(course)?;
    let lines = course.exercises.iter().map(|exercise| line(exercise, &progress));
    let minutes: u32 = course.exercises.iter().map(|exercise| exercise.rubric.minutes).sum();
    let done = course
        .exercises
        .iter()
        .filter(|exercise| progress.is_done(&exercise.name));
    Ok(format!(
        "{}\n{} of {} done; {} hours of work altogether. Begin with: cargo grader next\n",
        lines.collect::<String>(),
        done.count(),
        course.exercises.len(),
        minutes.div_ceil(60)
    ))
}

/// `✔ ex01  Four calls: …   ★  60 min  40 of 40`
fn line(exercise: &Exercise, progress: &Diary) -> String {
    let rubric = &exercise.rubric;
    let (sign, points) = match progress.of(&exercise.name) {
        _ if progress.is_done(&exercise.name) => ('✔', "all points".to_string()),
        entry if entry.of > 0 => ('…', format!("{} of {}", entry.best, entry.of)),
        _ => ('·', "–".to_string()),
    };
    let right = format!(
        "{:<3} {:>4} min  {points:>10}",
        "★".repeat(rubric.level.into()),
        rubric.minutes
    );
    let left: String = format!("{sign} {}  {}", exercise.name, rubric.title);
    // Titles give way: the columns at the right stay in line.
    let room = words::WIDTH - right.chars().count() - 2;
    let left: String = match left.chars().count() > room {
        true => left.chars().take(room - 1).chain(['…']).collect(),
        false => left,
    };
    words::at_both_ends(&left, &right) + "\n"
}

/// What to do next, and how to begin.
///
/// # Errors
/// Progress cannot be read.
pub fn next(course: &Course) -> Result<String> {
    let progress = Diary::read(course)?;
    match progress.next(course) {
        Some(exercise) => Ok(begin(exercise)),
        None => Ok(format!(
            "All {} exercises have all their public points. `cargo grader pack` makes the archive to hand in.\n",
            course.exercises.len()
        )),
    }
}

/// How to begin with an exercise.
pub fn begin(exercise: &Exercise) -> String {
    let (rubric, name, folder) = (&exercise.rubric, &exercise.name, &exercise.folder);
    let needs = match rubric.needs.as_slice() {
        [] => String::new(),
        needs => format!(", needs {}", needs.join(" ")),
    };
    format!(
        "{name}  {}\n      {} about {} minutes{needs}\n\n  Read   book/src/{} (cargo book serve)\n  Then   exercises/{folder}/README.md\n  \
         Edit   exercises/{folder}/src/lib.rs\n  Run    cargo grader watch {name}\n",
        rubric.title,
        "★".repeat(rubric.level.into()),
        rubric.minutes,
        rubric.chapter,
    )
}

/// What is said below a report with all points: the idea, something to try, and what comes next.
pub fn well_done(course: &Course, exercise: &Exercise) -> String {
    let mut text = after::text(exercise);
    let next = Diary::read(course)
        .ok()
        .and_then(|progress| progress.next(course).cloned());
    if let Some(next) = next.filter(|next| next.name != exercise.name) {
        text.push_str(&format!(
            "\n  Next: {} {}\n        cargo grader watch {}\n",
            next.name, next.rubric.title, next.name
        ));
    }
    text
}
