//! Somebody talks to the program: over TCP, with the clock held or running, and over its stdin.
use super::{LED, Level, failure, ms};
use harness::pi::Clock;
use std::time::Instant;

#[test]
fn a_client_and_a_held_clock_go_in_lockstep() {
    let mut runs = Vec::new();
    for _ in 0..3 {
        let (lab, pi) = pi!();
        pi.set_clock(Clock::Held);
        let server = lab.program(["server"]).on(&pi).serve();
        let mut client = lab.connect("client", server.addr());
        let mut ask = |request: &str, answer: &str| {
            client.send(format!("{request}\n").as_bytes());
            client.expect_bytes(format!("{answer}\n").as_bytes(), "the answer");
        };
        ask("level", "false");
        ask("pulse 1234", "ok");
        pi.settle();
        ask("level", "true");
        pi.run_for(ms(1233));
        ask("level", "true");
        pi.run_for(ms(2));
        ask("level", "false");
        pi.expect_timeline(LED, &[(0, Level::Low), (0, Level::High), (1234, Level::Low)]);
        // Whole milliseconds: whether a request finds its reader waiting already is worth a few microseconds.
        let rounded = |at: std::time::Duration| (at + std::time::Duration::from_micros(500)).as_millis();
        runs.push(
            pi.timeline(LED)
                .iter()
                .map(|(at, level)| (rounded(*at), *level))
                .collect::<Vec<_>>(),
        );
        server.terminate();
        assert_eq!(server.wait().exit, harness::Exit::Signal(15));
    }
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
}

#[test]
fn a_real_clock_follows_the_wall() {
    let (lab, pi) = pi!();
    pi.set_clock(Clock::Real);
    let server = lab.program(["server"]).on(&pi).serve();
    let mut client = lab.connect("client", server.addr());
    let begun = Instant::now();
    client.send(b"pulse 200\n");
    client.expect_bytes(b"ok\n", "the answer");
    let mut answer = String::new();
    while answer != "false" || begun.elapsed() < ms(150) {
        client.send(b"level\n");
        answer = client.read_line("the level").trim().to_owned();
    }
    assert!(begun.elapsed() >= ms(199), "{:?}", begun.elapsed());
    client.send(b"quit\n");
    server.expect_exit(0);
}

#[test]
fn lines_on_stdin_are_waited_for() {
    let (lab, pi) = pi!();
    let finished = lab.program(["lines"]).on(&pi).run(b"one\ntwo\n").expect_code(0);
    assert_eq!(finished.stdout_text(), "2 lines\n");
    pi.expect_timeline(LED, &[(0, Level::Low), (0, Level::High), (100, Level::Low)]);
}

#[test]
fn a_vectored_read_waits_like_any_other() {
    let (lab, pi) = pi!();
    pi.set_clock(Clock::Held);
    let server = lab.program(["vectored"]).on(&pi).serve();
    let mut client = lab.connect("client", server.addr());
    pi.run_for(ms(100));
    client.send(b"1234567");
    client.expect_bytes(b"7\n", "how many bytes it has read");
    pi.settle();
    assert_eq!(pi.board().pin(LED).driven(), None);
    server.expect_exit(0);
}

#[test]
fn a_program_that_cannot_send_is_said_to_be_in_that_call() {
    if harness::pi::available().is_err() {
        return;
    }
    let lab = harness::Lab::open_for(super::EXERCISE, harness::Grading::default()).with_step(ms(1000));
    let Some(pi) = lab.pi() else { return };
    pi.set_clock(Clock::Held);
    let server = lab.program(["floods"]).on(&pi).serve();
    let _client = lab.connect("a client that never reads", server.addr());
    let report = failure(|| pi.run_for(ms(10)));
    let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("its thread 1 is in the call `sendto`"), "{report}");
}
