//! The road that everything graded takes: a queue of (submission, exercise) jobs, some workers, one gradebook.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::basis::Basis;
use crate::build::{Builder, Built};
use crate::course::{Check, Course, Exercise};
use crate::diagnosis::Signatures;
use crate::grade::{Build, CheckRun, Grade, Gradebook, StudentGrades};
use crate::isolation::{self, Isolator, Slot, Workplace};
use crate::ledger::Evidence;
use crate::process::Interrupt;
use crate::run::Runner;
use crate::submission::{Submission, Work};
use crate::suite::{self, Suites};
use crate::toolchain::Toolchain;

/// Says which checks of a submission are run.
pub type Wanted<'a> = dyn Fn(&Submission, &Exercise, &Check) -> bool + Sync + 'a;

/// Is told of every check as it ends: the exercise's name, and the check.
type Watch<'a> = Arc<dyn Fn(&str, &CheckRun) + Send + Sync + 'a>;

/// Everything that is prepared once per run of the grader.
pub struct Grading<'a> {
    /// The course.
    pub course: &'a Course,
    /// Exercises asked for, in the course's order.
    pub exercises: Vec<&'a Exercise>,
    watch: Option<Watch<'a>>,
    /// A check's first lost case settles it.
    brief: bool,
    toolchain: Toolchain,
    suites: Suites,
    /// By exercise; none in a handout.
    signatures: BTreeMap<String, Signatures>,
    /// By exercise.
    bases: BTreeMap<String, Arc<Basis>>,
    isolator: Arc<Isolator>,
    /// One per worker.
    slots: Arc<Vec<Slot>>,
    /// Ends checks before their time, for whoever has something newer to check.
    pub interrupt: Interrupt,
    /// Where stages and evidence lie while they are needed.
    workplace: Arc<Workplace>,
}

impl std::fmt::Debug for Grading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.exercises.iter().map(|exercise| exercise.name.as_str()).collect();
        f.debug_struct("Grading")
            .field("exercises", &names)
            .finish_non_exhaustive()
    }
}

