// CANARY-7f3a91c2-hidden
//! More clients than there are places, or than a set of `select` can hold.

use harness::{Lab, TcpPeer};

use crate::talk::{hears, join, says, two};

pub fn three_places(lab: &Lab) {
    let server = lab.serve(["server", "--max-clients", "3"]);
    let (mut alice, mut bob) = two(lab, &server);
    let mut stranger = lab.connect("stranger", server.addr());
    hears(
        lab,
        &mut stranger,
        "NAME?",
        "waiting for the NAME? of the third client, with --max-clients 3",
    );
    for _ in 0..2 {
        let mut fourth = lab.connect("fourth", server.addr());
        hears(
            lab,
            &mut fourth,
            "* full",
            "connecting as the fourth client, with --max-clients 3",
        );
        fourth.expect_eof("waiting for the end, as the fourth client, who has been told `* full`");
    }
    says(lab, ("alice", &mut alice), "they cannot come in", ("bob", &mut bob));
    bob.close();
    hears(
        lab,
        &mut alice,
        "* bob left",
        "waiting, as alice, for the news that bob has left",
    );
    let mut carol = join(lab, &server, "carol"); // in bob's place
    hears(
        lab,
        &mut alice,
        "* carol joined",
        "waiting, as alice, for carol, who has got bob's place",
    );
    says(lab, ("alice", &mut alice), "welcome", ("carol", &mut carol));
    server.expect_alive();
}

/// Of 1100 clients, 1000 at least are served; who can have no place in a set is told so.
pub fn more_than_a_set_can_hold(lab: &Lab, places: usize) {
    const CLIENTS: usize = 1100;
    const SERVED: usize = 1000;
    if !lab.can_open(2048) {
        return;
    }
    let places = places.to_string();
    let server = lab.program(["server", "--max-clients", &places]).nofile(4096).serve();
    let mut crowd = Vec::new();
    for number in 1..=CLIENTS {
        let mut client = lab.connect("crowd", server.addr());
        let doing =
            format!("connecting client {number} of {CLIENTS}, with --max-clients {places} and descriptors for 4096");
        let line = client.read_line(&doing);
        let served = line == "NAME?";
        let expected = if number <= SERVED { "NAME?" } else { "NAME?, or * full" };
        lab.expect(&doing, expected, &line, served || number > SERVED && line == "* full");
        if served {
            crowd.push(client);
        } else {
            client.expect_eof("waiting for the end, as a client who has been told `* full`");
        }
    }
    // Some of them, the first and the last among them, come to talk.
    let last = crowd.len() - 1;
    let mut talkers: Vec<TcpPeer> = Vec::new();
    let mut silent = Vec::new();
    for (number, mut client) in crowd.into_iter().enumerate() {
        if number % 50 != 0 && number != last {
            silent.push(client); // stays connected
            continue;
        }
        let name = format!("guest{number}");
        client.send(format!("{name}\n").as_bytes());
        let doing = format!(
            "waiting, as client {} of {}, who has said the name {name}, for the names of all",
            number + 1,
            last + 1
        );
        let names = client.read_line(&doing);
        let known = names.split(' ').count() - 1;
        lab.expect(
            &doing,
            format!("* and {} names", talkers.len() + 1),
            &names,
            known == talkers.len() + 1,
        );
        for other in &mut talkers {
            hears(
                lab,
                other,
                &format!("* {name} joined"),
                "waiting for one more to join, with a thousand connected",
            );
        }
        talkers.push(client);
    }
    for speaker in [0, talkers.len() - 1] {
        talkers[speaker].send(b"can you all hear me?\n");
        for (number, other) in talkers.iter_mut().enumerate().filter(|(number, _)| *number != speaker) {
            let line = other.read_line("reading what one of them has said, with a thousand connected");
            let right = line.starts_with("guest") && line.ends_with(": can you all hear me?");
            lab.expect(
                &format!("reading it as talker {}", number + 1),
                "guest…: can you all hear me?",
                &line,
                right,
            );
        }
    }
    server.expect_alive();
}
