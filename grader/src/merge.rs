//! `grader merge`: the ledgers of several machines, or of several parts of a class, as one.
//!
//! Grades of one student from two places have to say the same, and all have to come from the same course: tests, rubric and grader.
//! Compilers and isolation may differ; every grade names its own.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use crate::class;
use crate::grade::{Grade, Gradebook, StudentGrades};
use crate::ledger::{self, Evidence, Key, Ledger, Rubric, Shard};
use crate::pseudonyms::Pseudonyms;
use crate::report::format::Setting;

/// What `grader merge` was asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// Folders that classes were graded into, with --out.
    #[arg(value_name = "DIR", required = true)]
    from: Vec<PathBuf>,
    /// Where the whole is written.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) setting: Setting,
    #[command(flatten)]
    pub(crate) pseudonyms: Pseudonyms,
}

/// What came of it.
#[derive(Debug)]
pub struct Merged {
    /// The gradebook of all.
    pub gradebook: Gradebook,
    /// The parts of the class that nobody gave; empty when it is whole.
    pub missing: Vec<Shard>,
}

/// One of the folders.
struct Part {
    dir: PathBuf,
    gradebook: Gradebook,
    class: ledger::Class,
    rubrics: Vec<Rubric>,
}

/// Reads the ledgers, puts them together and issues the whole in `out`.
///
/// # Errors
/// A folder has no finished gradebook; two contradict each other (the message names both); the ledger cannot be written.
pub fn run(request: &Request) -> Result<Merged> {
    let parts = request
        .from
        .iter()
        .map(|dir| Part::read(dir))
        .collect::<Result<Vec<_>>>()?;
    let (first, others) = parts.split_first().expect("the command line asks for one at least");
    for other in others {
        same_course(first, other)?;
    }
    let missing = missing(&parts)?;
    let students = students(&parts)?;
    let class = ledger::Class {
        shard: None,
        ..first.class.clone()
    };
    let mut ledger = class::open(&request.out)?;
    for (part, student) in &students {
        add(&mut ledger, part, student)?;
    }
    let whole = Gradebook {
        isolation: joined(parts.iter().map(|part| &part.gradebook.isolation)),
        toolchain: joined(parts.iter().map(|part| &part.gradebook.toolchain)),
        exercises: first.gradebook.exercises.clone(),
        students: students.into_iter().map(|(_, student)| student.clone()).collect(),
        evidence: Evidence::Left,
    };
    ledger.issue(&whole, &class)?;
    // Of works that two parts have, the ledger keeps one grade: what is reported is what stands in it.
    let (mut gradebook, _) = ledger.issued()?.context("it was issued just now")?;
    gradebook.evidence = Evidence::Ledger(Arc::new(ledger));
    Ok(Merged { gradebook, missing })
}

/// Adds what the ledger lacks of a student's grades.
fn add(ledger: &mut Ledger, part: &Part, student: &StudentGrades) -> Result<()> {
    if student.grades.iter().all(|grade| ledger.has(&Key::of(grade))) {
        return Ok(());
    }
    for grade in &part.gradebook.in_full(student)?.grades {
        if !ledger.has(&Key::of(grade)) {
            ledger.add(grade)?;
        }
    }
    Ok(())
}

impl Part {
    fn read(dir: &Path) -> Result<Part> {
        let (gradebook, class) = ledger::read_with_class(dir)?;
        Ok(Part {
            dir: dir.to_path_buf(),
            rubrics: Rubric::of_gradebook(&gradebook),
            gradebook,
            class,
        })
    }

    fn grades(&self) -> impl Iterator<Item = &Grade> {
        self.gradebook.students.iter().flat_map(|student| &student.grades)
    }
}

/// The same exercises with the same checks and points, judged by the same tests and grader.
fn same_course(first: &Part, other: &Part) -> Result<()> {
    let (one, two) = (first.dir.display(), other.dir.display());
    ensure!(
        first.gradebook.exercises == other.gradebook.exercises,
        "{one} and {two} are about different exercises: {} and {}",
        names(first),
        names(other)
    );
    let rubrics = first.rubrics.iter().zip(&other.rubrics);
    let mut differing = rubrics.filter(|(a, b)| !a.checks.is_empty() && !b.checks.is_empty() && a != b);
    if let Some((rubric, _)) = differing.next() {
        bail!(
            "{one} and {two} have different rubrics of {}; `grader regrade` one of them",
            rubric.name
        );
    }
    let bases: BTreeMap<&str, &Grade> = first.grades().map(|grade| (grade.exercise.as_str(), grade)).collect();
    for grade in other.grades() {
        let differing = bases
            .get(grade.exercise.as_str())
            .map_or_else(Vec::new, |one| one.basis.differing(&grade.basis));
        let course: Vec<&str> = differing.into_iter().filter(|what| !what.starts_with("tool")).collect();
        ensure!(
            course.is_empty(),
            "{one} and {two} were graded with different courses: {} differ in {}; `grader regrade` one of them",
            grade.exercise,
            course.join(", ")
        );
    }
    Ok(())
}

fn names(part: &Part) -> String {
    let names: Vec<&str> = part.gradebook.exercises.iter().map(|(name, _)| name.as_str()).collect();
    names.join(" ")
}

/// Everybody, in name order.
fn students(parts: &[Part]) -> Result<Vec<(&Part, &StudentGrades)>> {
    let mut all: BTreeMap<&str, (&Part, &StudentGrades)> = BTreeMap::new();
    for part in parts {
        for student in &part.gradebook.students {
            if let Some((other, known)) = all.insert(&student.student, (part, student)) {
                ensure!(
                    says_the_same(known, student),
                    "{} and {} have different grades of {}; take that submission out of one class",
                    other.dir.display(),
                    part.dir.display(),
                    student.student
                );
            }
        }
    }
    Ok(all.into_values().collect())
}

/// The same files with the same points. Times and charts are never the same twice.
fn says_the_same(one: &StudentGrades, two: &StudentGrades) -> bool {
    let said = |student: &StudentGrades| -> Vec<(String, Vec<u32>)> {
        let points = |grade: &Grade| grade.checks.iter().map(|run| run.points()).collect();
        student
            .grades
            .iter()
            .map(|grade| (grade.digest.clone(), points(grade)))
            .collect()
    };
    said(one) == said(two)
}

/// The parts of the class that are in none of the folders, if they are parts.
fn missing(parts: &[Part]) -> Result<Vec<Shard>> {
    let shards: BTreeSet<Shard> = parts.iter().filter_map(|part| part.class.shard).collect();
    let Some(of) = shards.first().map(|shard| shard.of) else {
        return Ok(Vec::new());
    };
    if let Some(other) = shards.iter().find(|shard| shard.of != of) {
        bail!(
            "some folders hold a part of {of} and some a part of {}; merge those of one division",
            other.of
        );
    }
    let all = (1..=of).map(|part| Shard { part, of });
    Ok(all.filter(|shard| !shards.contains(shard)).collect())
}

fn joined<'s>(texts: impl Iterator<Item = &'s String>) -> String {
    let different: BTreeSet<&str> = texts.map(String::as_str).collect();
    different.into_iter().collect::<Vec<_>>().join(", ")
}
