//! A small made-up class, graded by the grader's program: once, unchanged, by one worker, several times.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use grader::course::Exercise;
use grader::grading::solution_work;
use grader::mutant;

use crate::bench::{Bench, command};
use crate::cost::{Cost, of_output};
use crate::table::row;

/// The exercises that it handed in.
pub const EXERCISES: [&str; 2] = ["ex01", "ex02"];
pub const STUDENTS: usize = 12;
/// The student whose program does not compile.
const BROKEN: usize = 5;
/// Programs that do nothing but compute, beside one of the rounds.
const BUSY: usize = 8;
/// Exit codes of the grader.
const GRADED: i32 = 0;
const INCONCLUSIVE: i32 = 3;
/// Budget of regrading what has not changed, of the first run.
const UNCHANGED: f64 = 0.02;
/// Budget of two workers against one.
const SPEED_UP: f64 = 1.8;

/// See the module.
pub struct Class {
    /// One folder per student.
    pub submissions: PathBuf,
    /// The ledger and the reports of the first run.
    pub out: PathBuf,
    /// The first run: as many workers as usual, suites compiled, nothing in the ledger.
    pub first: Cost,
}

impl Class {
    pub fn graded(bench: &Bench) -> Result<Class> {
        let submissions = bench.empty("class")?;
        let exercises = EXERCISES.map(|name| bench.course.exercise(name));
        let exercises: Vec<&Exercise> = exercises.into_iter().collect::<Result<_>>()?;
        for exercise in &exercises {
            hand_in(exercise, &submissions)?;
        }
        // Compiles the suites, which is not part of any figure.
        ran(command(bench.grader())
            .args(EXERCISES)
            .arg("--solutions")
            .current_dir(&bench.course.root))?;
        let out = bench.empty("class-first")?;
        let first = grade(bench, &submissions, &out, None)?;
        Ok(Class {
            submissions,
            out,
            first,
        })
    }
}

/// Every third student is right, one does not compile, and the others have one of the known misconceptions. Nobody is hostile, because
/// the same programs are run without any jail to compare.
fn hand_in(exercise: &Exercise, submissions: &Path) -> Result<()> {
    let (right, mutants) = (solution_work(exercise)?, mutant::load(exercise)?);
    for number in 1..=STUDENTS {
        let mut work = match number {
            number if number % 3 == 0 => right.clone(),
            _ => mutants[number % mutants.len()].apply(exercise, &right)?,
        };
        let more = if number == BROKEN { "fn broken( {" } else { "" };
        let library = work.files.entry("lib.rs".into()).or_default();
        // A comment, so that no two works are the same.
        library.extend_from_slice(format!("\n// {number}\n{more}\n").as_bytes());
        let source = submissions
            .join(format!("s{number:03}"))
            .join(&exercise.folder)
            .join("src");
        fs::create_dir_all(&source).with_context(|| format!("cannot make {}", source.display()))?;
        for (name, bytes) in &work.files {
            fs::write(source.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
        }
    }
    Ok(())
}

/// Grades a class in a folder for its ledger.
fn grade(bench: &Bench, submissions: &Path, out: &Path, workers: Option<usize>) -> Result<Cost> {
    ran(&mut grader(bench, submissions, out, workers))
}

/// The command that does it.
pub fn grader(bench: &Bench, submissions: &Path, out: &Path, workers: Option<usize>) -> Command {
    let mut grader = command(bench.grader());
    grader
        .args(EXERCISES)
        .arg("--submissions")
        .arg(submissions)
        .arg("--out")
        .arg(out)
        .arg("--trust-submissions")
        .current_dir(&bench.course.root);
    if let Some(workers) = workers {
        grader.args(["--jobs", &workers.to_string()]);
    }
    grader
}

/// Runs a grader to its end; answers with the exit code, which says whether something was left inconclusive.
fn run(grader: &mut Command) -> Result<(Cost, i32)> {
    let (cost, output) = of_output(grader)?;
    let code = output.status.code().unwrap_or(-1);
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        [GRADED, INCONCLUSIVE].contains(&code),
        "the grader ended with {}: {}",
        output.status,
        said.trim()
    );
    Ok((cost, code))
}

/// The same for a run whose time is a figure: one that waited for a processor for ten seconds says nothing.
fn ran(grader: &mut Command) -> Result<Cost> {
    let (cost, code) = run(grader)?;
    ensure!(
        code == GRADED,
        "checks were left inconclusive: this machine is too busy to measure on"
    );
    Ok(cost)
}

/// The gradebook without what differs from run to run.
fn outcomes(out: &Path) -> Result<String> {
    let file = out.join("gradebook.json");
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

pub fn regrading(bench: &Bench) -> Result<()> {
    let class = bench.class()?;
    let again = grade(bench, &class.submissions, &class.out, None)?;
    let share = again.wall / class.first.wall;
    row(
        &format!("{STUDENTS} students × {}, first time", EXERCISES.join(" ")),
        &format!("{:.1} s, {:.1} s CPU", class.first.wall, class.first.cpu),
        "",
        None,
    );
    row(
        "… again, unchanged",
        &format!("{:.2} s, {:.1} %", again.wall, share * 100.0),
        "≤ 2 %",
        Some(share <= UNCHANGED),
    );
    Ok(())
}

pub fn workers(bench: &Bench) -> Result<()> {
    let class = bench.class()?;
    let by = |workers| grade(bench, &class.submissions, &bench.empty("class-workers")?, Some(workers));
    let (alone, both) = (by(1)?.wall, by(2)?.wall);
    let ratio = alone / both;
    row("the same class by 1 worker", &format!("{alone:.1} s"), "", None);
    row(
        "… by 2 workers",
        &format!("{both:.1} s, {ratio:.2} ×"),
        "≥ 1.8 ×",
        Some(ratio >= SPEED_UP),
    );
    Ok(())
}

pub fn rounds(bench: &Bench) -> Result<()> {
    let class = bench.class()?;
    let expected = outcomes(&class.out)?;
    let (mut differing, mut inconclusive) = (0, 0);
    for round in 1..bench.asked.rounds {
        let out = bench.empty("class-round")?;
        // The last one beside busy programs.
        let busy = (round + 1 == bench.asked.rounds).then(Busy::begin);
        let (_, code) = run(&mut grader(bench, &class.submissions, &out, None))?;
        drop(busy);
        inconclusive += usize::from(code == INCONCLUSIVE);
        if outcomes(&out)? != expected {
            differing += 1;
            let kept = bench.folder.join(format!("differs-{round}.json"));
            fs::copy(out.join("gradebook.json"), kept).context("cannot keep a gradebook")?;
        }
    }
    row(
        &format!(
            "graded {} times, once beside {BUSY} busy loops: differ",
            bench.asked.rounds
        ),
        &format!("{differing} ({inconclusive} inconclusive)"),
        "0",
        Some(differing == 0),
    );
    Ok(())
}

/// Loops that use up every processor until this is dropped.
struct Busy {
    over: &'static AtomicBool,
    loops: Vec<thread::JoinHandle<()>>,
}

impl Busy {
    fn begin() -> Busy {
        static OVER: AtomicBool = AtomicBool::new(false);
        OVER.store(false, Ordering::Relaxed);
        let busy = || {
            thread::spawn(|| {
                while !OVER.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        Busy {
            over: &OVER,
            loops: (0..BUSY).map(|_| busy()).collect(),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for busy in self.loops.drain(..) {
            let _ = busy.join();
        }
    }
}
