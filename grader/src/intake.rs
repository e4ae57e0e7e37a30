//! Intake: from what lies in a folder or an archive to a [`Submission`].
//!
//! Everything that a student hands in is read here and nowhere else. It is never unpacked: entries are offered one by one
//! to a [`sieve`], which keeps `exNN-*/src/**/*.rs` in memory within its limits and writes one note for what it repairs,
//! ignores or refuses. A student's broken archive is that student's note; a folder that *we* cannot read is an error.

mod archive;
mod folder;
mod name;
mod notes;
mod place;
mod sieve;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nix::libc;

use crate::course::{Course, Exercise};
use crate::submission::{Note, Submission};
use archive::Format;
use sieve::Sieve;

/// Files of one submission, all exercises together.
pub const MAX_FILES: usize = 200;
/// Bytes of one file.
pub const MAX_FILE: u64 = 256 * 1024;
/// Bytes of one submission.
pub const MAX_TOTAL: u64 = 2 * 1024 * 1024;
/// Bytes that an archive may unpack to, as far as it has to be unpacked.
pub const MAX_UNPACKED: u64 = 32 * 1024 * 1024;
/// Bytes of an archive as it lies on disk.
pub const MAX_ARCHIVE: u64 = 64 * 1024 * 1024;
/// Entries of an archive.
pub const MAX_ENTRIES: usize = 2_000;
/// Files and folders looked at in a folder, build output and dot folders not counted.
pub const MAX_VISITED: usize = 20_000;
/// Parts of a path, from the exercise's folder on.
pub const MAX_DEPTH: usize = 8;
/// Bytes of one part of a name.
pub const MAX_NAME: usize = 255;
/// Notes of one submission; the rest is counted.
pub const MAX_NOTES: usize = 50;

/// Reads a class: one submission per folder or archive in `dir`, in name order.
///
/// # Errors
/// `dir` or a folder in it cannot be read, there is no submission in it, or it is one submission instead of a class.
pub fn read_class(dir: &Path, course: &Course) -> Result<Vec<Submission>> {
    list_class(dir)?.iter().map(|one| one.read(course, &[])).collect()
}

/// Finds the submissions of a class without reading them, in name order, with names that differ.
///
/// # Errors
/// As [`read_class`].
pub fn list_class(dir: &Path) -> Result<Vec<HandedIn>> {
    let handed_in = list(dir)?;
    ensure!(
        !handed_in.is_empty(),
        "{} holds no submission; put one folder, .zip or .tar.gz per student into it",
        dir.display()
    );
    refuse_one_submission(dir, &handed_in)?;
    Ok(handed_in)
}

/// Reads one tree: a student's folder, or a course tree with `exercises/` in it.
///
/// # Errors
/// The folder cannot be read.
pub fn read_tree(dir: &Path, student: &str, course: &Course) -> Result<Submission> {
    read_tree_for(&[], dir, student, course)
}

/// The same for these exercises. When it is one, source files that lie in no exercise's folder are taken as its.
///
/// # Errors
/// As [`read_tree`].
pub fn read_tree_for(asked: &[&Exercise], dir: &Path, student: &str, course: &Course) -> Result<Submission> {
    let mut sieve = Sieve::new(course, asked);
    Ok(match folder::offer_all(dir, &mut sieve)? {
        Ok(()) => sieve.finish(student),
        Err(too_much) => without_work(student, too_much),
    })
}

/// One top-level entry of a class.
#[derive(Debug, Clone)]
pub struct HandedIn {
    /// Name of the folder or archive, without the archive's ending unless that tells it from another.
    pub student: String,
    /// The same without an archive's ending, always.
    pub stem: String,
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Folder,
    Archive(Format),
    /// Source files without a folder, by the names that their student gave them.
    Sources(Vec<(String, PathBuf)>),
    /// Something that a student handed in and that we do not read, and why.
    Unreadable(&'static str),
}

impl HandedIn {
    /// The folder or archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The only archive in this folder, if no other archive or folder is in it: platforms put what was uploaded into a folder of their own.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn archive_within(self) -> Result<HandedIn> {
        if !matches!(self.kind, Kind::Folder) {
            return Ok(self);
        }
        let mut within = list(&self.path)?;
        match within.pop() {
            Some(HandedIn {
                kind: kind @ Kind::Archive(_),
                path,
                ..
            }) if within.is_empty() => Ok(HandedIn { path, kind, ..self }),
            _ => Ok(self),
        }
    }

    /// Whether these are source files without a folder.
    pub fn is_loose(&self) -> bool {
        matches!(self.kind, Kind::Sources(_))
    }

