//! A submission that is a folder: walked without following a link, in name order, so that the same folder always gives
//! the same submission.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::sieve::{Sieve, What};
use super::{MAX_VISITED, name};

/// Offers every file of the tree. The inner error is the student's: more files than we look at.
pub(super) fn offer_all(dir: &Path, sieve: &mut Sieve) -> Result<Result<(), String>> {
    let mut walk = Walk { sieve, visited: 0 };
    // A course tree: what else lies in it (solutions, fixtures) is not this submission's.
    let start = if has_exercises(&dir.join("exercises")) {
        vec!["exercises".to_string()]
    } else {
        Vec::new()
    };
    let top = start.iter().fold(dir.to_path_buf(), |path, part| path.join(part));
    match walk.folder(&top, &start) {
        Ok(()) => Ok(Ok(())),
        Err(Stop::TooMuch) => Ok(Err(format!(
            "the folder holds more than {MAX_VISITED} files; nothing was taken"
        ))),
        Err(Stop::Fault(error)) => Err(error),
    }
}

/// Offers files that lie beside those of others, each under its own name.
pub(super) fn offer_loose(files: &[(String, PathBuf)], sieve: &mut Sieve) -> Result<()> {
    let mut files = files.to_vec();
    files.sort();
    for (name, path) in files {
        let about = fs::symlink_metadata(&path).with_context(|| format!("cannot look at {}", path.display()))?;
        let mut content = Lazy {
            path: &path,
            file: None,
        };
        let offered = sieve.offer(&name, what(&about), &mut content);
        offered.with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(())
}

fn has_exercises(dir: &Path) -> bool {
    let real = fs::symlink_metadata(dir).is_ok_and(|about| about.is_dir());
    let mut entries = fs::read_dir(dir).into_iter().flatten().flatten();
    real && entries.any(|entry| name::exercise_number(&entry.file_name().to_string_lossy()).is_some())
}

struct Walk<'s, 'c> {
    sieve: &'s mut Sieve<'c>,
    visited: usize,
}

/// Why a walk ends early.
enum Stop {
    TooMuch,
    Fault(anyhow::Error),
}

impl Walk<'_, '_> {
    fn folder(&mut self, dir: &Path, parts: &[String]) -> Result<(), Stop> {
        for path in self.list(dir)? {
            let file_name = path.file_name().unwrap_or_default();
            let mut parts = parts.to_vec();
            let Some(utf8) = file_name.to_str() else {
                parts.push(file_name.to_string_lossy().into_owned());
                self.sieve.refuse(&parts.join("/"), "its name is not UTF-8");
                continue;
            };
            parts.push(utf8.to_string());
            let about = fs::symlink_metadata(&path)
                .with_context(|| format!("cannot look at {}", path.display()))
                .map_err(Stop::Fault)?;
            let mut content = Lazy {
                path: &path,
                file: None,
            };
            self.sieve
                .offer(&parts.join("/"), what(&about), &mut content)
                .with_context(|| format!("cannot read {}", path.display()))
                .map_err(Stop::Fault)?;
            let strs: Vec<&str> = parts.iter().map(String::as_str).collect();
            if about.is_dir() && self.sieve.wants_folder(&strs) {
                self.folder(&path, &parts)?;
            }
        }
        Ok(())
    }

    /// The entries of a folder in name order.
    fn list(&mut self, dir: &Path) -> Result<Vec<PathBuf>, Stop> {
        let fault =
            |error: io::Error| Stop::Fault(anyhow::Error::new(error).context(format!("cannot list {}", dir.display())));
        let mut paths = Vec::new();
        for entry in fs::read_dir(dir).map_err(fault)? {
            self.visited += 1;
            if self.visited > MAX_VISITED {
                return Err(Stop::TooMuch);
            }
            paths.push(entry.map_err(fault)?.path());
        }
        paths.sort();
        Ok(paths)
    }
}

fn what(about: &Metadata) -> What {
    let kind = about.file_type();
    if kind.is_symlink() {
        What::Refused("it is a symbolic link")
    } else if kind.is_dir() {
        What::Folder
    } else if kind.is_fifo() {
        What::Refused("it is a FIFO")
    } else if kind.is_socket() {
        What::Refused("it is a socket")
    } else if !kind.is_file() {
        What::Refused("it is a device")
    } else if about.nlink() > 1 {
        What::Refused("it is a hard link: the same file lies elsewhere, too")
    } else {
        What::File
    }
}

/// A file that is opened when somebody reads it; most files of a tree are not wanted.
struct Lazy<'p> {
    path: &'p Path,
    file: Option<File>,
}

impl Read for Lazy<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.file.is_none() {
            self.file = Some(super::open_regular(self.path)?);
        }
        self.file.as_mut().map_or(Ok(0), |file| file.read(into))
    }
}
