//! Whether students may see a reference solution. `course.toml` says so; without it, nobody may.
//!
//! ```toml
//! [solutions]
//! default = "never"        # so it is without this line, too
//! ex01 = "on pass"         # who has all public points
//! ex02 = "2027-01-15"      # everybody, from this day (UTC) on
//! ```
//!
//! The file's other tables are about a class (`class/rules.rs`). They name students, so a handout gets this one alone.
//!
//! A handout holds a solution only where this lets it: "on pass" packed, so that nobody reads it by accident; a day only when the handout
//! is written on that day or later. Whoever has the file can unpack it, so "on pass" is a question of manners.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::course::{Course, Exercise};
use crate::diary::Diary;
use crate::grading::solution_work;
use crate::stub;

/// The file, at the top of the course.
pub const FILE: &str = "course.toml";
/// A handout's packed solution, in the exercise's folder.
pub const SEALED: &str = "solution.gz";

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The exercise.
    #[arg(value_name = "exNN")]
    exercise: String,
}

/// When a solution may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Not by students.
    Never,
    /// By whoever has all public points.
    OnPass,
    /// By everybody, from this day on.
    From(Date),
}

/// What else may stand in the file: the class's rules, which say themselves whether they are right.
const OF_THE_CLASS: [&str; 5] = ["time_zone", "deadline", "late", "extension", "chosen"];

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CourseFile {
    #[serde(default)]
    solutions: BTreeMap<String, String>,
}

impl CourseFile {
    fn parse(text: &str) -> Result<CourseFile> {
        let mut table: toml::Table = toml::from_str(text)?;
        table.retain(|key, _| !OF_THE_CLASS.contains(&key));
        Ok(table.try_into()?)
    }
}

/// What a handout gets of the file: who may see solutions, and nothing about students. `None` if that is nothing.
///
/// # Errors
/// It has a mistake.
pub fn handed_out(text: &str) -> Result<Option<String>> {
    let file = CourseFile::parse(text).with_context(|| format!("{FILE} has a mistake"))?;
    if file.solutions.is_empty() {
        return Ok(None);
    }
    Ok(Some(toml::to_string(&file).context("cannot write TOML")?))
}

/// What the course file says about an exercise.
///
/// # Errors
/// The file cannot be read, names an exercise that there is not, or says something else than the three.
pub fn of(course: &Course, exercise: &str) -> Result<Release> {
    let path = course.root.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Release::Never),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let file = CourseFile::parse(&text).with_context(|| format!("{} has a mistake", path.display()))?;
    for name in file.solutions.keys().filter(|name| *name != "default") {
        course
            .exercise(name)
            .with_context(|| format!("{} has a mistake", path.display()))?;
    }
    let says = file.solutions.get(exercise).or(file.solutions.get("default"));
    Ok(match says.map(String::as_str) {
        None | Some("never") => Release::Never,
        Some("on pass") => Release::OnPass,
        Some(day) => Release::From(day.parse().with_context(|| {
            format!(
                "{}: `{day}` is neither \"never\" nor \"on pass\" nor a day such as \"2027-01-15\"",
                path.display()
            )
        })?),
    })
}

/// What a handout that is written today gets, if it may have the solution.
///
/// # Errors
/// As [`of`], or the solution cannot be read.
pub fn sealed(course: &Course, exercise: &Exercise) -> Result<Option<Vec<u8>>> {
    match of(course, &exercise.name)? {
        Release::OnPass => {}
        Release::From(day) if day <= today() => {}
        Release::Never | Release::From(_) => return Ok(None),
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all(readable(exercise)?.as_bytes())
        .context("cannot pack a solution")?;
    Ok(Some(packed.finish().context("cannot pack a solution")?))
}

/// The solution's text, for somebody who may see it now.
///
/// # Errors
/// They may not, and the message says when they may; or it cannot be read.
pub fn run(course: &Course, request: &Request) -> Result<String> {
    let exercise = course.exercise(&request.exercise)?;
    let name = &exercise.name;
    match of(course, name)? {
        Release::Never => bail!("this course does not show the solution of {name}"),
        Release::OnPass if !Diary::read(course)?.is_done(name) => {
            bail!("the solution of {name} is shown when you have all its public points: cargo grader {name}")
        }
        Release::From(day) if day > today() => bail!("the solution of {name} is shown from {day} on"),
        Release::OnPass | Release::From(_) => {}
    }
    if exercise.solution.is_some() {
        return readable(exercise);
    }
    let path = exercise.dir.join(SEALED);
    let file = std::fs::File::open(&path)
        .with_context(|| format!("{} is not in this handout; ask for a newer one", path.display()))?;
    let mut text = String::new();
    let unpacked = GzDecoder::new(file).read_to_string(&mut text);
    unpacked.with_context(|| format!("{} is damaged; take it from the handout again", path.display()))?;
    Ok(text)
}

/// All its files in one text, without what stands there for the stub and for the hunt for leaks.
fn readable(exercise: &Exercise) -> Result<String> {
    let mut text = String::new();
    for (name, bytes) in solution_work(exercise)?.files {
        let lines = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = lines.lines().filter(|line| !stub::is_marker(line)).collect();
        text.push_str(&format!("// src/{name}\n{}\n\n", lines.join("\n")));
    }
    Ok(text)
}

/// In UTC, the same for everybody.
fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}
