//! A student's first impression: `cargo test -p ex01` in a fresh handout, and what an edit costs afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use grader::grading::solution_work;

use crate::bench::{Bench, command};
use crate::cost::{Cost, median, of_output, of_success};
use crate::table::row;

/// Edits, each built once and tested once.
const EDITS: usize = 3;
/// Budget of the first test, in seconds.
const FIRST: f64 = 12.0;

pub fn measure(bench: &Bench) -> Result<()> {
    let handout = bench.empty("handout")?;
    of_success(
        command(bench.grader())
            .arg("handout")
            .arg(&handout)
            .current_dir(&bench.course.root),
    )?;
    // The budget is about a warm registry.
    of_success(cargo(&handout).arg("fetch"))?;
    first(&handout)?;
    after_an_edit(bench, &handout)
}

fn cargo(handout: &Path) -> Command {
    let mut cargo = command("cargo");
    cargo.current_dir(handout);
    cargo
}

fn first(handout: &Path) -> Result<()> {
    let (cost, output) = of_output(cargo(handout).args(["test", "-p", "ex01"]))?;
    // It is red, as every stub is; what counts is that the tests ran.
    ensure!(
        tests_own_seconds(&output.stdout) > 0.0,
        "the handout's tests do not run: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    row(
        "first `cargo test -p ex01` in a fresh handout",
        &format!("{:.1} s, {:.1} s CPU", cost.wall, cost.cpu),
        "≤ 12 s",
        Some(cost.wall <= FIRST),
    );
    Ok(())
}

/// With the reference solution in place, so that the tests take the time they take when all is right.
fn after_an_edit(bench: &Bench, handout: &Path) -> Result<()> {
    let exercise = bench.course.exercise("ex01")?;
    let source = handout.join("exercises").join(&exercise.folder).join("src");
    let work = solution_work(exercise)?;
    let write = |edit: usize| -> Result<()> {
        for (name, bytes) in &work.files {
            let text = [bytes.as_slice(), format!("// edit {edit}\n").as_bytes()].concat();
            fs::write(source.join(name), text).with_context(|| format!("cannot write {name}"))?;
        }
        Ok(())
    };
    write(0)?;
    of_success(cargo(handout).args(["test", "-p", "ex01"]))?;
    let (mut builds, mut tests) = (Vec::new(), Vec::new());
    for edit in 0..EDITS {
        write(2 * edit + 1)?;
        builds.push(of_success(cargo(handout).args(["build", "-p", "ex01"]))?.0);
        write(2 * edit + 2)?;
        let (cost, output) = of_success(cargo(handout).args(["test", "-p", "ex01"]))?;
        tests.push(cost.wall - tests_own_seconds(&output.stdout));
    }
    let built = median(builds.iter().map(|cost: &Cost| cost.wall).collect());
    let tested = median(tests);
    row(
        "`cargo build -p ex01` after an edit",
        &format!("{built:.2} s"),
        "",
        None,
    );
    row(
        "`cargo test -p ex01` after an edit, without the tests' time",
        &format!("{tested:.2} s, {:.1} ×", tested / built),
        "≤ 1.5 × that",
        Some(tested <= 1.5 * built),
    );
    Ok(())
}

/// What libtest says: `test result: ok. 7 passed; …; finished in 0.31s`, once for each test program.
fn tests_own_seconds(stdout: &[u8]) -> f64 {
    let text = String::from_utf8_lossy(stdout);
    let times = text
        .lines()
        .filter_map(|line| line.split_once("finished in ")?.1.strip_suffix('s'));
    times.filter_map(|time| time.parse::<f64>().ok()).sum()
}
