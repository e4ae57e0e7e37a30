//! The command line: what can be asked of the grader, and which exit code answers it.

mod maintain;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};

use crate::course::{Course, Exercise};
use crate::grade::Gradebook;
use crate::grading::Grading;
use crate::isolation::{self, Isolation, Isolator};
use crate::progress::Progress;
use crate::pseudonyms::Pseudonyms;
use crate::regrade::Regraded;
use crate::report::format::{About, Format, Setting};
use crate::say::{Stdout, say};
use crate::trace::Traced;
use crate::{
    board, class, diary, doctor, export, gradescope, hint, intake, ledger, merge, pack, plan, regrade, release, report,
    reset, similarity, trace, watch,
};

/// Everything was graded.
const GRADED: u8 = 0;
/// Somebody is below `--fail-under`, or an audit or a check of the course found a defect.
const BELOW: u8 = 1;
/// Wrong usage or a broken course: nobody was graded.
const BROKEN: u8 = 2;
/// Something is inconclusive: our fault, to be graded again.
const INCONCLUSIVE: u8 = 3;
/// This machine isolates less than was required: nobody was graded.
const NOT_ISOLATED: u8 = 4;

/// Grades the workbook's exercises.
///
/// Without a subcommand it grades: this tree (`grader --all`, `grader ex01`), the reference solutions (`--solutions`) or a class
/// (`--submissions DIR`). Exit code: 0 graded; 1 below --fail-under; 2 usage or a broken course; 3 something inconclusive;
/// 4 isolation below what was required.
#[derive(Debug, Parser)]
#[command(
    name = "grader",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Cmd>,
    #[command(flatten)]
    grade: GradeArgs,
    /// Where the grader builds [default: target/grader in the course].
    #[arg(long, value_name = "DIR", global = true)]
    target_dir: Option<PathBuf>,
    /// Use at most this isolation level, for tests of the lower ones.
    #[arg(long, value_name = "LEVEL", global = true, hide = true, default_value = "L3")]
    isolation: Isolation,
}

#[derive(Debug, clap::Args)]
struct GradeArgs {
    /// Exercises to grade, e.g. ex01 ex02.
    #[arg(value_name = "exNN")]
    exercises: Vec<String>,
    /// Grade every exercise of the course.
    #[arg(long, conflicts_with = "exercises")]
    all: bool,
    /// Grade the reference solutions in place of this tree.
    #[arg(long, conflicts_with = "submissions")]
    solutions: bool,
    /// Grade a class: one folder, .zip or .tar.gz per student, each shaped like exercises/.
    #[arg(long, value_name = "DIR")]
    submissions: Option<PathBuf>,
    #[command(flatten)]
    class: class::Options,
    /// Where reports are written [default for a class: target/grades].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many submissions are graded at a time [default: twice the number of cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// What is printed on standard output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    setting: Setting,
    #[command(flatten)]
    pseudonyms: Pseudonyms,
    /// Exit with 1 when a submission has less than this share of its points.
    #[arg(long, value_name = "PERCENT")]
    fail_under: Option<f64>,
    /// Grade nobody (exit code 4) unless programs are isolated at this level or better: L0, L1, L2, L3.
    #[arg(long, value_name = "LEVEL")]
    require_isolation: Option<Isolation>,
    /// Grade a class although its programs run with your own rights (below L2).
    #[arg(long)]
    trust_submissions: bool,
}

