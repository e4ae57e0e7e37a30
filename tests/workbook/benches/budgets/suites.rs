//! The suites of all exercises, and the programs of their reference solutions, built as the grader builds them but in no jail.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use grader::build::{Artifact, Builder, Built};
use grader::course::Exercise;
use grader::grading::solution_work;
use grader::isolation::workplace::Room;
use grader::isolation::{Isolation, Isolator, Workplace};
use grader::suite::{self, ExerciseSuites};
use grader::toolchain::Toolchain;

use crate::bench::{Bench, command};
use crate::cost::{self, Cost, median, of_success};
use crate::table::row;

/// Budget of a public suite, in seconds.
const PUBLIC: f64 = 3.0;
/// Each suite runs so often, and the middle time counts.
const RUNS: usize = 3;

/// See the module.
pub struct Suites {
    /// By exercise.
    pub of: BTreeMap<String, ExerciseSuites>,
    /// By exercise: the reference solution's program, and what bare rustc took to build it.
    pub programs: BTreeMap<String, (Artifact, Cost)>,
    _rooms: Vec<Room>,
    _workplace: Workplace,
}

impl Suites {
    pub fn build(bench: &Bench) -> Result<Suites> {
        let toolchain = Toolchain::find()?;
        let exercises: Vec<&Exercise> = bench.course.exercises.iter().collect();
        println!("(compiling all suites, which takes minutes the first time)");
        let of = suite::compile(&bench.course, &exercises, &toolchain)?;
        let isolator = Isolator::find(bench.grader(), Isolation::None)?;
        let workplace = isolator.workplace(&bench.folder.join("work"))?;
        let slots = isolator.slots(1)?;
        let (mut rooms, mut programs) = (Vec::new(), BTreeMap::new());
        for exercise in exercises {
            let room = workplace.folder("b-")?;
            let builder = Builder {
                exercise,
                suites: &of[&exercise.name],
                toolchain: &toolchain,
                isolator: &isolator,
                slot: slots.first().context("no slot")?,
            };
            programs.insert(exercise.name.clone(), build(&builder, &room)?);
            rooms.push(room);
        }
        Ok(Suites {
            of,
            programs,
            _rooms: rooms,
            _workplace: workplace,
        })
    }
}

/// Twice, because the first one reads libraries from the disk.
fn build(builder: &Builder, room: &Room) -> Result<(Artifact, Cost)> {
    let work = solution_work(builder.exercise)?;
    builder.build(&work, &room.path().join("first"))?;
    let (cost, built) = cost::of(|| builder.build(&work, &room.path().join("second")));
    match built? {
        Built::Program { artifact, .. } => Ok((artifact, cost)),
        Built::Rejected { reason, .. } => bail!("the reference solution of {} {reason}", builder.exercise.name),
    }
}

pub fn measure(bench: &Bench) -> Result<()> {
    let suites = bench.suites()?;
    let mut worst = 0.0_f64;
    for (name, found) in &suites.of {
        let (artifact, _) = &suites.programs[name];
        let run = || -> Result<f64> {
            let mut suite = test_program(&found.public.program);
            let folder = tempfile::tempdir().context("no temporary folder")?;
            suite
                .env("WORKBOOK_SUBJECT", &artifact.program)
                .current_dir(folder.path());
            Ok(of_success(&mut suite)?.0.wall)
        };
        let wall = median((0..RUNS).map(|_| run()).collect::<Result<_>>()?);
        worst = worst.max(wall);
        row(
            &format!("public suite of {name}, reference solution"),
            &format!("{wall:.2} s"),
            "≤ 3 s",
            Some(wall <= PUBLIC),
        );
    }
    ensure!(worst > 0.0, "no exercise has a suite");
    Ok(())
}

/// A suite as a plain process. insta would ask cargo for the workspace, and there is none around a suite.
pub fn test_program(suite: &Path) -> Command {
    let mut test = command(suite);
    test.env("INSTA_WORKSPACE_ROOT", workbook::repository())
        .env("INSTA_UPDATE", "no");
    test
}
