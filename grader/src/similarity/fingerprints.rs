//! Winnowed fingerprints: of every row of tokens a hash, and of every window of hashes the least. Whatever two works share that is as long
//! as window and row together shares a fingerprint.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Place;
use super::tokens::{Token, tokens};
use crate::submission::Work;

/// Tokens of a row: shorter ones are in every program.
const ROW: usize = 15;
/// Rows of a window.
const WINDOW: usize = 8;

/// A work's fingerprints, and where each stands first.
#[derive(Debug, Clone, Default)]
pub(super) struct Fingerprints(BTreeMap<u64, Place>);

impl Fingerprints {
    pub(super) fn of(work: &Work) -> Fingerprints {
        let mut all = BTreeMap::new();
        for (file, bytes) in &work.files {
            let tokens = tokens(&String::from_utf8_lossy(bytes));
            let rows = rows(&tokens);
            for window in rows.windows(WINDOW.min(rows.len().max(1))) {
                // Of equal ones the last: windows that overlap then choose the same.
                let Some((at, hash)) = window.iter().rev().min_by_key(|(_, hash)| *hash) else {
                    continue;
                };
                all.entry(*hash).or_insert_with(|| Place {
                    file: file.clone(),
                    first: tokens[*at].line,
                    last: tokens[*at + ROW - 1].line,
                });
            }
        }
        Fingerprints(all)
    }

    /// Without what is in `given`: there every row counts, as no window may hide one.
    pub(super) fn without(mut self, given: &Work) -> Fingerprints {
        let texts = given.files.values().map(|bytes| String::from_utf8_lossy(bytes));
        let rows: HashSet<u64> = texts
            .flat_map(|text| rows(&tokens(&text)))
            .map(|(_, hash)| hash)
            .collect();
        self.0.retain(|hash, _| !rows.contains(hash));
        self
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.keys().copied()
    }

    /// From where to where these fingerprints go, in the file that has most of them.
    pub(super) fn place(&self, hashes: &BTreeSet<u64>) -> Option<Place> {
        let mut files: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
        for place in hashes.iter().filter_map(|hash| self.0.get(hash)) {
            files.entry(&place.file).or_default().push(place);
        }
        let (file, places) = files.into_iter().max_by_key(|(_, places)| places.len())?;
        Some(Place {
            file: file.to_string(),
            first: places.iter().map(|place| place.first).min()?,
            last: places.iter().map(|place| place.last).max()?,
        })
    }
}

/// The hash of every row, and where it begins.
fn rows(tokens: &[Token]) -> Vec<(usize, u64)> {
    let hash = |row: &[Token]| {
        let mut hash = DefaultHasher::new();
        row.iter().for_each(|token| token.kind.hash(&mut hash));
        hash.finish()
    };
    tokens
        .windows(ROW)
        .enumerate()
        .map(|(at, row)| (at, hash(row)))
        .collect()
}
