//! Conversations to look at: `cargo grader trace ex14` draws the first one with every system call of server and child,
//! `cargo grader trace ex14 two` the second.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your server does in a situation of your own.

use harness::trace::Call;

harness::exercise!("../rubric.toml");

/// One client talks to cat. The descriptors tell who is speaking: the server has a listener, the child has 0 and 1.
#[test]
fn one_cat() {
    let lab = lab().recorded();
    let server = lab.program(["server", "--", "cat"]);
    let server = match lab.can_trace() {
        true => server.trace(&[Call::Fork, Call::Execve]).serve(),
        false => server.serve(),
    };
    let mut client = lab.connect("client", server.addr());
    client.send(b"hello\n");
    client.expect_bytes(b"hello\n", "reading the echo");
    client.half_close();
    client.expect_eof("waiting for the end of the child");
    client.close();
    server.next_line("reading the log");
    server.next_line("reading the log");
    server.terminate();
    server.expect_exit(0);
}

/// Two clients at the same time, each with a process of its own. The second is answered first.
#[test]
fn two_clients() {
    let lab = lab().recorded();
    let server = lab.serve(["server", "--", "sh", "-c", "read name; echo hello $name"]);
    let mut first = lab.connect("client 1", server.addr());
    let mut second = lab.connect("client 2", server.addr());
    second.send(b"Bob\n");
    second.read_to_eof("reading the greeting");
    first.send(b"Alice\n");
    first.read_to_eof("reading the greeting");
}
