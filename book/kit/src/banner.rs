//! The line that opens an exercise's section in a chapter: title, level, time, what it needs. It comes from the rubric.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::render::escape;

#[derive(Debug, Deserialize)]
struct Rubric {
    title: String,
    level: usize,
    minutes: u32,
    needs: Vec<String>,
    check: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    visibility: String,
}

/// The banner of the exercise `name`, as HTML without an empty line.
///
/// # Errors
/// There is no such exercise in `exercises`, or its rubric cannot be read.
pub fn html(exercises: &Path, name: &str) -> Result<String> {
    let folder = folder(exercises, name)?;
    let path = exercises.join(&folder).join("rubric.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let rubric: Rubric = toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
    let needs = match rubric.needs.as_slice() {
        [] => "needs nothing but this chapter".to_string(),
        needs => format!("needs <code>{}</code>", needs.join("</code>, <code>")),
    };
    let public = rubric.check.iter().filter(|check| check.visibility == "public").count();
    Ok(format!(
        "<aside class=\"exercise\" aria-label=\"Exercise {name}\">\n\
         <p><strong><code>{name}</code> {}</strong></p>\n\
         <p><span aria-label=\"level {} of 3\">{}</span> · about {} minutes · {needs} · {public} public checks, {} hidden</p>\n\
         <p><code>exercises/{folder}/src/lib.rs</code> is yours to edit · <code>cargo test -p {name}</code></p>\n\
         </aside>\n",
        escape(&rubric.title),
        rubric.level,
        "★".repeat(rubric.level),
        rubric.minutes,
        rubric.check.len() - public,
    ))
}

/// `ex02-echo` for `ex02`.
pub(crate) fn folder(exercises: &Path, name: &str) -> Result<String> {
    let entries = std::fs::read_dir(exercises).with_context(|| format!("cannot list {}", exercises.display()))?;
    let prefix = format!("{name}-");
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|folder| folder.starts_with(&prefix))
        .with_context(|| format!("there is no exercise {name} in {}", exercises.display()))
}
