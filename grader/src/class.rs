//! A class: which submissions there are, which of their works have to be graded, and the gradebook that comes of it.
//!
//! Submissions are looked through first, for their digests only, and read again when it is their turn: a class of any size takes the
//! memory of the few that are being graded. What the ledger has, or somebody else handed in too, is not graded again.

mod gradescope;
mod people;
mod plan;
mod platform;
mod roster;
mod rules;
mod survey;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::basis::Basis;
use crate::course::{Course, Exercise};
use crate::diagnosis::Signatures;
use crate::grade::{Grade, Gradebook, Lateness, StudentGrades};
use crate::grading::Grading;
use crate::isolation::{Isolation, Isolator};
use crate::ledger::{self, Evidence, Key, Ledger, Rubric, Shard};
use crate::say::say;
use crate::toolchain::Toolchain;
use people::People;
use plan::Plan;
use roster::Roster;
use rules::Rules;
use survey::Surveyed;

pub use people::Keep;

/// How a class is read and graded, as the command line says it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Grade again what the ledger has already.
    #[arg(long, requires = "submissions")]
    pub force: bool,
    /// Grade only this part of the class, e.g. 1/3; `grader merge` puts the parts together.
    #[arg(long, value_name = "K/N", requires = "submissions")]
    pub shard: Option<Shard>,
    /// A CSV of everybody in the class: gives submissions to students, and says who is missing.
    #[arg(long, value_name = "FILE", requires = "submissions")]
    pub roster: Option<PathBuf>,
    /// Which of several submissions of one student counts.
    #[arg(long, value_enum, default_value_t = Keep::default(), requires = "submissions")]
    pub keep: Keep,
    /// Deadlines, late days and chosen submissions [default: course.toml in the course, if it is there].
    #[arg(long, value_name = "FILE", requires = "submissions")]
    pub rules: Option<PathBuf>,
}

impl Options {
    /// What a class was read with, to read it again.
    pub(crate) fn again(read: &ledger::Class) -> Options {
        Options {
            force: false,
            shard: read.shard,
            roster: read.roster.clone(),
            keep: read.keep,
            rules: read.rules.clone(),
        }
    }
}

/// Where a class lies and where its ledger and reports go.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// One folder or archive per student.
    pub dir: &'p Path,
    /// The folder of the ledger.
    pub out: &'p Path,
}

/// Grades a class and issues its gradebook; says on standard error how far it is.
///
/// # Errors
/// The class cannot be read, the course is broken, another grader works in `out`, or the ledger cannot be written.
pub fn run(
    course: &Course,
    exercises: Vec<&Exercise>,
    isolator: Isolator,
    jobs: usize,
    at: Place,
    options: &Options,
) -> Result<Gradebook> {
    // The class first: nothing is begun in `out` for a folder without submissions.
    let class = Class::survey(course, exercises, isolator.level(), at.dir, options)?;
    let mut ledger = open(at.out)?;
    class.grade(isolator, jobs, options.force, &mut ledger)?;
    let mut gradebook = class.gradebook(&ledger)?;
    ledger.issue(&gradebook, class.read())?;
    gradebook.evidence = Evidence::Ledger(Arc::new(ledger));
    Ok(gradebook)
}

/// Opens the ledger of a folder, which is made when it is not there, and says what was repaired.
pub(crate) fn open(out: &Path) -> Result<Ledger> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder for reports {}", out.display()))?;
    let (ledger, repaired) = Ledger::open(out)?;
    if let Some(sentence) = repaired {
        say!("note: {sentence}");
    }
    Ok(ledger)
}

/// A class, ready to be graded.
#[derive(Debug)]
pub struct Class<'a> {
    course: &'a Course,
    exercises: Vec<&'a Exercise>,
    level: Isolation,
    toolchain: String,
    bases: BTreeMap<String, Arc<Basis>>,
    /// In name order.
    students: Vec<Surveyed>,
    rules: Rules,
    read: ledger::Class,
}

