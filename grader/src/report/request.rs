//! `grader report`: reports of what was graded before. It grades nobody.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::format::{self, About, Format, Setting, only_student};
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

/// Prints to `out` or writes files; answers with the gradebook that was shown.
///
/// # Errors
/// Nothing was graded there; there is no such student; the format is about one submission; a file cannot be written.
pub fn run(course: &Course, request: &Request, out: &mut dyn Write) -> Result<Gradebook> {
    let from = request
        .from
        .clone()
        .unwrap_or_else(|| course.root.join("target/grades"));
    let gradebook = ledger::read(&from).with_context(|| format!("there is nothing to report in {}", from.display()))?;
    let shown = request.pseudonyms.applied(&gradebook)?;
    match (request.format, &request.student) {
        (None, _) => {
            let folder = request.out.as_deref().unwrap_or(&from);
            write_all(&shown, folder, &request.setting)?;
            writeln!(out, "Reports: {}", folder.display())?;
        }
        (Some(format), None) => format::write(&shown, format, About::Class, &request.setting, out)?,
        (Some(format), Some(name)) => {
            let alone = only_student(&shown, name)?;
            format::write(&alone, format, About::Author, &request.setting, out)?;
        }
    }
    Ok(gradebook)
}
