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
use std::{fmt::Debug, time::Duration};

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

#[track_caller]
fn same<T: Debug + PartialEq<U>, U: Debug>(left: T, right: U) {
    assert_eq!(left, right);
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

#[test]
fn a_server_reads_like_the_lesson() {
    let lab = lab!();
    let server = lab.program(["echo"]).trace(SOCKET_CALLS).serve();
    let mut client = lab.connect("client", server.addr());
    client.send(b"Hello, world");
    client.expect_bytes(b"Hello, world", "reading the echo");
    client.half_close();
    client.expect_eof("waiting for the end of the stream");
    let from = client.local_addr();
    server.expect_exit(0);
    let calls = server.calls();
    let text = lab.redact(&calls.iter().map(|event| event.to_string() + "\n").collect::<String>());
    harness::insta::assert_snapshot!(text.replace(&from.port().to_string(), "CLIENT"), @r"
    socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3
    setsockopt(3, SO_REUSEADDR, 1) = 0
    bind(3, 127.0.0.1:0) = 0
    listen(3, backlog 128) = 0
    getsockname(3) = 0: 127.0.0.1:PORT1
    accept4(3) = 4 from 127.0.0.1:PORT2
    close(3) = 0
    recvfrom(4, 1024 bytes) = 12
    sendto(4, 12 bytes, MSG_NOSIGNAL) = 12
    recvfrom(4, 1024 bytes) = 0
    close(4) = 0
    ");
}

#[test]
fn events_are_typed() {
    let lab = lab!();
    let server = lab
        .program(["echo"])
        .trace(&[Call::Socket, Call::Bind, Call::Listen, Call::Accept])
        .serve();
    let client = lab.connect("client", server.addr());
    let accept = server.wait_for_call(Call::Accept, "waiting for the accept");
    same(accept.call, Call::Accept4);
    same(accept.returned(), Some(4));
    same(accept.fd, Some(3));
    same(accept.address(), Some(&Address::Ip(client.local_addr())));
    same(accept.process, server.pid());
    same(accept.thread, server.pid());
    let calls = server.calls();
    same(calls.len(), 4);
    same(calls.backlog(), Some(128));
    match calls[0].args {
        Decoded::Socket { domain, kind, protocol } => {
            assert!(domain == Domain::INET && kind.is_stream() && kind.closes_on_exec() && protocol == 0);
        }
        ref other => panic!("{other:?}"),
    }
    assert!(calls.windows(2).all(|pair| pair[0].at <= pair[1].at));
    same(calls[3].line().1, calls[3].to_string());
}

#[test]
fn datagrams_show_their_addresses() {
    let lab = lab!();
    let server = lab.program(["datagram"]).trace(SOCKET_CALLS).serve();
    let peer = lab.udp("peer");
    peer.send_to(b"hi", server.addr());
    same(peer.receive("the answer").0, b"hi".to_vec());
    server.expect_exit(0);
    let calls = server.calls();
    same(
        calls.of(Call::Recvfrom)[0].to_string(),
        format!("recvfrom(3, 1025 bytes) = 2 from {}", peer.addr()),
    );
    same(
        calls.of(Call::Sendto)[0].to_string(),
        format!("sendto(3, 2 bytes, {}) = 2", peer.addr()).replace("bytes,", "bytes, MSG_NOSIGNAL,"),
    );
}

#[test]
fn every_kind_of_transfer_is_clamped_and_left_as_it_was() {
    let lab = lab!();
    let (lines, calls) = run(&lab, &["short"], &[Fault::Clamp(3)]);
    same(
        lines,
        [
            "write 3",
            "send 3",
            "peek 6",
            "read 3",
            "recv 3",
            "writev 2 10",
            "readv 2 10",
            "sendmsg 2 3",
            "recvmsg 2 3 0 true",
        ],
    );
    same(calls.iter().filter(|event| event.fault.is_some()).count(), 8);
    let read = calls
        .iter()
        .find(|event| event.call == Call::Read && event.on_socket)
        .map(Event::to_string);
    assert!(
        read.as_ref()
            .is_some_and(|read| read.ends_with("10 bytes) = 3 [clamp(3)]")),
        "{read:?}"
    );
}

#[test]
fn every_kind_of_transfer_can_be_interrupted() {
    let lab = lab!();
    // One receives on each descriptor: its second call, then its fourth.
    let (lines, _) = run(&lab, &["short"], &[Fault::Eintr(2)]);
    same(
        lines,
        [
            "write 10",
            "send EINTR",
            "peek 10",
            "read EINTR",
            "recv 10",
            "writev 10 10",
            "readv EINTR 10",
            "sendmsg EINTR 3",
            "recvmsg 10 3 0 true",
        ],
    );
    let fails = |call| Fault::Fail {
        call,
        errno: Errno::ENOBUFS,
        first: 2,
        times: 2,
    };
    let (lines, _) = run(&lab, &["short"], &[fails(Call::Sendto)]);
    same(lines[0].as_str(), "write 10");
    same(lines[1].as_str(), "send ENOBUFS");
    same(lines[5].as_str(), "writev ENOBUFS 10");
    same(lines[7].as_str(), "sendmsg 10 3");
}

#[test]
fn registers_and_stack_are_as_before() {
    let lab = lab!();
    same(run(&lab, &["registers"], &[]).0, ["10 true", "10 true"]);
    same(run(&lab, &["registers"], &[Fault::Clamp(3)]).0, ["3 true", "3 true"]);
}

#[test]
fn every_kind_of_wait_can_be_interrupted() {
    let lab = lab!();
    let (lines, calls) = run(&lab, &["waits"], &[Fault::Eintr(2)]);
    let expected = [
        "poll 1",
        "ppoll EINTR",
        "select 1",
        "pselect EINTR",
        "epoll_wait 1",
        "poll EINTR",
        "ppoll 1",
        "select EINTR",
        "pselect 1",
        "epoll_wait EINTR",
        "poll(stdout) 1",
    ];
    same(lines, expected);
    assert!(
        calls
            .iter()
            .any(|event| event.to_string().starts_with("poll([4]) = EINTR [eintr(2)]")),
        "{}",
        calls.list()
    );
    let fail = Fault::Fail {
        call: Call::Select,
        errno: Errno::ENOMEM,
        first: 2,
        times: 1,
    };
    let lines = run(&lab, &["waits"], &[fail]).0;
    same(
        lines.iter().filter(|line| line.ends_with("ENOMEM")).collect::<Vec<_>>(),
        ["pselect ENOMEM"],
    );
}

#[test]
fn an_echo_survives_clamp_and_eintr() {
    let lab = lab!();
    let server = lab
        .program(["echo"])
        .trace(SOCKET_CALLS)
        .fault(Fault::Clamp(3))
        .fault(Fault::Eintr(3))
        .serve();
    let mut client = lab.connect("client", server.addr());
    let data = lab.random(1, 2000);
    same(client.exchange(&data, "exchanging 2000 bytes"), data);
    server.expect_exit(0);
    let calls = server.calls().on(4);
    assert!(
        calls
            .of(Call::Recvfrom)
            .iter()
            .all(|event| event.returned().is_none_or(|n| n <= 3))
    );
    let interrupted = calls.iter().filter(|event| event.result == Err(Errno::EINTR)).count();
    same(interrupted, (calls.len() - 1) / 3);
}

#[test]
fn a_failed_accept_keeps_the_connection() {
    let lab = lab!();
    let fault = Fault::Fail {
        call: Call::Accept,
        errno: Errno::EMFILE,
        first: 2,
        times: 3,
    };
    let server = lab.program(["accepts", "2"]).trace(SOCKET_CALLS).fault(fault).serve();
    let mut first = lab.connect("first", server.addr());
    let mut second = lab.connect("second", server.addr());
    ["4", "EMFILE", "EMFILE", "EMFILE", "4"]
        .iter()
        .for_each(|line| server.expect_line(line));
    first.expect_eof("the first client is closed");
    second.expect_eof("the second client is served after all");
    server.expect_exit(0);
    let calls = server.calls();
    same(
        texts(&calls.of(Call::Accept))[1].as_str(),
        "accept(3) = EMFILE [fail(accept, EMFILE)]",
    );
    lab.expect_calls("closing what was accepted", calls.accepted_are_closed());
    same(calls.accepted(), [4, 4]);
}

#[test]
fn sockets_fail_by_their_number() {
    let lab = lab!();
    let fault = Fault::Fail {
        call: Call::Socket,
        errno: Errno::EMFILE,
        first: 2,
        times: 1,
    };
    same(run(&lab, &["sockets", "3"], &[fault]).0, ["open", "EMFILE", "open"]);
}

#[test]
fn a_number_used_again_is_another_descriptor() {
    let lab = lab!();
    // The second pair's end is read for the first time, although its number has been read from before.
    let fault = Fault::Fail {
        call: Call::Recvfrom,
        errno: Errno::EIO,
        first: 2,
        times: 9,
    };
    same(
        run(&lab, &["reuse"], &[Fault::Clamp(4), fault]).0,
        ["true 64", "true 4"],
    );
}

#[test]
fn copies_of_a_descriptor_are_sockets() {
    let lab = lab!();
    let (lines, calls) = run(&lab, &["dups"], &[Fault::Clamp(4)]);
    let ends: Vec<&str> = lines
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap_or_default())
        .collect();
    same(ends, ["4", "4", "4", "4", "4", "10"]);
    same(calls.count(Call::Dup), 3);
}

#[test]
fn a_child_has_its_parents_sockets() {
    let lab = lab!();
    // Often, because child and parent race to tell the tracer of the birth.
    let (lines, calls) = run(&lab, &["forks", "25"], &[Fault::Clamp(4)]);
    same(lines, ["44"; 200]);
    let parent = calls[0].process;
    same(calls.of(Call::Recvfrom).of_process(parent).len(), 0);
    same(calls.of(Call::Recvfrom).len(), 400);
}

#[test]
fn a_new_program_keeps_what_does_not_close_on_exec() {
    let lab = lab!();
    for how in ["exec", "exec-by-thread"] {
        let (lines, calls) = run(&lab, &[how], &[Fault::Clamp(4)]);
        same(lines, ["executed 4 6 64"]);
        let last = calls.of(Call::Recvfrom);
        same((last.len(), last[0].fd, last[0].thread), (1, Some(33), last[0].process));
    }
}

#[test]
fn births_and_programs_are_events() {
    let lab = lab!();
    let program = lab
        .program(["exec-by-thread"])
        .trace(&[Call::Thread, Call::Execve, Call::Fork])
        .start();
    program.stdin_close();
    program.wait();
    let calls = program.calls();
    same(
        calls.iter().map(|event| event.call).collect::<Vec<_>>(),
        [Call::Thread, Call::Execve],
    );
    same(calls[1].to_string().as_str(), "execve(\"/proc/self/exe\") = 0");
}

/// Freezes and thaws a server that waits in a receive, then lets it have its bytes.
fn frozen_in_recv(lab: &Lab, args: &[&str], faults: &[Fault]) -> (String, Calls) {
    let launch = faults
        .iter()
        .fold(lab.program(args).trace(SOCKET_CALLS), |launch, fault| {
            launch.fault(*fault)
        });
    let server = launch.serve();
    let mut client = lab.connect("client", server.addr());
    for _ in 0..3 {
        server.wait_inside(Call::Recvfrom, "waiting in the receive");
        server.freeze();
        server.thaw();
    }
    client.send(b"0123456789");
    let line = server.next_line("what the receive returned");
    server.expect_exit(0);
    (line, server.calls().of(Call::Recvfrom))
}

#[test]
fn a_call_that_begins_again_is_one_call() {
    let lab = lab!();
    // The second receive would fail: there is none, however often the first one was broken off.
    let second = Fault::Fail {
        call: Call::Recvfrom,
        errno: Errno::EIO,
        first: 2,
        times: 9,
    };
    let (line, calls) = frozen_in_recv(&lab, &["blocks"], &[Fault::Clamp(4), second]);
    same(line.as_str(), "4");
    same(texts(&calls), ["recvfrom(4, 10 bytes) = 4 [clamp(4)]"]);
}

#[test]
fn freezing_stops_every_thread() {
    let lab = lab!();
    let server = lab.program(["blocks"]).trace(SOCKET_CALLS).serve();
    let mut client = lab.connect("client", server.addr());
    server.wait_inside(Call::Recvfrom, "waiting in the receive");
    server.freeze();
    client.send(b"0123456789");
    lab.udp("nobody").expect_silence(Duration::from_millis(200));
    lab.expect_eq("calls while frozen", server.calls().of(Call::Recvfrom).len(), 0);
    server.thaw();
    server.expect_line("10");
    server.expect_exit(0);
}

#[test]
fn handlers_decide_whether_a_call_begins_again() {
    let lab = lab!();
    for (how, expected) in [("restarting", "10"), ("plain", "EINTR")] {
        let server = lab.program(["interrupted", how]).trace(SOCKET_CALLS).serve();
        let mut client = lab.connect("client", server.addr());
        server.wait_inside(Call::Recvfrom, "waiting in the receive");
        kill(Pid::from_raw(server.pid()), Signal::SIGUSR1).expect("SIGUSR1");
        server.expect_line("handled");
        client.send(b"0123456789");
        server.expect_line(expected);
        server.expect_exit(0);
        let calls = server.calls().of(Call::Recvfrom);
        same(texts(&calls), [format!("recvfrom(4, 10 bytes) = {expected}")]);
    }
}

#[test]
fn no_event_is_lost_and_no_fault_goes_astray() {
    let lab = lab!();
    let lab = lab.with_step(Duration::from_secs(100));
    let launch = lab
        .program(["many", "8", "6250", "5"])
        .trace(&[Call::Sendto, Call::Recvfrom])
        .fault(Fault::Eintr(5));
    let program = launch.start();
    program.stdin_close();
    let finished = program.wait();
    same(finished.stdout_text().as_str(), "wrong 0\n");
    let calls = program.calls();
    let calls: Vec<&Event> = calls.iter().filter(|event| event.on_socket).collect();
    // Each descriptor moves 6250 bytes; every fifth of its calls moves none.
    let struck = (1..)
        .scan(0, |good, n| {
            *good += usize::from(n % 5 != 0);
            Some((n, *good))
        })
        .find(|(_, good)| *good == 6250)
        .map_or(0, |(n, _)| n);
    same(calls.len(), 16 * struck);
    same(
        calls.iter().filter(|event| event.result.is_err()).count(),
        16 * (struck - 6250),
    );
    same(
        calls
            .iter()
            .map(|event| event.thread)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        8,
    );
}

/// An orphan's zombie is its new parent's affair; nothing of it runs any more.
fn dead(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.is_empty() || state.contains(") Z ") || state.contains(") X ")
}

#[test]
fn descriptors_that_wander_between_threads_are_never_mistaken() {
    let lab = lab!().with_step(Duration::from_secs(100));
    // A second use of the same number would fail: there is none, because every pair is a new one.
    let second = |call| Fault::Fail {
        call,
        errno: Errno::EIO,
        first: 2,
        times: 9,
    };
    let faults = [Fault::Clamp(1), second(Call::Sendto), second(Call::Recvfrom)];
    let (lines, calls) = run(&lab, &["churn", "6", "300"], &faults);
    same(lines, ["wrong 0"]);
    // In the recording too, a number is closed before it is given out again.
    let mut open = std::collections::BTreeSet::new();
    for event in calls.iter() {
        match (event.call, event.result, event.fd) {
            (Call::Socket, Ok(fd), _) => assert!(open.insert(fd), "{fd} given out twice"),
            (Call::Close, Ok(_), Some(fd)) => drop(open.remove(&i64::from(fd))),
            _ => {}
        }
    }
}

fn gone(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)
}

