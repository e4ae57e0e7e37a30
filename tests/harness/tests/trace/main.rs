//! The tracer, tried on a program that does what a tracer may get wrong. Each test is skipped where nothing can be traced.
#![cfg(target_os = "linux")]

use harness::{
    Exercise, Exit, Grading, Lab, Program,
    trace::{self, Address, Call, Calls, Decoded, Domain, Event, Fault, Finding, SOCKET_CALLS},
};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::time::Duration;

/// None where nothing can be traced: the test then has nothing to say.
fn lab() -> Option<Lab> {
    let subject = env!("CARGO_BIN_EXE_trace_subject");
    let exercise = Exercise {
        package: "trace",
        rubric: "title = \"trace\"\n[limits]\ncheck_seconds = 120\n",
        built: Some(subject),
    };
    let lab = Lab::open_for(exercise, Grading::default());
    lab.can_trace().then_some(lab)
}

macro_rules! lab {
    () => {
        match lab() {
            Some(lab) => lab,
            None => return,
        }
    };
}

// After the macro, so that they know it.
mod descriptors;
mod ends;
mod faults;
mod idle;
mod recording;
mod signals;

/// Runs the subject with all socket calls recorded and these faults; gives its stdout lines and the calls.
fn run(lab: &Lab, args: &[&str], faults: &[Fault]) -> (Vec<String>, Calls) {
    let launch = faults
        .iter()
        .fold(lab.program(args).trace(SOCKET_CALLS), |launch, fault| {
            launch.fault(*fault)
        });
    let program = launch.start();
    program.stdin_close();
    let finished = program.wait();
    assert_eq!(finished.exit, Exit::Code(0), "{finished:?}");
    (
        finished.stdout_text().lines().map(str::to_owned).collect(),
        program.calls(),
    )
}

fn texts(calls: &Calls) -> Vec<String> {
    calls.iter().map(Event::to_string).collect()
}

fn finding(result: Result<(), Finding>) -> String {
    result.expect_err("a finding").to_string()
}

#[test]
fn this_machine_can_trace() {
    // The sentence is for machines that cannot: it must at least say something.
    if let Err(why) = trace::available() {
        assert!(why.len() > 10, "{why}");
    }
}

/// `false` stands for a launcher that fails before there is a subject.
#[test]
fn a_jail_that_cannot_be_built_is_no_fault_of_the_subject() {
    let subject = env!("CARGO_BIN_EXE_trace_subject");
    let exercise = Exercise {
        package: "trace",
        rubric: "title = \"trace\"",
        built: Some(subject),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = folder.path().join("evidence");
    let grading = Grading {
        jail: harness::find_tool("false"),
        evidence: Some(evidence.clone()),
        subject: Some(subject.into()),
    };
    let start = std::thread::spawn(move || {
        let lab = Lab::open_for(exercise, grading);
        lab.program(["anything"]).trace(SOCKET_CALLS).start();
    });
    assert!(start.join().is_err(), "a program was started");
    let evidence = std::fs::read_to_string(evidence).expect("evidence");
    assert!(
        evidence.contains("\"fault\"") && evidence.contains("jail"),
        "{evidence}"
    );
}

#[allow(dead_code)]
fn assert_handles(program: &Program) {
    // A program's handle may be used from several threads.
    fn shared<T: Send + Sync>(_: &T) {}
    shared(program);
}
