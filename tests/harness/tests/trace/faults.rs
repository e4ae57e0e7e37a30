//! Faults strike the right calls, exactly, and leave no trace in the program.
use crate::*;

#[test]
fn every_kind_of_transfer_is_clamped_and_left_as_it_was() {
    let lab = lab!();
    let (lines, calls) = run(&lab, &["short"], &[Fault::Clamp(3)]);
    assert_eq!(
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
    assert_eq!(calls.iter().filter(|event| event.fault.is_some()).count(), 8);
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
    assert_eq!(
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
    assert_eq!(lines[0].as_str(), "write 10");
    assert_eq!(lines[1].as_str(), "send ENOBUFS");
    assert_eq!(lines[5].as_str(), "writev ENOBUFS 10");
    assert_eq!(lines[7].as_str(), "sendmsg 10 3");
}

#[test]
fn registers_and_stack_are_as_before() {
    let lab = lab!();
    assert_eq!(run(&lab, &["registers"], &[]).0, ["10 true", "10 true"]);
    assert_eq!(run(&lab, &["registers"], &[Fault::Clamp(3)]).0, ["3 true", "3 true"]);
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
    assert_eq!(lines, expected);
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
    assert_eq!(
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
    assert_eq!(client.exchange(&data, "exchanging 2000 bytes"), data);
    server.expect_exit(0);
    let calls = server.calls().on(4);
    assert!(
        calls
            .of(Call::Recvfrom)
            .iter()
            .all(|event| event.returned().is_none_or(|n| n <= 3))
    );
    let interrupted = calls.iter().filter(|event| event.result == Err(Errno::EINTR)).count();
    assert_eq!(interrupted, (calls.len() - 1) / 3);
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
    assert_eq!(
        texts(&calls.of(Call::Accept))[1].as_str(),
        "accept(3) = EMFILE [fail(accept, EMFILE)]",
    );
    lab.expect_calls("closing what was accepted", calls.accepted_are_closed());
    assert_eq!(calls.accepted(), [4, 4]);
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
    assert_eq!(run(&lab, &["sockets", "3"], &[fault]).0, ["open", "EMFILE", "open"]);
}

#[test]
#[should_panic(expected = "no program gets on")]
fn faults_that_would_stop_any_program_are_refused() {
    match lab() {
        Some(lab) => drop(lab.program(["short"]).fault(Fault::Eintr(1))),
        None => panic!("no program gets on without a tracer"),
    }
}
