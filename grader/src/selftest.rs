//! The grader's own trial: every hostile program of `tests/submissions/hostile`, graded on this machine like a student's.
//!
//! Each folder there holds a submission and `expected.toml`: which threats it stands for, how many points its honest part may earn,
//! and which words its report has to hold. No report may hold anything of a hidden file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::course::{Course, Exercise};
use crate::grade::{Build, Grade, Gradebook, Outcome, StudentGrades};
use crate::grading::Grading;
use crate::isolation::{Isolation, Isolator};
use crate::submission::Submission;
use crate::{intake, report, stub};

/// Where the hostile programs are, below the course.
pub const HOSTILE: &str = "tests/submissions/hostile";
/// A compiler that is meant to run for ever does not have to run for a minute.
const BUILD_SECONDS: u64 = 10;
/// No program makes a report longer than this: three checks, each with what it received, a chart and the end of its stderr.
const LONGEST_REPORT: usize = 128 * 1024;
/// Width of the outcome in the table.
const OUTCOME_WIDTH: usize = 100;

/// The checks that are run of each exercise: some of each kind are enough.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    checks: Vec<String>,
}

/// What is expected of one program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    ids: Vec<String>,
    /// At most so many.
    #[serde(default)]
    points: u32,
    /// The report holds these words.
    #[serde(default)]
    says: Vec<String>,
    /// At this level also these.
    #[serde(default)]
    says_at: BTreeMap<String, Vec<String>>,
    /// Levels at which it is not run, with the reason.
    #[serde(default)]
    not_at: BTreeMap<String, String>,
}

/// What the trial found.
#[derive(Debug, Default)]
pub struct Selftest {
    /// The table: program, ids, points, outcome.
    pub report: String,
    /// One sentence per program that gained something, told something or was reported wrongly.
    pub defects: Vec<String>,
}

/// Grades every hostile program.
///
/// # Errors
/// There are none here (a handout), or the course cannot be graded at all.
pub fn run(course: &Course, isolator: Isolator, jobs: usize) -> Result<Selftest> {
    let folder = course.root.join(HOSTILE);
    ensure!(
        folder.is_dir(),
        "this tree has no {HOSTILE}: the trial is for instructors"
    );
    let trial: Trial = read_toml(&folder.join("trial.toml"))?;
    let level = isolator.level();
    let mut programs = Vec::new();
    let mut selftest = Selftest::default();
    let _ = writeln!(selftest.report, "Hostile programs at {level}\n");
    for path in folders(&folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected: Expected = read_toml(&path.join("expected.toml"))?;
        match not_run(&expected, level) {
            Some(reason) => selftest.line(
                "–",
                &name,
                &expected,
                "",
                &format!("not run at {}: {reason}", level.short()),
            ),
            None => programs.push((intake::read_tree(&path, &name, course)?, expected)),
        }
    }
    let gradebook = grade(course, isolator, jobs, &trial, &programs)?;
    for (grades, (_, expected)) in gradebook.students.iter().zip(&programs) {
        selftest.judge(grades, &gradebook, expected, level);
    }
    Ok(selftest)
}

/// Root is not bound by some limits at L1; for everybody else the level is whole.
fn not_run(expected: &Expected, level: Isolation) -> Option<&String> {
    let reason = expected.not_at.get(level.short());
    reason.filter(|_| nix::unistd::geteuid().is_root())
}

/// On everybody's road, but with few checks and little patience for the compiler.
fn grade(
    course: &Course,
    isolator: Isolator,
    jobs: usize,
    trial: &Trial,
    programs: &[(Submission, Expected)],
) -> Result<Gradebook> {
    let used = |exercise: &&Exercise| programs.iter().any(|(one, _)| one.works.contains_key(&exercise.name));
    let exercises: Vec<&Exercise> = course.exercises.iter().filter(used).collect();
    let mut shortened: Vec<Exercise> = exercises.iter().map(|exercise| (*exercise).clone()).collect();
    for exercise in &mut shortened {
        exercise
            .rubric
            .checks
            .retain(|check| trial.checks.contains(&check.name));
        exercise.rubric.limits.build_seconds = BUILD_SECONDS;
        ensure!(
            !exercise.rubric.checks.is_empty(),
            "{HOSTILE}/trial.toml names no check of {}",
            exercise.name
        );
    }
    let grading = Grading::prepare(course, exercises, isolator, jobs)?.of(shortened.iter().collect());
    let submissions: Vec<Submission> = programs.iter().map(|(submission, _)| submission.clone()).collect();
    grading.grade(&submissions, &|_, _| {})
}

impl Selftest {
    fn judge(&mut self, grades: &StudentGrades, gradebook: &Gradebook, expected: &Expected, level: Isolation) {
        let text = report::student::report(grades, gradebook);
        let mut defects = Vec::new();
        // Each of them hands in one exercise; the others are not its business.
        let handed_in = grades.grades.iter().filter(|grade| grade.build != Build::Missing);
        let of: u32 = handed_in.map(Grade::of).sum();
        let allowed = expected.points.min(of);
        if grades.points() > allowed {
            defects.push(format!("gained {} points, {allowed} are honest", grades.points()));
        }
        if grades.points() < allowed {
            defects.push(format!(
                "earned {} points, its honest part is worth {allowed}",
                grades.points()
            ));
        }
        if text.contains(stub::CANARY_PREFIX) {
            defects.push("its report holds text of a hidden file".into());
        }
        if let Some(grade) = grades.grades.iter().find(|grade| grade.is_inconclusive()) {
            defects.push(format!("was called the grader's fault: {}", outcome(grade)));
        }
        if text.len() > LONGEST_REPORT {
            defects.push(format!("its report has {} bytes", text.len()));
        }
        let here = expected.says_at.get(level.short());
        // Where its lines are broken is the report's business.
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        defects.extend(
            expected
                .says
                .iter()
                .chain(here.into_iter().flatten())
                .filter(|words| !said.contains(*words))
                .map(|words| format!("its report does not say `{words}`")),
        );
        let said = grades
            .grades
            .iter()
            .find(|grade| grade.build != Build::Missing)
            .map(outcome)
            .unwrap_or_default();
        let points = format!("{}/{of}", grades.points());
        let sign = if defects.is_empty() { "✔" } else { "✘" };
        self.line(sign, &grades.student, expected, &points, &said);
        self.defects.extend(
            defects
                .into_iter()
                .map(|defect| format!("{}: {defect}", grades.student)),
        );
    }

    fn line(&mut self, sign: &str, name: &str, expected: &Expected, points: &str, outcome: &str) {
        let _ = writeln!(
            self.report,
            "{sign} {name:<34} {:<15} {points:>6}  {outcome}",
            expected.ids.join(" ")
        );
    }
}

/// What became of it, in one line: why it was not built, or what its first failed check received.
fn outcome(grade: &Grade) -> String {
    let said = match &grade.build {
        Build::Rejected { reason, .. } | Build::Inconclusive(reason) => reason.clone(),
        _ => {
            let lost = grade.checks.iter().find(|run| run.points() < run.check.points);
            match lost.map(|run| &run.outcome) {
                None => "passes its checks".into(),
                // What is said about a limit stands last.
                Some(Outcome::Failed(failure)) => failure.received.lines().last().unwrap_or_default().into(),
                Some(Outcome::Inconclusive(reason)) => reason.clone(),
                Some(other) => format!("{other:?}"),
            }
        }
    };
    let line = report::sanitize::line(&said);
    match line.char_indices().nth(OUTCOME_WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn folders(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let listed = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut folders: Vec<_> = listed
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    Ok(folders)
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} has a mistake", path.display()))
}
