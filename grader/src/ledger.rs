//! The ledger of a class: `ledger.jsonl` in the folder for reports, one JSON value per line, only ever added to.
//!
//! Two kinds of line. `graded` is one work on one exercise, graded, under a [`Key`] made of everything that decided it: written and on
//! disk before the next one is begun, so a killed run goes on where it was, and what has not changed is not graded again. `issued` is a
//! whole gradebook: who handed in what, which grade counts, and the rubric with its points. The last one is what reports show.
//!
//! Grades hold no students and no points: identical works share a grade, and a rubric that gives other points needs no grading.
//!
//! A class has gigabytes of evidence, so it is read one student at a time: see [`Evidence`].

mod evidence;
mod file;
mod shard;
mod stored;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::basis::Basis;
use crate::grade::{Grade, Gradebook};
use crate::isolation::Isolation;
use crate::submission::hex;
use file::{File, Span};
use stored::{Graded, Issued, Line, LineRef, Whole};

pub use evidence::Evidence;
pub use shard::Shard;
pub use stored::{Class, Rubric};

/// Name of the file in the folder for reports.
pub const FILE: &str = "ledger.jsonl";

/// What two grades have in common if and only if one stands for the other: 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(String);

impl Key {
    /// The key of a work's grade on an exercise. `digest` is the work's, empty when nothing was handed in.
    pub fn new(exercise: &str, digest: &str, basis: &Basis, isolation: Isolation) -> Key {
        let decisive = serde_json::to_vec(&(exercise, digest, basis, isolation)).expect("strings are always JSON");
        Key(hex(&Sha256::digest(decisive)[..16]))
    }

    /// The key of a grade that was made.
    pub fn of(grade: &Grade) -> Key {
        Key::new(&grade.exercise, &grade.digest, &grade.basis, grade.isolation)
    }
}

/// Something was begun and cannot be finished, though nothing that was graded is lost: a full disk. The grader exits with 3.
#[derive(Debug)]
pub struct Unfinished(pub String);

impl std::fmt::Display for Unfinished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ledger of one folder, open for one grader.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    /// Where the newest grade of each key stands, and whether it is final.
    graded: BTreeMap<Key, (Span, bool)>,
    issued: Option<Span>,
}

impl Ledger {
    /// Opens the ledger in `out`, makes it when there is none, and locks it. The second value says what had to be repaired.
    ///
    /// # Errors
    /// Another grader works in this folder; the ledger cannot be read; a line before the last is broken.
    pub fn open(out: &Path) -> Result<(Ledger, Option<String>)> {
        let (file, repaired) = File::open(&out.join(FILE))?;
        let mut ledger = Ledger {
            file,
            graded: BTreeMap::new(),
            issued: None,
        };
        ledger.index()?;
        Ok((ledger, repaired))
    }

    fn index(&mut self) -> Result<()> {
        let (graded, issued) = (&mut self.graded, &mut self.issued);
        self.file.each_line(|span, line| {
            match serde_json::from_slice(line)? {
                Line::Graded(grade) => {
                    graded.insert(grade.key, (span, grade.settled));
                }
                Line::Issued(_) => *issued = Some(span),
            }
            Ok(())
        })
    }

    /// Whether there is a final grade for this key: one that is nobody's fault but the student's.
    pub fn has(&self, key: &Key) -> bool {
        self.graded.get(key).is_some_and(|(_, settled)| *settled)
    }

    /// Adds a grade. When this returns it is on disk.
    ///
    /// # Errors
    /// No room or no right to write. Nothing is half-written then, and the ledger can go on.
    pub fn add(&mut self, grade: &Grade) -> Result<()> {
        let (key, graded) = (Key::of(grade), Graded::of(grade));
        let settled = graded.settled;
        let span = self.write(&LineRef::Graded(&graded))?;
        self.graded.insert(key, (span, settled));
        Ok(())
    }

    /// Makes a gradebook the one that counts. Every grade in it has to be in the ledger.
    ///
    /// # Errors
    /// As [`add`](Ledger::add), or a grade is not in the ledger.
    pub fn issue(&mut self, gradebook: &Gradebook, class: &Class) -> Result<()> {
        let issued = Issued::of(gradebook, class);
        let unknown = issued.keys().find(|key| !self.graded.contains_key(*key));
        anyhow::ensure!(unknown.is_none(), "grade {unknown:?} is not in the ledger");
        let span = self.write(&LineRef::Issued(&issued))?;
        self.issued = Some(span);
        Ok(())
    }

    fn write(&mut self, line: &LineRef) -> Result<Span> {
        self.file
            .append(&serde_json::to_vec(line).context("cannot write JSON")?)
    }

    /// The newest grade of a key, with the checks of a rubric.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn grade(&self, key: &Key, rubric: &Rubric) -> Result<Grade> {
        let (span, _) = self
            .graded
            .get(key)
            .with_context(|| format!("no grade {key:?} in the ledger"))?;
        match serde_json::from_slice(&self.file.read(*span)?)? {
            Whole::Graded(graded) => graded.with_rubric(rubric),
            Whole::Issued(_) => anyhow::bail!("the ledger has changed under our hands"),
        }
    }

    /// The gradebook that counts, and how its class was read; `None` before the first. Its evidence stays here.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn issued(&self) -> Result<Option<(Gradebook, Class)>> {
        let Some(span) = self.issued else { return Ok(None) };
        match serde_json::from_slice(&self.file.read(span)?)? {
            Whole::Issued(issued) => issued.gradebook(|key, rubric| self.grade(key, rubric)).map(Some),
            Whole::Graded(_) => anyhow::bail!("the ledger has changed under our hands"),
        }
    }
}

/// The gradebook that counts in the folder `out`, for reports. Needs no lock: a grader may be at work there.
///
/// # Errors
/// No gradebook was issued there yet, or the ledger cannot be read.
pub fn read(out: &Path) -> Result<Gradebook> {
    read_with_class(out).map(|(gradebook, _)| gradebook)
}

/// The same with how its class was read.
///
/// # Errors
/// As [`read`].
pub fn read_with_class(out: &Path) -> Result<(Gradebook, Class)> {
    let path = out.join(FILE);
    let mut ledger = Ledger {
        file: File::open_to_read(&path)?,
        graded: BTreeMap::new(),
        issued: None,
    };
    ledger.index()?;
    let issued = ledger.issued()?.with_context(|| {
        format!(
            "{} holds no finished gradebook yet; run the grader with --out {} to its end",
            path.display(),
            out.display()
        )
    })?;
    let (mut gradebook, class) = issued;
    gradebook.evidence = Evidence::Ledger(Arc::new(ledger));
    Ok((gradebook, class))
}
