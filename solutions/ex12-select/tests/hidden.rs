// CANARY-7f3a91c2-hidden
//! The checks of exercise 12 that students see by name only.

use std::time::Duration;

use harness::trace::{Call, Calls, Decoded, Fault, Idle, SOCKET_CALLS};
use harness::{Lab, Launch, Program, TcpPeer};
use nix::errno::Errno;
use rstest::rstest;

harness::exercise!("../../../exercises/ex12-select/rubric.toml");

/// The check to look at first when the undisturbed session of a fault check fails.
const RELAY: &str = "typed_line_is_answered";
/// How long an idle client is watched. What wakes up more seldom is seen by its time-out.
const WHILE: Duration = Duration::from_millis(500);
/// More than the system's buffers hold in both directions together.
const BATCH: usize = 16 << 20;
/// More than a client may take from its input if it cannot send.
const PILE: usize = 2 << 20;

/// Starts the client, changed by `prepare`, and a server of the test for it.
fn conversation(lab: &Lab, options: &[&str], prepare: impl FnOnce(Launch) -> Launch) -> (Program, TcpPeer) {
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = prepare(lab.program(["client", "127.0.0.1", &port].iter().chain(options))).start();
    (client, listener.accept())
}

/// The same with a server that has next to no room for what it does not read, and a client with next to none for what it cannot send.
fn narrow_conversation(lab: &Lab, prepare: impl FnOnce(Launch) -> Launch) -> (Program, TcpPeer) {
    let listener = lab.listen("server").narrow();
    let port = listener.addr().port().to_string();
    let client = prepare(lab.program(["client", "127.0.0.1", &port, "--send-buffer", "16384"])).start();
    (client, listener.accept())
}

/// Lines of `length` bytes with a number in each, so that no byte can be lost, doubled or moved unseen.
fn numbered_lines(bytes: usize, length: usize) -> Vec<u8> {
    let dots = ".".repeat(length - 9);
    let mut lines = Vec::with_capacity(bytes);
    for number in 0..bytes / length {
        lines.extend_from_slice(format!("{number:07} {dots}\n").as_bytes());
    }
    lines
}

#[test]
fn batch_of_16_mebibytes() {
    let lab = lab();
    let (client, mut server) = narrow_conversation(&lab, |launch| launch);
    let batch = numbered_lines(BATCH, 4096);
    client.stdin_feed(&batch);
    let came = server.echo(
        4096,
        "echoing 16 MiB of input, 4 KiB at a time, to a client that reads while it sends",
    );
    expect_same(
        &lab,
        "comparing what was sent to the server with the input",
        &came,
        &batch,
    );
    server.close();
    let printed = client.expect_exit(0).stdout;
    // The harness keeps the first 4 MiB and the last 64 KiB of what a program prints.
    expect_same(
        &lab,
        "comparing the first 4 MiB that the client printed with the input",
        &printed[..printed.len().min(4 << 20)],
        &batch[..4 << 20],
    );
    let tail = 64 << 10;
    expect_same(
        &lab,
        "comparing the last 64 KiB that the client printed with the input",
        &printed[printed.len().saturating_sub(tail)..],
        &batch[BATCH - tail..],
    );
}

#[test]
fn output_continues_while_sending_is_blocked() {
    let lab = lab();
    lab.control(RELAY, |lab| {
        let (client, mut server) = narrow_conversation(lab, |launch| launch.named("undisturbed client"));
        answer_two_lines(&client, &mut server);
        client.kill();
    });
    let (client, mut server) = narrow_conversation(&lab, |launch| launch);
    let input = numbered_lines(PILE, 4096);
    // The server does not read. Its buffers fill up, then the client's, then the pipe.
    let taken = client.stdin_pour(&input, Duration::from_millis(200));
    lab.expect(
        "offering 2 MiB of input to the client of a server that does not read",
        "the client takes as much as it may keep (LIMIT) and the buffers hold, some 200 KiB, and lets the rest wait",
        format!("{taken} bytes were taken"),
        taken < PILE / 2,
    );
    for number in 1..=100 {
        server.send(format!("news {number} of 100\n").as_bytes());
        client.expect_line(&format!("news {number} of 100"));
    }
    let came = server.read_exactly(taken, "reading, at last, all that the client has taken from its input");
    expect_same(&lab, "comparing what came with the input", &came, &input[..taken]);
    client.stdin_close();
    server.expect_eof("waiting for the client's half-close, after all of its input");
    server.close();
    client.expect_exit(0);
}

