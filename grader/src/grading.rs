//! The road that everything graded takes: a queue of (submission, exercise) jobs, some workers, one gradebook.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::build::{self, Built};
use crate::course::{Course, Exercise};
use crate::grade::{Build, Grade, Gradebook, StudentGrades};
use crate::isolation;
use crate::run::Runner;
use crate::submission::{Submission, Work};
use crate::suite::{self, Suites};
use crate::toolchain::Toolchain;

/// Everything that is prepared once per run of the grader.
#[derive(Debug)]
pub struct Grading<'a> {
    /// The course.
    pub course: &'a Course,
    /// Exercises asked for, in the course's order.
    pub exercises: Vec<&'a Exercise>,
    toolchain: Toolchain,
    suites: Suites,
    jobs: usize,
    /// Where stages and evidence lie while they are needed.
    work: PathBuf,
    /// The grader's own program, which is also the cell.
    cell: PathBuf,
}

impl<'a> Grading<'a> {
    /// Compiles the suites of these exercises.
    ///
    /// # Errors
    /// A broken course, no compiler, no room.
    pub fn prepare(course: &'a Course, exercises: Vec<&'a Exercise>, jobs: usize) -> Result<Grading<'a>> {
        let toolchain = Toolchain::find()?;
        let suites = suite::compile(course, &exercises, &toolchain)?;
        let work = course.target_dir.join("work");
        std::fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
        let cell = std::env::current_exe().context("cannot find the grader's own program")?;
        Ok(Grading {
            course,
            exercises,
            toolchain,
            suites,
            jobs: jobs.max(1),
            work,
            cell,
        })
    }

    /// The same preparation for one of its exercises.
    pub fn only(&self, exercise: &'a Exercise) -> Grading<'a> {
        Grading {
            exercises: vec![exercise],
            toolchain: self.toolchain.clone(),
            suites: self.suites.clone(),
            work: self.work.clone(),
            cell: self.cell.clone(),
            ..*self
        }
    }

    /// Grades every submission on every exercise asked for.
    ///
    /// # Errors
    /// None today; faults of single jobs are in the gradebook as inconclusive.
    pub fn grade(&self, submissions: &[Submission], progress: &(dyn Fn(&str, &Grade) + Sync)) -> Result<Gradebook> {
        let jobs: Vec<(usize, usize)> = (0..submissions.len())
            .flat_map(|s| (0..self.exercises.len()).map(move |e| (s, e)))
            .collect();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs.len())));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(jobs.len()) {
                scope.spawn(|| {
                    while let Some(&(s, e)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let grade = self.grade_one(&submissions[s], self.exercises[e]);
                        progress(&submissions[s].student, &grade);
                        done.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(((s, e), grade));
                    }
                });
            }
        });
        let mut grades = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        grades.sort_by_key(|(job, _)| *job);
        let mut grades = grades.into_iter().map(|(_, grade)| grade);
        let students = submissions.iter().map(|submission| StudentGrades {
            student: submission.student.clone(),
            notes: submission.notes.clone(),
            grades: grades.by_ref().take(self.exercises.len()).collect(),
        });
        Ok(Gradebook {
            isolation: isolation::found().to_string(),
            toolchain: self.toolchain.version.clone(),
            exercises: self
                .exercises
                .iter()
                .map(|e| (e.name.clone(), e.rubric.title.clone()))
                .collect(),
            students: students.collect(),
        })
    }

    /// One submission's grade on one exercise; what fails on our side becomes an inconclusive grade.
    fn grade_one(&self, submission: &Submission, exercise: &Exercise) -> Grade {
        let checks = exercise.available_checks();
        let Some(work) = submission.works.get(&exercise.name) else {
            return Grade::without_program(exercise, String::new(), Build::Missing, checks);
        };
        self.build_and_run(work, exercise).unwrap_or_else(|error| {
            Grade::without_program(
                exercise,
                work.digest(),
                Build::Inconclusive(format!("{error:#}")),
                checks,
            )
        })
    }

    fn build_and_run(&self, work: &Work, exercise: &Exercise) -> Result<Grade> {
        let suites = self.suites.get(&exercise.name).context("its suites were not built")?;
        let folder = |prefix: &str| {
            let made = tempfile::Builder::new().prefix(prefix).tempdir_in(&self.work);
            made.with_context(|| format!("cannot make a folder in {}", self.work.display()))
        };
        let (stage, evidence) = (folder("stage-")?, folder("evidence-")?);
        let (artifact, seconds) = match build::build(exercise, work, suites, &self.toolchain, stage.path())? {
            Built::Program { artifact, seconds } => (artifact, seconds),
            Built::Rejected { reason, diagnostics } => {
                let build = Build::Rejected { reason, diagnostics };
                return Ok(Grade::without_program(
                    exercise,
                    work.digest(),
                    build,
                    exercise.available_checks(),
                ));
            }
        };
        let runner = Runner {
            suites,
            limits: exercise.rubric.limits,
            artifact: &artifact,
            folder: evidence.path(),
            root: &self.course.root,
            cell: &self.cell,
        };
        let checks = exercise
            .available_checks()
            .into_iter()
            .map(|check| runner.run(check))
            .collect();
        Ok(Grade {
            exercise: exercise.name.clone(),
            title: exercise.rubric.title.clone(),
            digest: work.digest(),
            build: Build::Built { seconds },
            checks,
        })
    }

    /// The reference solutions as a submission, on the same road as everybody.
    ///
    /// # Errors
    /// The course has no solutions, or one cannot be read.
    pub fn reference(&self) -> Result<Submission> {
        let mut submission = Submission {
            student: "reference solution".into(),
            ..Submission::default()
        };
        for exercise in &self.exercises {
            submission.works.insert(exercise.name.clone(), solution_work(exercise)?);
        }
        Ok(submission)
    }

    /// Before a class: the reference solutions have to get full points, or the tests are wrong here and nobody is graded.
    ///
    /// # Errors
    /// A reference solution that loses a point; the message says which check.
    pub fn baseline(&self) -> Result<()> {
        if !self.exercises.iter().all(|exercise| exercise.solution.is_some()) {
            return Ok(());
        }
        let gradebook = self.grade(&[self.reference()?], &|_, _| {})?;
        for grade in gradebook.students.iter().flat_map(|student| &student.grades) {
            let lost = grade
                .checks
                .iter()
                .find(|run| run.points() < run.check.points && run.of() > 0);
            let culprit = lost.map(|run| format!("loses `{}`: {:?}", run.check.name, run.outcome));
            let culprit =
                culprit.or_else(|| (grade.points() < grade.of()).then(|| format!("does not build: {:?}", grade.build)));
            ensure!(
                culprit.is_none() && !grade.is_inconclusive(),
                "nobody is graded, because the reference solution of {} {} (run `cargo grader audit {}`)",
                grade.exercise,
                culprit.unwrap_or_else(|| "could not be graded".into()),
                grade.exercise
            );
        }
        Ok(())
    }
}

/// The reference solution's files.
///
/// # Errors
/// There is no solution, or it cannot be read.
pub fn solution_work(exercise: &Exercise) -> Result<Work> {
    let solution = exercise
        .solution
        .as_ref()
        .with_context(|| format!("{} has no reference solution here (is this a handout?)", exercise.name))?;
    let mut work = Work::default();
    let source = solution.join("src");
    for entry in walkdir::WalkDir::new(&source).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot list {}", source.display()))?;
        if entry.file_type().is_file() {
            let path = entry
                .path()
                .strip_prefix(&source)
                .unwrap_or(entry.path())
                .to_string_lossy()
                .into_owned();
            let bytes =
                std::fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            work.files.insert(path, bytes);
        }
    }
    Ok(work)
}
