//! A class as an instructor grades it: the table, the reports, the gradebook, and programs that each hold one misconception.
//!
//! What everybody has to get is data: `tests/submissions/class.toml`, and a `label.toml` in every folder of `weak`. The two
//! exercises are named, not `--all`: the class has not handed in those that come later.

mod expected;
mod fixtures;
mod gradebook;
#[cfg(target_os = "linux")]
mod levels;
mod reports;
mod weak;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use workbook::repository;

const EXERCISES: [&str; 2] = ["ex01", "ex02"];
/// Most of a weak class is waiting for a deadline, which takes no core.
const JOBS: &str = "4";

/// What the grader printed and wrote about a class.
struct Graded {
    /// Standard output.
    table: String,
    /// Text of every file below `--out`, by its path there.
    files: BTreeMap<String, String>,
    gradebook: Value,
}

/// Graded once for all tests, as is `WEAK`.
static CLASS: LazyLock<Graded> = LazyLock::new(|| graded("class"));
static WEAK: LazyLock<Graded> = LazyLock::new(|| graded("weak"));

fn graded(class: &str) -> Graded {
    let out = tempfile::tempdir().unwrap();
    let mut grader = crate::grader();
    grader
        .args(EXERCISES)
        .args(["--trust-submissions", "--jobs", JOBS, "--submissions"])
        .arg(submissions().join(class));
    let run = grader.arg("--out").arg(out.path()).assert().code(0);
    let files = files_below(out.path());
    Graded {
        table: String::from_utf8(run.get_output().stdout.clone()).unwrap(),
        gradebook: serde_json::from_str(&files["gradebook.json"]).unwrap(),
        files,
    }
}

impl Graded {
    fn report(&self, student: &str) -> &str {
        &self.files[&format!("students/{student}.txt")]
    }

    fn submissions(&self) -> &[Value] {
        self.gradebook["submissions"].as_array().unwrap()
    }

    fn submission(&self, student: &str) -> &Value {
        let found = self.submissions().iter().find(|one| one["student"] == student);
        found.unwrap_or_else(|| panic!("{student} is not in the gradebook"))
    }

    fn grade(&self, student: &str, exercise: &str) -> &Value {
        let grades = self.submission(student)["grades"].as_array().unwrap();
        grades.iter().find(|grade| grade["exercise"] == exercise).unwrap()
    }
}

fn submissions() -> PathBuf {
    repository().join("tests/submissions")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Text of every file below `dir`, by its path there.
fn files_below(dir: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    let name = |path: &Path| path.strip_prefix(dir).unwrap().to_str().unwrap().to_string();
    files.map(|file| (name(file.path()), read(file.path()))).collect()
}

/// Names of the folders in `dir`.
fn folders(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// `key` of the checks in a grade that were lost. A check that this machine cannot run is not among them.
fn lost<'g>(grade: &'g Value, key: &str) -> BTreeSet<&'g str> {
    let is_lost = |check: &&Value| !matches!(check["outcome"].as_str(), Some("passed" | "not_run_here"));
    let checks = grade["checks"].as_array().unwrap().iter().filter(is_lost);
    checks.map(|check| check[key].as_str().unwrap()).collect()
}
