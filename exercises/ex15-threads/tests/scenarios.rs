//! Conversations to look at: `cargo grader trace ex15` draws the first one with every system call and every new thread of
//! the server, `cargo grader trace ex15 pget` the second.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your program does in a situation of your own.

use harness::trace::Call;

harness::exercise!("../rubric.toml");

/// Two clients, who do not wait for each other.
#[test]
fn two_clients() {
    let lab = lab().recorded();
    let server = lab.program(["server"]);
    let server = match lab.can_trace() {
        true => server.trace(&[Call::Thread]).serve(),
        false => server.serve(),
    };
    let mut first = lab.connect("client 1", server.addr());
    let mut second = lab.connect("client 2", server.addr());
    first.send(b"DEPOSIT alice 5\n");
    first.read_line("reading the answer");
    second.send(b"BALANCE alice\n");
    second.read_line("reading the answer");
    server.terminate();
    server.expect_exit(0);
}

/// A client with two connections at the same time.
#[test]
fn pget() {
    let lab = lab().recorded();
    let (one, two) = (lab.listen("server 1"), lab.listen("server 2"));
    let pget = lab
        .program(["pget", &one.addr().to_string(), &two.addr().to_string()])
        .start();
    let (mut first, mut second) = (one.accept(), two.accept());
    second.send(b"second\n");
    second.close();
    first.send(b"first\n");
    first.half_close();
    pget.expect_exit(0);
}
