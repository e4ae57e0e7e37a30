//! `grader export`: what other places need to grade with this course: Gradescope, GitHub Classroom, a Slurm cluster.

mod classroom;
mod gradescope;
mod slurm;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::report::format::Shown;

/// Where the course is to grade.
#[derive(Debug, Subcommand)]
pub enum Request {
    /// Write an autograder for Gradescope: one .zip per assignment.
    Gradescope {
        /// The file to write, e.g. ex02.zip.
        #[arg(value_name = "ZIP")]
        zip: PathBuf,
        /// The exercises of the assignment, e.g. ex02.
        #[arg(value_name = "exNN", required = true)]
        exercises: Vec<String>,
        /// Who sees hidden checks.
        #[arg(long, value_enum, value_name = "WHEN", default_value_t = Shown::default())]
        hidden: Shown,
    },
    /// Write a workflow for GitHub Classroom into a handout.
    Classroom {
        /// The handout's folder.
        #[arg(value_name = "HANDOUT")]
        handout: PathBuf,
        /// Only these exercises [default: all].
        #[arg(value_name = "exNN")]
        exercises: Vec<String>,
    },
    /// Write batch scripts for a Slurm cluster.
    Slurm(slurm::Wanted),
}

/// Does what is asked; answers what to do next.
///
/// # Errors
/// The course lacks what the place needs; something cannot be written.
pub fn run(course: &Course, request: &Request) -> Result<String> {
    match request {
        Request::Gradescope { zip, exercises, hidden } => {
            gradescope::write(course, &some(course, exercises)?, zip, *hidden)
        }
        Request::Classroom { handout, exercises } => classroom::write(&some(course, exercises)?, handout),
        Request::Slurm(wanted) => slurm::write(course, wanted),
    }
}

/// The exercises asked for, or all.
fn some<'a>(course: &'a Course, asked: &[String]) -> Result<Vec<&'a Exercise>> {
    if asked.is_empty() {
        return Ok(course.exercises.iter().collect());
    }
    let mut exercises = Vec::new();
    for name in asked {
        let exercise = course.exercise(name)?;
        ensure!(
            !exercises.iter().any(|known: &&Exercise| known.name == exercise.name),
            "{name} is named twice"
        );
        exercises.push(exercise);
    }
    Ok(exercises)
}

/// A script that may be run.
fn write_script(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} a program", path.display()))?;
    }
    Ok(())
}

/// A word as a shell reads it back, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
