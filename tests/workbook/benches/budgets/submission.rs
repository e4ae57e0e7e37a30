//! Processor time of one submission on one exercise: what isolation, evidence and judging add to compiling it and running its checks.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grader::course::Exercise;
use grader::grade::Grade;
use grader::grading::{Grading, solution_work};
use grader::isolation::{Isolation, Isolator};

use crate::bench::Bench;
use crate::cost::{self, Pin, median, of_quiet};
use crate::suites::{Suites, test_program};
use crate::table::row;

/// Exercises of different kinds: system calls, a stream, files and a lossy network, threads.
const USUAL: [&str; 4] = ["ex01", "ex02", "ex09", "ex15"];
/// The middle one of so many counts.
const RUNS: usize = 3;

pub fn measure(bench: &Bench) -> Result<()> {
    USUAL
        .iter()
        .try_for_each(|name| compare(bench, bench.course.exercise(name)?))
}

pub fn measure_all(bench: &Bench) -> Result<()> {
    bench
        .course
        .exercises
        .iter()
        .try_for_each(|exercise| compare(bench, exercise))
}

fn compare(bench: &Bench, exercise: &Exercise) -> Result<()> {
    let graded = graded(bench, exercise)?;
    let (_, rustc) = bench.suites()?.programs[&exercise.name];
    let checks = bare_checks(bench.suites()?, exercise)?;
    let budget = 1.5 * rustc.cpu + checks;
    row(
        &format!(
            "{}: one submission (bare rustc {:.2} s, checks {checks:.2} s)",
            exercise.name, rustc.cpu
        ),
        &format!("{graded:.2} s CPU"),
        &format!("≤ {budget:.2} s CPU"),
        Some(graded <= budget),
    );
    Ok(())
}

/// Seconds of processor time that grading the reference solution takes, from its files to its grade.
pub fn graded(bench: &Bench, exercise: &Exercise) -> Result<f64> {
    let isolator = Isolator::find(bench.grader(), Isolation::Namespaces)?;
    let grading = Grading::prepare(&bench.course, vec![exercise], isolator, 1)?;
    let work = solution_work(exercise)?;
    let once = || -> Result<f64> {
        let (cost, grade) = cost::of(|| grading.grade_telling(&work, exercise, &mut |_| {}));
        is_full(&grade)?;
        Ok(cost.cpu)
    };
    Ok(median((0..RUNS).map(|_| once()).collect::<Result<_>>()?))
}

fn is_full(grade: &Grade) -> Result<()> {
    ensure!(
        grade.points() == grade.of() && grade.of() > 0,
        "the reference solution of {} has {} of {} points",
        grade.exercise,
        grade.points(),
        grade.of()
    );
    Ok(())
}

/// The same checks as plain processes, on one processor as in a cell.
fn bare_checks(suites: &Suites, exercise: &Exercise) -> Result<f64> {
    let _pin = Pin::new()?;
    let (artifact, _) = &suites.programs[&exercise.name];
    let once = || -> Result<f64> {
        let mut sum = 0.0;
        for check in exercise.available_checks() {
            let found = suites.of[&exercise.name].cases_of(&check.name, check.visibility);
            let (suite, cases) = found.with_context(|| format!("no test for {}", check.name))?;
            for case in cases {
                sum += bare(&suite.program, case, &artifact.program)?;
            }
        }
        Ok(sum)
    };
    Ok(median((0..RUNS).map(|_| once()).collect::<Result<_>>()?))
}

fn bare(suite: &Path, case: &str, program: &Path) -> Result<f64> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let evidence = folder.path().join("evidence");
    std::fs::write(&evidence, "").context("no room for evidence")?;
    let mut test = test_program(suite);
    test.args(["--exact", case, "--test-threads", "1"])
        .current_dir(folder.path());
    test.env("WORKBOOK_SUBJECT", program)
        .env("WORKBOOK_EVIDENCE", &evidence);
    let (cost, status) = of_quiet(&mut test)?;
    ensure!(status.success(), "{case} fails outside a jail");
    Ok(cost.cpu)
}