#[rstest]
#[case::nobody_speaks(false)]
#[case::sending_is_blocked(true)]
fn idle_means_idle(#[case] blocked: bool) {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let (client, mut server) = narrow_conversation(&lab, watched);
    let what = if blocked {
        client.stdin_pour(&numbered_lines(PILE, 4096), Duration::from_millis(200));
        "the server does not read and does not speak, and there is more input than can be sent"
    } else {
        answer_two_lines(&client, &mut server);
        "nobody types and the server says nothing"
    };
    let idle = client.expect_idle(WHILE, &format!("watching the client while {what}"));
    server.send(b"wake up\n");
    client.expect_line("wake up");
    expect_no_ticking(&lab, &client.calls(), idle);
}

#[test]
fn finished_input_leaves_the_set() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let (client, mut server) = conversation(&lab, &[], watched);
    client.stdin_write(b"that is all\n");
    client.stdin_close();
    server.read_to_eof("reading what was typed, up to the client's half-close");
    let idle = client.expect_idle(
        WHILE,
        "watching the client after the end of its input, while the server thinks",
    );
    server.send(b"answer\n");
    client.expect_line("answer");
    expect_no_ticking(&lab, &client.calls(), idle);
    let doing = "counting half-closes: the server knows since the first one";
    lab.expect_calls(doing, client.calls().once(Call::Shutdown));
    server.close();
    client.expect_exit(0);
}

/// Every call that a client can wait with, or poll with.
fn watched(launch: Launch) -> Launch {
    launch.trace(SOCKET_CALLS).trace_files()
}

/// Fails if the call in which the client was idle would have ended soon by itself.
fn expect_no_ticking(lab: &Lab, calls: &Calls, idle: Idle) {
    const SELDOM: Duration = Duration::from_secs(60);
    let doing = "looking at the call in which the client waited";
    let expected = "select, poll or epoll_wait without a time-out: there is no --idle-ms here";
    let Some(waiting) = calls.waited_through(idle) else {
        lab.fail(doing, expected, "none of them");
    };
    let ticks = matches!(waiting.args, Decoded::Watch { timeout: Some(after), .. } if after < SELDOM);
    lab.expect(doing, expected, waiting, !ticks);
}

#[test]
fn interrupted_select_goes_on() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    lab.control(RELAY, |lab| {
        let (client, mut server) = conversation(lab, &[], |launch| launch.named("undisturbed client"));
        answer_two_lines(&client, &mut server);
        client.kill();
    });
    for options in [&[][..], &["--idle-ms", "5000"]] {
        // The first wait is interrupted, the third, the fifth: whichever call it is that the client waits with.
        let (client, mut server) = conversation(&lab, options, |launch| {
            [Call::Select, Call::Poll, Call::EpollWait]
                .into_iter()
                .flat_map(|call| [1, 3, 5].map(|first| (call, first)))
                .fold(launch, |launch, (call, first)| {
                    launch.fault(Fault::Fail {
                        call,
                        errno: Errno::EINTR,
                        first,
                        times: 1,
                    })
                })
        });
        answer_two_lines(&client, &mut server);
        let calls = client.calls();
        let interrupted = calls.iter().filter(|call| call.fault.is_some()).count();
        lab.expect(
            "counting the calls of select, poll or epoll_wait that were interrupted",
            "at least one: the client waits with one of them",
            format!("{interrupted}"),
            interrupted > 0,
        );
        client.stdin_close();
        server.expect_eof("waiting for the client's half-close, after interrupted calls");
        server.close();
        client.expect_exit(0);
    }
}

