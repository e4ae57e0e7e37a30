//! `grader gradescope`: grades the submission that Gradescope put in place, for `run_autograder` of an exported autograder.
//!
//! A run that is killed counts as 0 points there, and shows nothing, unless `results.json` is in place. So it is written before anything is
//! done, and again after every check: whatever happens, it says what is known.

use std::fs;
use std::path::{Path, PathBuf};
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
use crate::submission::{Note, Submission};

/// What is said of a check that was not reached.
const NOT_REACHED: &str = "the grader was stopped before it came to this check";
/// Files beside each other that may be a submission without folders.
const MAX_LOOSE: usize = 50;

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
    let submission = read(&request.submission, course, &exercises)?;
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

/// What was handed in: folders as in a course, or, where the assignment is one exercise, its files as they are.
fn read(dir: &Path, course: &Course, exercises: &[&Exercise]) -> Result<Submission> {
    let submission = intake::read_tree(dir, "this submission", course)?;
    let [exercise] = exercises else { return Ok(submission) };
    let loose = loose_files(dir)?;
    if !submission.works.is_empty() || !loose.iter().any(|path| path.ends_with("lib.rs")) {
        return Ok(submission);
    }
    let staged = tempfile::tempdir().context("no room for a submission")?;
    let src = staged.path().join(&exercise.folder).join("src");
    fs::create_dir_all(&src).context("no room for a submission")?;
    for path in loose {
        let name = path.file_name().context("a file without a name")?;
        fs::copy(&path, src.join(name)).with_context(|| format!("cannot read {}", path.display()))?;
    }
    let mut submission = intake::read_tree(staged.path(), "this submission", course)?;
    let taken = format!("the files are taken as those of `{}/src`", exercise.folder);
    submission.notes.insert(0, Note(taken));
    Ok(submission)
}

/// Regular `.rs` files at the top that intake would take.
fn loose_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let is_source = |path: &PathBuf| {
        let about = fs::symlink_metadata(path);
        path.extension().is_some_and(|ending| ending == "rs")
            && about.is_ok_and(|about| about.is_file() && about.len() <= intake::MAX_FILE)
    };
    let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).filter(is_source).collect();
    files.sort();
    files.truncate(MAX_LOOSE);
    Ok(files)
}
