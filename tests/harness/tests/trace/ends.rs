//! How traced programs start and end, and that nothing of them escapes.
use crate::*;

/// An orphan's zombie is its new parent's affair; nothing of it runs any more.
fn dead(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.is_empty() || state.contains(") Z ") || state.contains(") X ")
}

fn gone(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)
}

#[test]
fn killing_leaves_nothing() {
    let lab = lab!();
    let program = lab.program(["family"]).trace(&[Call::Fork, Call::Thread]).start();
    let main: i32 = program.next_line("its pid").parse().expect("a pid");
    assert_eq!(main, program.pid());
    // The thread is there: it begins before the pid is printed. The child's own child may come before or after that.
    for doing in ["waiting for the child", "waiting for the child's child"] {
        program.wait_for_call(Call::Fork, doing);
    }
    let all: Vec<i32> = program
        .calls()
        .iter()
        .filter(|event| event.is(Call::Fork))
        .filter_map(|event| event.returned())
        .map(|pid| pid as i32)
        .collect();
    program.kill();
    assert!(gone(main), "the program is still there");
    assert!(all.into_iter().all(dead));
}

#[test]
fn killing_at_any_moment_leaves_nothing() {
    let lab = lab!();
    for round in 0..40u64 {
        let program = lab.program(["storm"]).trace(SOCKET_CALLS).start();
        program.next_line("the storm begins");
        let target = (round * 37) % 400;
        while (program.calls().len() as u64) < target {
            program.wait_for_call(Call::Sendto, "waiting for a call");
        }
        let pid = program.pid();
        program.kill();
        assert!(gone(pid), "round {round}");
    }
}

#[test]
fn killing_is_faster_than_breeding() {
    let lab = lab!();
    for round in 1..=60 {
        let program = lab.program(["breed"]).trace(&[Call::Fork]).start();
        (0..round * 7 % 40).for_each(|_| drop(program.wait_for_call(Call::Fork, "waiting for a birth")));
        program.kill();
        let born = program.calls().iter().filter_map(Event::returned).collect::<Vec<_>>();
        assert!(born.iter().all(|pid| dead(*pid as i32)), "somebody lives");
    }
}

#[test]
fn the_ways_out_are_closed() {
    let lab = lab!();
    let (lines, _) = run(&lab, &["escapes"], &[]);
    assert!(
        lines.len() == 8 && lines.iter().all(|line| line.ends_with(" refused")),
        "{lines:?}"
    );
}

#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_another_architecture_are_fatal() {
    let lab = lab!();
    let program = lab.program(["escapes", "int80"]).trace(SOCKET_CALLS).start();
    assert_eq!(program.wait().exit, Exit::Signal(Signal::SIGSYS as i32));
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let exercise = Exercise {
        package: "trace",
        rubric: "title = \"trace\"",
        built: Some("/dev/null"),
    };
    let lab = Lab::open_for(exercise, Grading::default());
    if !lab.can_trace() {
        return;
    }
    let started = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        lab.program(["x"]).trace(SOCKET_CALLS).start()
    }));
    let why = started
        .err()
        .and_then(|panic| panic.downcast::<String>().ok())
        .expect("a sentence");
    assert!(why.contains("execute it: EACCES"), "{why}");
}