#[derive(Debug, Subcommand)]
enum Cmd {
    /// Prove the tests: solutions full, stubs 0, every mutant caught, rubric and tests agree, stubs fresh.
    Audit {
        /// Only these exercises.
        #[arg(value_name = "exNN")]
        exercises: Vec<String>,
        /// How many programs are graded at a time [default: five times the number of cores].
        #[arg(long, value_name = "N")]
        jobs: Option<usize>,
        /// Try every check on every mutant, not only those named for it, and write down which fail, for the diagnoses in reports.
        #[arg(long)]
        record: bool,
    },
    /// Write the stubs that students get, derived from the reference solutions.
    Stub {
        /// Write nothing; exit with 1 when a stub is stale.
        #[arg(long)]
        check: bool,
    },
    /// Write the students' tree: no solutions, no hidden tests.
    Handout {
        /// A folder that does not exist yet, or is empty.
        #[arg(value_name = "OUT")]
        out: PathBuf,
    },
    /// Lay out the folders of a new exercise.
    New {
        /// E.g. ex18-name.
        #[arg(value_name = "exNN-name")]
        name: String,
    },
    /// Grade a class again where something changed; show whose grades differ and why, or apply what was shown.
    Regrade(regrade::Request),
    /// Show pairs of works that look alike, for a person to look at; never a penalty.
    Similarity(similarity::Request),
    /// Put the gradebooks of several folders together.
    Merge(merge::Request),
    /// Run a scenario and draw its messages and system calls.
    Trace(trace::Request),
    /// List the exercises: what is done, how much work each is, points so far.
    List,
    /// Say which exercise comes next, and how to begin.
    Next,
    /// Open the next hint of an exercise; there are three levels.
    Hint(hint::Request),
    /// Grade an exercise again whenever you save, and show the check to begin with.
    Watch(watch::Request),
    /// Make one archive to hand in, with a receipt: what is in it, and its points by the checks of this tree.
    Pack(pack::Request),
    /// Show the reference solution of an exercise, where the course allows it.
    Solution(release::Request),
    /// Put an exercise back as it was handed out; what you have is kept beside it.
    Reset(reset::Request),
    /// Run a program on a pretended Raspberry Pi, with LEDs to look at and buttons to press.
    Board(board::Request),
    /// Show or write the reports of what was graded before.
    Report(report::request::Request),
    /// Write what Gradescope, GitHub Classroom or a Slurm cluster needs to grade with this course.
    #[command(subcommand)]
    Export(export::Request),
    /// Grade the submission that Gradescope put in place; run_autograder of an exported autograder calls it.
    #[command(hide = true)]
    Gradescope(gradescope::Request),
    /// Say what this machine can do, and what is lost without what it lacks.
    Doctor,
    /// Try every hostile program of tests/submissions/hostile on this machine: none may gain, tell or leave anything.
    Selftest {
        /// How many programs are graded at a time [default: the number of cores].
        #[arg(long, value_name = "N")]
        jobs: Option<usize>,
    },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    if let Some(code) = isolation::helper() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { BROKEN } else { GRADED });
        }
    };
    dispatch(cli).unwrap_or_else(|error| {
        say!("error: {error:#}");
        let unfinished = error.downcast_ref::<ledger::Unfinished>().is_some();
        ExitCode::from(if unfinished { INCONCLUSIVE } else { BROKEN })
    })
}

fn dispatch(cli: Cli) -> Result<ExitCode> {
    let target_dir = cli.target_dir;
    let course = || -> Result<Course> {
        let mut course = Course::find(&std::env::current_dir().context("cannot find the current folder")?)?;
        if let Some(dir) = &target_dir {
            course.target_dir =
                std::path::absolute(dir).with_context(|| format!("no such folder: {}", dir.display()))?;
        }
        Ok(course)
    };
    let code = match cli.command {
        None => grade(&course()?, &cli.grade, isolator(cli.isolation)?)?,
        Some(Cmd::Audit {
            exercises,
            jobs,
            record,
        }) => maintain::audit_course(&course()?, &exercises, isolator(cli.isolation)?, jobs, record)?,
        Some(Cmd::Selftest { jobs }) => maintain::try_hostile(&course()?, isolator(cli.isolation)?, jobs)?,
        Some(Cmd::Stub { check }) => maintain::write_stubs(&course()?, check)?,
        Some(Cmd::Handout { out }) => maintain::write_handout(&course()?, &out)?,
        Some(Cmd::New { name }) => maintain::new_exercise(&course()?, &name)?,
        Some(Cmd::Regrade(request)) => regrade_class(&course()?, &request, isolator(cli.isolation)?)?,
        Some(Cmd::Similarity(request)) => similar_works(&course()?, &request)?,
        Some(Cmd::Merge(request)) => merge_folders(&request)?,
        Some(Cmd::Trace(request)) => trace_scenario(&course()?, &request, isolator(cli.isolation)?)?,
        Some(Cmd::List) => print(&plan::list(&course()?)?).map(|()| GRADED)?,
        Some(Cmd::Next) => print(&plan::next(&course()?)?).map(|()| GRADED)?,
        Some(Cmd::Hint(request)) => print(&hint::run(&course()?, &request)?).map(|()| GRADED)?,
        Some(Cmd::Watch(request)) => watch::run(&course()?, &request, &|| isolator(cli.isolation))?,
        Some(Cmd::Pack(request)) => pack_work(&course()?, &request, isolator(cli.isolation)?)?,
        Some(Cmd::Solution(request)) => print(&release::run(&course()?, &request)?).map(|()| GRADED)?,
        Some(Cmd::Reset(request)) => print(&reset::run(&course()?, &request)?).map(|()| GRADED)?,
        Some(Cmd::Board(request)) => board::run(&course()?, &request, isolator(cli.isolation)?).map(|()| GRADED)?,
        Some(Cmd::Report(request)) => {
            let gradebook = stream(|out| report::request::run(&course()?, &request, out))?;
            exit_code(&gradebook, None)
        }
        Some(Cmd::Export(request)) => print(&export::run(&course()?, &request)?).map(|()| GRADED)?,
        Some(Cmd::Gradescope(request)) => match gradescope::run(&course()?, &request, isolator(cli.isolation)?)? {
            true => GRADED,
            false => INCONCLUSIVE,
        },
        Some(Cmd::Doctor) => print(&doctor::report(&course()?, &isolator(cli.isolation)?)?).map(|()| GRADED)?,
    };
    Ok(ExitCode::from(code))
}

