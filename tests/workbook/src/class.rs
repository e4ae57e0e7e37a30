//! Made-up classes of any size, for tests and measurements: the same numbers give the same files.
//!
//! A student hands in the reference solution, one of the known misconceptions, the stub, something that does not compile, nothing, or a
//! copy of what the student before handed in. All but copies get a comment of their own, so that no two works are the same by chance.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result};
use grader::course::{Course, Exercise};
use grader::submission::Work;
use grader::{grading, intake, mutant, stub};

/// Writes `students` folders (`s001`, `s002`, …) with works on these exercises into `out`.
///
/// # Errors
/// An exercise has no solution here, or `out` cannot be written.
pub fn write(out: &Path, course: &Course, exercises: &[&Exercise], students: usize, seed: u64) -> Result<()> {
    for exercise in exercises {
        let kinds = kinds(course, exercise)?;
        let mut before = None;
        for number in 1..=students {
            let work = work(&kinds, before.take(), number, hash(&(seed, &exercise.name, number)));
            let folder = out.join(format!("s{number:03}"));
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            for (path, bytes) in work.iter().flat_map(|work| &work.files) {
                let path = folder.join(&exercise.folder).join("src").join(path);
                let parent = path.parent().context("a file has a folder")?;
                std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
                std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            }
            before = work;
        }
    }
    Ok(())
}

/// What somebody may write: every mutant, every weak program, those hostile ones that try to gain points, the stub, and the solution last.
fn kinds(course: &Course, exercise: &Exercise) -> Result<Vec<Work>> {
    let solution = grading::solution_work(exercise)?;
    let mutants = mutant::load(exercise)?;
    let mutants = mutants.iter().map(|mutant| mutant.apply(exercise, &solution));
    let mut kinds = mutants.collect::<Result<Vec<_>>>()?;
    for (folder, wanted) in [("weak", ""), ("hostile", "A")] {
        kinds.extend(handed_in(course, exercise, folder, wanted)?);
    }
    let mut stub = Work::default();
    for (path, text) in stub::files(exercise)? {
        stub.files.insert(path, text.into_bytes());
    }
    kinds.push(stub);
    kinds.push(solution);
    Ok(kinds)
}

/// Works on this exercise in `tests/submissions/FOLDER`, of those whose name begins with `wanted`, in name order.
fn handed_in(course: &Course, exercise: &Exercise, folder: &str, wanted: &str) -> Result<Vec<Work>> {
    let folder = course.root.join("tests/submissions").join(folder);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut all = intake::read_class(&folder, course)?;
    all.retain(|one| one.student.starts_with(wanted));
    let works = all.into_iter().filter_map(|mut one| one.works.remove(&exercise.name));
    Ok(works.collect())
}

/// In 20 students: 1 hands in nothing, 1 copies, 2 do not compile, 5 are right, and the others are anything.
fn work(kinds: &[Work], before: Option<Work>, number: usize, random: u64) -> Option<Work> {
    let right = kinds.last().cloned()?;
    match random % 20 {
        0 => None,
        1 => before.or(Some(right)),
        2 | 3 => Some(with(right, &format!("// {number}\nfn broken( {{\n"))),
        4..9 => Some(with(right, &format!("// {number}\n"))),
        _ => {
            let chosen = usize::try_from(random / 20 % kinds.len() as u64).ok()?;
            Some(with(kinds[chosen].clone(), &format!("// {number}\n")))
        }
    }
}

/// The work with more text at the end of its library.
fn with(mut work: Work, more: &str) -> Work {
    let files: &mut BTreeMap<String, Vec<u8>> = &mut work.files;
    files
        .entry("lib.rs".into())
        .or_default()
        .extend_from_slice(more.as_bytes());
    work
}

fn hash(what: &impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    what.hash(&mut hash);
    hash.finish()
}
