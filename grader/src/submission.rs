//! A submission: the files that somebody handed in, as intake accepted them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Something that intake repaired, ignored or refused; one line in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note(pub String);

/// The accepted files for one exercise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Path below the exercise's `src/` (always with `/`, e.g. `lib.rs`, `wire/frame.rs`) and content.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Work {
    /// SHA-256 over the files in path order, as hex. Each file enters as its path, a zero byte, its length and its bytes,
    /// so that no two different works give the same bytes to hash.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (path, bytes) in &self.files {
            hash.update(path.as_bytes());
            hash.update([0]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        hex(&hash.finalize())
    }
}

/// Bytes in two hexadecimal digits each.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What somebody handed in: a student's tree, the reference solution, a mutant or a hostile program.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// Who handed it in: the folder's or archive's name.
    pub student: String,
    /// Accepted work by package name (`ex01`).
    pub works: BTreeMap<String, Work>,
    /// What was repaired, ignored or refused.
    pub notes: Vec<Note>,
}
