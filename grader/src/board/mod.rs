//! `grader board`: a program on the fake Raspberry Pi, to look at and to press.
//!
//! ```text
//! board ── run.rs ── harness::pi::Live ── the program        keys and scripts press, events come back
//!   ├── script.rs    inputs by time, from a file
//!   ├── pins.rs      what the events say about each pin ──┬── page.rs   a page of lines for the terminal
//!   │                                                     └── svg.rs    a figure
//!   └── desk.rs      somebody sits there: keys, ticks, the end
//! ```
//! The program is built as everything graded is, but it does not run in a jail: it is one's own, or the reference solution.

mod desk;
mod page;
mod pins;
mod run;
mod script;
mod svg;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::grade::Build;
use crate::grading::Grading;
use crate::isolation::Isolator;
use crate::run::Runner;
use crate::say::say;
use crate::trace;
use pins::Pins;
use run::Running;
use script::Script;

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The exercise: one whose program has pins.
    #[arg(value_name = "exNN")]
    exercise: String,
    /// Run the reference solution in place of this tree's program.
    #[arg(long)]
    solutions: bool,
    /// Press and release by this file (`100 press 27`, `180 release 27`), as fast as the program can, in place of waiting for keys.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Write what happened as SVG.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print what happens as lines, also on a terminal.
    #[arg(long)]
    plain: bool,
    /// The program's arguments [default: those in its rubric.toml].
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

/// Runs the program until it ends, or until the one who looks has had enough.
///
/// # Errors
/// No such exercise, or one without pins; the program cannot be built; there can be no fake Pi here; a file cannot be read or written.
pub fn run(course: &Course, request: &Request, isolator: Isolator) -> Result<()> {
    if let Err(why) = harness::pi::available() {
        bail!("there can be no fake Raspberry Pi here: {why}");
    }
    let exercise = course.exercise(&request.exercise)?;
    let script = request.script.as_deref().map(Script::load).transpose()?;
    let (work, whose) = trace::program(course, exercise, request.solutions)?;
    say!("Building {} (the first time takes a while)", exercise.name);
    let grading = Grading::prepare_scenarios(course, exercise, isolator)?;
    let arguments = request.arguments(exercise);
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let title = format!("{} {}, {whose}", exercise.name, words.join(" "));
    let ran = grading.try_out(&work, exercise, |runner| {
        request.on_board(runner, exercise, &arguments, script.as_ref(), &title)
    })?;
    let (pins, until) = match ran {
        Ok(ran) => ran?,
        Err(Build::Rejected { reason, diagnostics }) => bail!("{reason}\n{diagnostics}"),
        Err(other) => bail!("the program could not be built: {other:?}"),
    };
    if let Some(file) = &request.svg {
        write_atomically(file, svg::draw(&pins, until, &title).as_bytes())?;
        say!("Wrote {}", file.display());
    }
    Ok(())
}

impl Request {
    fn arguments(&self, exercise: &Exercise) -> Vec<OsString> {
        match self.arguments.is_empty() {
            true => exercise.rubric.board.iter().map(OsString::from).collect(),
            false => self.arguments.clone(),
        }
    }

    fn on_board(
        &self,
        runner: &Runner,
        exercise: &Exercise,
        arguments: &[OsString],
        script: Option<&Script>,
        title: &str,
    ) -> Result<(Pins, Duration)> {
        let has_pins = runner.suites.libraries.iter().any(|(name, _)| name == "rppal");
        ensure!(
            has_pins,
            "the program of {} has no pins: it does not use rppal",
            exercise.name
        );
        let here = std::env::current_dir().context("cannot find the current folder")?;
        let mut running = Running::start(&runner.artifact.program, arguments, here, script)?;
        let seen = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        match script.is_none() && seen && !self.plain {
            true => desk::sit(&mut running, title)?,
            false => desk::print(&mut running)?,
        }
        Ok((running.pins, running.until))
    }
}
