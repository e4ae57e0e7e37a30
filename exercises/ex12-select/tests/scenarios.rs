//! Conversations to look at: `cargo grader trace ex12` draws the first one with every system call, `cargo grader trace ex12 both_at_once`
//! the second.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your client does in a situation of your own.

use harness::trace::Fault;
use harness::{Lab, Program, TcpPeer};

harness::exercise!("../rubric.toml");

/// Starts your client, and a server of the test for it.
fn conversation(lab: &Lab) -> (Program, TcpPeer) {
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port]).start();
    (client, listener.accept())
}

/// The server speaks, the user types, the server answers, the input ends, the server has a last word.
#[test]
fn one_of_each() {
    let lab = lab().recorded();
    let (client, mut server) = conversation(&lab);
    server.send(b"welcome\n");
    client.expect_line("welcome");
    client.stdin_write(b"hello\n");
    server.read_line("reading what was typed");
    server.send(b"HELLO\n");
    client.expect_line("HELLO");
    client.stdin_close();
    server.expect_eof("waiting for the client's half-close");
    server.send(b"goodbye\n");
    server.close();
    client.expect_exit(0);
}

/// Both inputs have something when the client looks: how many calls of select does it need?
#[test]
fn both_at_once() {
    let lab = lab().recorded();
    let (client, mut server) = conversation(&lab);
    client.freeze();
    client.stdin_write(b"one\ntwo\n");
    server.send(b"three\nfour\n");
    client.thaw();
    client.expect_line("three");
    server.expect_bytes(b"one\ntwo\n", "reading what was typed");
}

/// The server hangs up while nobody types.
#[test]
fn hung_up() {
    let lab = lab().recorded();
    let (client, server) = conversation(&lab);
    server.close();
    client.wait();
}

/// Every call on the socket moves three bytes at most.
#[test]
fn short_reads_and_writes() {
    let lab = lab().recorded();
    if !lab.can_trace() {
        return; // the tracer makes the calls short
    }
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port]).fault(Fault::Clamp(3));
    let client = client.start();
    let mut server = listener.accept();
    client.stdin_write(b"hello\n");
    client.stdin_close();
    server.read_to_eof("reading what was typed");
    server.send(b"HELLO\n");
    server.close();
    client.wait();
}
