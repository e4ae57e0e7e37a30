//! What one check pays for its cell, and for the jail of its program.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use grader::course::Limits;
use grader::isolation::policy::TMP;
use grader::isolation::{Isolation, Isolator};

use crate::bench::Bench;
use crate::cost::{self, Cost, median, of_quiet};
use crate::table::{not_here, row, time};

const STARTS: usize = 40;
const PROGRAM: &str = "/bin/true";
/// A check's budget, in seconds.
const BUDGET: f64 = 0.010;

pub fn measure(bench: &Bench) -> Result<()> {
    let plain = medians(|| run(Command::new("env").args(shell(Path::new("/tmp"))).arg(PROGRAM)))?;
    row(&format!("{PROGRAM} from a shell"), &in_words(plain), "", None);
    Isolation::BEST_FIRST
        .iter()
        .try_for_each(|level| at(bench, *level, plain))
}

/// A jail's program starts in the cell's own folder, so there is a shell in all of them.
fn shell(folder: &Path) -> [OsString; 4] {
    let enter = format!("cd {} && exec \"$@\"", folder.display());
    ["sh".into(), "-c".into(), enter.into(), "sh".into()]
}

fn run(command: &mut Command) -> Result<()> {
    let (_, status) = of_quiet(command)?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

fn medians(once: impl Fn() -> Result<()>) -> Result<Cost> {
    let costs = (0..STARTS).map(|_| {
        let (cost, done) = cost::of(&once);
        done.map(|()| cost)
    });
    let costs = costs.collect::<Result<Vec<_>>>()?;
    Ok(Cost {
        wall: median(costs.iter().map(|cost| cost.wall).collect()),
        cpu: median(costs.iter().map(|cost| cost.cpu).collect()),
    })
}

fn in_words(cost: Cost) -> String {
    format!("{}, {} CPU", time(cost.wall), time(cost.cpu))
}

fn at(bench: &Bench, level: Isolation, plain: Cost) -> Result<()> {
    let isolator = Isolator::find(bench.grader(), level)?;
    if isolator.level() != level {
        not_here(&format!("cell at {}", level.short()), "this machine lacks it");
        return Ok(());
    }
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let workplace = isolator.workplace(folder.path())?;
    let slots = isolator.slots(1)?;
    let slot = slots.first().context("no slot")?;
    let in_cell = |jailed: bool| {
        let room = workplace.folder("c-")?;
        let (mut cell, jail) = isolator.cell(slot, room.path(), Limits::default().of_run(), Path::new(PROGRAM))?;
        let inside = shell(&room.path().join(TMP));
        run(cell.args(inside).args(jail.filter(|_| jailed)).arg(PROGRAM))
    };
    for (what, jailed) in [("cell", false), ("cell and jail", true)] {
        let found = medians(|| in_cell(jailed))?;
        let cost = Cost {
            wall: (found.wall - plain.wall).max(0.0),
            cpu: (found.cpu - plain.cpu).max(0.0),
        };
        row(
            &format!("{what} at {}, beyond {PROGRAM}", level.short()),
            &in_words(cost),
            if jailed { "≤ 10 ms a check" } else { "" },
            jailed.then_some(cost.wall <= BUDGET),
        );
    }
    Ok(())
}
