//! `grader gradescope`: grades the submission that Gradescope put in place, for `run_autograder` of an exported autograder.
//!
//! A run that is killed counts as 0 points there, and shows nothing, unless `results.json` is in place. So it is written before anything is
//! done, and again after every check: whatever happens, it says what is known.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::grade::{Build, CheckRun, Grade, Gradebook, Outcome, StudentGrades};
use crate::grading::Grading;
use crate::intake;
use crate::isolation::Isolator;
use crate::report;
use crate::report::format::Setting;

/// What is said of a check that was not reached.
const NOT_REACHED: &str = "the grader was stopped before it came to this check";

/// What is graded, and where the results go.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The exercises of the assignment.
    #[arg(value_name = "exNN", required = true)]
    exercises: Vec<String>,
    /// What the student handed in.
    #[arg(long, value_name = "DIR")]
    submission: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    results: PathBuf,
    #[command(flatten)]
    setting: Setting,
}

/// Grades it; answers whether everything is known.
///
/// # Errors
/// The submission cannot be read, this machine isolates too little, or the course is broken. `results.json` is there all the same.
pub fn run(course: &Course, request: &Request, isolator: Isolator) -> Result<bool> {
    let exercises: Vec<&Exercise> = request
        .exercises
        .iter()
        .map(|name| course.exercise(name))
        .collect::<Result<_>>()?;
    let level = isolator.level();
    let results = Results::begin(&exercises, &isolator, request)?;
    ensure!(
        level.is_for_strangers(),
        "isolation is {level}, too little for strangers' programs; nobody is graded here"
    );
    let submission = intake::read_tree_for(&exercises, &request.submission, "this submission", course)?;
    let grading = Grading::prepare(course, exercises, isolator, 1)?;
    let grading = grading.watched(|exercise, run| results.add(exercise, run));
    let gradebook = grading.grade(&[submission], &|_, _| {})?;
    drop(grading);
    results.finish(&gradebook)?;
    Ok(!gradebook.is_inconclusive())
}

/// `results.json` as it grows.
struct Results<'r> {
    request: &'r Request,
    so_far: Mutex<Gradebook>,
}

impl<'r> Results<'r> {
    /// Nothing is known, and that is what is written.
    fn begin(exercises: &[&Exercise], isolator: &Isolator, request: &'r Request) -> Result<Self> {
        let student = StudentGrades {
            student: "this submission".into(),
            grades: exercises.iter().map(|exercise| unknown(exercise, isolator)).collect(),
            ..StudentGrades::default()
        };
        let results = Results {
            request,
            so_far: Mutex::new(Gradebook {
                isolation: isolator.level().to_string(),
                students: vec![student],
                ..Gradebook::default()
            }),
        };
        let so_far = results.so_far.lock().unwrap_or_else(PoisonError::into_inner).clone();
        results.write(&so_far)?;
        Ok(results)
    }

    /// One more check is known. A disk that fails now fails at the end, too, where it is said.
    fn add(&self, exercise: &str, run: &CheckRun) {
        let mut so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        let grades = so_far.students.iter_mut().flat_map(|student| &mut student.grades);
        let checks = grades
            .filter(|grade| grade.exercise == exercise)
            .flat_map(|grade| &mut grade.checks);
        for known in checks.filter(|known| known.check.name == run.check.name) {
            *known = run.clone();
        }
        let _ = self.write(&so_far);
    }

    fn finish(&self, gradebook: &Gradebook) -> Result<()> {
        self.write(gradebook)
    }

    fn write(&self, gradebook: &Gradebook) -> Result<()> {
        let student = gradebook.students.first().context("nobody was graded")?;
        let text = report::gradescope::results(student, gradebook, &self.request.setting);
        write_atomically(&self.request.results, text.as_bytes())
    }
}

fn unknown(exercise: &Exercise, isolator: &Isolator) -> Grade {
    let checks = exercise.available_checks().into_iter().map(|check| CheckRun {
        check,
        outcome: Outcome::Inconclusive(NOT_REACHED.into()),
        seconds: 0.0,
    });
    Grade {
        exercise: exercise.name.clone(),
        title: exercise.rubric.title.clone(),
        digest: String::new(),
        basis: Arc::default(),
        isolation: isolator.level(),
        build: Build::Built { seconds: 0.0 },
        checks: checks.collect(),
        diagnoses: Vec::new(),
    }
}
