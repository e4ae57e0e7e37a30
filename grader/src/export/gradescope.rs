//! A zip that Gradescope makes an image from: `setup.sh` and `run_autograder` at its root, and the part of the course that the
//! assignment needs.
//!
//! The zip holds sources. `setup.sh` compiles grader and tests once, in the image, where compiler and C library are those that they will
//! run with, and grades the reference solutions: an image that cannot give full points is not made. A run then compiles the student's
//! program only.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use walkdir::WalkDir;
use zip::write::SimpleFileOptions;

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::report::format::Shown;
use crate::toolchain::Toolchain;

const SETUP: &str = include_str!("gradescope/setup.sh");
const RUN: &str = include_str!("gradescope/run_autograder");
/// Files and folders that compile grader and tests, beside the libraries of the course.
const OF_COURSE: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "clippy.toml",
    "LICENSE-MIT",
    "grader",
];

/// Writes the zip; answers what to do with it.
///
/// # Errors
/// A handout: it has neither hidden tests nor solutions. A file cannot be read, the zip cannot be written.
pub(super) fn write(course: &Course, exercises: &[&Exercise], zip: &Path, hidden: Shown) -> Result<String> {
    for exercise in exercises {
        ensure!(
            exercise.solution.is_some(),
            "{} has no reference solution here (is this a handout?); an autograder needs the whole course",
            exercise.name
        );
    }
    let mut files = course_files(course, exercises)?;
    files.insert("setup.sh".into(), setup(&Toolchain::find()?.version).into_bytes());
    files.insert("run_autograder".into(), run(exercises, hidden).into_bytes());
    write_atomically(zip, &packed(&files)?)?;
    let points: u32 = exercises
        .iter()
        .flat_map(|one| &one.rubric.checks)
        .map(|check| check.points)
        .sum();
    Ok(format!(
        "{}: upload it as the autograder of an assignment of {points} points. It holds the hidden tests: give it to nobody else.\n",
        zip.display()
    ))
}

/// `rustc 1.95.0 (…)` is installed as 1.95.0.
fn setup(version: &str) -> String {
    let number = version.split_whitespace().nth(1).unwrap_or("stable");
    // A nightly or a beta has no number that could be asked for.
    let number = if number.contains('-') { "stable" } else { number };
    SETUP.replace("@TOOLCHAIN@", number)
}

fn run(exercises: &[&Exercise], hidden: Shown) -> String {
    let names: Vec<&str> = exercises.iter().map(|exercise| exercise.name.as_str()).collect();
    let hidden = clap::ValueEnum::to_possible_value(&hidden).map_or_else(String::new, |value| value.get_name().into());
    RUN.replace("@EXERCISES@", &names.join(" "))
        .replace("@HIDDEN@", &hidden)
}

fn course_files(course: &Course, exercises: &[&Exercise]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut wanted: Vec<String> = OF_COURSE.map(String::from).into();
    wanted.extend(own_libraries(course)?);
    for exercise in exercises {
        wanted.push(format!("exercises/{}", exercise.folder));
        wanted.push(format!("solutions/{}", exercise.folder));
    }
    for part in wanted {
        let path = course.root.join(&part);
        if path.exists() {
            collect(&course.root, &path, &mut files)?;
        }
    }
    let manifest = files
        .get_mut("course/Cargo.toml")
        .context("the course has no Cargo.toml")?;
    let text = String::from_utf8(std::mem::take(manifest)).context("Cargo.toml is not UTF-8")?;
    *manifest = with_members(&text, &["exercises/*", "grader", "tests/harness"])?.into_bytes();
    Ok(files)
}

/// Folders of the libraries that the course itself has: exercises may need any of them.
fn own_libraries(course: &Course) -> Result<Vec<String>> {
    let path = course.root.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: toml::Table = toml::from_str(&text).with_context(|| format!("{} has a mistake", path.display()))?;
    let dependencies = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    let dependencies = dependencies.and_then(toml::Value::as_table).into_iter().flatten();
    let paths = dependencies.filter_map(|(_, dependency)| dependency.get("path")?.as_str());
    Ok(paths.map(String::from).collect())
}

fn collect(root: &Path, path: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let is_wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "target" || name.ends_with('~'))
    };
    for entry in WalkDir::new(path)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_wanted)
    {
        let entry = entry.with_context(|| format!("cannot list {}", path.display()))?;
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(root).context("a file outside the course")?;
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            files.insert(format!("course/{}", name.to_string_lossy()), bytes);
        }
    }
    Ok(())
}

/// A workspace's manifest with these members only.
fn with_members(manifest: &str, members: &[&str]) -> Result<String> {
    let mut manifest: toml::Table = toml::from_str(manifest).context("Cargo.toml has a mistake")?;
    let workspace = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut);
    let workspace = workspace.context("Cargo.toml is not that of a workspace")?;
    workspace.remove("default-members");
    workspace.insert("members".into(), members.to_vec().into());
    Ok(toml::to_string(&manifest)?)
}

/// The same bytes for the same files: no times, no owners.
fn packed(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let is_program = matches!(name.as_str(), "setup.sh" | "run_autograder");
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(if is_program { 0o755 } else { 0o644 });
        zip.start_file(name.as_str(), options).context("cannot write the zip")?;
        zip.write_all(bytes).context("cannot write the zip")?;
    }
    Ok(zip.finish().context("cannot write the zip")?.into_inner())
}
