//! What the checks of exercise 17 have in common: a server on a Pi whose clock stands still, clients that talk to it, looks at its LEDs.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::time::Duration;

use harness::pi::{Clock, Level, Pi};
use harness::{Lab, Server, TcpPeer};

pub const ALICE: &str = "c0ffee01";
pub const BOB: &str = "c0ffee02";

/// A server with LEDs at 17 and 22 and a button at 27, on a Pi whose clock stands still until a test lets it go on.
pub fn start(lab: &Lab, more: &[&str]) -> Option<(Pi, Server)> {
    start_with(lab, "17,22", more)
}

/// The same with other LEDs.
pub fn start_with(lab: &Lab, leds: &str, more: &[&str]) -> Option<(Pi, Server)> {
    let pi = lab.pi()?;
    pi.set_clock(Clock::Held);
    let args = ["server", "--leds", leds, "--buttons", "27"];
    let server = lab.program(args.iter().chain(more)).on(&pi).serve();
    Some((pi, server))
}

/// A client that has said HELLO.
pub fn hello(lab: &Lab, server: &Server, name: &str, cid: &str) -> TcpPeer {
    let mut client = lab.connect(name, server.addr());
    let question = format!("1 HELLO {cid}");
    client.send(format!("{question}\n").as_bytes());
    let doing = format!("reading the reply to `{question}`");
    let reply = client.read_line(&doing);
    lab.expect(
        &doing,
        "1 OK and the lease in milliseconds",
        &reply,
        reply.starts_with("1 OK "),
    );
    client
}

/// Asks one thing, and reads the reply to it. Of a refusal, the words behind its code are everybody's own.
pub fn asks(lab: &Lab, client: &mut TcpPeer, request: &str, expected: &str) {
    client.send(format!("{request}\n").as_bytes());
    let doing = format!("reading the reply to `{request}`");
    let reply = client.read_line(&doing);
    lab.expect(&doing, expected, &reply, in_short(&reply) == expected);
}

/// Fails unless the program put these levels on the pin, so many milliseconds after `begun`.
pub fn expect_levels(lab: &Lab, pi: &Pi, pin: u8, begun: Duration, expected: &[(u64, bool)]) {
    let told = |(at, high): &(u64, bool)| format!("{} at {at}", if *high { "high" } else { "low" });
    let near = begun.saturating_sub(ms(1));
    let seen: Vec<(u64, bool)> = pi
        .timeline(pin)
        .into_iter()
        .filter(|(at, _)| *at >= near)
        .map(|(at, level)| (rounded(at.saturating_sub(begun)), level == Some(Level::High)))
        .collect();
    let listed = |list: &[(u64, bool)]| list.iter().map(told).collect::<Vec<_>>().join(", ");
    let doing = format!(
        "looking at the LED at {pin} from {} on, in milliseconds from there",
        harness::pi::millis(begun)
    );
    lab.expect(&doing, listed(expected), listed(&seen), seen == expected);
}

/// The level that the program puts on a pin, in words.
pub fn level(pi: &Pi, pin: u8) -> &'static str {
    match pi.board().pin(pin).driven() {
        Some(Level::High) => "high",
        Some(Level::Low) => "low",
        None => "not driven",
    }
}

/// A reply without the words for people.
pub fn in_short(reply: &str) -> String {
    let words: Vec<&str> = reply.split(' ').collect();
    match words.as_slice() {
        [seq, "ERR", code, ..] => format!("{seq} ERR {code}"),
        _ => reply.to_string(),
    }
}

/// In whole milliseconds: what is finer is the cost of the program's own steps.
pub fn rounded(time: Duration) -> u64 {
    (time + Duration::from_micros(500)).as_millis() as u64
}

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
