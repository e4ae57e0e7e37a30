//! Conversations to look at: `cargo grader trace ex02` draws the first one with every system call, `cargo grader trace ex02 half_close`
//! the last.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

use harness::trace::Fault;

harness::exercise!("../rubric.toml");

/// Your client and your server, both traced.
#[test]
fn hello_world() {
    let lab = lab().recorded();
    let server = lab.serve(["server", "--count", "1"]);
    let port = server.port().to_string();
    let client = lab.run(["client", "127.0.0.1", &port, "--message", "Hello, world"]);
    client.expect_code(0);
    server.expect_exit(0);
}

/// The same while every call moves three bytes at most: what a busy network may do to you.
#[test]
fn short_reads_and_writes() {
    let lab = lab().recorded();
    if !lab.can_trace() {
        return; // the tracer makes the calls short
    }
    let server = lab.program(["server", "--count", "1"]).fault(Fault::Clamp(3)).serve();
    let port = server.port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "--message", "Hello, world"]);
    client.fault(Fault::Clamp(3)).run(b"").expect_code(0);
    server.expect_exit(0);
}

/// A client says that it has no more to send, and still reads what comes.
#[test]
fn half_close() {
    let lab = lab().recorded();
    let server = lab.serve(["server", "--count", "1"]);
    let mut client = lab.connect("client", server.addr());
    for piece in ["one", "two"] {
        client.send(piece.as_bytes());
        client.expect_bytes(piece.as_bytes(), "reading the echo");
    }
    client.half_close();
    client.expect_eof("waiting for the server's end of stream, after the client's own");
    client.close();
    server.expect_exit(0);
}
