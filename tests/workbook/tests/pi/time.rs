//! The Pi's clock, and threads that wait for each other by it.
use super::{LED, lines, ms, run};
use std::time::Instant;

#[test]
fn three_seconds_of_the_pi_are_no_seconds_of_ours() {
    // A few milliseconds, as `cargo bench -p workbook` shows; this bound is one that a busy machine keeps.
    let best = (0..3).filter_map(|_| {
        let (lab, pi) = super::a_pi()?;
        let begun = Instant::now();
        lines(&lab, &pi, &["blink", "17", "3", "1000"]);
        Some(begun.elapsed())
    });
    let Some(best) = best.min() else { return };
    assert!(best < ms(1500), "{best:?}");
}

#[test]
fn threads_meet_the_same_times_each_time() {
    for _ in 0..5 {
        let (lab, pi) = pi!();
        let said = lines(&lab, &pi, &["threads"]);
        assert_eq!(said[0], "Err(Timeout) at 200 ms");
        assert_eq!(said[1], "Ok(1) at 300 ms");
        assert_eq!(said[2], "timed out true at 350 ms");
        assert_eq!(said[3], "parked at 375 ms");
        assert!(said[4].starts_with("sum 200 at 42"), "{said:?}");
    }
}

#[test]
fn a_busy_loop_on_the_clock_is_busy_and_comes_to_its_end() {
    let (lab, pi) = pi!();
    lines(&lab, &pi, &["busy-clock"]);
    assert!(pi.spin_share() > 0.99, "{}", pi.spin_share());
    assert!((ms(2000)..ms(2001)).contains(&pi.now()), "{:?}", pi.now());
}

#[test]
fn a_thread_that_spins_on_memory_does_not_stop_the_clock() {
    let (lab, pi) = pi!();
    let said = lines(&lab, &pi, &["spins-on-memory"]);
    assert_eq!(said, ["set after 300 ms"]);
}

#[test]
fn a_deadlock_is_found() {
    let (lab, pi) = pi!();
    run(&lab, &pi, &["deadlock"]);
    let why = pi.stopped().unwrap_or_default();
    assert!(
        why.contains("thread 1 waits for another thread, thread 2 waits for another thread"),
        "{why}"
    );
}

#[test]
fn a_program_without_an_end_is_stopped_by_the_clock() {
    let (lab, pi) = pi!();
    pi.set_limit(ms(60_000));
    run(&lab, &pi, &["blink", "17", "1000000", "1000"]);
    let why = pi.stopped().unwrap_or_default();
    assert!(why.contains("60000.00 ms"), "{why}");
    assert_eq!(pi.timeline(LED).len(), 121);
}

#[test]
fn two_pis_have_a_clock_each() {
    let (lab, one) = pi!();
    let Some(other) = lab.pi() else { return };
    let long = lab.program(["blink", "17", "3", "1000"]).on(&one).start();
    let short = lab.program(["blink", "17", "3", "10"]).on(&other).start();
    for program in [long, short] {
        program.stdin_close();
        program.expect_exit(0);
    }
    assert!(one.now() > ms(2999) && other.now() < ms(31), "{one:?} {other:?}");
}

#[test]
fn a_timer_of_the_kernels_is_refused_and_named() {
    let (lab, pi) = pi!();
    assert_eq!(lines(&lab, &pi, &["timer"]), ["-1 38"]); // ENOSYS
    assert!(pi.picture().contains("calls setitimer"), "{}", pi.picture());
}

#[test]
fn a_timer_that_is_a_descriptor_rings_by_the_pis_clock() {
    let (lab, pi) = pi!();
    assert_eq!(
        lines(&lab, &pi, &["timer-descriptor"]),
        [
            "rings at 250 ms",
            "rings at 350 ms",
            "0 after 60 ms more, at 410 ms",
            "1 after 60 ms more, at 450 ms",
            "has rung 4 times at 750 ms",
            "rings at 1270 ms, true",
        ]
    );
}

#[test]
fn a_call_that_the_supervisor_does_not_know_may_wait_for_a_signal() {
    let (lab, pi) = pi!();
    pi.signal(ms(1310), nix::sys::signal::Signal::SIGTERM);
    assert_eq!(lines(&lab, &pi, &["suspended"]), ["a signal after 1310 ms"]);
}
