//! Conversations to look at: `cargo grader trace ex04` draws the first one with every system call, `cargo grader trace ex04 silence`
//! the last.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

use harness::trace::{Call, Fault};
use nix::errno::Errno;

harness::exercise!("../rubric.toml");

/// A client breaks off in the middle. What does the next one notice?
#[test]
fn one_bad_client() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let mut bad = lab.connect("bad client", server.addr());
    bad.send(b"one");
    bad.expect_bytes(b"one", "reading the echo");
    bad.reset();
    let mut good = lab.connect("good client", server.addr());
    good.send(b"two");
    good.half_close();
    good.read_to_eof("reading the echo, to the end of the stream");
}

/// For a while there is no descriptor left for a new connection. How often is accept called?
#[test]
fn out_of_descriptors() {
    let lab = lab().recorded();
    if !lab.can_trace() {
        return; // the tracer makes the calls fail
    }
    let no_descriptor = Fault::Fail {
        call: Call::Accept,
        errno: Errno::EMFILE,
        first: 1,
        times: 3,
    };
    let server = lab.program(["server"]).fault(no_descriptor).serve();
    let mut client = lab.connect("client", server.addr());
    client.send(b"one");
    client.half_close();
    client.read_to_eof("reading the echo, to the end of the stream");
}

/// A server takes the text and says nothing. What ends the client?
#[test]
fn silence() {
    let lab = lab().recorded();
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "Hello, world", "--timeout-ms", "300"]);
    let client = client.start();
    let mut peer = listener.accept();
    peer.read_exactly(12, "reading the text");
    client.expect_exit(4);
}
