//! A new exercise: both its folders, a chapter and a line of the summary, so small that it is easily replaced and so
//! complete that its audit is green.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::course::Course;
use crate::files::write_atomically;
use crate::{handout, stub};

const LIB: &str = include_str!("../templates/new/solution/lib.rs.in");

/// Template and the file that it becomes; the stub is derived.
const FILES: [(&str, &str); 10] = [
    (
        "exercises/@FOLDER@/Cargo.toml",
        include_str!("../templates/new/exercise/Cargo.toml.in"),
    ),
    (
        "exercises/@FOLDER@/rubric.toml",
        include_str!("../templates/new/exercise/rubric.toml.in"),
    ),
    (
        "exercises/@FOLDER@/README.md",
        include_str!("../templates/new/exercise/README.md.in"),
    ),
    (
        "exercises/@FOLDER@/src/main.rs",
        include_str!("../templates/new/exercise/main.rs.in"),
    ),
    (
        "exercises/@FOLDER@/tests/public.rs",
        include_str!("../templates/new/exercise/public.rs.in"),
    ),
    (
        "solutions/@FOLDER@/Cargo.toml",
        include_str!("../templates/new/solution/Cargo.toml.in"),
    ),
    ("solutions/@FOLDER@/src/lib.rs", LIB),
    (
        "solutions/@FOLDER@/tests/hidden.rs",
        include_str!("../templates/new/solution/hidden.rs.in"),
    ),
    (
        "solutions/@FOLDER@/mutants.toml",
        include_str!("../templates/new/solution/mutants.toml.in"),
    ),
    ("book/src/@CHAPTER@", include_str!("../templates/new/chapter.md.in")),
];
const STUB: &str = "exercises/@FOLDER@/src/lib.rs";
const SUMMARY: &str = "book/src/SUMMARY.md";

/// Lays out the exercise `folder` (`ex18-name`). Returns the files it wrote, the changed summary last.
///
/// # Errors
/// The name is not of that form or its number is taken; the tree has no solutions; a file is in the way or cannot be
/// written. Then nothing of the exercise is left.
pub fn create(course: &Course, folder: &str) -> Result<Vec<PathBuf>> {
    let number = number_in(folder)?;
    ensure!(
        course.exercises.iter().any(|exercise| exercise.solution.is_some()),
        "this tree has no solutions/; new exercises are made in the instructors' tree"
    );
    for taken in ["exercises", "solutions"] {
        if let Some(taken) = folder_with_number(&course.root.join(taken), &folder[..4])? {
            bail!(
                "{} exists already; choose another number than {number}",
                taken.display()
            );
        }
    }
    let words = Words::new(course, folder)?;
    let summary = words.summary(&course.root)?;
    let mut files: Vec<(PathBuf, String)> = FILES
        .map(|(path, text)| (words.path(course, path), words.fill(text)))
        .into();
    files.push((words.path(course, STUB), stub::derive(&words.fill(LIB))?));
    files.sort();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        bail!("{} exists already; remove it first", path.display());
    }
    files.push((course.root.join(SUMMARY), summary));
    write_all(course, folder, &files)?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// `18` of `ex18-name`.
fn number_in(folder: &str) -> Result<&str> {
    let form = || format!("`{folder}` is no name for an exercise; it has to look like ex18-short-name");
    let (number, slug) = folder
        .strip_prefix("ex")
        .and_then(|rest| rest.split_once('-'))
        .with_context(form)?;
    let digits = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    ensure!(digits && slug.split('-').all(plain) && folder.len() <= 40, form());
    Ok(number)
}

fn folder_with_number(dir: &Path, exercise: &str) -> Result<Option<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let has_number = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix(exercise)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    Ok(entries.flatten().map(|entry| entry.path()).find(has_number))
}

/// All of it or nothing: what was written before an error goes away again.
fn write_all(course: &Course, folder: &str, files: &[(PathBuf, String)]) -> Result<()> {
    for (path, text) in files {
        if let Err(error) = write_atomically(path, text.as_bytes()) {
            let in_book = files
                .iter()
                .map(|(path, _)| path)
                .filter(|path| path.parent() == Some(&course.root.join("book/src")));
            in_book
                .filter(|path| !path.ends_with("SUMMARY.md"))
                .for_each(|path| drop(fs::remove_file(path)));
            for side in ["exercises", "solutions"] {
                let _ = fs::remove_dir_all(course.root.join(side).join(folder));
            }
            return Err(error);
        }
    }
    Ok(())
}

/// What stands for the words between `@` in the templates.
struct Words([(&'static str, String); 7]);

impl Words {
    fn new(course: &Course, folder: &str) -> Result<Words> {
        let (exercise, slug) = (&folder[..4], &folder[5..]);
        let title = slug.replace('-', " ");
        let chapter = format!("{:02}-{slug}.md", next_chapter(&course.root)?);
        Ok(Words([
            ("@EXERCISE@", exercise.to_string()),
            ("@NUMBER@", exercise[2..].trim_start_matches('0').to_string()),
            ("@FOLDER@", folder.to_string()),
            ("@CHAPTER@", chapter),
            ("@Title@", title[..1].to_uppercase() + &title[1..]),
            ("@title@", title),
            ("@CANARY@", handout::canary()),
        ]))
    }

    fn fill(&self, template: &str) -> String {
        self.0.iter().fold(template.to_string(), |text, (word, meaning)| {
            text.replace(word, meaning)
        })
    }

    fn path(&self, course: &Course, template: &str) -> PathBuf {
        course.root.join(self.fill(template))
    }

    /// The summary with a line for the chapter after its last one: before the appendices, which have a heading of their own.
    fn summary(&self, root: &Path) -> Result<String> {
        let path = root.join(SUMMARY);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        let headings = lines.iter().enumerate().filter(|(_, line)| line.starts_with("# "));
        let behind = headings.map(|(at, _)| at).nth(1).unwrap_or(lines.len());
        let is_chapter = |line: &String| line.trim_start().starts_with("- [");
        let last = lines[..behind].iter().rposition(is_chapter);
        let last = last.with_context(|| format!("{} has no line `- [chapter](file.md)`", path.display()))?;
        lines.insert(last + 1, self.fill("- [@Title@](@CHAPTER@)"));
        Ok(lines.join("\n") + "\n")
    }
}

/// One more than the highest number in front of a chapter's file name.
fn next_chapter(root: &Path) -> Result<u32> {
    let dir = root.join("book/src");
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let number = |name: String| {
        name.split_once('-')?
            .0
            .parse::<u32>()
            .ok()
            .filter(|_| name.ends_with(".md"))
    };
    let numbers = entries
        .flatten()
        .filter_map(|entry| number(entry.file_name().to_string_lossy().into_owned()));
    Ok(numbers.max().map_or(0, |highest| highest + 1))
}
