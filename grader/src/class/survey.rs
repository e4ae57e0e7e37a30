//! The first look at a submission: what was handed in for which exercise, by digest. The files themselves are let go.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::course::Course;
use crate::intake::HandedIn;
use crate::submission::{Note, Work};

/// A submission that was looked through.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub handed_in: HandedIn,
    pub notes: Vec<Note>,
    /// By exercise, of what was handed in.
    pub digests: BTreeMap<String, String>,
}

impl Surveyed {
    pub(super) fn of(handed_in: HandedIn, course: &Course) -> Result<Surveyed> {
        let submission = handed_in.read(course)?;
        let digest = |(exercise, work): (&String, &Work)| (exercise.clone(), work.digest());
        Ok(Surveyed {
            digests: submission.works.iter().map(digest).collect(),
            notes: submission.notes,
            handed_in,
        })
    }
}