#[test]
fn short_writes() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    lab.control(RELAY, |lab| {
        let (client, mut server) = conversation(lab, &[], |launch| launch.named("undisturbed client"));
        answer_two_lines(&client, &mut server);
        client.kill();
    });
    let (client, mut server) = conversation(&lab, &[], |launch| launch.fault(Fault::Clamp(3)));
    let text = numbered_lines(512, 32);
    client.stdin_write(&text);
    client.stdin_close();
    let came = server.read_to_eof("reading the input, while every send of the client takes 3 bytes at most");
    expect_same(&lab, "comparing what came with the input", &came, &text);
    server.send(&text);
    server.close();
    let printed = client.expect_exit(0).stdout;
    expect_same(
        &lab,
        "comparing what was printed with what the server sent, 3 bytes at most in each receive",
        &printed,
        &text,
    );
}

#[test]
fn two_lines_in_one_burst_are_both_sent() {
    let lab = lab();
    let (client, mut server) = conversation(&lab, &[], |launch| launch);
    client.stdin_write(b"one\ntwo\n"); // one write; after it nothing is typed and nothing is answered
    server.expect_bytes(b"one\n", "reading the first of two lines that were typed in one burst");
    server.expect_bytes(
        b"two\n",
        "reading the second of two lines that were typed in one burst, with nothing after them",
    );
    client.stdin_write(b"thr");
    server.expect_bytes(
        b"thr",
        "reading what was typed of a line that is not finished, before anything was answered",
    );
}

#[rstest]
#[case::request_piped(true)]
#[case::request_typed(false)]
fn talks_http_to_python(#[case] piped: bool) {
    const SERVER: &str = include_str!("peers/http_server.py");
    let lab = lab();
    let Some(python) = lab.tool("python3") else { return };
    std::fs::write(lab.folder().join("http_server.py"), SERVER).expect("the lab's folder can be written");
    // `-I -S` halves the start of Python: nothing of the machine's own is loaded.
    let http = python.args(["-I", "-S", "http_server.py"]).serve();
    let port = http.port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port]).start();
    let (client, doing) = if piped {
        // The server takes the end of the stream for the end of the request, so it cannot answer before the half-close.
        client.stdin_write(b"GET / HTTP/1.0\r\n");
        client.stdin_close();
        (client.expect_exit(0), "reading the answer to a request from a pipe")
    } else {
        // The server answers and closes while the user could still type.
        client.stdin_write(b"GET / HTTP/1.0\r\n\r\n");
        (client.expect_exit(3), "reading the answer to a request from a keyboard")
    };
    let text = client.stdout_text();
    let right = text.starts_with("HTTP/1.0 200 ") && text.ends_with("\r\n\r\nhello from python\n");
    lab.expect(
        doing,
        "HTTP/1.0 200 OK …, an empty line, hello from python",
        text.escape_debug(),
        right,
    );
}

/// The undisturbed session: two lines are typed and answered.
fn answer_two_lines(client: &Program, server: &mut TcpPeer) {
    for (typed, answer) in [("ping\n", "pong"), ("ping again\n", "pong again")] {
        client.stdin_write(typed.as_bytes());
        server.expect_bytes(typed.as_bytes(), "reading what was typed");
        server.send(format!("{answer}\n").as_bytes());
        client.expect_line(answer);
    }
}

/// Compares bytes and says where they first differ, instead of printing mebibytes.
fn expect_same(lab: &Lab, doing: &str, received: &[u8], sent: &[u8]) {
    let same = match received == sent {
        true => sent.len(),
        false => received.iter().zip(sent).take_while(|(a, b)| a == b).count(),
    };
    let seen = format!("{} bytes, of which the first {same} are right", received.len());
    lab.expect(doing, format!("the same {} bytes", sent.len()), seen, received == sent);
}
