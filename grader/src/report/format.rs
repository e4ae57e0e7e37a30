//! What a gradebook can be rendered as, and what whoever asks for it may choose.

use std::borrow::Cow;
use std::io::Write;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;

use super::{canvas, class_html, classroom, csv, gradescope, html, json, junit, markdown, sanitize, text};
use crate::grade::{Gradebook, StudentGrades};

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people.
    Text,
    /// grader/schema/gradebook-1.schema.json describes it.
    Json,
    /// XML for CI systems: Jenkins, GitLab, GitHub.
    Junit,
    /// results.json of one submission, for Gradescope.
    Gradescope,
    /// Result of one exercise of one submission, for GitHub Classroom.
    Classroom,
    /// One row per student, for spreadsheets.
    Csv,
    /// The same for the import of a Canvas gradebook.
    Canvas,
    /// For wikis and issue trackers.
    Markdown,
    /// One page that loads nothing from elsewhere.
    Html,
}

/// Who sees a hidden check, and when: Gradescope's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Shown {
    /// Instructors only.
    Hidden,
    /// Students, when the assignment is over.
    AfterDueDate,
    /// Students, when the grades are published.
    #[default]
    AfterPublished,
    /// Students, at once.
    Visible,
}

/// What a renderer may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Setting {
    /// Where the book is read: HTML and Markdown reports link to it.
    #[arg(long = "book", value_name = "URL", default_value = BOOK, value_parser = book_address)]
    pub book: String,
    /// Who sees hidden checks on Gradescope.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Shown::default())]
    pub hidden: Shown,
}

/// Where `cargo book serve` shows the book.
const BOOK: &str = "http://127.0.0.1:3000/";

impl Default for Setting {
    fn default() -> Self {
        Setting {
            book: BOOK.into(),
            hidden: Shown::default(),
        }
    }
}

impl Setting {
    /// The address of a place in the book: `02-sockets.md#accept` reads `http://127.0.0.1:3000/02-sockets.html#accept`.
    pub(super) fn in_book(&self, place: &str) -> String {
        let (file, fragment) = place.split_once('#').unwrap_or((place, ""));
        let page = file.strip_suffix(".md").unwrap_or(file);
        let hash = if fragment.is_empty() { "" } else { "#" };
        format!("{}{page}.html{hash}{fragment}", self.book)
    }
}

/// An address of the book as somebody writes it.
///
/// # Errors
/// It is no web address; only those are links everywhere.
fn book_address(raw: &str) -> Result<String> {
    let is_web = raw.starts_with("http://") || raw.starts_with("https://");
    let is_plain = !raw.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'<>()`".contains(c));
    ensure!(
        is_web && is_plain,
        "`{}` is no address of a book; write https://… or http://…",
        sanitize::line(raw)
    );
    Ok(format!("{}/", raw.trim_end_matches('/')))
}

/// Whose report is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Everybody's, as an instructor reads it.
    Class,
    /// The only submission's, as its author reads it.
    Author,
}

/// Writes the gradebook in one format. What has everybody's evidence in it is never held whole.
///
/// # Errors
/// The format is about one submission, or about one exercise, and there are more; evidence cannot be read; `out` cannot be written.
pub fn write(
    gradebook: &Gradebook,
    format: Format,
    about: About,
    setting: &Setting,
    out: &mut dyn Write,
) -> Result<()> {
    match format {
        Format::Json => json::gradebook(gradebook, out),
        Format::Junit => junit::report(gradebook, out),
        _ => Ok(out.write_all(short(gradebook, format, about, setting)?.as_bytes())?),
    }
}

/// A format that is about outcomes, or about one student.
fn short(gradebook: &Gradebook, format: Format, about: About, setting: &Setting) -> Result<String> {
    let single = match (about, gradebook.students.as_slice()) {
        (About::Author, [one]) => Some(gradebook.in_full(one)?),
        _ => None,
    };
    Ok(match (format, single.as_deref()) {
        (Format::Csv, _) => csv::gradebook(gradebook)?,
        (Format::Canvas, _) => canvas::gradebook(gradebook)?,
        (Format::Gradescope, _) => gradescope::results(&*only(gradebook)?, gradebook, setting),
        (Format::Classroom, _) => classroom::results(&*only(gradebook)?)?,
        (Format::Text, Some(one)) => text::own_tree(one, gradebook),
        (Format::Text, None) => text::class_table(gradebook),
        (Format::Markdown, Some(one)) => markdown::student(one, gradebook, setting),
        (Format::Markdown, None) => markdown::class(gradebook),
        (Format::Html, Some(one)) => html::student(one, gradebook, setting)?,
        (Format::Html, None) => class_html::class(gradebook, None)?,
        (Format::Json | Format::Junit, _) => bail!("{format:?} is written piece by piece"),
    })
}

fn only(gradebook: &Gradebook) -> Result<Cow<'_, StudentGrades>> {
    match gradebook.students.as_slice() {
        [one] => gradebook.in_full(one),
        all => bail!(
            "this format is about one submission, and here are {}; name one with `grader report --student NAME`",
            all.len()
        ),
    }
}

/// The gradebook with only this student in it.
///
/// # Errors
/// There is nobody of that name.
pub fn only_student(gradebook: &Gradebook, name: &str) -> Result<Gradebook> {
    let Some(found) = gradebook.students.iter().find(|one| one.student == name) else {
        bail!(
            "there is no `{}` in this gradebook; it has {}",
            sanitize::line(name),
            some_names(gradebook)
        );
    };
    Ok(Gradebook {
        students: vec![found.clone()],
        isolation: gradebook.isolation.clone(),
        toolchain: gradebook.toolchain.clone(),
        exercises: gradebook.exercises.clone(),
        evidence: gradebook.evidence.clone(),
    })
}

fn some_names(gradebook: &Gradebook) -> String {
    let names: Vec<String> = gradebook
        .students
        .iter()
        .take(10)
        .map(|one| sanitize::line(&one.student))
        .collect();
    let more = gradebook.students.len().saturating_sub(names.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", names.join(", "))
}
