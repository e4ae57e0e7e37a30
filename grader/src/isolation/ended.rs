//! The side file `<folder>/ended`: what cell and jail found, one JSON line each. Only trusted processes can write it: at L3 it is
//! not in the jail's root, at L2 it belongs to another user, at L1 landlock does not show it.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// Name of the side file.
const FILE: &str = "ended";

/// One line of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Cell or jail could not be set up: our fault.
    Fault(Fault),
    /// A jailed program ended by itself.
    Jail(Ended),
    /// A jailed program had reached a limit when it ended or was ended.
    Reached(Limit),
    /// The whole cell ended.
    Cell(Spent),
}

/// How one jailed program ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Processor time, of all its processes.
    pub cpu_seconds: f64,
    /// Largest resident size of one of its processes.
    pub max_rss_kib: u64,
    /// The limit that ended it, where the end shows it.
    pub limit: Option<Limit>,
}

/// What a whole cell used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Processor time of programs and tools, the suite itself not counted.
    pub cpu_seconds: f64,
    /// Whether the temporary files filled their space.
    pub disk_full: bool,
}

/// A limit that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Processor time.
    Cpu,
    /// Size of one file.
    File,
    /// Temporary files together.
    Disk,
    /// Private memory of one process.
    Memory,
    /// Processes and threads together.
    Processes,
    /// Open descriptors of one process: so many.
    OpenFiles(u64),
}

impl Note {
    /// Adds a line. A failure to write has nobody left to be told to; the suite's end then counts as a fault without a reason.
    pub fn append(&self, folder: &Path) {
        let line = serde_json::to_string(self).unwrap_or_default() + "\n";
        if let Ok(mut file) = fs::OpenOptions::new().create(true).append(true).open(folder.join(FILE)) {
            let _ = file.write_all(line.as_bytes());
        }
    }

    /// All lines so far; a damaged one is a fault.
    pub fn read_all(folder: &Path) -> Vec<Note> {
        let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        let read = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|_| Note::Fault(Fault::new("read what the jail found")))
        };
        text.lines().map(read).collect()
    }

    /// Our fault, if there was one.
    pub fn fault(notes: &[Note]) -> Option<&Fault> {
        notes.iter().find_map(|note| match note {
            Note::Fault(fault) => Some(fault),
            _ => None,
        })
    }

    /// The limits that were hit, each once, those that ended a program first.
    pub fn limits(notes: &[Note]) -> Vec<Limit> {
        let ended = notes.iter().filter_map(|note| match note {
            Note::Jail(ended) => ended.limit,
            Note::Cell(spent) => spent.disk_full.then_some(Limit::Disk),
            _ => None,
        });
        let reached = notes.iter().filter_map(|note| match note {
            Note::Reached(limit) => Some(*limit),
            _ => None,
        });
        let mut limits = Vec::new();
        for limit in ended.chain(reached) {
            if !limits.contains(&limit) {
                limits.push(limit);
            }
        }
        limits
    }

    /// Processor time of the whole cell's programs, in seconds.
    pub fn cpu_seconds(notes: &[Note]) -> Option<f64> {
        notes.iter().find_map(|note| match note {
            Note::Cell(spent) => Some(spent.cpu_seconds),
            _ => None,
        })
    }
}
