//! Conversations to look at: `cargo grader trace ex13` draws the first one with every system call, `cargo grader trace ex13 half_a_line`
//! the second.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your server does in a situation of your own.

use harness::trace::Fault;
use harness::{Lab, Server, TcpPeer};

harness::exercise!("../rubric.toml");

fn join(lab: &Lab, server: &Server, name: &str) -> TcpPeer {
    let mut client = lab.connect(name, server.addr());
    client.read_line("waiting for NAME?");
    client.send(format!("{name}\n").as_bytes());
    client.read_line("waiting for the names of those who are there");
    client
}

/// Two people, a line each, one of them leaves.
#[test]
fn two_people() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let mut alice = join(&lab, &server, "alice");
    let mut bob = join(&lab, &server, "bob");
    alice.read_line("waiting for bob");
    alice.send(b"hello\n");
    bob.read_line("waiting for alice's line");
    bob.close();
    alice.read_line("waiting for the news that bob has left");
    server.stdin_write(b"quit\n");
    server.expect_exit(0);
}

/// One is in the middle of a line while the others talk.
#[test]
fn half_a_line() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let mut alice = join(&lab, &server, "alice");
    let mut bob = join(&lab, &server, "bob");
    alice.read_line("waiting for bob");
    alice.send(b"I was about to s");
    bob.send(b"never mind\n");
    alice.read_line("waiting for bob's line");
    alice.send(b"ay\n");
    bob.read_line("waiting for alice's line");
}

/// Three things happen while the server does not look: how many calls of select does it need for them?
#[test]
fn all_at_once() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let mut alice = join(&lab, &server, "alice");
    let mut bob = join(&lab, &server, "bob");
    alice.read_line("waiting for bob");
    server.freeze();
    alice.send(b"one\ntwo\n");
    bob.send(b"three\n");
    let mut carol = lab.connect("carol", server.addr());
    server.thaw();
    carol.read_line("waiting for NAME?");
    bob.read_line("waiting for alice's lines");
    alice.read_line("waiting for bob's line");
}

/// Every call on a socket moves five bytes at most.
#[test]
fn short_reads_and_writes() {
    let lab = lab().recorded();
    if !lab.can_trace() {
        return; // the tracer makes the calls short
    }
    let server = lab.program(["server"]).fault(Fault::Clamp(5)).serve();
    let mut alice = join(&lab, &server, "alice");
    let mut bob = join(&lab, &server, "bob");
    alice.read_line("waiting for bob");
    alice.send(b"hello, bob\n");
    bob.read_line("waiting for alice's line");
}
