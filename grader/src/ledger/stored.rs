//! The lines of the ledger as they are written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Evidence, Key, Shard};
use crate::basis::Basis;
use crate::class::Keep;
use crate::course::{Check, Exercise};
use crate::diagnosis::Diagnosis;
use crate::grade::{Build, CheckRun, Grade, Gradebook, Lateness, Outcome, StudentGrades};
use crate::isolation::Isolation;
use crate::submission::Note;

/// A line to be written.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LineRef<'l> {
    Graded(&'l Graded),
    Issued(&'l Issued),
}

/// A line as far as an index of the file needs it. What is left out is read over, and has to be JSON all the same.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Graded(Head),
    Issued(IgnoredAny),
}

#[derive(Deserialize)]
pub(super) struct Head {
    pub key: Key,
    pub settled: bool,
}

/// A line read whole.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Whole {
    Graded(Graded),
    Issued(Issued),
}

/// A grade without its rubric.
#[derive(Serialize, Deserialize)]
pub(super) struct Graded {
    key: Key,
    /// Not inconclusive: it may be taken over.
    pub settled: bool,
    exercise: String,
    digest: String,
    basis: Basis,
    isolation: Isolation,
    build: Build,
    checks: Vec<Ran>,
}

/// How the check of this name ended.
#[derive(Serialize, Deserialize)]
struct Ran {
    check: String,
    outcome: Outcome,
    seconds: f64,
}

impl Graded {
    pub(super) fn of(grade: &Grade) -> Graded {
        let ran = |run: &CheckRun| Ran {
            check: run.check.name.clone(),
            outcome: run.outcome.clone(),
            seconds: run.seconds,
        };
        Graded {
            key: Key::of(grade),
            settled: !grade.is_inconclusive(),
            exercise: grade.exercise.clone(),
            digest: grade.digest.clone(),
            basis: (*grade.basis).clone(),
            isolation: grade.isolation,
            build: grade.build.clone(),
            checks: grade.checks.iter().map(ran).collect(),
        }
    }

    /// The grade with the points and sentences of this rubric.
    pub(super) fn with_rubric(self, rubric: &Rubric) -> Result<Grade> {
        let mut ran: BTreeMap<String, Ran> = self.checks.into_iter().map(|ran| (ran.check.clone(), ran)).collect();
        let checks = rubric.checks.iter().map(|check| {
            let ran = ran.remove(&check.name);
            let ran = ran.with_context(|| format!("a grade of {} has no check `{}`", rubric.name, check.name))?;
            Ok(CheckRun {
                check: check.clone(),
                outcome: ran.outcome,
                seconds: ran.seconds,
            })
        });
        Ok(Grade {
            checks: checks.collect::<Result<_>>()?,
            exercise: self.exercise,
            title: rubric.title.clone(),
            digest: self.digest,
            basis: Arc::new(self.basis),
            isolation: self.isolation,
            build: self.build,
            diagnoses: Vec::new(),
        })
    }
}

/// What a gradebook says about one exercise, for all students.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rubric {
    /// Package name, e.g. `ex01`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The checks that were asked for.
    pub checks: Vec<Arc<Check>>,
}

impl Rubric {
    /// What this course says today.
    pub fn of(exercise: &Exercise) -> Rubric {
        Rubric {
            name: exercise.name.clone(),
            title: exercise.rubric.title.clone(),
            checks: exercise.available_checks(),
        }
    }

    /// What a grade was made by.
    pub(super) fn of_grade(grade: &Grade) -> Rubric {
        Rubric {
            name: grade.exercise.clone(),
            title: grade.title.clone(),
            checks: grade.checks.iter().map(|run| run.check.clone()).collect(),
        }
    }

