//! Conversations to look at: `cargo grader trace ex09` draws the first one with every system call, `cargo grader trace ex09 copies`
//! another one.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

use harness::Loss;
use harness::fsp::Tree;

harness::exercise!("../rubric.toml");

/// The lecture's slide: a READ arrives twice, and client and server no longer agree on where they are.
#[test]
fn duplicate_read() {
    let lab = lab().recorded();
    Tree::of_the_slides().plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr());
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

/// Your client copies a file from your server.
#[test]
fn copies() {
    let lab = lab().recorded();
    Tree::of_the_slides().plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let port = server.port().to_string();
    lab.run(["client", "127.0.0.1", &port, "get", "/tmp/test.txt", "--chunk", "300"])
        .expect_code(0);
}

/// The same over a network that loses every fifth datagram.
#[test]
fn lossy() {
    let lab = lab().recorded();
    lab.set_step(harness::WALL);
    Tree::of_the_slides().plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let loss = Loss {
        seed: 1,
        loss: 20,
        ..Loss::default()
    };
    let relay = lab.relay(server.addr(), loss);
    let port = relay.addr().port().to_string();
    lab.run(["client", "127.0.0.1", &port, "get", "/tmp/test.txt"]);
}

/// The server is killed and started again, and another file is opened: the old handle is valid again, and means that file.
#[test]
fn restart() {
    let lab = lab().recorded();
    Tree::of_the_slides()
        .file("/notes/log", b"somebody else's\n")
        .plant(&lab, "root");
    let mut server = lab.service(&["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr());
    client.ask("OPEN /tmp/test.txt r", b"");
    client.ask("READ $1 8", b"");
    server.crash_and_restart();
    client.ask("READ $1 8", b"");
    let mut other = lab.fsp("another client", server.addr());
    other.ask("OPEN /notes/log r", b"");
    client.ask("READ $1 8", b"");
}