impl<'a> Class<'a> {
    /// Looks through the submissions in `dir`.
    ///
    /// # Errors
    /// The class or the course cannot be read, or there is no compiler.
    pub fn survey(
        course: &'a Course,
        exercises: Vec<&'a Exercise>,
        level: Isolation,
        dir: &Path,
        options: &Options,
    ) -> Result<Class<'a>> {
        let toolchain = Toolchain::find()?;
        let own = course.root.join("course.toml");
        let file = options.rules.clone().or_else(|| own.is_file().then_some(own));
        let rules = file.as_deref().map(Rules::read).transpose()?.unwrap_or_default();
        let roster = options
            .roster
            .as_deref()
            .map(|path| Roster::read(path, &rules.zone))
            .transpose()?;
        let mut people = People::find(dir, roster.as_ref(), &rules, options.keep)?;
        people.tell();
        if let Some(shard) = options.shard {
            people.candidates.retain(|one| shard.has(&one.student));
        }
        let students = people.candidates.into_iter();
        let students = students.map(|one| Surveyed::of(one, course, &exercises));
        let absolute =
            |path: &Path| std::path::absolute(path).with_context(|| format!("cannot use the path {}", path.display()));
        Ok(Class {
            students: students.collect::<Result<_>>()?,
            bases: Basis::of(course, &exercises, &toolchain)?,
            toolchain: toolchain.version,
            read: ledger::Class {
                submissions: absolute(dir)?,
                roster: options.roster.as_deref().map(absolute).transpose()?,
                rules: options.rules.as_deref().map(absolute).transpose()?,
                keep: options.keep,
                shard: options.shard,
            },
            rules,
            course,
            exercises,
            level,
        })
    }

    /// Grades what is not in the ledger, with as many workers as `jobs`. Before the first grade is made the reference solutions are tried.
    ///
    /// # Errors
    /// The course is broken, or the ledger cannot be written ([`ledger::Unfinished`]).
    pub fn grade(&self, isolator: Isolator, jobs: usize, force: bool, ledger: &mut Ledger) -> Result<()> {
        let plan = Plan::new(self, ledger, force);
        say!("{}", plan.in_words());
        if plan.jobs.is_empty() {
            return Ok(());
        }
        let grading = Grading::prepare(self.course, self.exercises.clone(), isolator, jobs)?;
        grading.baseline()?;
        plan.carry_out(self, &grading, ledger)
    }

    /// The gradebook, every grade of which is in the ledger by now; so is their evidence, and stays there.
    ///
    /// # Errors
    /// The ledger cannot be read, or lacks a grade.
    pub fn gradebook(&self, ledger: &Ledger) -> Result<Gradebook> {
        let signatures = self.exercises.iter().map(|exercise| Signatures::load(exercise));
        let signatures = signatures.collect::<Result<Vec<_>>>()?;
        let rubrics: Vec<Rubric> = self.exercises.iter().map(|exercise| Rubric::of(exercise)).collect();
        let grades = |student: &Surveyed| -> Result<Vec<Grade>> {
            let found = self.exercises.iter().zip(rubrics.iter().zip(&signatures));
            let found = found.map(|(exercise, (rubric, signatures))| {
                let mut grade = ledger.grade(&self.key(student, exercise), rubric)?;
                grade.basis = self.bases[&exercise.name].clone();
                grade.diagnoses = signatures.diagnose(&grade.checks);
                Ok(grade.without_evidence())
            });
            found.collect()
        };
        let students = self.students.iter().map(|student| {
            Ok(StudentGrades {
                student: student.candidate.student.clone(),
                submitted: student.candidate.submitted,
                lateness: self.lateness(student),
                notes: student.notes(),
                grades: grades(student)?,
            })
        });
        let mut students = students.collect::<Result<Vec<_>>>()?;
        if self.read.keep == Keep::Best {
            students = survey::best(students);
        }
        Ok(Gradebook {
            isolation: self.level.to_string(),
            toolchain: self.toolchain.clone(),
            exercises: rubrics
                .iter()
                .map(|rubric| (rubric.name.clone(), rubric.title.clone()))
                .collect(),
            students,
            evidence: Evidence::Left,
        })
    }

    fn lateness(&self, student: &Surveyed) -> Vec<Lateness> {
        let handed_in = self
            .exercises
            .iter()
            .filter(|exercise| student.digests.contains_key(&exercise.name));
        let handed_in: Vec<&Exercise> = handed_in.copied().collect();
        self.rules
            .lateness(&student.candidate.student, student.candidate.submitted, &handed_in)
    }

    /// How it was read, for the ledger.
    pub fn read(&self) -> &ledger::Class {
        &self.read
    }

    fn key(&self, student: &Surveyed, exercise: &Exercise) -> Key {
        let digest = student.digests.get(&exercise.name).map_or("", String::as_str);
        Key::new(&exercise.name, digest, &self.bases[&exercise.name], self.level)
    }
}
