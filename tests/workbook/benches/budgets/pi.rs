//! What the fake Raspberry Pi costs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use harness::{Exercise, Grading, Lab};

use crate::bench::Bench;
use crate::cost::median;
use crate::table::{row, time};

/// Each figure is the median of so many runs.
const RUNS: usize = 5;
const WRITES: u32 = 20_000;

pub fn measure(_: &Bench) -> Result<()> {
    let start = run(&["blink", "17", "0", "1000"])?;
    row("fake Pi: start, Gpio::new, one pin, end", &time(start), "", None);
    // A check waits for no second of the Pi's time. The bound is no budget of the design; it is ten times what this is worth.
    let blink = run(&["blink", "17", "3", "1000"])?;
    row("fake Pi: 3 s of blinking", &time(blink), "≤ 50 ms", Some(blink <= 0.05));
    let (none, many) = (run(&["burst", "1", "0"])?, run(&["burst", "1", &WRITES.to_string()])?);
    let write = (many - none).max(0.0) / f64::from(WRITES);
    row("fake Pi: one write to a register", &time(write), "", None);
    Ok(())
}

/// Seconds from a program's start on the Pi to its end.
fn run(args: &[&str]) -> Result<f64> {
    let exercise = Exercise {
        package: "budgets",
        rubric: "[limits]\ncheck_seconds = 600\n",
        built: Some(env!("CARGO_BIN_EXE_pi_subject")),
    };
    let once = || -> Result<f64> {
        let lab = Lab::open_for(exercise, Grading::default()).with_step(Duration::from_secs(60));
        let pi = lab.pi().context("no fake Pi on this machine")?;
        let since = Instant::now();
        lab.program(args).on(&pi).run(b"").expect_code(0);
        Ok(since.elapsed().as_secs_f64())
    };
    Ok(median((0..RUNS).map(|_| once()).collect::<Result<_>>()?))
}
