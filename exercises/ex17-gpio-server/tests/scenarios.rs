//! Conversations to look at: `cargo grader trace ex17` draws the first one, `cargo grader trace ex17 a_lease_expires` the second.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your server does in a situation of your own. These two are
//! those of the design note. On a fake Pi calls are not drawn, only what is said, and what happens at the pins.

use std::time::Duration;

use harness::pi::{Clock, Pi};
use harness::{Lab, Server, TcpPeer};

harness::exercise!("../rubric.toml");

fn start(lab: &Lab, lease: &str) -> Option<(Pi, Server)> {
    let pi = lab.pi()?;
    pi.set_clock(Clock::Held);
    let args = ["server", "--leds", "17,22", "--buttons", "27", "--lease-ms", lease];
    let server = lab.program(args).on(&pi).serve();
    Some((pi, server))
}

fn asks(client: &mut TcpPeer, request: &str) {
    client.send(format!("{request}\n").as_bytes());
    client.read_line("reading the reply");
}

/// The reply is lost with the connection, and the client asks again over a new one.
#[test]
fn a_toggle_is_retried() {
    let lab = lab().recorded();
    let Some((pi, server)) = start(&lab, "5000") else {
        return;
    };
    let mut alice = lab.connect("alice", server.addr());
    asks(&mut alice, "1 HELLO c0ffee01");
    alice.send(b"7 TOGGLE 17\n");
    pi.settle();
    alice.reset();
    let mut again = lab.connect("alice again", server.addr());
    asks(&mut again, "1 HELLO c0ffee01");
    asks(&mut again, "7 TOGGLE 17");
}

/// The owner of a lock is silent, and another client waits for its lamp.
#[test]
fn a_lease_expires() {
    let lab = lab().recorded();
    let Some((pi, server)) = start(&lab, "400") else { return };
    let mut alice = lab.connect("alice", server.addr());
    asks(&mut alice, "1 HELLO c0ffee01");
    asks(&mut alice, "2 LOCK 17");
    asks(&mut alice, "3 SET 17 1");
    let mut bob = lab.connect("bob", server.addr());
    asks(&mut bob, "1 HELLO c0ffee02");
    pi.run_for(Duration::from_millis(390));
    asks(&mut bob, "2 LOCK 17");
    pi.run_for(Duration::from_millis(20));
    asks(&mut bob, "3 LOCK 17");
}
