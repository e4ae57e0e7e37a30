//! Which grades have to be made, each once, and making them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};

use super::Class;
use crate::course::Exercise;
use crate::grade::{Build, Grade};
use crate::grading::Grading;
use crate::isolation::Slot;
use crate::ledger::{Key, Ledger};
use crate::progress::Progress;
use crate::submission::Submission;

pub(super) struct Plan {
    pub jobs: Vec<Job>,
    /// Grades that the ledger has.
    pub known: usize,
    /// Grades that another job makes.
    pub same: usize,
}

/// One grade to be made: the work of the first student who handed it in.
pub(super) struct Job {
    student: usize,
    exercise: usize,
    key: Key,
}

impl Plan {
    pub(super) fn new(class: &Class, ledger: &Ledger, force: bool) -> Plan {
        let mut plan = Plan {
            jobs: Vec::new(),
            known: 0,
            same: 0,
        };
        let mut planned = BTreeSet::new();
        for (student, surveyed) in class.students.iter().enumerate() {
            for (exercise, of) in class.exercises.iter().enumerate() {
                let key = class.key(surveyed, of);
                if !force && ledger.has(&key) {
                    plan.known += 1;
                } else if planned.insert(key.clone()) {
                    plan.jobs.push(Job { student, exercise, key });
                } else {
                    plan.same += 1;
                }
            }
        }
        plan
    }

    /// `17 grades to make, 30 in the ledger, 3 of works that others handed in too`.
    pub(super) fn in_words(&self) -> String {
        format!(
            "{} grades to make, {} in the ledger, {} of works that others handed in too",
            self.jobs.len(),
            self.known,
            self.same
        )
    }

    pub(super) fn carry_out(&self, class: &Class, grading: &Grading, ledger: &mut Ledger) -> Result<()> {
        let progress = Progress::new(self.jobs.len());
        let (ledger, failed) = (Mutex::new(ledger), Mutex::new(None));
        let (stop, last_read) = (AtomicBool::new(false), LastRead::default());
        grading.work_off(&self.jobs, &|job, slot| {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let grade = job.grade(class, grading, slot, &last_read);
            progress.step(&class.students[job.student].candidate.student, &grade);
            if let Err(error) = held(&ledger).add(&grade) {
                // The others end what they have begun; nothing new is begun that could not be written down.
                stop.store(true, Ordering::Relaxed);
                held(&failed).get_or_insert(error);
            }
        });
        progress.finish();
        failed
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .map_or(Ok(()), Err)
    }
}

impl Job {
    fn grade(&self, class: &Class, grading: &Grading, slot: &Slot, last_read: &LastRead) -> Grade {
        let exercise = class.exercises[self.exercise];
        let graded = last_read.submission(class, self.student).and_then(|submission| {
            let grade = grading.grade_work(submission.works.get(&exercise.name), exercise, slot);
            let student = &submission.student;
            ensure!(
                Key::of(&grade) == self.key,
                "the submission of {student} was changed while its class was graded"
            );
            Ok(grade)
        });
        graded.unwrap_or_else(|error| self.inconclusive(class, exercise, &error))
    }

    fn inconclusive(&self, class: &Class, exercise: &Exercise, error: &anyhow::Error) -> Grade {
        let digest = class.students[self.student]
            .digests
            .get(&exercise.name)
            .cloned()
            .unwrap_or_default();
        let basis = class.bases[&exercise.name].clone();
        let build = Build::Inconclusive(format!("{error:#}"));
        Grade::without_program(exercise, basis, class.level, digest, build, exercise.available_checks())
    }
}

/// The submission that was read last: mostly the next job is about the same.
#[derive(Default)]
struct LastRead(Mutex<Option<(usize, Arc<Submission>)>>);

impl LastRead {
    fn submission(&self, class: &Class, student: usize) -> Result<Arc<Submission>> {
        let mut last = held(&self.0);
        if let Some((_, submission)) = last.as_ref().filter(|(whose, _)| *whose == student) {
            return Ok(submission.clone());
        }
        let submission = Arc::new(class.students[student].read(class.course, &class.exercises)?);
        *last = Some((student, submission.clone()));
        Ok(submission)
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
