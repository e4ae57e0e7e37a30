//! The way without a grader: every student's files into a tree of the course, and `cargo nextest run` there.
//!
//! One tree stands for all, because then netlab and harness are compiled once; in trees of their own every student would pay for them.
//! Files are written anew for each student: with old times cargo would run the program of the student before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use grader::course::Exercise;

use crate::bench::{Bench, command};
use crate::class::{EXERCISES, STUDENTS};
use crate::cost::{Cost, of_output, of_quiet};
use crate::table::{not_here, row};

/// Students with a target folder of their own; the others would take as long.
const FRESH: usize = 2;
/// Students that `cargo test` is tried with.
const FEW: usize = 4;

/// How tests are run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Nextest,
    Test,
}

/// A tree with the solutions' workspace, in which students' files stand in for the solutions.
struct Tree<'b> {
    root: PathBuf,
    exercises: Vec<&'b Exercise>,
}

pub fn measure(bench: &Bench) -> Result<()> {
    let class = bench.class()?;
    let ours = class.first.wall;
    row(
        &format!("{STUDENTS} students × {} by the grader", EXERCISES.join(" ")),
        &format!("{ours:.1} s, {:.1} s CPU", class.first.cpu),
        "",
        None,
    );
    let tree = Tree::plant(bench)?;
    let shared = bench.folder.join("naive-target");
    for (way, students) in [(Way::Nextest, STUDENTS), (Way::Test, FEW)] {
        if way == Way::Nextest && !nextest_is_here() {
            not_here("the same by `cargo nextest run`", "no cargo-nextest");
            continue;
        }
        tree.warm(way, &shared)?;
        let took = tree.all(way, &class.submissions, students, |_| Ok(shared.clone()))?;
        compare(
            &format!("… by {}, one target folder", way.name()),
            students,
            took,
            ours,
            3.0,
        );
    }
    let way = if nextest_is_here() { Way::Nextest } else { Way::Test };
    let took = tree.all(way, &class.submissions, FRESH, |_| bench.empty("naive-fresh"))?;
    bench.empty("naive-fresh")?;
    compare(
        &format!("… by {}, fresh target folders", way.name()),
        FRESH,
        took,
        ours,
        10.0,
    );
    Ok(())
}

fn compare(what: &str, students: usize, took: Cost, ours: f64, budget: f64) {
    let scale = STUDENTS as f64 / students as f64;
    let (scaled, cpu) = (took.wall * scale, took.cpu * scale);
    let of = if students < STUDENTS {
        format!(" ({students} students, scaled)")
    } else {
        String::new()
    };
    let ratio = scaled / ours;
    row(
        &format!("{what}{of}"),
        &format!("{scaled:.1} s, {cpu:.0} s CPU, {ratio:.1} ×"),
        &format!("≥ {budget:.0} ×"),
        Some(ratio >= budget),
    );
}

fn nextest_is_here() -> bool {
    of_quiet(command("cargo").args(["nextest", "--version"])).is_ok_and(|(_, status)| status.success())
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Nextest => "nextest",
            Way::Test => "`cargo test`",
        }
    }

    fn command(self) -> Command {
        let mut cargo = command("cargo");
        match self {
            Way::Nextest => cargo.args(["nextest", "run"]),
            Way::Test => cargo.arg("test"),
        };
        cargo.arg("--no-fail-fast");
        cargo
    }
}

impl Tree<'_> {
    fn plant(bench: &Bench) -> Result<Tree<'_>> {
        let root = bench.empty("naive")?;
        for part in ["exercises", "solutions", "tests/harness"] {
            copy(&bench.course.root.join(part), &root.join(part))?;
        }
        for file in ["Cargo.toml", "Cargo.lock"] {
            fs::copy(bench.course.root.join(file), root.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        let exercises = EXERCISES.map(|name| bench.course.exercise(name));
        Ok(Tree {
            root,
            exercises: exercises.into_iter().collect::<Result<_>>()?,
        })
    }

    /// Compiles everything but students' code.
    fn warm(&self, way: Way, target: &Path) -> Result<()> {
        for exercise in &self.exercises {
            let (_, output) = self.run(way, exercise, target)?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(
                output.status.success(),
                "{} of the reference solution: {}",
                way.name(),
                said.trim()
            );
        }
        Ok(())
    }

    fn run(&self, way: Way, exercise: &Exercise, target: &Path) -> Result<(Cost, std::process::Output)> {
        let mut cargo = way.command();
        cargo.args(["-p", &exercise.name, "--target-dir"]).arg(target);
        of_output(cargo.current_dir(self.root.join("solutions")))
    }

    /// What it costs for the first `students` of a class.
    fn all(&self, way: Way, class: &Path, students: usize, target: impl Fn(usize) -> Result<PathBuf>) -> Result<Cost> {
        let mut sum = Cost { wall: 0.0, cpu: 0.0 };
        for number in 1..=students {
            let target = target(number)?;
            for exercise in &self.exercises {
                if self.put(&class.join(format!("s{number:03}")), exercise)? {
                    let (cost, _) = self.run(way, exercise, &target)?;
                    sum.wall += cost.wall;
                    sum.cpu += cost.cpu;
                }
            }
        }
        Ok(sum)
    }

    /// Puts a student's files in place; answers whether there are any.
    fn put(&self, student: &Path, exercise: &Exercise) -> Result<bool> {
        let theirs = student.join(&exercise.folder).join("src");
        if !theirs.is_dir() {
            return Ok(false);
        }
        let source = self.root.join("solutions").join(&exercise.folder).join("src");
        fs::remove_dir_all(&source).with_context(|| format!("cannot empty {}", source.display()))?;
        copy(&theirs, &source)?;
        Ok(true)
    }
}

/// Copies what is in a folder, build output left out. The copies are new: they have times of now.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let entries = walkdir::WalkDir::new(from).into_iter();
    for entry in entries.filter_entry(|entry| entry.file_name() != "target") {
        let entry = entry.with_context(|| format!("cannot list {}", from.display()))?;
        let target = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
        } else {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            fs::write(&target, bytes).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}
