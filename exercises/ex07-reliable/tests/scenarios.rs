//! Conversations to look at: `cargo grader trace ex07` draws the first one with every system call, `cargo grader trace ex07 late_reply`
//! the last.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

use harness::Loss;
use std::time::Duration;

harness::exercise!("../rubric.toml");

/// Your client and your server, both traced, and between them a network that loses half of what it carries. Another seed is another
/// network; a `corrupt`, `duplicate` or `reorder` of 50 is another kind of bad.
#[test]
fn bad_link() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let loss = Loss {
        seed: 16,
        loss: 50,
        ..Loss::default()
    };
    let relay = lab.relay(server.addr(), loss);
    let port = relay.addr().port().to_string();
    let client = lab.run(["client", "127.0.0.1", &port, "--rto-ms", "100", "hello"]);
    client.expect_code(0);
}

/// Nobody answers: look at the times between the copies.
#[test]
fn silent_server() {
    let lab = lab().recorded();
    let server = lab.udp("silent server");
    let port = server.addr().port().to_string();
    let client = lab.run(["client", "127.0.0.1", &port, "--rto-ms", "50", "hello"]);
    while server.receive_within(Duration::from_millis(1)).is_some() {}
    client.expect_code(4);
}

/// The reply to request 1 comes when request 2 has been sent.
#[test]
fn late_reply() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let network = lab.udp("slow network");
    let port = network.addr().port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port, "--rto-ms", "100", "one", "two"])
        .start();
    let carry = |doing: &str| {
        let (request, from) = network.receive(doing);
        network.send_to(&request, server.addr());
        (network.receive("waiting for the server's reply").0, from)
    };
    let (late, _) = carry("carrying request 1 to the server");
    let (reply, from) = carry("carrying the second copy of request 1 to the server");
    network.send_to(&reply, from);
    let (reply, from) = carry("carrying request 2 to the server");
    network.send_to(&late, from);
    network.send_to(&reply, from);
    client.expect_exit(0);
}