/// Cells and launchers are this program itself.
fn isolator(at_most: Isolation) -> Result<Isolator> {
    let grader = std::env::current_exe().context("cannot find the grader's own program")?;
    Isolator::find(&grader, at_most)
}

/// Why nobody is graded on this machine, if its level is too low.
fn too_open(isolator: &Isolator, args: &GradeArgs) -> Option<String> {
    let level = isolator.level();
    if let Some(required) = args.require_isolation.filter(|required| level < *required) {
        return Some(format!(
            "isolation is {level}, but {required} is required; `grader doctor` says what would raise it"
        ));
    }
    let strangers = args.submissions.is_some() && !args.trust_submissions;
    (strangers && !level.is_for_strangers()).then(|| {
        format!(
            "isolation is {level}, too little for a class of strangers' programs: {}. Raise it (`grader doctor` says how), \
             or say with --trust-submissions that you trust them",
            level.meaning()
        )
    })
}

fn grade(course: &Course, args: &GradeArgs, isolator: Isolator) -> Result<u8> {
    if let Some(sentence) = too_open(&isolator, args) {
        say!("error: {sentence}");
        return Ok(NOT_ISOLATED);
    }
    let exercises = selected(course, &args.exercises, args.all)?;
    if let Some(dir) = &args.submissions {
        let out = args.out.clone().unwrap_or_else(|| course.root.join("target/grades"));
        let at = class::Place { dir, out: &out };
        let gradebook = class::run(course, exercises, isolator, jobs(args.jobs), at, &args.class)?;
        return show(&gradebook, args, Some(&out));
    }
    let submissions = match args.solutions {
        true => None,
        false => Some(vec![intake::read_tree(&course.root, "this tree", course)?]),
    };
    if let Some(out) = &args.out {
        // Found out now, not after an hour of grading.
        std::fs::create_dir_all(out)
            .with_context(|| format!("cannot make the folder for reports {}", out.display()))?;
    }
    say!(
        "Compiling the tests of {} (the first time takes a while)",
        names(&exercises)
    );
    let grading = Grading::prepare(course, exercises, isolator, jobs(args.jobs))?;
    let submissions = match submissions {
        Some(submissions) => submissions,
        None => vec![grading.reference()?],
    };
    let progress = Progress::new(submissions.len() * grading.exercises.len());
    let gradebook = grading.grade(&submissions, &|student, grade| progress.step(student, grade))?;
    progress.finish();
    let code = show(&gradebook, args, args.out.as_deref())?;
    if !args.solutions && args.format == Format::Text {
        remember(course, &gradebook)?;
    }
    Ok(code)
}

/// Writes and prints what was graded; the files first, because nothing that becomes of standard output may keep a gradebook from disk.
fn show(gradebook: &Gradebook, args: &GradeArgs, out: Option<&Path>) -> Result<u8> {
    let about = if args.submissions.is_some() {
        About::Class
    } else {
        About::Author
    };
    let shown = args.pseudonyms.applied(gradebook)?;
    if let Some(out) = out {
        write_reports(&shown, out, &args.setting)?;
    }
    stream(|text| report::format::write(&shown, args.format, about, &args.setting, text))?;
    Ok(exit_code(gradebook, args.fail_under))
}

/// Everything was graded by now; a disk without room for reports is no reason to grade it again.
fn write_reports(gradebook: &Gradebook, out: &Path, setting: &Setting) -> Result<()> {
    report::write_all(gradebook, out, setting)
        .context(ledger::Unfinished("the reports could not be written".into()))?;
    say!("Reports: {}", out.display());
    Ok(())
}

/// One's own points are remembered, and whoever has all of an exercise is told what there is beyond.
fn remember(course: &Course, gradebook: &Gradebook) -> Result<()> {
    for grade in gradebook.students.iter().flat_map(|student| &student.grades) {
        if let Err(error) = diary::note(course, grade) {
            say!("warning: progress is not remembered: {error:#}");
        }
        if grade.of() > 0 && grade.points() == grade.of() {
            let exercise = course.exercise(&grade.exercise)?;
            print(&plan::well_done(course, exercise))?;
        }
    }
    Ok(())
}