impl<'a> Grading<'a> {
    /// Compiles the suites of these exercises.
    ///
    /// # Errors
    /// A broken course, no compiler, no room.
    pub fn prepare(
        course: &'a Course,
        exercises: Vec<&'a Exercise>,
        isolator: Isolator,
        jobs: usize,
    ) -> Result<Grading<'a>> {
        let toolchain = Toolchain::find()?;
        isolator.refuse_visible(&[&course.root, &course.target_dir])?;
        let suites = suite::compile(course, &exercises, &toolchain)?;
        Grading::with_suites(course, exercises, toolchain, suites, isolator, jobs)
    }

    /// Compiles the scenarios of one exercise, to try a program out and not to grade it.
    ///
    /// # Errors
    /// As [`prepare`](Grading::prepare), or the scenarios do not compile.
    pub fn prepare_scenarios(course: &'a Course, exercise: &'a Exercise, isolator: Isolator) -> Result<Grading<'a>> {
        let toolchain = Toolchain::find()?;
        isolator.refuse_visible(&[&course.root, &course.target_dir])?;
        let suites = suite::compile_scenarios(course, exercise, &toolchain)?;
        Grading::with_suites(course, vec![exercise], toolchain, suites, isolator, 1)
    }

    fn with_suites(
        course: &'a Course,
        exercises: Vec<&'a Exercise>,
        toolchain: Toolchain,
        mut suites: Suites,
        isolator: Isolator,
        jobs: usize,
    ) -> Result<Grading<'a>> {
        let workplace = isolator.workplace(&course.target_dir.join("work"))?;
        suite::set_libraries_apart(&mut suites, &workplace.path().join("libraries"))?;
        let signatures = exercises
            .iter()
            .map(|exercise| Ok((exercise.name.clone(), Signatures::load(exercise)?)))
            .collect::<Result<_>>()?;
        Ok(Grading {
            watch: None,
            brief: false,
            course,
            bases: Basis::of(course, &exercises, &toolchain)?,
            exercises,
            signatures,
            toolchain,
            suites,
            interrupt: Interrupt::default(),
            slots: Arc::new(isolator.slots(jobs.max(1))?),
            isolator: Arc::new(isolator),
            workplace: Arc::new(workplace),
        })
    }

    /// The same with somebody who is told of every check as it ends, in whatever worker that is.
    #[must_use]
    pub fn watched(mut self, watch: impl Fn(&str, &CheckRun) + Send + Sync + 'a) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// The same for whoever asks which checks are lost, not in how many of their cases: the first lost case settles a check.
    #[must_use]
    pub fn briefly(self) -> Self {
        Grading { brief: true, ..self }
    }

    /// The same preparation for some of its exercises, which may have fewer checks or other limits now.
    pub fn of(&self, exercises: Vec<&'a Exercise>) -> Grading<'a> {
        Grading {
            watch: self.watch.clone(),
            brief: self.brief,
            exercises,
            toolchain: self.toolchain.clone(),
            suites: self.suites.clone(),
            signatures: self.signatures.clone(),
            bases: self.bases.clone(),
            isolator: self.isolator.clone(),
            slots: self.slots.clone(),
            interrupt: self.interrupt.clone(),
            workplace: self.workplace.clone(),
            course: self.course,
        }
    }

    /// Grades every submission on every exercise asked for.
    ///
    /// # Errors
    /// None today; faults of single jobs are in the gradebook as inconclusive.
    pub fn grade(&self, submissions: &[Submission], progress: &(dyn Fn(&str, &Grade) + Sync)) -> Result<Gradebook> {
        self.grade_checks(submissions, &|_, _, _| true, progress)
    }

    /// The same with only those checks of a submission and an exercise that are `wanted`.
    ///
    /// # Errors
    /// As [`grade`](Grading::grade).
    pub fn grade_checks(
        &self,
        submissions: &[Submission],
        wanted: &Wanted<'_>,
        progress: &(dyn Fn(&str, &Grade) + Sync),
    ) -> Result<Gradebook> {
        let jobs: Vec<(usize, usize)> = (0..submissions.len())
            .flat_map(|s| (0..self.exercises.len()).map(move |e| (s, e)))
            .collect();
        let done = Mutex::new(Vec::with_capacity(jobs.len()));
        self.work_off(&jobs, &|&(s, e), slot| {
            let grade = self.grade_one(&submissions[s], self.exercises[e], slot, wanted);
            progress(&submissions[s].student, &grade);
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(((s, e), grade));
        });
        let mut grades = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        grades.sort_by_key(|(job, _)| *job);
        let mut grades = grades.into_iter().map(|(_, grade)| grade);
        let students = submissions.iter().map(|submission| StudentGrades {
            student: submission.student.clone(),
            notes: submission.notes.clone(),
            grades: grades.by_ref().take(self.exercises.len()).collect(),
            ..StudentGrades::default()
        });
        Ok(Gradebook {
            isolation: self.isolator.level().to_string(),
            toolchain: self.toolchain.version.clone(),
            exercises: self
                .exercises
                .iter()
                .map(|e| (e.name.clone(), e.rubric.title.clone()))
                .collect(),
            students: students.collect(),
            evidence: Evidence::Held,
        })
    }

    /// Does these jobs in their order, one worker for each slot.
    pub fn work_off<J: Sync>(&self, jobs: &[J], do_it: &(dyn Fn(&J, &Slot) + Sync)) {
        let next = &AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for slot in self.slots.iter().take(jobs.len()) {
                scope.spawn(move || {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        do_it(job, slot);
                    }
                });
            }
        });
    }

    fn grade_one(&self, submission: &Submission, exercise: &Exercise, slot: &Slot, wanted: &Wanted<'_>) -> Grade {
        let mut checks = exercise.available_checks();
        checks.retain(|check| wanted(submission, exercise, check));
        self.grade_by(submission.works.get(&exercise.name), exercise, slot, checks)
    }

    /// One work's grade on one exercise by all of its checks.
    pub fn grade_work(&self, work: Option<&Work>, exercise: &Exercise, slot: &Slot) -> Grade {
        self.grade_by(work, exercise, slot, exercise.available_checks())
    }

    /// What fails on our side becomes an inconclusive grade.
    fn grade_by(&self, work: Option<&Work>, exercise: &Exercise, slot: &Slot, checks: Vec<Arc<Check>>) -> Grade {
        let Some(work) = work else {
            return self.without_program(exercise, String::new(), Build::Missing, checks);
        };
        self.build_and_run(work, exercise, slot, &checks)
            .unwrap_or_else(|error| {
                self.without_program(
                    exercise,
                    work.digest(),
                    Build::Inconclusive(format!("{error:#}")),
                    checks,
                )
            })
    }

    fn without_program(&self, exercise: &Exercise, digest: String, build: Build, checks: Vec<Arc<Check>>) -> Grade {
        let (basis, level) = (self.basis(exercise), self.isolator.level());
        Grade::without_program(exercise, basis, level, digest, build, checks)
    }

    /// What decides the grades of an exercise besides what was handed in.
    pub fn basis(&self, exercise: &Exercise) -> Arc<Basis> {
        self.bases.get(&exercise.name).cloned().unwrap_or_default()
    }

    fn build_and_run(&self, work: &Work, exercise: &Exercise, slot: &Slot, checks: &[Arc<Check>]) -> Result<Grade> {
        self.build_and_tell(work, exercise, slot, checks, &mut |_| {})
    }

    /// Grades one's own work on one exercise; `told` hears of the grade so far after each check. An interrupt leaves it incomplete.
    pub fn grade_telling(&self, work: &Work, exercise: &Exercise, told: &mut dyn FnMut(&Grade)) -> Grade {
        let checks = exercise.available_checks();
        let graded = self.slots.first().context("there is no slot");
        let graded = graded.and_then(|slot| self.build_and_tell(work, exercise, slot, &checks, told));
        let fault = |error| Build::Inconclusive(format!("{error:#}"));
        graded.unwrap_or_else(|error| self.without_program(exercise, work.digest(), fault(error), checks))
    }

    fn build_and_tell(
        &self,
        work: &Work,
        exercise: &Exercise,
        slot: &Slot,
        checks: &[Arc<Check>],
        told: &mut dyn FnMut(&Grade),
    ) -> Result<Grade> {
        let graded = self.with_program(work, exercise, slot, |runner, seconds| {
            let mut grade = Grade {
                exercise: exercise.name.clone(),
                title: exercise.rubric.title.clone(),
                digest: work.digest(),
                basis: self.basis(exercise),
                isolation: self.isolator.level(),
                build: Build::Built { seconds },
                diagnoses: Vec::new(),
                checks: Vec::new(),
            };
            for check in checks.iter().take_while(|_| !self.interrupt.is_asked()) {
                let run = runner.run(check.clone());
                if let Some(watch) = &self.watch {
                    watch(&exercise.name, &run);
                }
                grade.checks.push(run);
                told(&grade);
            }
            if let Some(known) = self.signatures.get(&exercise.name) {
                grade.diagnoses = known.diagnose(&grade.checks);
            }
            grade
        })?;
        Ok(graded.unwrap_or_else(|build| self.without_program(exercise, work.digest(), build, checks.to_vec())))
    }

    /// Builds a program to be tried out; answers with what `use_it` makes of it, or with the rejection if it does not compile.
    ///
    /// # Errors
    /// The disk, the jail or the compiler fails us.
    pub fn try_out<T>(
        &self,
        work: &Work,
        exercise: &Exercise,
        use_it: impl FnOnce(&Runner) -> T,
    ) -> Result<Result<T, Build>> {
        let slot = self.slots.first().context("there is no slot")?;
        self.with_program(work, exercise, slot, |runner, _| use_it(runner))
    }

    fn with_program<T>(
        &self,
        work: &Work,
        exercise: &Exercise,
        slot: &Slot,
        use_it: impl FnOnce(&Runner, f64) -> T,
    ) -> Result<Result<T, Build>> {
        let suites = self.suites.get(&exercise.name).context("its suites were not built")?;
        let builder = Builder {
            exercise,
            suites,
            toolchain: &self.toolchain,
            isolator: &self.isolator,
            slot,
        };
        let room = self.workplace.folder("b-")?;
        let (artifact, seconds) = match builder.build(work, room.path())? {
            Built::Program { artifact, seconds } => (artifact, seconds),
            Built::Rejected { reason, diagnostics } => return Ok(Err(Build::Rejected { reason, diagnostics })),
        };
        let runner = Runner {
            suites,
            limits: exercise.rubric.limits,
            beside: self.isolator.programs(&exercise.rubric.programs)?,
            artifact: &artifact,
            workplace: &self.workplace,
            root: &self.course.root,
            isolator: &self.isolator,
            slot,
            interrupt: self.interrupt.clone(),
            brief: self.brief,
        };
        let used = use_it(&runner, seconds);
        let survivors = isolation::running(artifact.device, artifact.inode);
        ensure!(
            survivors == 0,
            "{survivors} of its processes outlived their checks; this grader has a hole"
        );
        Ok(Ok(used))
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
