//! The fake Raspberry Pi, tried on a program that uses the real rppal. Each test is skipped where nothing can be traced.
#![cfg(target_os = "linux")]

use harness::{
    Exercise, Exit, Finished, Grading, Lab,
    pi::{Kind, Level, Pi},
};
use std::time::Duration;

const LED: u8 = 17;
const BUTTON: u8 = 27;

const EXERCISE: Exercise = Exercise {
    package: "pi",
    rubric: "title = \"pi\"\n[limits]\ncheck_seconds = 120\n",
    built: Some(env!("CARGO_BIN_EXE_pi_subject")),
};

/// None where nothing can be traced: the test then has nothing to say.
fn a_pi() -> Option<(Lab, Pi)> {
    let lab = Lab::open_for(EXERCISE, Grading::default()).with_step(Duration::from_secs(60));
    let pi = lab.pi()?;
    Some((lab, pi))
}

macro_rules! pi {
    () => {
        match crate::a_pi() {
            Some(both) => both,
            None => return,
        }
    };
}

// After the macro, so that they know it.
mod ends;
mod inputs;
mod jails;
mod oracle;
mod outputs;
mod people;
mod standin;
mod time;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs the program to its end.
fn run(lab: &Lab, pi: &Pi, args: &[&str]) -> Finished {
    lab.program(args).on(pi).run(b"")
}

/// The same, and all was well; its lines.
fn lines(lab: &Lab, pi: &Pi, args: &[&str]) -> Vec<String> {
    let finished = run(lab, pi, args);
    assert_eq!(finished.exit, Exit::Code(0), "{finished:?}\n{}", pi.picture());
    finished.stdout_text().lines().map(str::to_owned).collect()
}

/// Levels in whole hundredths of a millisecond.
fn levels(pi: &Pi, bcm: u8) -> Vec<(String, Option<Level>)> {
    let timeline = pi.timeline(bcm).into_iter();
    timeline.map(|(at, level)| (harness::pi::millis(at), level)).collect()
}

/// The words of a failed expectation.
fn failure(expectation: impl FnOnce()) -> String {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(expectation));
    let payload = caught.expect_err("the expectation was met");
    let report = payload.downcast::<harness::Report>().expect("a report");
    report.0
}
