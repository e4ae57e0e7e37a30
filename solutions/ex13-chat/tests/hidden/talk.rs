// CANARY-7f3a91c2-hidden
//! What clients do in every session: come, say a line, hear one.

use harness::{Lab, Server, TcpPeer};

/// alice, bob and slow, who know of each other.
pub fn with_a_slow_one(lab: &Lab, server: &Server, narrow: bool) -> (TcpPeer, TcpPeer, TcpPeer) {
    let mut slow = if narrow {
        lab.connect_narrow("slow", server.addr())
    } else {
        lab.connect("slow", server.addr())
    };
    introduce(lab, &mut slow, "slow");
    let (alice, bob) = two(lab, server);
    for name in ["alice", "bob"] {
        let doing = format!("waiting, as slow, for the news that {name} has joined");
        hears(lab, &mut slow, &format!("* {name} joined"), &doing);
    }
    (alice, bob, slow)
}

/// alice and bob, who know of each other.
pub fn two(lab: &Lab, server: &Server) -> (TcpPeer, TcpPeer) {
    let mut alice = join(lab, server, "alice");
    let bob = join(lab, server, "bob");
    hears(
        lab,
        &mut alice,
        "* bob joined",
        "waiting, as alice, for the news that bob has joined",
    );
    (alice, bob)
}

/// A client who has said its name, and knows that the server has heard it.
pub fn join(lab: &Lab, server: &Server, name: &str) -> TcpPeer {
    let mut client = lab.connect(name, server.addr());
    introduce(lab, &mut client, name);
    client
}

pub fn introduce(lab: &Lab, client: &mut TcpPeer, name: &str) {
    let doing = format!("waiting for NAME?, as {name}, who has just connected");
    hears(lab, client, "NAME?", &doing);
    client.send(format!("{name}\n").as_bytes());
    let doing = format!("waiting, as {name}, who has just said this name, for the names of all who are there");
    let names = client.read_line(&doing);
    let is_there = names.starts_with("* ") && names.split(' ').any(|other| other == name);
    lab.expect(
        &doing,
        format!("* and the names of all, {name} among them"),
        names,
        is_there,
    );
}

/// One says a line, and the other reads it.
pub fn says(lab: &Lab, (speaker, client): (&str, &mut TcpPeer), line: &str, (name, other): (&str, &mut TcpPeer)) {
    client.send(format!("{line}\n").as_bytes());
    let doing = format!("reading, as {name}, what {speaker} has said");
    hears(lab, other, &format!("{speaker}: {line}"), &doing);
}

pub fn asks_who(lab: &Lab, client: &mut TcpPeer, expected: &str, doing: &str) {
    client.send(b"/who\n");
    hears(lab, client, expected, doing);
}

pub fn hears(lab: &Lab, client: &mut TcpPeer, expected: &str, doing: &str) {
    let line = client.read_line(doing);
    lab.expect(doing, expected, &line, line == expected);
}

/// Compares bytes and says where they first differ, instead of printing mebibytes.
pub fn expect_same(lab: &Lab, doing: &str, received: &[u8], sent: &[u8]) {
    let same = match received == sent {
        true => sent.len(),
        false => received.iter().zip(sent).take_while(|(a, b)| a == b).count(),
    };
    let seen = format!("{} bytes, of which the first {same} are right", received.len());
    lab.expect(doing, format!("the same {} bytes", sent.len()), seen, received == sent);
}