    /// The same source file under the name that its student gave it: platforms put more in front of it.
    #[must_use]
    pub fn named(mut self, name: &str) -> HandedIn {
        if let Kind::Sources(sources) = &mut self.kind {
            sources.iter_mut().for_each(|(known, _)| *known = name.to_string());
        }
        self
    }

    /// Adds the source files of another one of the same student.
    pub fn join(&mut self, other: HandedIn) {
        if let (Kind::Sources(sources), Kind::Sources(more)) = (&mut self.kind, other.kind) {
            sources.extend(more);
        }
    }

    /// Reads it. When one exercise is asked for, source files that lie in no exercise's folder are taken as its.
    ///
    /// # Errors
    /// The folder or archive cannot be read; one that is broken is its student's fault, and a note.
    pub fn read(&self, course: &Course, asked: &[&Exercise]) -> Result<Submission> {
        let mut sieve = Sieve::new(course, asked);
        let offered = match &self.kind {
            Kind::Unreadable(why) => Err(why.to_string()),
            Kind::Folder => return read_tree_for(asked, &self.path, &self.student, course),
            Kind::Archive(format) => archive::offer_all(&self.path, *format, &mut sieve)?,
            Kind::Sources(sources) => folder::offer_loose(sources, &mut sieve).map(Ok)?,
        };
        Ok(match offered {
            Ok(()) => sieve.finish(&self.student),
            Err(broken) => without_work(&self.student, broken),
        })
    }
}

/// A submission of which nothing can be used.
fn without_work(student: &str, why: String) -> Submission {
    Submission {
        student: student.to_string(),
        notes: vec![Note(why)],
        ..Submission::default()
    }
}

/// What was handed in, in name order, with names that differ. Plain files that are no archive are the class's own.
fn list(dir: &Path) -> Result<Vec<HandedIn>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list the class in {}", dir.display()))? {
        let entry = entry.with_context(|| format!("cannot list the class in {}", dir.display()))?;
        let path = entry.path();
        let about = fs::symlink_metadata(&path).with_context(|| format!("cannot look at {}", path.display()))?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        if name::is_ignored(&file_name) {
            continue;
        }
        let (student, kind) = if about.is_dir() {
            (file_name, Kind::Folder)
        } else if about.is_symlink() {
            (
                file_name,
                Kind::Unreadable("this is a symbolic link, which intake does not follow; nothing was read"),
            )
        } else if let Some((stem, format)) = archive::format_of(&file_name).filter(|_| about.is_file()) {
            (stem, Kind::Archive(format))
        } else if let Some(stem) = file_name.strip_suffix(".rs").filter(|_| about.is_file()) {
            (stem.to_string(), Kind::Sources(vec![(file_name, path.clone())]))
        } else if let Some(why) = archive::unsupported(&file_name) {
            (file_name, Kind::Unreadable(why))
        } else {
            continue;
        };
        all.push(HandedIn {
            stem: student.clone(),
            student,
            path,
            kind,
        });
    }
    all.sort_by(|a, b| (&a.student, &a.path).cmp(&(&b.student, &b.path)));
    keep_names_apart(&mut all);
    all.sort_by(|a, b| a.student.cmp(&b.student));
    Ok(all)
}

/// `ada/` beside `ada.zip`: the second one keeps its full file name, so that no grade replaces another.
fn keep_names_apart(all: &mut [HandedIn]) {
    for i in 1..all.len() {
        if all[..i].iter().any(|one| one.student == all[i].student) {
            all[i].student = all[i]
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
        }
    }
}

/// A single student's tree given as a class would grade `exercises` or `ex01-…` as if it were somebody's name.
fn refuse_one_submission(dir: &Path, all: &[HandedIn]) -> Result<()> {
    for one in all.iter().filter(|one| matches!(one.kind, Kind::Folder)) {
        let an_exercise = name::exercise_number(&one.student).is_some() && one.path.join("src").is_dir();
        if an_exercise || one.student == "exercises" {
            bail!("{}", is_one_submission(dir, &one.student));
        }
    }
    match all.iter().find(|one| one.is_loose() && one.student == "lib") {
        Some(_) => bail!("{}", is_one_submission(dir, "lib.rs")),
        None => Ok(()),
    }
}

fn is_one_submission(dir: &Path, name: &str) -> String {
    format!(
        "{} is one submission ({name} lies in it), not a class; give the folder above it, which holds one folder per student",
        dir.display()
    )
}

/// Opens a regular file without following a link or waiting for the other end of a FIFO.
fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}
