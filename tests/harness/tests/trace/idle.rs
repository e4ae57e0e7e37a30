//! Programs that wait, and programs that only seem to.
use super::*;
use harness::Report;
use std::panic::{AssertUnwindSafe, catch_unwind};

const WHILE: Duration = Duration::from_millis(100);

/// What a report says about a program that is not idle.
fn complaint(lab: &Lab, args: &[&str]) -> String {
    lab.set_step(Duration::from_millis(300));
    let program = lab.program(args).trace(SOCKET_CALLS).serve();
    let looked = catch_unwind(AssertUnwindSafe(|| program.expect_idle(WHILE, "watching")));
    let payload = looked.expect_err("it is not idle");
    payload.downcast::<Report>().expect("a report and no other panic").0
}

#[test]
fn who_waits_in_one_call_is_idle() {
    let lab = lab!();
    let program = lab.program(["watches"]).trace(SOCKET_CALLS).serve();
    let idle = program.expect_idle(WHILE, "watching");
    program.stdin_write(b"\n");
    program.expect_exit(0);
    let calls = program.calls();
    let waiting = calls.waited_through(idle).expect("the call that it was in");
    assert_eq!(waiting.to_string(), "poll([0, 3]) = 1");
}

#[test]
fn who_looks_up_every_now_and_then_is_not_idle() {
    let lab = lab!();
    let said = complaint(&lab, &["watches", "20"]);
    assert!(
        said.contains("Expected no call for 0.1 s: there is nothing to do"),
        "{said}"
    );
    assert!(said.contains("poll([0, 3], at most 20ms) = 0"), "{said}");
}

#[test]
fn who_waits_for_one_thing_alone_is_not_idle_but_deaf() {
    let lab = lab!();
    let said = complaint(&lab, &["idle"]);
    assert!(
        said.contains("it is in none of them; the last recorded call was"),
        "{said}"
    );
}
