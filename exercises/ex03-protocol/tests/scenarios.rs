//! Conversations to look at: `cargo grader trace ex03` draws the first one with every system call, `cargo grader trace ex03 pipelined`
//! the one where five requests share a segment.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your server does in a situation of your own.

use std::time::Duration;

use harness::trace::Fault;

harness::exercise!("../rubric.toml");

/// A polite client: one request, its reply, the next request.
#[test]
fn one_at_a_time() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    for request in ["HELLO alice", "BALANCE", "DEDUCT 30", "BALANCE", "QUIT"] {
        client.send(format!("{request}\n").as_bytes());
        client.read_line(&format!("reading the reply to {request}"));
    }
    client.expect_eof("waiting for the end, after QUIT");
    client.close();
}

/// The same requests in one segment: how many calls does your server make to receive them?
#[test]
fn pipelined() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    client.send(b"HELLO alice\nBALANCE\nDEDUCT 30\nBALANCE\nQUIT\n");
    client.read_to_eof("reading all replies");
    client.close();
}

/// And in segments of one byte, with a body that looks like a request.
#[test]
fn byte_by_byte() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    client.drip(Duration::from_millis(2), b"HELLO bo\nAPPEND 5\nQUIT\nQUIT\n");
    client.read_to_eof("reading all replies");
    client.close();
}

/// Every call of the server moves three bytes at most.
#[test]
fn short_reads_and_writes() {
    let lab = lab().recorded();
    if !lab.can_trace() {
        return; // the tracer makes the calls short
    }
    let server = lab.program(["server"]).fault(Fault::Clamp(3)).serve();
    let mut client = lab.connect("client", server.addr());
    client.send(b"HELLO alice\nQUIT\n");
    client.read_to_eof("reading both replies");
    client.close();
}
