//! `grader hint`: the hints of an exercise's README, one level at a time. The README is their only source.

use anyhow::{Context, Result, bail, ensure};
use harness::words;

use crate::course::{Course, Exercise};
use crate::diary::{self, Diary};

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The exercise.
    #[arg(value_name = "exNN")]
    exercise: String,
    /// This level, whatever was opened before [default: the first that you have not seen].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=3))]
    level: Option<u8>,
}

/// One level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// `where to look`.
    pub title: String,
    /// Markdown.
    pub text: String,
}

/// How many levels every exercise has.
const LEVELS: usize = 3;
const OPEN: &str = "<details><summary>Level ";
const CLOSE: &str = "</details>";

/// The hint that was asked for, ready to print; that it was opened is remembered.
///
/// # Errors
/// No such exercise; no hints in its README; progress cannot be read or written.
pub fn run(course: &Course, request: &Request) -> Result<String> {
    let exercise = course.exercise(&request.exercise)?;
    let level = match request.level {
        Some(level) => level.into(),
        None => Diary::read(course)?.of(&exercise.name).hints + 1,
    };
    open(course, exercise, level)
}

/// The hint of this level, or the last one there is; that it was opened is remembered.
///
/// # Errors
/// As [`run`].
pub fn open(course: &Course, exercise: &Exercise, level: usize) -> Result<String> {
    let level = level.clamp(1, LEVELS);
    let hint = &read(exercise)?[level - 1];
    diary::change(course, &exercise.name, |entry| entry.hints = entry.hints.max(level))?;
    let name = &exercise.name;
    let then = match level {
        LEVELS => format!(
            "This is the last one. All of them: exercises/{}/README.md",
            exercise.folder
        ),
        _ => format!("Try again before you open the next one: cargo grader hint {name}"),
    };
    Ok(format!(
        "{name}  Hint {level} of {LEVELS}: {}\n\n{}\n\n{then}\n",
        hint.title,
        narrow(hint.text.trim())
    ))
}

/// Lines of at most 80 columns: what is too long goes on below, under the first word of its item.
fn narrow(text: &str) -> String {
    let wrapped = |line: &str| {
        let words = line.trim_start_matches([' ', '-']);
        let before = line.len() - words.len();
        let pieces = words::wrapped(words, words::WIDTH - before);
        let below = format!("\n{}", " ".repeat(before));
        format!("{}{}", &line[..before], pieces.join(&below))
    };
    text.lines().map(wrapped).collect::<Vec<_>>().join("\n")
}

/// The three levels of an exercise.
///
/// # Errors
/// The README cannot be read, or has not three levels.
pub fn read(exercise: &Exercise) -> Result<Vec<Hint>> {
    let path = exercise.dir.join("README.md");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let hints = parse(&text).with_context(|| format!("{} has a mistake in its hints", path.display()))?;
    ensure!(
        hints.len() == LEVELS,
        "{} has {} levels of hints, not {LEVELS}; each begins with `{OPEN}1: where to look</summary>`",
        path.display(),
        hints.len()
    );
    Ok(hints)
}

fn parse(readme: &str) -> Result<Vec<Hint>> {
    let mut hints = Vec::new();
    let mut rest = readme;
    while let Some((_, after)) = rest.split_once(OPEN) {
        let Some((head, body)) = after.split_once("</summary>") else {
            bail!("`{OPEN}` without `</summary>`");
        };
        let Some((text, after)) = body.split_once(CLOSE) else {
            bail!("level {head} is never closed by `{CLOSE}`");
        };
        let (number, title) = head.split_once(": ").unwrap_or((head, ""));
        ensure!(
            number == (hints.len() + 1).to_string(),
            "level {number} stands where level {} should",
            hints.len() + 1
        );
        hints.push(Hint {
            title: title.to_string(),
            text: text.trim().to_string(),
        });
        rest = after;
    }
    Ok(hints)
}

#[cfg(test)]
mod tests {
    use super::{narrow, parse};

    #[test]
    fn a_long_line_goes_on_under_its_first_word() {
        let long = format!("- {}\n  short", "word ".repeat(20).trim_end());
        let lines = narrow(&long);
        assert!(lines.lines().all(|line| line.chars().count() <= 80), "{lines}");
        assert!(
            lines.starts_with("- word") && lines.contains("\n  word word") && lines.ends_with("\n  short"),
            "{lines}"
        );
    }

    #[test]
    fn levels_are_found_in_order() {
        let readme = "# A\n<details><summary>Level 1: where</summary>\n\n- look\n\n</details>\n\
            <details><summary>Level 2: which</summary>\n- `call`\n</details>\nrest";
        let hints = parse(readme).unwrap();
        assert_eq!((hints[0].title.as_str(), hints[0].text.as_str()), ("where", "- look"));
        assert_eq!((hints[1].title.as_str(), hints[1].text.as_str()), ("which", "- `call`"));
    }

    #[test]
    fn a_level_that_is_missing_or_open_is_an_error() {
        for wrong in [
            "<details><summary>Level 2: b</summary>x</details>",
            "<details><summary>Level 1: a</summary>x",
            "<details><summary>Level 1: a",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
