// CANARY-7f3a91c2-hidden
//! The checks of exercise 2 that students see by name only.

use std::time::Duration;

use harness::trace::{Call, Decoded, Fault, SOCKET_CALLS};
use harness::{Lab, Launch, Program, Server, TcpPeer};
use rstest::rstest;

harness::exercise!("../../../exercises/ex02-echo/rubric.toml");

/// Options that halve the start of Python: nothing of the machine's own is loaded.
const QUICKLY: [&str; 2] = ["-I", "-S"];
const LECTURE_CLIENT: &str = include_str!("peers/lecture_client.py");
const LECTURE_SERVER: &str = include_str!("peers/lecture_server.py");

/// As in `man 2 shutdown`: no more sending.
const SHUT_WR: i32 = 1;

#[test]
fn short_reads_and_writes_change_nothing() {
    let lab = lab();
    if lab.can_trace() {
        undisturbed(&lab);
        disturbed(&lab, Fault::Clamp(3), "while every recv and send moves 3 bytes at most");
    }
}

#[test]
fn interrupted_calls_are_retried() {
    let lab = lab();
    if lab.can_trace() {
        undisturbed(&lab);
        // An echo is recv and send in turn: every third call would always be a recv, every second one is both.
        disturbed(&lab, Fault::Eintr(3), "while every third call is interrupted (EINTR)");
        disturbed(&lab, Fault::Eintr(2), "while every second call is interrupted (EINTR)");
    }
}

/// Both programs, each against a peer of the test, with nothing out of the ordinary.
fn undisturbed(lab: &Lab) {
    let usual = "with nothing out of the ordinary";
    lab.control("stream_mode_echoes_until_half_close", |lab| {
        echo_of_server(lab, lab.program(["server"]).named("usual server"), usual);
    });
    lab.control("client_reads_a_reply_that_comes_in_pieces", |lab| {
        echo_for_client(lab, |launch| launch.named("usual client"), usual);
    });
}

/// The same with a fault.
fn disturbed(lab: &Lab, fault: Fault, how: &str) {
    echo_of_server(lab, lab.program(["server"]).fault(fault), how);
    echo_for_client(lab, |launch| launch.fault(fault), how);
}

/// 8 KiB in which every word is different, so that no byte can be lost, doubled or moved unseen: eight of the buffers that the
/// lecture's programs have.
fn numbered_words() -> Vec<u8> {
    (0..1024).flat_map(|word| format!("{word:07} ").into_bytes()).collect()
}

fn echo_of_server(lab: &Lab, server: Launch, how: &str) {
    let server = server.serve();
    let mut peer = lab.connect("peer", server.addr());
    for piece in numbered_words().chunks(1024) {
        peer.send(piece);
        let echo = peer.read_exactly(piece.len(), &format!("reading the server's echo, {how}"));
        expect_same(
            lab,
            &format!("comparing the echo with what was sent, {how}"),
            &echo,
            piece,
        );
    }
    peer.half_close();
    peer.expect_eof("waiting for the server's end of stream, after the client's own");
}

fn echo_for_client(lab: &Lab, prepare: impl FnOnce(Launch) -> Launch, how: &str) {
    let text = numbered_words();
    let listener = lab.listen("peer");
    let port = listener.addr().port().to_string();
    let client = prepare(lab.program(["client", "127.0.0.1", &port, "--raw"])).start();
    client.stdin_write(&text);
    client.stdin_close();
    let mut peer = listener.accept();
    let message = peer.read_to_eof(&format!("reading the client's message up to its half-close, {how}"));
    expect_same(
        lab,
        &format!("comparing the message with the client's input, {how}"),
        &message,
        &text,
    );
    peer.send(&text);
    peer.close();
    let printed = client.expect_exit(0).stdout;
    expect_same(
        lab,
        &format!("comparing what the client printed with the reply, {how}"),
        &printed,
        &text,
    );
}

#[test]
fn client_half_closes_and_waits_for_eof() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port, "--message", "hello"])
        .named("client")
        .trace(SOCKET_CALLS);
    let client = client.start();
    let mut peer = listener.accept();
    peer.read_to_eof("reading the client's whole message, up to its half-close");
    peer.send(b"hello");
    peer.close();
    client.wait();
    let calls = client.calls();
    let order = [Call::Sendto.into(), Call::Shutdown.into(), Call::Recvfrom.returning(0)];
    lab.expect_calls("looking at the order of the client's calls", calls.in_order(&order));
    let shutdown = calls.of(Call::Shutdown);
    let half = shutdown.iter().any(|event| event.args == Decoded::How(SHUT_WR));
    lab.expect(
        "looking at the half-close",
        "shutdown(…, SHUT_WR)",
        shutdown.list(),
        half,
    );
}

#[test]
fn one_mebibyte_of_random_bytes_comes_back_identical() {
    let lab = lab();
    let bytes = lab.random(4564, 1 << 20);
    let server = lab.serve(["server", "--mode", "stream"]);
    let mut peer = lab.connect("client", server.addr());
    // The peer reads while it sends. Otherwise both sides could be waiting for room in each other's buffers.
    let echo = peer.exchange(
        &bytes,
        "sending 1 MiB of random bytes and reading their echo at the same time",
    );
    expect_same(&lab, "comparing the echo with the 1 MiB that was sent", &echo, &bytes);
    server.expect_line("client 1: 1048576 bytes");
}

