//! Looks through a handout for what only the instructors have: the canary, and every telling line of a hidden file.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use crate::course::{Course, Exercise};
use crate::stub;

/// The line that every hidden file holds; its second half. The grader is handed out, so the whole is in no file of it.
const CANARY_REST: &str = "7f3a91c2-hidden";
/// A shorter line tells nothing: `let mut buffer = [0; 1024];` is the shortest that might.
const TELLING: usize = 25;

/// Folders of the course whose files are public.
const PUBLIC: [&str; 3] = ["exercises", "grader", "tests/harness"];

/// Line of a hidden file, and where it stands.
type Secrets = HashMap<String, String>;

/// Whoever adds a hidden file starts it with this.
pub(crate) fn canary() -> String {
    format!("{}{CANARY_REST}", stub::CANARY_PREFIX)
}

/// # Errors
/// Something hidden is in `handout`: the message names the file, the line, and where it comes from.
pub(super) fn find(course: &Course, handout: &Path) -> Result<()> {
    let secrets = secrets(course)?;
    let canary = canary();
    for_each_file(handout, |name, text| {
        for (number, line) in text.lines().enumerate() {
            let at = format!("{}:{}", name.trim_start_matches('/'), number + 1);
            if line.contains(&canary) {
                bail!("{at} would hand out the canary, so a hidden file or a part of one is in it");
            }
            if let Some(origin) = secrets.get(line.trim()) {
                bail!("{at} would hand out a line that only {origin} has: {}", line.trim());
            }
        }
        Ok(())
    })
}

fn secrets(course: &Course) -> Result<Secrets> {
    let mut secrets = Secrets::new();
    for exercise in &course.exercises {
        let Some(solution) = &exercise.solution else { continue };
        for part in ["src", "tests", "mutants.toml", "mutants"] {
            for_each_file(&solution.join(part), |name, text| {
                let origin = |number| format!("solutions/{}/{part}{name}:{number}", exercise.folder);
                for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| is_telling(line.trim())) {
                    secrets.entry(line.trim().to_string()).or_insert_with(|| origin(number));
                }
                Ok(())
            })?;
        }
    }
    forget_public_lines(course, &mut secrets)?;
    Ok(secrets)
}

fn is_telling(line: &str) -> bool {
    line.len() >= TELLING && line.contains(char::is_alphabetic)
}

/// Takes out what a public file has, too. An exercise's `src/` does not count as public as it lies there, for it may hold
/// somebody's solution: its stub does, and the given program with its modules.
fn forget_public_lines(course: &Course, secrets: &mut Secrets) -> Result<()> {
    for folder in PUBLIC {
        for_each_file(&course.root.join(folder), |name, text| {
            if !is_in_src_of_an_exercise(course, folder, name) {
                text.lines().for_each(|line| drop(secrets.remove(line.trim())));
            }
            Ok(())
        })?;
    }
    for exercise in course.exercises.iter().filter(|exercise| exercise.solution.is_some()) {
        let mut public: String = stub::files(exercise)?.into_values().collect();
        for name in exercise.given() {
            let file = exercise.dir.join("src").join(name);
            public += &fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        }
        for line in public.lines() {
            secrets.remove(line.trim());
        }
    }
    Ok(())
}

fn is_in_src_of_an_exercise(course: &Course, folder: &str, name: &str) -> bool {
    let is_in = |exercise: &Exercise| name.starts_with(&format!("/{}/src/", exercise.folder));
    folder == "exercises" && course.exercises.iter().any(is_in)
}

/// Calls `look` with the path below `top` (with `/` in front; empty when `top` is the file) and the text of every file.
fn for_each_file(top: &Path, mut look: impl FnMut(&str, &str) -> Result<()>) -> Result<()> {
    if !top.exists() {
        return Ok(());
    }
    let built = |name: &std::ffi::OsStr| name == "target";
    for entry in WalkDir::new(top)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !built(entry.file_name()))
    {
        let entry = entry.with_context(|| format!("cannot list {}", top.display()))?;
        if entry.file_type().is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            let below = entry.path().strip_prefix(top).expect("it lies below").to_string_lossy();
            let name = if below.is_empty() {
                String::new()
            } else {
                format!("/{below}")
            };
            look(&name, &String::from_utf8_lossy(&bytes))?;
        }
    }
    Ok(())
}
