//! The course: its exercises, found by folder, with their rubrics. Every error names the file and says what to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::after::After;
use crate::isolation::policy::JailLimits;

/// A course as it lies on disk.
#[derive(Debug, Clone)]
pub struct Course {
    /// The folder with `Cargo.toml` and `exercises/`.
    pub root: PathBuf,
    /// In name order.
    pub exercises: Vec<Exercise>,
    /// Where the grader builds: `target/grader` unless the command line says otherwise.
    pub target_dir: PathBuf,
}

/// One exercise.
#[derive(Debug, Clone)]
pub struct Exercise {
    /// Package name, e.g. `ex01`.
    pub name: String,
    /// Folder name, e.g. `ex01-four-calls`.
    pub folder: String,
    /// `exercises/ex01-four-calls`.
    pub dir: PathBuf,
    /// `solutions/ex01-four-calls`; `None` in a handout.
    pub solution: Option<PathBuf>,
    /// What is graded.
    pub rubric: Rubric,
}

/// `rubric.toml`: what is graded, for how many points. It is public.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rubric {
    /// Title of the exercise.
    pub title: String,
    /// Difficulty, 1 to 3 stars.
    pub level: u8,
    /// Time that a student needs, in minutes.
    pub minutes: u32,
    /// Exercises to have done before.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Chapter of the book, a file in `book/src`.
    pub chapter: String,
    /// Limits of build and checks.
    #[serde(default)]
    pub limits: Limits,
    /// Programs of the system that the exercise's own program may start, by name. In a jail there are no others.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Files in `src/` that the course gives beside `main.rs`, as modules of that program: `request.rs`.
    #[serde(default)]
    pub given: Vec<String>,
    /// What is said to somebody who has all points.
    #[serde(default)]
    pub after: Option<After>,
    /// Arguments with which `grader board` starts the program, if it has pins.
    #[serde(default)]
    pub board: Vec<String>,
    /// The checks, public first.
    #[serde(rename = "check")]
    pub checks: Vec<Arc<Check>>,
}

/// Limits of one exercise.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Wall time of one check, in seconds.
    pub check_seconds: u64,
    /// Wall time of the build, in seconds.
    pub build_seconds: u64,
    /// Processor time of one process, in seconds.
    pub cpu_seconds: u64,
    /// Memory of one process, in MiB.
    pub memory_mib: u64,
    /// Processes and threads of a program together.
    pub processes: u64,
    /// Open descriptors of one process.
    pub open_files: u64,
    /// Size of one file, in MiB.
    pub file_mib: u64,
    /// All temporary files of a check together, in MiB.
    pub disk_mib: u64,
    /// What a program may write to stdout and stderr together, in KiB. The harness reads it too, and keeps it.
    pub output_kib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            check_seconds: 10,
            build_seconds: 60,
            cpu_seconds: 10,
            memory_mib: 512,
            processes: 128,
            open_files: 1024,
            file_mib: 64,
            disk_mib: 64,
            output_kib: 4096,
        }
    }
}

const MIB: u64 = 1 << 20;
/// What the compiler may use of memory, in MiB. Its own needs do not depend on the exercise.
pub const COMPILER_MEMORY_MIB: u64 = 4096;
/// How large a file it may write, in MiB.
pub const COMPILER_FILE_MIB: u64 = 512;

impl Limits {
    /// What the program of a check may use.
    pub fn of_run(&self) -> JailLimits {
        JailLimits {
            cpu_seconds: self.cpu_seconds,
            memory: self.memory_mib * MIB,
            // Allocators and thread stacks reserve far more than they use, so only what is used is counted strictly.
            address_space: self.memory_mib * MIB + 8192 * MIB,
            processes: self.processes,
            open_files: self.open_files,
            file: self.file_mib * MIB,
            disk: self.disk_mib * MIB,
        }
    }

    /// What the compiler may use.
    pub fn of_build(&self) -> JailLimits {
        JailLimits {
            // Two cores' worth: rustc has several threads.
            cpu_seconds: self.build_seconds * 2,
            memory: COMPILER_MEMORY_MIB * MIB,
            address_space: COMPILER_MEMORY_MIB * MIB,
            processes: 256,
            open_files: 1024,
            file: COMPILER_FILE_MIB * MIB,
            disk: 64 * MIB,
        }
    }
}

/// Who may see a check's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// In the handout.
    Public,
    /// With the instructors only.
    Hidden,
}

/// One line of the rubric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Short id, e.g. `p1`, `h3`.
    pub id: String,
    /// Name of the test function.
    pub name: String,
    /// Points for passing all of its cases.
    pub points: u32,
    /// Public or hidden.
    pub visibility: Visibility,
    /// Kinds of test: U B S F T I.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The concept it is about, a few words.
    pub concept: String,
    /// One sentence for whoever failed it.
    pub feedback: String,
    /// Where to read: `file.md#fragment` in `book/src`.
    pub book: String,
}

impl Course {
    /// Finds the course at or above `start` and loads it.
    ///
    /// # Errors
    /// No course there; an exercise folder that is incomplete; a rubric with a mistake in it.
    pub fn find(start: &Path) -> Result<Course> {
        let root = start
            .ancestors()
            .find(|dir| dir.join("exercises").is_dir() && dir.join("Cargo.toml").is_file())
            .with_context(|| format!("no course here: neither {} nor a folder above it has exercises/ and Cargo.toml; run the grader inside the course", start.display()))?;
        Course::load(root)
    }

