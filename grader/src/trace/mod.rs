//! `grader trace`: runs one scenario of an exercise against a program, and draws every message and every system call of it.
//!
//! The program, one's own or the reference solution, takes the road of everything graded: the same build, cell and jail. The recording comes
//! back in the evidence.

mod mermaid;
pub mod scenario;
pub(crate) mod svg;

use std::path::PathBuf;

use anyhow::{Context, Result};
use harness::chart::{self, Style, Times};
use harness::evidence::{self, Outcome, Record};
use harness::recording::Recording;

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::grade::Build;
use crate::grading::{Grading, solution_work};
use crate::intake;
use crate::isolation::Isolator;
use crate::report::sanitize;
use crate::run::Held;
use crate::say::say;
use crate::submission::Work;

/// A chart shows at most so many entries of a recording's beginning and end.
const MOST: (usize, usize) = (80, 80);

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The exercise.
    #[arg(value_name = "exNN")]
    exercise: String,
    /// A test in the exercise's tests/scenarios.rs [default: the first].
    #[arg(value_name = "SCENARIO")]
    scenario: Option<String>,
    /// Trace the reference solution in place of this tree's program.
    #[arg(long)]
    solutions: bool,
    /// Write the chart as SVG in place of showing it.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the chart as a Mermaid sequence diagram in place of showing it.
    #[arg(long, value_name = "FILE")]
    mermaid: Option<PathBuf>,
    /// Width of the chart in characters [default: the terminal's, else 80].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..=400))]
    width: Option<u16>,
}

/// How a trace ended, errors aside.
#[derive(Debug)]
pub enum Traced {
    /// It was drawn: text for standard output (empty when files were written), and what else there is to know.
    Drawn {
        /// The chart.
        text: String,
        /// Remarks for standard error.
        remarks: Vec<String>,
    },
    /// There is nothing to draw, and the one who asked can change that.
    Nothing(String),
    /// Our fault.
    Fault(String),
}

/// Runs and draws.
///
/// # Errors
/// No such exercise or scenario; a scenario or its program cannot be built or started; a file cannot be written.
pub fn run(course: &Course, request: &Request, isolator: Isolator) -> Result<Traced> {
    let exercise = course.exercise(&request.exercise)?;
    let all = scenario::list(exercise)?;
    let chosen = scenario::choose(exercise, &all, request.scenario.as_deref())?;
    let (work, whose) = program(course, exercise, request.solutions)?;
    say!(
        "Compiling the scenarios of {} (the first time takes a while)",
        exercise.name
    );
    let grading = Grading::prepare_scenarios(course, exercise, isolator)?;
    let held = match hold(&grading, exercise, &work, &chosen.name)? {
        Ok(held) => held,
        Err(Build::Rejected { reason, diagnostics }) => return Ok(Traced::Nothing(format!("{reason}\n{diagnostics}"))),
        Err(other) => return Ok(Traced::Fault(format!("the program could not be built: {other:?}"))),
    };
    let records = match evidence::read_all(&held.evidence) {
        Ok(records) => records,
        Err(error) => return Ok(Traced::Fault(format!("the evidence cannot be read: {error}"))),
    };
    let Some((record, recording)) = records
        .iter()
        .find_map(|record| Some((record, record.recording.as_ref()?)))
    else {
        return Ok(without_recording(&held, &records, &chosen.name));
    };
    let recording = &from_zero(recording);
    let title = format!("{} {}, {whose}", exercise.name, chosen.name);
    let below = footnotes(record, recording);
    let mut remarks = Vec::new();
    let text = match request.svg.is_some() || request.mermaid.is_some() {
        true => String::new(),
        false => text(recording, &title, &below, request.width()),
    };
    for (file, drawn) in request.files(recording, &title, &below) {
        write_atomically(file, drawn.as_bytes())?;
        remarks.push(format!("Wrote {}", file.display()));
    }
    if request.scenario.is_none() && all.len() > 1 {
        let others: Vec<String> = all.iter().skip(1).map(scenario::line).collect();
        remarks.push(format!("Other scenarios of {}:\n{}", exercise.name, others.join("\n")));
    }
    if record.outcome == Outcome::Fault {
        return Ok(Traced::Fault(format!("{text}{}", record.reason)));
    }
    Ok(Traced::Drawn { text, remarks })
}

