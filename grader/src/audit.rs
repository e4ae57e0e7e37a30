//! The audit: the tests are tested. Reference solution full, stub 0, every mutant loses every check named for it.
//!
//! Stubs are fresh, hidden files carry the canary, rubric and tests agree (the suites' compilation holds them together).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::course::{Check, Course, Exercise, Visibility};
use crate::diagnosis::Recorded;
use crate::files;
use crate::grade::{CheckRun, Grade, NotRun, Outcome};
use crate::grading::{Grading, solution_work};
use crate::isolation::Isolator;
use crate::mutant::{self, Mutant};
use crate::stub;
use crate::submission::{Submission, Work};

/// What the audit found.
#[derive(Debug, Default)]
pub struct Audit {
    /// The table for people.
    pub report: String,
    /// One sentence per defect, naming the culprit; empty when the course is right.
    pub defects: Vec<String>,
    /// Folder of each solution, and what its mutants failed.
    signatures: Vec<(PathBuf, Recorded)>,
}

/// Which checks a mutant meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those named for it: the proof that it is caught.
    NamedChecks,
    /// All: what it fails is its signature. Takes several times as long.
    EveryCheck,
}

/// Audits these exercises.
///
/// # Errors
/// The course cannot be loaded or graded at all, or it is a handout.
pub fn audit(
    course: &Course,
    exercises: Vec<&Exercise>,
    isolator: Isolator,
    jobs: usize,
    scope: Scope,
) -> Result<Audit> {
    let mut audit = Audit::default();
    let stale = stub::stale(course)?;
    for exercise in &exercises {
        if stale.contains(&exercise.name) {
            audit.defects.push(format!(
                "{}: exercises/{}/src is not the stub of its solution; run `cargo grader stub`",
                exercise.name, exercise.folder
            ));
        }
        audit.defects.extend(without_canary(exercise)?);
        audit.defects.extend(uneven_points(exercise));
    }
    let grading = Grading::prepare(course, exercises.clone(), isolator, jobs)?.briefly();
    let entries: Vec<Vec<Entry>> = exercises
        .iter()
        .map(|exercise| entries(exercise))
        .collect::<Result<_>>()?;
    // One queue for all exercises: what waits at the end of one exercise is filled by the next.
    let submissions: Vec<Submission> = entries.iter().flatten().map(|entry| entry.submission.clone()).collect();
    let named = named_checks(&exercises, &entries);
    let wanted = |submission: &Submission, exercise: &Exercise, check: &Check| {
        let mutant = named.get(&(exercise.name.as_str(), submission.student.as_str()));
        scope == Scope::EveryCheck || mutant.is_none_or(|loses| loses.contains(&check.name))
    };
    let gradebook = grading.grade_checks(&submissions, &wanted, &|_, _| {})?;
    let mut students = gradebook.students.iter();
    for (at, (exercise, entries)) in exercises.iter().zip(&entries).enumerate() {
        let _ = writeln!(audit.report, "{} {}", exercise.name, exercise.rubric.title);
        let mut failed = Recorded::default();
        for (entry, student) in entries.iter().zip(&mut students) {
            let grade = &student.grades[at];
            audit.judge(grade, &entry.submission.student, entry.defect(grade));
            if let Kind::Mutant(mutant) = &entry.kind {
                failed.add(mutant, &grade.checks);
            }
        }
        if scope == Scope::EveryCheck {
            audit.compare(exercise, failed)?;
        }
    }
    Ok(audit)
}

/// Every exercise is worth the same: 40 points in public, 60 in hidden checks.
fn uneven_points(exercise: &Exercise) -> Option<String> {
    let sum = |visibility| -> u32 {
        let checks = exercise
            .rubric
            .checks
            .iter()
            .filter(|check| check.visibility == visibility);
        checks.map(|check| check.points).sum()
    };
    let (public, hidden) = (sum(Visibility::Public), sum(Visibility::Hidden));
    ((public, hidden) != (40, 60)).then(|| {
        format!(
            "{}: public checks are worth {public} and hidden ones {hidden}; it has to be 40 and 60",
            exercise.name
        )
    })
}

fn without_canary(exercise: &Exercise) -> Result<Vec<String>> {
    let Some(solution) = &exercise.solution else {
        return Ok(Vec::new());
    };
    let mut defects = Vec::new();
    let sources = stub::files(exercise)?.into_keys().map(|name| format!("src/{name}"));
    for file in sources.chain(["tests/hidden.rs", "mutants.toml"].map(String::from)) {
        let path = solution.join(&file);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if !text.contains(stub::CANARY_PREFIX) {
            defects.push(format!(
                "{}: solutions/{}/{file} has no canary line",
                exercise.name, exercise.folder
            ));
        }
    }
    Ok(defects)
}

/// Mutants, by exercise and by the name they are graded under, and the checks that they have to lose.
fn named_checks<'a>(
    exercises: &[&'a Exercise],
    entries: &'a [Vec<Entry>],
) -> BTreeMap<(&'a str, &'a str), &'a [String]> {
    let of = |(exercise, entries): (&&'a Exercise, &'a Vec<Entry>)| {
        let name = exercise.name.as_str();
        entries.iter().filter_map(move |entry| match &entry.kind {
            Kind::Mutant(mutant) => Some(((name, entry.submission.student.as_str()), mutant.loses.as_slice())),
            Kind::Solution | Kind::Stub => None,
        })
    };
    exercises.iter().zip(entries).flat_map(of).collect()
}

