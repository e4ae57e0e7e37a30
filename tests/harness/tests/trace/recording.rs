//! What is recorded, how it reads, and that nothing is lost.
use crate::*;

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
    assert_eq!(accept.call, Call::Accept4);
    assert_eq!(accept.returned(), Some(4));
    assert_eq!(accept.fd, Some(3));
    assert_eq!(accept.address(), Some(&Address::Ip(client.local_addr())));
    assert_eq!(accept.process, server.pid());
    assert_eq!(accept.thread, server.pid());
    let calls = server.calls();
    assert_eq!(calls.len(), 4);
    assert_eq!(calls.backlog(), Some(128));
    match calls[0].args {
        Decoded::Socket { domain, kind, protocol } => {
            assert!(domain == Domain::INET && kind.is_stream() && kind.closes_on_exec() && protocol == 0);
        }
        ref other => panic!("{other:?}"),
    }
    assert!(calls.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert_eq!(calls[3].line().1, calls[3].to_string());
}

#[test]
fn a_second_wait_for_a_call_brings_the_second_one() {
    let lab = lab!();
    let server = lab.program(["echo"]).trace(SOCKET_CALLS).serve();
    let mut client = lab.connect("client", server.addr());
    for message in ["one", "three"] {
        client.send(message.as_bytes());
        client.expect_bytes(message.as_bytes(), "reading the echo");
    }
    for length in [3, 5] {
        let sent = server.wait_for_call(Call::Sendto, "waiting for the next send");
        assert_eq!(sent.returned(), Some(length));
    }
}

#[test]
fn datagrams_show_their_addresses() {
    let lab = lab!();
    let server = lab.program(["datagram"]).trace(SOCKET_CALLS).serve();
    let peer = lab.udp("peer");
    peer.send_to(b"hi", server.addr());
    assert_eq!(peer.receive("the answer").0, b"hi".to_vec());
    server.expect_exit(0);
    let calls = server.calls();
    assert_eq!(
        calls.of(Call::Recvfrom)[0].to_string(),
        format!("recvfrom(3, 1025 bytes) = 2 from {}", peer.addr()),
    );
    assert_eq!(
        calls.of(Call::Sendto)[0].to_string(),
        format!("sendto(3, 2 bytes, {}) = 2", peer.addr()).replace("bytes,", "bytes, MSG_NOSIGNAL,"),
    );
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
    assert_eq!(
        calls.iter().map(|event| event.call).collect::<Vec<_>>(),
        [Call::Thread, Call::Execve],
    );
    assert_eq!(calls[1].to_string().as_str(), "execve(\"/proc/self/exe\") = 0");
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
    assert_eq!(finished.stdout_text().as_str(), "wrong 0\n");
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
    assert_eq!(calls.len(), 16 * struck);
    assert_eq!(
        calls.iter().filter(|event| event.result.is_err()).count(),
        16 * (struck - 6250),
    );
    assert_eq!(
        calls
            .iter()
            .map(|event| event.thread)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        8,
    );
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
    assert_eq!(lines, ["wrong 0"]);
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
    assert_eq!(calls.in_order(&order), Ok(()));
    assert_eq!(calls.once(Call::Bind), Ok(()));
    assert_eq!(calls.closed(4), Ok(()));
    assert_eq!(calls.never(Call::Connect), Ok(()));
    assert_eq!(calls.at_most_per_second(Call::Accept, 2), Ok(()));
    let found = finding(calls.in_order(&[Call::Bind, Call::Socket]));
    assert!(
        found.starts_with("expected bind, then socket; received no socket after bind:\n"),
        "{found}"
    );
    assert!(finding(calls.once(Call::Accept)).contains("2 of them"));
    assert!(finding(calls.at_most(Call::Accept, 1)).contains("at most 1 × accept"));
    assert!(finding(calls.at_most_per_second(Call::Accept, 1)).contains("2 of them in the second"));
    assert!(finding(calls.closed(7)).contains("descriptor 7 is still open"));
    assert_eq!(calls.threads().len(), 1);
}