    /// Loads the course in `root`.
    ///
    /// # Errors
    /// As [`Course::find`].
    pub fn load(root: &Path) -> Result<Course> {
        let mut exercises = Vec::new();
        let dir = root.join("exercises");
        for entry in std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let path = entry.with_context(|| format!("cannot list {}", dir.display()))?.path();
            let folder = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_exercise_folder(&folder) && path.is_dir() {
                exercises.push(Exercise::load(root, &folder)?);
            }
        }
        ensure!(
            !exercises.is_empty(),
            "{} has no exercise: a folder named exNN-something",
            dir.display()
        );
        exercises.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in exercises.windows(2) {
            ensure!(
                pair[0].name != pair[1].name,
                "exercises/{} and exercises/{} are both {}; rename one",
                pair[0].folder,
                pair[1].folder,
                pair[0].name
            );
        }
        Ok(Course {
            root: root.to_path_buf(),
            exercises,
            target_dir: root.join("target/grader"),
        })
    }

    /// The exercise with this package name.
    ///
    /// # Errors
    /// There is none; the message lists those that exist.
    pub fn exercise(&self, name: &str) -> Result<&Exercise> {
        self.exercises
            .iter()
            .find(|exercise| exercise.name == name)
            .with_context(|| {
                let known: Vec<&str> = self.exercises.iter().map(|exercise| exercise.name.as_str()).collect();
                format!(
                    "no exercise `{name}` in {}; there are: {}",
                    self.root.display(),
                    known.join(", ")
                )
            })
    }

    /// Whether this is the instructors' tree: every exercise has its reference solution.
    pub fn has_solutions(&self) -> bool {
        self.exercises.iter().all(|exercise| exercise.solution.is_some())
    }
}

/// `ex`, two digits, `-`, something.
fn is_exercise_folder(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() > 5
        && name.starts_with("ex")
        && bytes[2].is_ascii_digit()
        && bytes[3].is_ascii_digit()
        && bytes[4] == b'-'
}

/// A module beside `main.rs`; neither that file itself nor the student's.
fn is_given_module(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let module = name.strip_suffix(".rs").unwrap_or_default();
    !module.is_empty() && module.bytes().all(plain) && !["main", "lib", "mod"].contains(&module)
}

impl Exercise {
    fn load(root: &Path, folder: &str) -> Result<Exercise> {
        let dir = root.join("exercises").join(folder);
        for needed in ["Cargo.toml", "rubric.toml", "src/main.rs", "tests/public.rs"] {
            ensure!(
                dir.join(needed).is_file(),
                "exercises/{folder} is incomplete: {needed} is missing"
            );
        }
        let solution = root.join("solutions").join(folder);
        let solution = solution.is_dir().then_some(solution);
        if solution.is_some() {
            for needed in ["Cargo.toml", "src/lib.rs", "tests/hidden.rs", "mutants.toml"] {
                let path = root.join("solutions").join(folder).join(needed);
                ensure!(path.is_file(), "solutions/{folder} is incomplete: {needed} is missing");
            }
        }
        let rubric = Rubric::load(&dir.join("rubric.toml"))?;
        for given in &rubric.given {
            ensure!(
                dir.join("src").join(given).is_file(),
                "exercises/{folder} is incomplete: rubric.toml gives src/{given}, which is missing"
            );
        }
        Ok(Exercise {
            name: folder[..4].to_string(),
            folder: folder.to_string(),
            dir,
            solution,
            rubric,
        })
    }

    /// The files in `src/` that are the course's, whatever a student's copy of them says: `main.rs` first.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        std::iter::once("main.rs").chain(self.rubric.given.iter().map(String::as_str))
    }

    /// The checks that can be run from this tree: all of them, or the public ones in a handout.
    pub fn available_checks(&self) -> Vec<Arc<Check>> {
        let hidden_too = self.solution.is_some();
        self.rubric
            .checks
            .iter()
            .filter(|check| hidden_too || check.visibility == Visibility::Public)
            .cloned()
            .collect()
    }
}

impl Rubric {
    /// Reads and checks a `rubric.toml`.
    ///
    /// # Errors
    /// Unreadable, not TOML, an unknown or missing key (with line and column), or a contradiction.
    pub fn load(path: &Path) -> Result<Rubric> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let rubric: Rubric = toml::from_str(&text).with_context(|| format!("{} has a mistake", path.display()))?;
        rubric
            .validate()
            .with_context(|| format!("{} has a mistake", path.display()))?;
        Ok(rubric)
    }

    fn validate(&self) -> Result<()> {
        ensure!(
            (1..=3).contains(&self.level),
            "level is {}; it has to be 1, 2 or 3",
            self.level
        );
        ensure!(!self.checks.is_empty(), "there is no [[check]]");
        let path = self.programs.iter().find(|name| name.is_empty() || name.contains('/'));
        ensure!(
            path.is_none(),
            "programs has `{}`; it takes names, such as `cat`, which are looked for on the PATH",
            path.map_or("", String::as_str)
        );
        let other = self.given.iter().find(|name| !is_given_module(name));
        ensure!(
            other.is_none(),
            "given has `{}`; it takes files beside main.rs, such as `request.rs`",
            other.map_or("", String::as_str)
        );
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for check in &self.checks {
            if !names.insert(&check.name) || !ids.insert(&check.id) {
                bail!(
                    "two checks are called `{}` ({}); names and ids have to differ",
                    check.name,
                    check.id
                );
            }
            ensure!(check.points > 0, "check `{}` is worth 0 points", check.name);
            ensure!(
                !check.feedback.trim().is_empty(),
                "check `{}` has no feedback sentence",
                check.name
            );
            ensure!(
                check.book.contains(".md#"),
                "check `{}`: book has to be `file.md#fragment`",
                check.name
            );
        }
        Ok(())
    }
}