fn exit_code(gradebook: &Gradebook, fail_under: Option<f64>) -> u8 {
    if gradebook.is_inconclusive() {
        return INCONCLUSIVE;
    }
    let below = |percent: f64| {
        gradebook
            .students
            .iter()
            .any(|student| f64::from(student.points()) * 100.0 < percent * f64::from(student.of()))
    };
    if fail_under.is_some_and(below) { BELOW } else { GRADED }
}

fn selected<'a>(course: &'a Course, asked: &[String], all: bool) -> Result<Vec<&'a Exercise>> {
    if all {
        return Ok(course.exercises.iter().collect());
    }
    ensure!(
        !asked.is_empty(),
        "say what to grade: `grader --all`, or exercises such as `grader ex01`"
    );
    let mut exercises = Vec::new();
    for name in asked {
        let exercise = course.exercise(name)?;
        if !exercises.iter().any(|known: &&Exercise| known.name == exercise.name) {
            exercises.push(exercise);
        }
    }
    exercises.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(exercises)
}

fn names(exercises: &[&Exercise]) -> String {
    exercises
        .iter()
        .map(|exercise| exercise.name.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A check that fails has mostly waited for something that never came: with one worker for each core, half of the machine would wait too.
fn jobs(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| 2 * cores())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn pack_work(course: &Course, request: &pack::Request, isolator: Isolator) -> Result<u8> {
    let packed = pack::run(course, request, isolator)?;
    print(&packed.receipt)?;
    if packed.builds {
        return Ok(GRADED);
    }
    say!("warning: something in it does not build, and would get no points; the archive is written all the same");
    Ok(BELOW)
}

fn trace_scenario(course: &Course, request: &trace::Request, isolator: Isolator) -> Result<u8> {
    match trace::run(course, request, isolator)? {
        Traced::Drawn { text, remarks } => {
            print(&text)?;
            remarks.iter().for_each(|remark| say!("{remark}"));
            Ok(GRADED)
        }
        Traced::Nothing(why) => bail!("nothing to draw: {why}"),
        Traced::Fault(why) => {
            say!("error: {why}");
            Ok(INCONCLUSIVE)
        }
    }
}

fn regrade_class(course: &Course, request: &regrade::Request, isolator: Isolator) -> Result<u8> {
    match regrade::run(course, request, isolator, jobs(request.jobs))? {
        Regraded::Shown {
            text,
            in_place_of_applying,
            inconclusive,
        } => {
            print(&text)?;
            if in_place_of_applying {
                say!(
                    "error: these are not the differences that were shown last, so nothing was applied; look at them, and apply again"
                );
                return Ok(BELOW);
            }
            say!("Nothing counts yet: `grader regrade --apply` with the same --out makes it count.");
            Ok(if inconclusive { INCONCLUSIVE } else { GRADED })
        }
        Regraded::Applied { text, gradebook, out } => {
            let shown = request.pseudonyms.applied(&gradebook)?;
            write_reports(&shown, &out, &request.setting)?;
            print(&text)?;
            Ok(exit_code(&gradebook, None))
        }
        Regraded::TooOpen(level) => {
            say!("error: isolation is {level}, too little for a class: --trust-submissions says that you trust them");
            Ok(NOT_ISOLATED)
        }
    }
}

fn similar_works(course: &Course, request: &similarity::Request) -> Result<u8> {
    let exercises = selected(course, &request.exercises, request.exercises.is_empty())?;
    print(&similarity::run(course, &exercises, request)?)?;
    Ok(GRADED)
}

fn merge_folders(request: &merge::Request) -> Result<u8> {
    let merged = merge::run(request)?;
    let shown = request.pseudonyms.applied(&merged.gradebook)?;
    write_reports(&shown, &request.out, &request.setting)?;
    print(&report::text::class_table(&shown))?;
    for shard in &merged.missing {
        say!("error: part {shard} of the class is missing; the gradebook is incomplete");
    }
    Ok(if merged.missing.is_empty() {
        exit_code(&merged.gradebook, None)
    } else {
        INCONCLUSIVE
    })
}

fn print(text: &str) -> Result<()> {
    stream(|out| {
        out.write_all(text.as_bytes())
            .context("cannot write to standard output")
    })
}

/// Standard output for what is written piece by piece.
fn stream<T>(fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let mut out = std::io::BufWriter::new(Stdout::default());
    let filled = fill(&mut out)?;
    out.flush().context("cannot write to standard output")?;
    Ok(filled)
}