/// One program that the audit grades, with what has to become of it.
struct Entry {
    submission: Submission,
    kind: Kind,
}

enum Kind {
    Solution,
    Stub,
    Mutant(Mutant),
}

impl Entry {
    fn defect(&self, grade: &Grade) -> Option<String> {
        match &self.kind {
            Kind::Solution => solution_defect(grade),
            Kind::Stub => stub_defect(grade),
            Kind::Mutant(mutant) => mutant_defect(mutant, grade),
        }
    }
}

/// The solution, the stub and the mutants of one exercise, as submissions, on everybody's road.
fn entries(exercise: &Exercise) -> Result<Vec<Entry>> {
    let solution = solution_work(exercise)?;
    let mut stub = Work::default();
    for (name, text) in stub::files(exercise)? {
        stub.files.insert(name, text.into_bytes());
    }
    let entry = |who: &str, work, kind| Entry {
        submission: submission(who, exercise, work),
        kind,
    };
    let mut entries = vec![
        entry("reference solution", solution.clone(), Kind::Solution),
        entry("stub", stub, Kind::Stub),
    ];
    for mutant in mutant::load(exercise)? {
        let work = mutant.apply(exercise, &solution)?;
        entries.push(entry(
            &format!("{} {}", mutant.id, mutant.name),
            work,
            Kind::Mutant(mutant),
        ));
    }
    Ok(entries)
}

fn submission(student: &str, exercise: &Exercise, work: Work) -> Submission {
    Submission {
        student: student.to_string(),
        works: [(exercise.name.clone(), work)].into(),
        notes: Vec::new(),
    }
}

impl Audit {
    /// Notes which signatures are not as they were recorded. A note: a slow machine may well lose one check more.
    fn compare(&mut self, exercise: &Exercise, failed: Recorded) -> Result<()> {
        let Some(solution) = &exercise.solution else {
            return Ok(());
        };
        let recorded = Recorded::read(solution)?;
        let differing = failed.differing(&recorded);
        if !differing.is_empty() {
            let _ = writeln!(
                self.report,
                "  note: recorded signatures differ for {} (`cargo grader audit {} --record` writes them anew)",
                differing.join(", "),
                exercise.name
            );
        }
        self.signatures.push((solution.clone(), failed));
        Ok(())
    }

    /// Writes the signatures that were seen beside the solutions.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn record(&self) -> Result<()> {
        for (solution, failed) in &self.signatures {
            files::write_atomically(&solution.join("signatures.toml"), failed.text().as_bytes())?;
        }
        Ok(())
    }

    fn judge(&mut self, grade: &Grade, who: &str, defect: Option<String>) {
        let lost: Vec<&str> = grade
            .checks
            .iter()
            .filter(|run| is_lost(run))
            .map(|run| run.check.id.as_str())
            .collect();
        let lost = if lost.is_empty() {
            String::new()
        } else {
            format!("loses {}", lost.join(" "))
        };
        let sign = if defect.is_some() { '✘' } else { '✔' };
        let _ = writeln!(
            self.report,
            "  {sign} {who:<34} {:>3}/{:<3} {lost}",
            grade.points(),
            grade.of()
        );
        if let Some(defect) = defect {
            let _ = writeln!(self.report, "    {defect}");
            self.defects.push(format!("{}: {who}: {defect}", grade.exercise));
        }
    }
}

/// Whether points went for a reason that lies in the program.
fn is_lost(run: &CheckRun) -> bool {
    matches!(
        run.outcome,
        Outcome::Failed(_) | Outcome::NotRun(NotRun::Control { .. } | NotRun::NoProgram)
    )
}

fn inconclusive(grade: &Grade) -> Option<String> {
    if let crate::grade::Build::Inconclusive(reason) = &grade.build {
        return Some(format!("could not be built: {reason}"));
    }
    grade.checks.iter().find_map(|run| match &run.outcome {
        Outcome::Inconclusive(reason) => Some(format!("`{}` is inconclusive: {reason}", run.check.name)),
        _ => None,
    })
}

fn rejected(grade: &Grade) -> Option<String> {
    match &grade.build {
        crate::grade::Build::Rejected { reason, diagnostics } => Some(format!("{reason}\n{diagnostics}")),
        _ => None,
    }
}

fn solution_defect(grade: &Grade) -> Option<String> {
    rejected(grade).or_else(|| inconclusive(grade)).or_else(|| {
        let run = grade.checks.iter().find(|run| is_lost(run))?;
        Some(format!(
            "loses `{}`, but it has to get full points: {:?}",
            run.check.name, run.outcome
        ))
    })
}

fn stub_defect(grade: &Grade) -> Option<String> {
    rejected(grade).or_else(|| inconclusive(grade)).or_else(|| {
        let run = grade.checks.iter().find(|run| run.outcome == Outcome::Passed)?;
        Some(format!("passes `{}`, so that check proves nothing", run.check.name))
    })
}

fn mutant_defect(mutant: &Mutant, grade: &Grade) -> Option<String> {
    rejected(grade).or_else(|| inconclusive(grade)).or_else(|| {
        mutant.loses.iter().find_map(|name| {
            let run = grade.checks.iter().find(|run| &run.check.name == name)?;
            (run.outcome == Outcome::Passed).then(|| format!("is not caught by `{name}`, which is named for it"))
        })
    })
}
