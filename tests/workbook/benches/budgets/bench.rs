//! Which figures there are, and which of them are asked for.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result};
use grader::course::Course;

use crate::asked::{self, Asked};
use crate::class::Class;
use crate::suites::Suites;
use crate::{cells, check50, class, cost, first_test, memory, naive, pi, shapes, submission, suites, table, tracer};

/// A load above this makes the figures worth little: somebody else is at work here.
const QUIET: f64 = 1.0;

/// Some figures that belong together.
struct Section {
    name: &'static str,
    about: &'static str,
    /// Whether it is measured when nothing is named.
    usual: bool,
    measure: fn(&Bench) -> Result<()>,
}

const SECTIONS: [Section; 14] = [
    section(
        "first-test",
        "`cargo test -p ex01` after clone and after an edit",
        first_test::measure,
    ),
    section("suites", "the public suite of every exercise", suites::measure),
    section(
        "submission",
        "one submission, one exercise: processor time",
        submission::measure,
    ),
    section(
        "class",
        "a class, against nextest in each student's tree",
        naive::measure,
    ),
    section("regrade", "the same class again, unchanged", class::regrading),
    section("workers", "two workers against one", class::workers),
    section(
        "rounds",
        "the same class several times, once on a busy machine",
        class::rounds,
    ),
    section("memory", "what the grader holds of a class of 500", memory::measure),
    section(
        "check50",
        "the same 13 echo checks in check50; named, it installs check50",
        check50::measure,
    ),
    section("cell", "cell and jail of one check, at every level", cells::measure),
    section(
        "tracer",
        "what tracing costs, and that no call is lost",
        tracer::measure,
    ),
    section("pi", "the fake Raspberry Pi", pi::measure),
    unusual(
        "all-submissions",
        "as submission, for all exercises (10 minutes)",
        submission::measure_all,
    ),
    unusual(
        "shapes",
        "five shapes of a server beside each other (no budget)",
        shapes::measure,
    ),
];

const fn section(name: &'static str, about: &'static str, measure: fn(&Bench) -> Result<()>) -> Section {
    Section {
        name,
        about,
        usual: true,
        measure,
    }
}

const fn unusual(name: &'static str, about: &'static str, measure: fn(&Bench) -> Result<()>) -> Section {
    Section {
        usual: false,
        ..section(name, about, measure)
    }
}

/// What every section needs.
pub struct Bench {
    /// This repository.
    pub course: Course,
    /// Where everything is made.
    pub folder: PathBuf,
    grader: PathBuf,
    /// What the command line says.
    pub asked: Asked,
    suites: OnceCell<Suites>,
    class: OnceCell<Class>,
}

impl Bench {
    fn new(asked: Asked) -> Result<Bench> {
        let course = Course::load(&workbook::repository())?;
        let folder = course.root.join("target/bench");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let ours = || Path::new(env!("CARGO_BIN_EXE_workbook-grader")).to_path_buf();
        Ok(Bench {
            grader: asked.grader.clone().unwrap_or_else(ours),
            course,
            folder,
            asked,
            suites: OnceCell::new(),
            class: OnceCell::new(),
        })
    }

    /// The grader's program: cells and launchers are it too.
    pub fn grader(&self) -> &Path {
        &self.grader
    }

    /// A folder of that name, empty.
    pub fn empty(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// All suites, and all solutions' programs.
    pub fn suites(&self) -> Result<&Suites> {
        made(&self.suites, || Suites::build(self))
    }

    /// A small class, graded once.
    pub fn class(&self) -> Result<&Class> {
        made(&self.class, || Class::graded(self))
    }
}

fn made<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if cell.get().is_none() {
        let _ = cell.set(make()?);
    }
    cell.get().context("it was just made")
}

/// A command without what cargo told this program: a person's cargo gets none of that.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["CARGO", "INSTA", "RUSTC", "RUSTFLAGS", "LD_LIBRARY_PATH"];
        if ours.iter().any(|prefix| text.starts_with(prefix)) && text != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    command
}

pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // This program is also the subject of some measurements.
    if let Some(code) = args.first().and_then(|name| tracer::subject(name)) {
        return code;
    }
    if args.first().is_some_and(|name| name == cost::ALONE) {
        return cost::alone(&args[1..]);
    }
    // Anybody but `cargo bench` only wants to know whether it starts.
    if !args.iter().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let names = SECTIONS.map(|section| section.name);
    let asked = Asked::read(args, &names)?;
    if asked.help {
        help();
        return Ok(ExitCode::SUCCESS);
    }
    let bench = Bench::new(asked)?;
    let since = Instant::now();
    warn();
    table::head();
    let mut broken = false;
    for section in SECTIONS
        .iter()
        .filter(|section| bench.asked.has(section.name, section.usual))
    {
        let others = cost::Others::begin();
        if let Err(error) = (section.measure)(&bench) {
            broken = true;
            table::not_measured(section.name, &format!("{error:#}"));
        }
        table::disturbed(section.name, others.processors());
    }
    println!("\ntook {:.0} s", since.elapsed().as_secs_f64());
    Ok(ExitCode::from(u8::from(broken)))
}

fn warn() {
    let Some(load) = cost::load() else { return };
    println!("load average of the last minute: {load:.2}");
    if load > QUIET {
        println!(
            "WARNING: above {QUIET:.1}, so somebody was at work here (cargo, if it has just compiled this); again on a quiet machine"
        );
    }
    println!();
}

fn help() {
    println!("{}\n\nFigures, of which all but the last two are usual:", asked::USAGE);
    for section in &SECTIONS {
        println!("  {:<16} {}", section.name, section.about);
    }
    println!("\n{}", asked::OPTIONS);
}