#[test]
fn killing_leaves_nothing() {
    let lab = lab!();
    let program = lab.program(["family"]).trace(&[Call::Fork, Call::Thread]).start();
    let main: i32 = program.next_line("its pid").parse().expect("a pid");
    same(main, program.pid());
    program.wait_for_call(Call::Thread, "waiting for the thread");
    program.wait_for_call(Call::Fork, "waiting for the child");
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
    same(program.wait().exit, Exit::Signal(Signal::SIGSYS as i32));
}

#[test]
fn idle_means_no_call() {
    let lab = lab!();
    let server = lab.program(["idle"]).trace(SOCKET_CALLS).serve();
    let silence = lab.udp("nobody");
    silence.expect_silence(Duration::from_millis(300));
    let calls = server.calls();
    lab.expect_calls("doing nothing", calls.idle(Duration::from_millis(150)));
    server.stdin_write(b"\n");
    server.expect_exit(0);
    let calls = server.calls();
    let connect = calls.of(Call::Connect)[0].at;
    let found = finding(calls.none_between(connect, connect + Duration::from_millis(1)));
    assert!(found.contains("connect(4, 127.0.0.1:"), "{found}");
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

#[test]
fn questions_about_calls() {
    let lab = lab!();
    let server = lab.program(["accepts", "2"]).trace(SOCKET_CALLS).serve();
    for _ in 0..2 {
        lab.connect("client", server.addr()).close();
    }
    server.expect_exit(0);
    let calls = server.calls();
    let order = [
        Call::Socket.into(),
        Call::Setsockopt.option("SO_REUSEADDR"),
        Call::Bind.on(3),
        Call::Listen.returning(0),
        Call::Accept.into(),
    ];
    same(calls.in_order(&order), Ok(()));
    same(calls.once(Call::Bind), Ok(()));
    same(calls.closed(4), Ok(()));
    same(calls.never(Call::Connect), Ok(()));
    same(calls.at_most_per_second(Call::Accept, 2), Ok(()));
    let found = finding(calls.in_order(&[Call::Bind, Call::Socket]));
    assert!(
        found.starts_with("expected bind, then socket; received no socket after bind:\n"),
        "{found}"
    );
    assert!(finding(calls.once(Call::Accept)).contains("2 of them"));
    assert!(finding(calls.at_most(Call::Accept, 1)).contains("at most 1 × accept"));
    assert!(finding(calls.at_most_per_second(Call::Accept, 1)).contains("2 of them in the second"));
    assert!(finding(calls.closed(7)).contains("descriptor 7 is still open"));
    same(calls.threads().len(), 1);
}

#[allow(dead_code)]
fn assert_handles(program: &Program) {
    // A program's handle may be used from several threads.
    fn shared<T: Send + Sync>(_: &T) {}
    shared(program);
}
