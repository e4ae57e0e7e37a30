//! The first look at a submission: what was handed in for which exercise, by digest. The files themselves are let go.

use std::collections::BTreeMap;

use anyhow::Result;

use super::people::Candidate;
use crate::course::{Course, Exercise};
use crate::grade::StudentGrades;
use crate::submission::{Note, Submission, Work};

/// A submission that was looked through.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub candidate: Candidate,
    /// Of intake.
    notes: Vec<Note>,
    /// By exercise, of what was handed in.
    pub digests: BTreeMap<String, String>,
}

impl Surveyed {
    pub(super) fn of(candidate: Candidate, course: &Course, asked: &[&Exercise]) -> Result<Surveyed> {
        let mut surveyed = Surveyed {
            candidate,
            notes: Vec::new(),
            digests: BTreeMap::new(),
        };
        let submission = surveyed.read(course, asked)?;
        let digest = |(exercise, work): (&String, &Work)| (exercise.clone(), work.digest());
        surveyed.digests = submission.works.iter().map(digest).collect();
        surveyed.notes = submission.notes;
        Ok(surveyed)
    }

    /// The whole submission; an empty one when nothing was handed in.
    pub(super) fn read(&self, course: &Course, asked: &[&Exercise]) -> Result<Submission> {
        match &self.candidate.handed_in {
            Some(handed_in) => handed_in.read(course, asked),
            None => Ok(Submission::default()),
        }
    }

    /// What platforms and roster say about it, then intake.
    pub(super) fn notes(&self) -> Vec<Note> {
        self.candidate.notes.iter().chain(&self.notes).cloned().collect()
    }
}

/// Of each student's submissions the one with the most points, of equal ones the first. They are in order of names and times.
pub(super) fn best(students: Vec<StudentGrades>) -> Vec<StudentGrades> {
    let mut kept: Vec<(StudentGrades, u32)> = Vec::new();
    for student in students {
        match kept.last_mut().filter(|(best, _)| best.student == student.student) {
            Some((best, count)) => {
                *count += 1;
                if student.points() > best.points() {
                    *best = student;
                }
            }
            None => kept.push((student, 1)),
        }
    }
    let noted = kept.into_iter().map(|(mut best, count)| {
        if count > 1 {
            best.notes.insert(0, Note(format!("the best of {count} submissions")));
        }
        best
    });
    noted.collect()
}