/// Whose program it is: its files, and a few words for the title.
pub(crate) fn program(course: &Course, exercise: &Exercise, solutions: bool) -> Result<(Work, &'static str)> {
    if solutions {
        return Ok((solution_work(exercise)?, "reference solution"));
    }
    let mut tree = intake::read_tree(&course.root, "this tree", course)?;
    let work = tree.works.remove(&exercise.name);
    let work = work.with_context(|| format!("there is nothing in exercises/{}/src", exercise.folder))?;
    Ok((work, "your program"))
}

fn hold(grading: &Grading, exercise: &Exercise, work: &Work, scenario: &str) -> Result<Result<Held, Build>> {
    let held = grading.try_out(work, exercise, |runner| runner.hold(&runner.suites.public, scenario))?;
    Ok(match held {
        Ok(held) => Ok(held?),
        Err(build) => Err(build),
    })
}

/// Nothing to draw: the scenario did not ask for a recording, or never got that far.
fn without_recording(held: &Held, records: &[Record], scenario: &str) -> Traced {
    match records.is_empty() {
        false => Traced::Nothing(format!(
            "`{scenario}` makes no recording; let it begin with `let lab = lab().recorded();`"
        )),
        true => Traced::Fault(format!(
            "`{scenario}` left no evidence ({}):\n{}{}",
            held.ended.in_words(),
            sanitize::text(&held.ended.stdout),
            sanitize::text(&held.ended.stderr)
        )),
    }
}

/// With times from the first entry on: how long the lab took to open is nobody's business.
fn from_zero(recording: &Recording) -> Recording {
    let mut recording = recording.clone();
    let first = recording.entries.first().map(|entry| entry.at).unwrap_or_default();
    for entry in &mut recording.entries {
        entry.at = entry.at.saturating_sub(first);
    }
    recording
}

/// What has to be said below a chart: why calls are missing, and how it ended if not well.
fn footnotes(record: &Record, recording: &Recording) -> Vec<String> {
    let mut notes = Vec::new();
    if !recording.calls_missing.is_empty() {
        notes.push(format!("System calls are missing: {}.", recording.calls_missing));
    }
    if let Some(failure) = &record.failure {
        notes.push(format!(
            "It ended while {}. Expected: {}. Received: {}.",
            failure.doing,
            failure.expected.trim_end_matches('.'),
            failure.received.trim_end_matches('.')
        ));
    }
    if !record.reason.is_empty() {
        notes.push(record.reason.clone());
    }
    notes.iter().map(|note| sanitize::line(note)).collect()
}

fn text(recording: &Recording, title: &str, below: &[String], width: usize) -> String {
    let style = Style {
        width,
        times: Times::Milliseconds,
        most: MOST,
    };
    let mut text = format!("{title}\n\n{}", sanitize::text(&chart::draw(recording, style)));
    for note in below {
        text.push_str(&format!("\n{}\n", chart::paragraph(note, width)));
    }
    text
}

impl Request {
    fn width(&self) -> usize {
        let terminal = || terminal_size::terminal_size().map_or(80, |(width, _)| width.0.max(40));
        self.width.unwrap_or_else(terminal).into()
    }

    /// The files that were asked for, with what goes into them.
    fn files(&self, recording: &Recording, title: &str, below: &[String]) -> Vec<(&PathBuf, String)> {
        let recording = recording.clone().shortened(MOST.0, MOST.1);
        let svg = self
            .svg
            .as_ref()
            .map(|file| (file, svg::draw(&recording, title, below)));
        let mermaid = self
            .mermaid
            .as_ref()
            .map(|file| (file, mermaid::draw(&recording, title)));
        svg.into_iter().chain(mermaid).collect()
    }
}