    /// What a gradebook says. Every student has the same exercises with the same checks, so the first one's are everybody's.
    pub fn of_gradebook(gradebook: &Gradebook) -> Vec<Rubric> {
        let known = |at: usize| gradebook.students.first().and_then(|student| student.grades.get(at));
        let exercises = gradebook.exercises.iter().enumerate();
        let rubric = |(at, (name, title)): (usize, &(String, String))| Rubric {
            name: name.clone(),
            title: title.clone(),
            checks: known(at).map_or_else(Vec::new, |grade| Rubric::of_grade(grade).checks),
        };
        exercises.map(rubric).collect()
    }
}

/// How a class was read, so that the same can be done again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// The folder of submissions, absolute.
    pub submissions: PathBuf,
    /// The roster, absolute.
    pub roster: Option<PathBuf>,
    /// The rules, absolute; `course.toml` of the course when there are none.
    pub rules: Option<PathBuf>,
    /// Which of several submissions of one student counted.
    pub keep: Keep,
    /// Which part of the class.
    pub shard: Option<Shard>,
}

/// A whole gradebook, its grades by their keys.
#[derive(Serialize, Deserialize)]
pub(super) struct Issued {
    isolation: String,
    toolchain: String,
    class: Class,
    rubrics: Vec<Rubric>,
    students: Vec<Student>,
}

#[derive(Serialize, Deserialize)]
struct Student {
    student: String,
    submitted: Option<Timestamp>,
    lateness: Vec<Lateness>,
    notes: Vec<Note>,
    grades: Vec<Counted>,
}

/// The grade that counts. Diagnoses are made when a gradebook is, because the known misconceptions grow.
#[derive(Serialize, Deserialize)]
struct Counted {
    key: Key,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    diagnoses: Vec<Diagnosis>,
}

impl Issued {
    pub(super) fn of(gradebook: &Gradebook, class: &Class) -> Issued {
        let counted = |grade: &Grade| Counted {
            key: Key::of(grade),
            diagnoses: grade.diagnoses.clone(),
        };
        let student = |student: &StudentGrades| Student {
            student: student.student.clone(),
            submitted: student.submitted,
            lateness: student.lateness.clone(),
            notes: student.notes.clone(),
            grades: student.grades.iter().map(counted).collect(),
        };
        Issued {
            isolation: gradebook.isolation.clone(),
            toolchain: gradebook.toolchain.clone(),
            class: class.clone(),
            rubrics: Rubric::of_gradebook(gradebook),
            students: gradebook.students.iter().map(student).collect(),
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.students
            .iter()
            .flat_map(|student| &student.grades)
            .map(|counted| &counted.key)
    }

    /// The gradebook again, with grades from `find`, the evidence of which is left where it is.
    pub(super) fn gradebook(self, find: impl Fn(&Key, &Rubric) -> Result<Grade>) -> Result<(Gradebook, Class)> {
        // Almost always everybody has the same basis.
        let mut bases: Vec<Arc<Basis>> = vec![Arc::default(); self.rubrics.len()];
        let mut grades = |counted: Vec<Counted>| -> Result<Vec<Grade>> {
            let found = counted.into_iter().zip(self.rubrics.iter().zip(&mut bases));
            let found = found.map(|(counted, (rubric, basis))| {
                let mut grade = find(&counted.key, rubric)?.without_evidence();
                if *basis == grade.basis {
                    grade.basis = basis.clone();
                } else {
                    *basis = grade.basis.clone();
                }
                grade.diagnoses = counted.diagnoses;
                Ok(grade)
            });
            found.collect()
        };
        let students = self.students.into_iter().map(|student| {
            Ok(StudentGrades {
                student: student.student,
                submitted: student.submitted,
                lateness: student.lateness,
                notes: student.notes,
                grades: grades(student.grades)?,
            })
        });
        let gradebook = Gradebook {
            students: students.collect::<Result<_>>()?,
            exercises: self
                .rubrics
                .iter()
                .map(|rubric| (rubric.name.clone(), rubric.title.clone()))
                .collect(),
            isolation: self.isolation,
            toolchain: self.toolchain,
            evidence: Evidence::Left,
        };
        Ok((gradebook, self.class))
    }
}
