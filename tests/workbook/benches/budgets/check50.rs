//! The 13 checks of `ex02` in check50, a grader in Python that many courses use: processor time a submission.
//!
//! check50 is installed into `target/bench/check50` when this figure is asked for by name, never otherwise.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use grader::toolchain::Toolchain;
use serde::Deserialize;

use crate::bench::{Bench, command};
use crate::cost::{median, of_success};
use crate::submission;
use crate::suites::Suites;
use crate::table::{not_here, row};

const EXERCISE: &str = "ex02";
const CHECKS: usize = 13;
const VERSION: &str = "check50==3.5.0";
const RUNS: usize = 3;

pub fn measure(bench: &Bench) -> Result<()> {
    let venv = bench.folder.join("check50");
    if !venv.join("bin/check50").is_file() {
        if !bench.asked.is_named() {
            not_here("the 13 echo checks in check50", "`-- check50` installs it");
            return Ok(());
        }
        if let Err(error) = install(&venv) {
            not_here("the 13 echo checks in check50", &format!("{error:#}"));
            return Ok(());
        }
    }
    let problem = write_problem(bench)?;
    let theirs = (0..RUNS)
        .map(|_| check(bench, &venv, &problem))
        .collect::<Result<_>>()?;
    let (theirs, ours) = (
        median(theirs),
        submission::graded(bench, bench.course.exercise(EXERCISE)?)?,
    );
    row(
        &format!("{EXERCISE}: one submission by check50, no jail"),
        &format!("{theirs:.2} s CPU"),
        "",
        None,
    );
    row(
        "… by the grader, in a jail, with a tracer",
        &format!("{ours:.2} s CPU"),
        "less",
        Some(ours < theirs),
    );
    Ok(())
}

fn install(venv: &Path) -> Result<()> {
    of_success(command("python3").args(["-m", "venv"]).arg(venv)).context("python3 makes no venv")?;
    of_success(command(venv.join("bin/pip")).args(["install", "--quiet", VERSION]))
        .context("pip installs no check50")?;
    Ok(())
}

/// The checks, the given program, and how both crates are compiled: as the grader does it.
fn write_problem(bench: &Bench) -> Result<PathBuf> {
    let problem = bench.empty("check50-problem")?;
    let exercise = bench.course.exercise(EXERCISE)?;
    let write = |name: &str, text: &str| {
        fs::write(problem.join(name), text).with_context(|| format!("cannot write {name} into {}", problem.display()))
    };
    write(".cs50.yaml", include_str!("../check50/cs50.yaml"))?;
    write("echo.py", include_str!("../check50/echo.py"))?;
    write("compile.sh", &compile(bench.suites()?)?)?;
    let given = exercise.dir.join("src/main.rs");
    write(
        "main.rs",
        &fs::read_to_string(&given).with_context(|| format!("cannot read {}", given.display()))?,
    )?;
    Ok(problem)
}

fn compile(suites: &Suites) -> Result<String> {
    let found = &suites.of[EXERCISE];
    let mut rustc = format!(
        "'{}' --edition 2024 --crate-name {EXERCISE} -C overflow-checks=on -C debug-assertions=on -C debuginfo=0 -A warnings -L 'dependency={}'",
        Toolchain::find()?.rustc.display(),
        found.library_folder.display()
    );
    for (name, file) in &found.libraries {
        write!(rustc, " --extern '{name}={}'", file.display())?;
    }
    Ok(format!(
        "set -e\n{rustc} --crate-type rlib lib.rs -o lib{EXERCISE}.rlib\n{rustc} --crate-type bin main.rs -o {EXERCISE} --extern {EXERCISE}=lib{EXERCISE}.rlib\n"
    ))
}

/// What check50 writes.
#[derive(Deserialize)]
struct Report {
    results: Vec<Checked>,
}

#[derive(Deserialize)]
struct Checked {
    name: String,
    passed: Option<bool>,
}

/// Seconds of processor time for the reference solution, all of whose checks have to pass.
fn check(bench: &Bench, venv: &Path, problem: &Path) -> Result<f64> {
    let submission = bench.empty("check50-submission")?;
    let exercise = bench.course.exercise(EXERCISE)?;
    for (name, bytes) in grader::grading::solution_work(exercise)?.files {
        fs::write(submission.join(&name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    let mut check50 = command(venv.join("bin/check50"));
    check50
        .args(["--dev", "-o", "json", "--output-file", "report.json"])
        .arg(problem);
    let (cost, _) = of_success(check50.current_dir(&submission))?;
    let report = fs::read(submission.join("report.json")).context("check50 wrote no report")?;
    let report: Report = serde_json::from_slice(&report).context("check50's report is no JSON")?;
    let failed = report.results.iter().find(|check| check.passed != Some(true));
    ensure!(
        failed.is_none(),
        "the reference solution fails {} in check50",
        failed.map_or("", |check| &check.name)
    );
    ensure!(
        report.results.len() == CHECKS + 1,
        "check50 ran {} checks",
        report.results.len()
    );
    Ok(cost.cpu)
}
