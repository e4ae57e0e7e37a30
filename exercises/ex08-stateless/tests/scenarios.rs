//! Conversations to look at: `cargo grader trace ex08` draws the first one with every system call, `cargo grader trace ex08 copies`
//! another one.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

use harness::Loss;
use harness::fsp::Tree;

harness::exercise!("../rubric.toml");

/// The slide's session, and a READ in it arrives twice. (`ex09` has a scenario of the same name: compare the two.)
#[test]
fn duplicate_read() {
    let lab = lab().recorded();
    Tree::of_the_slides().plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr());
    client.ask("OPEN /tmp/test.txt r", b"");
    let request = client.request("READ /tmp/test.txt 0 200", b"");
    for _ in 0..2 {
        client.send(&request);
        client.reply_to(&request);
    }
    client.ask("READ /tmp/test.txt 200 200", b"");
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

/// The server is killed and started again between two requests, and the client does not notice.
#[test]
fn restart() {
    let lab = lab().recorded();
    Tree::of_the_slides().plant(&lab, "root");
    let mut server = lab.service(&["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr());
    client.ask("READ /tmp/test.txt 0 8", b"");
    server.crash_and_restart();
    client.ask("READ /tmp/test.txt 8 8", b"");
}
