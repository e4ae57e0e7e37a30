//! Conversations to look at: `cargo grader trace ex10` draws the first one with every system call, `cargo grader trace ex10 late-read`
//! another one.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

use harness::Loss;
use harness::fsp::Tree;

harness::exercise!("../rubric.toml");

/// The lecture's slide: a READ arrives twice. Client and server still agree on where they are.
#[test]
fn duplicate_read() {
    let lab = lab().recorded();
    Tree::of_the_slides().plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr()).named(0xc0ff_ee01);
    client.ask("OPEN /tmp/test.txt r", b"");
    let request = client.request("READ $1 200", b"");
    for _ in 0..2 {
        client.send(&request);
        client.reply_to(&request);
    }
    client.ask("STAT $1", b"");
    client.ask("READ $1 200", b"");
    client.ask("CLOSE $1", b"");
}

/// The copy of the READ arrives after the next request was answered, and gets no answer.
#[test]
fn late_read() {
    let lab = lab().recorded();
    Tree::of_the_slides().plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr()).named(0xc0ff_ee01);
    client.ask("OPEN /tmp/test.txt r", b"");
    let request = client.request("READ $1 200", b"");
    client.send(&request);
    client.reply_to(&request);
    client.ask("STAT $1", b"");
    client.send(&request);
    client.drain();
    client.ask("READ $1 200", b"");
}

/// The given client appends three lines, over a network that loses every third datagram and doubles others.
#[test]
fn lossy() {
    let lab = lab().recorded();
    lab.set_step(harness::WALL);
    Tree::new().file("/notes/log", b"").plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let loss = Loss {
        seed: 1,
        loss: 33,
        duplicate: 20,
        ..Loss::default()
    };
    let relay = lab.relay(server.addr(), loss);
    let port = relay.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "append", "/notes/log"]);
    client.run(b"one\ntwo\nthree\n");
}

/// The server is killed and started again, and the copy of an APPEND of before is executed a second time.
#[test]
fn crash() {
    let lab = lab().recorded();
    Tree::new().file("/notes/log", b"").plant(&lab, "root");
    let mut server = lab.service(&["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr()).named(0xc0ff_ee01);
    client.ask("OPEN /notes/log w", b"");
    let request = client.request("APPEND $1 4", b"one\n");
    client.send(&request);
    client.reply_to(&request);
    server.crash_and_restart();
    let mut other = lab.fsp("another client", server.addr()).named(0x0bad_cafe);
    other.ask("OPEN /notes/log w", b"");
    client.send(&request);
    client.reply_to(&request);
}
