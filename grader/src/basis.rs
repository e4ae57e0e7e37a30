//! What decides a grade besides the submitted files. Two grades with the same files, basis and isolation level are the same grade, so
//! the ledger need not make the second one.
//!
//! Points, sentences and links of a rubric are not in it: they are applied to outcomes when a gradebook is made. Neither is a seed:
//! every seed is a constant of a test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::Value;
use walkdir::WalkDir;

use crate::course::{Course, Exercise};
use crate::submission::hex;
use crate::toolchain::Toolchain;

/// Digests, 16 hex digits each, of what the course, the grader and the machine bring to one exercise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Names of the checks, limits and programs in the rubric.
    pub rubric: String,
    /// The public tests.
    pub public_tests: String,
    /// The hidden tests; empty in a handout.
    pub hidden_tests: String,
    /// The given program and the exercise's manifest.
    pub given: String,
    /// The libraries of the course itself, harness and netlab, and the versions of all others.
    pub libraries: String,
    /// The parts of the grader that can change a grade.
    pub grader: String,
    /// Version line of the compiler.
    pub toolchain: String,
    /// What this machine lacks for some checks, e.g. `tracer, socat`; empty when it lacks nothing.
    pub lacks: String,
}

impl Basis {
    /// The basis of these exercises' grades here and now, by exercise.
    ///
    /// # Errors
    /// A file of the course cannot be read.
    pub fn of(course: &Course, exercises: &[&Exercise], toolchain: &Toolchain) -> Result<BTreeMap<String, Arc<Basis>>> {
        let common = Basis {
            libraries: libraries(course)?,
            grader: env!("GRADER_SOURCES").into(),
            toolchain: toolchain.version.clone(),
            lacks: lacks(),
            ..Basis::default()
        };
        let own = exercises
            .iter()
            .map(|exercise| Ok((exercise.name.clone(), Arc::new(common.with(exercise)?))));
        own.collect()
    }

    fn with(&self, exercise: &Exercise) -> Result<Basis> {
        let (mut public, mut hidden, mut given) = (Files::default(), Files::default(), Files::default());
        public.add(&exercise.dir.join("tests/public.rs"))?;
        for modules in folders(&exercise.dir.join("tests"))? {
            public.add(&modules)?;
        }
        if let Some(solution) = &exercise.solution {
            hidden.add(&solution.join("tests"))?;
            hidden.add(&solution.join("Cargo.toml"))?;
        }
        given.add(&exercise.dir.join("Cargo.toml"))?;
        for name in exercise.given() {
            given.add(&exercise.dir.join("src").join(name))?;
        }
        Ok(Basis {
            rubric: rubric(exercise)?,
            public_tests: public.digest(),
            hidden_tests: exercise.solution.as_ref().map_or_else(String::new, |_| hidden.digest()),
            given: given.digest(),
            ..self.clone()
        })
    }

    /// What the two differ in, in words for a person; empty when they are the same.
    pub fn differing(&self, other: &Basis) -> Vec<&'static str> {
        let named = [
            ("rubric", &self.rubric, &other.rubric),
            ("public tests", &self.public_tests, &other.public_tests),
            ("hidden tests", &self.hidden_tests, &other.hidden_tests),
            ("given program", &self.given, &other.given),
            ("libraries", &self.libraries, &other.libraries),
            ("grader", &self.grader, &other.grader),
            ("toolchain", &self.toolchain, &other.toolchain),
            ("tools of this machine", &self.lacks, &other.lacks),
        ];
        let differing = named.into_iter().filter(|(_, mine, theirs)| mine != theirs);
        differing.map(|(name, ..)| name).collect()
    }
}

/// Those parts of a rubric that an outcome can depend on.
fn rubric(exercise: &Exercise) -> Result<String> {
    let rubric = &exercise.rubric;
    let checks: Vec<_> = rubric
        .checks
        .iter()
        .map(|check| (&check.name, check.visibility))
        .collect();
    let decisive = serde_json::to_vec(&(&rubric.limits, &rubric.programs, checks))?;
    Ok(short(&Sha256::digest(decisive)))
}

/// What tests and programs are linked with: the course's own libraries by their files, all others by `Cargo.lock`.
fn libraries(course: &Course) -> Result<String> {
    let mut files = Files::default();
    let manifest = course.root.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let root: toml::Table = toml::from_str(&text).with_context(|| format!("{} has a mistake", manifest.display()))?;
    let dependencies = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    for (name, dependency) in dependencies.and_then(Value::as_table).into_iter().flatten() {
        if let Some(path) = dependency
            .get("path")
            .and_then(Value::as_str)
            .filter(|_| name != "grader")
        {
            files.add(&course.root.join(path).join("src"))?;
            files.add(&course.root.join(path).join("Cargo.toml"))?;
        }
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        let path = course.root.join(file);
        if path.is_file() {
            files.add(&path)?;
        }
    }
    Ok(files.digest())
}

/// Checks that need these are `not run here` on a machine without them.
fn lacks() -> String {
    let tracer = harness::trace::available().is_err().then_some("tracer");
    let tools = crate::doctor::TOOLS.iter().map(|(tool, _)| *tool);
    let missing = tools.filter(|tool| harness::find_tool(tool).is_none());
    tracer.into_iter().chain(missing).collect::<Vec<_>>().join(", ")
}

/// Files by their place below what was added, so that two copies of a course have the same digest.
#[derive(Default)]
struct Files(Sha256);

impl Files {
    /// Adds a file, or every file below a folder in name order.
    fn add(&mut self, top: &Path) -> Result<()> {
        for entry in WalkDir::new(top).sort_by_file_name() {
            let entry = entry.with_context(|| format!("cannot list {}", top.display()))?;
            if entry.file_type().is_file() {
                let path = entry.path();
                let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                let place = path.strip_prefix(top).unwrap_or(path);
                self.0.update(place.to_string_lossy().as_bytes());
                self.0.update([0]);
                self.0.update((bytes.len() as u64).to_le_bytes());
                self.0.update(bytes);
            }
        }
        Ok(())
    }

    fn digest(self) -> String {
        short(&self.0.finalize())
    }
}

/// The folders in a folder, in name order: the modules of the public tests.
fn folders(top: &Path) -> Result<Vec<PathBuf>> {
    let entries = WalkDir::new(top).min_depth(1).max_depth(1).sort_by_file_name();
    let entries: Vec<_> = entries
        .into_iter()
        .collect::<Result<_, _>>()
        .with_context(|| format!("cannot list {}", top.display()))?;
    let folders = entries.into_iter().filter(|entry| entry.file_type().is_dir());
    Ok(folders.map(|entry| entry.into_path()).collect())
}

/// Eight bytes: enough to notice a change, which is all it is for.
fn short(digest: &[u8]) -> String {
    hex(&digest[..8])
}
