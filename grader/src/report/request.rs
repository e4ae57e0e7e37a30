//! `grader report`: reports of what was graded before. It grades nobody.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::format::{About, Format, Setting, only_student, render};
use super::write_all;
use crate::course::Course;
use crate::grade::Gradebook;
use crate::ledger;
use crate::pseudonyms::Pseudonyms;

/// What is shown, and of which grading.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// Where a class was graded into, with --out [default: target/grades in the course].
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// What is printed; without it, all files are written again.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only this student.
    #[arg(long, value_name = "NAME", requires = "format")]
    student: Option<String>,
    /// Where all files are written [default: where the grading is].
    #[arg(long, value_name = "DIR", conflicts_with = "format")]
    out: Option<PathBuf>,
    #[command(flatten)]
    setting: Setting,
    /// Then --student takes a pseudonym, too.
    #[command(flatten)]
    pseudonyms: Pseudonyms,
}

/// The text to print, and the gradebook that it shows.
///
/// # Errors
/// Nothing was graded there; there is no such student; the format is about one submission; a file cannot be written.
pub fn run(course: &Course, request: &Request) -> Result<(String, Gradebook)> {
    let from = request
        .from
        .clone()
        .unwrap_or_else(|| course.root.join("target/grades"));
    let gradebook = ledger::read(&from).with_context(|| format!("there is nothing to report in {}", from.display()))?;
    let gradebook = request.pseudonyms.applied(&gradebook)?.into_owned();
    let text = match request.format {
        Some(format) => one(&gradebook, format, request)?,
        None => all(&gradebook, request.out.as_deref().unwrap_or(&from), &request.setting)?,
    };
    Ok((text, gradebook))
}

fn one(gradebook: &Gradebook, format: Format, request: &Request) -> Result<String> {
    match &request.student {
        None => render(gradebook, format, About::Class, &request.setting),
        Some(name) => render(
            &*only_student(gradebook, name)?,
            format,
            About::Author,
            &request.setting,
        ),
    }
}

fn all(gradebook: &Gradebook, out: &Path, setting: &Setting) -> Result<String> {
    write_all(gradebook, out, setting)?;
    Ok(format!("Reports: {}\n", out.display()))
}