#[test]
fn client_reads_a_reply_that_comes_in_pieces() {
    let lab = lab();
    lab.control("hello_world_transcript", |lab| {
        client_of_a_scripted_server(lab, "undisturbed", |peer, _| peer.send(b"hello"), "Received: hello\n");
    });
    // Longer than the request and different from it: only the end of the stream tells the client where it ends. The
    // beginning comes byte by byte; the rest is more than one receive of the lecture's programs can take.
    let beginning = "a reply that is longer than the question ";
    let rest = "and than a buffer ".repeat(100);
    let reply = |peer: &mut TcpPeer, client: &Program| {
        for (sent, byte) in beginning.bytes().enumerate() {
            let printed = client.stdout_so_far();
            let received = format!("{printed:?} after {sent} bytes of the reply, whose end had not come yet");
            lab.expect(
                "sending a reply byte by byte",
                "nothing printed before the end",
                received,
                printed.is_empty(),
            );
            peer.drip(Duration::from_millis(5), &[byte]);
        }
        peer.send(rest.as_bytes());
    };
    client_of_a_scripted_server(&lab, "client", reply, &format!("Received: {beginning}{rest}\n"));
}

/// Runs the client against a server of the test, which reads the whole request and then replies as `reply` does.
fn client_of_a_scripted_server(lab: &Lab, name: &str, reply: impl FnOnce(&mut TcpPeer, &Program), expected: &str) {
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port, "--message", "hello"])
        .named(name)
        .start();
    let mut peer = listener.accept();
    let request = peer.read_to_eof("reading the client's whole message, up to its half-close");
    lab.expect_eq(
        "comparing the message with the one on the command line",
        request.as_slice(),
        b"hello",
    );
    reply(&mut peer, &client);
    peer.close();
    let printed = client.expect_exit(0).stdout;
    expect_same(
        lab,
        "comparing what the client printed with the whole reply",
        &printed,
        expected.as_bytes(),
    );
}

#[test]
fn connect_and_leave_is_not_an_error() {
    let lab = lab();
    let server = lab.serve(["server", "--mode", "stream"]);
    lab.connect("empty client", server.addr()).close();
    server.expect_line("client 1: 0 bytes");
    let mut torn = lab.connect("torn client", server.addr());
    torn.send(b"unfinished\n");
    torn.reset();
    let mut client = lab.connect("client", server.addr());
    client.send(b"still there?\n");
    client.half_close();
    let echo = client.read_to_eof("reading the echo after a client that left at once and one that broke off");
    expect_same(
        &lab,
        "comparing the echo with the 13 bytes that were sent",
        &echo,
        b"still there?\n",
    );
    server.expect_alive();
    let cpu = server.cpu_seconds();
    lab.expect(
        "measuring the CPU time of the server, which had next to nothing to do",
        "less than 1 s",
        format!("{cpu:.1} s"),
        cpu < 1.0,
    );
}

#[rstest]
#[case::python_client_of_your_lecture_server("lecture")]
#[case::python_client_of_your_stream_server("stream")]
#[case::your_client_of_the_python_server("python")]
#[case::your_client_of_your_server("yours")]
fn interoperates_with_the_lecture_programs(#[case] server: &str) {
    let lab = lab();
    let Some(python) = lab.tool("python3") else { return };
    let (client, printed) = match server {
        "python" => {
            let server = python
                .args(QUICKLY)
                .args([script(&lab, "lecture_server.py", LECTURE_SERVER)])
                .serve();
            ("your client of the lecture's server", run_client(&lab, &server))
        }
        "yours" => {
            let server = lab.program(["server", "--mode", "lecture"]).named("server").serve();
            ("your client of your server in lecture mode", run_client(&lab, &server))
        }
        mode => {
            let server = lab.serve(["server", "--mode", mode]);
            let script = script(&lab, "lecture_client.py", LECTURE_CLIENT);
            let port = server.port().to_string();
            let client = python
                .args(QUICKLY)
                .args([script, "127.0.0.1".to_string(), port])
                .run(b"");
            ("the lecture's client of your server", client.stdout_text())
        }
    };
    lab.expect_eq(
        &format!("reading what was printed by {client}"),
        printed.as_str(),
        "Received: Hello, world\n",
    );
}

fn run_client(lab: &Lab, server: &Server) -> String {
    let port = server.port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port, "--message", "Hello, world"])
        .named("client");
    client.run(b"").expect_code(0).stdout_text()
}

/// Writes a script into the folder in which the tools run, so that the chart shows its name and not its text.
fn script(lab: &Lab, name: &str, text: &str) -> String {
    std::fs::write(lab.folder().join(name), text).expect("the lab's folder can be written");
    name.to_string()
}

/// Compares bytes and says where they first differ, instead of printing a mebibyte.
fn expect_same(lab: &Lab, doing: &str, received: &[u8], sent: &[u8]) {
    let same = received.iter().zip(sent).take_while(|(a, b)| a == b).count();
    let seen = format!("{} bytes, of which the first {same} are right", received.len());
    lab.expect(doing, format!("the same {} bytes", sent.len()), seen, received == sent);
}
