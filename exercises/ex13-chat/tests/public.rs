//! The checks of exercise 13 that you have in front of you. Run them: `cargo test -p ex13`.
//!
//! Each one is several clients of your server at the same time. `rubric.toml` says what each is worth.

use harness::{Lab, Server, TcpPeer};

harness::exercise!("../rubric.toml");

#[test]
fn two_people_talk() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut transcript = String::new();
    let mut hears = |client: &mut TcpPeer, who: &str, doing: &str| {
        let line = client.read_line(&format!("{doing}: reading {who}'s next line"));
        transcript += &format!("{who} reads: {line}\n");
    };
    let mut alice = lab.connect("alice", server.addr());
    hears(&mut alice, "alice", "alice has connected, as the first client");
    alice.send(b"alice\n");
    hears(&mut alice, "alice", "alice has said her name");

    let mut bob = lab.connect("bob", server.addr());
    hears(
        &mut bob,
        "bob",
        "bob has connected, while alice is connected and says nothing",
    );
    bob.send(b"alice\n");
    hears(&mut bob, "bob", "bob tried a name that alice has");
    hears(&mut bob, "bob", "bob is to be asked again");
    bob.send(b"bob\n");
    hears(&mut bob, "bob", "bob has said his name");
    hears(&mut alice, "alice", "bob has said his name");

    alice.send(b"hello, bob\n");
    hears(&mut bob, "bob", "alice has said hello");
    bob.send(b"hello, alice\n");
    hears(&mut alice, "alice", "bob has said hello, too");
    bob.send(b"/who\n");
    hears(&mut bob, "bob", "bob has asked who is there");
    bob.close();
    hears(&mut alice, "alice", "bob has left");
    harness::assert_snapshot!(lab, transcript, @r"
    alice reads: NAME?
    alice reads: * alice
    bob reads: NAME?
    bob reads: ERR name
    bob reads: NAME?
    bob reads: * alice bob
    alice reads: * bob joined
    bob reads: alice: hello, bob
    alice reads: bob: hello, alice
    bob reads: * alice bob
    alice reads: * bob left
    ");
}

#[test]
fn each_other_hears_once_the_speaker_not() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut stranger = lab.connect("stranger", server.addr());
    hears(&lab, &mut stranger, "NAME?", "waiting for the stranger's NAME?");
    let (mut alice, mut bob, mut carol) = three(&lab, &server);
    let lines = [
        "first",
        " with  spaces ",
        "/whoever",
        "* bob left",
        "gr\u{fc}n \u{1f331}",
    ];
    for line in lines {
        says(
            &lab,
            ("alice", &mut alice),
            line,
            &mut [("bob", &mut bob), ("carol", &mut carol)],
        );
        says(
            &lab,
            ("bob", &mut bob),
            line,
            &mut [("carol", &mut carol), ("alice", &mut alice)],
        );
        says(
            &lab,
            ("carol", &mut carol),
            line,
            &mut [("alice", &mut alice), ("bob", &mut bob)],
        );
    }
    alice.send(b"\n\r\n"); // empty lines mean nothing
    // The answer is the next thing that each of them reads: nobody has heard a line twice, or a line of his own.
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob), ("carol", &mut carol)] {
        let doing = format!("asking, as {name}, who is there; nothing else may come before the answer");
        asks_who(&lab, client, "* alice bob carol", &doing);
    }
    stranger.send(b"dave\n");
    let doing =
        "reading, as the stranger, who has said his name now, who is there; without a name he has heard nothing";
    hears(&lab, &mut stranger, "* alice bob carol dave", doing);
    hears(
        &lab,
        &mut alice,
        "* dave joined",
        "waiting, as alice, for the stranger's name",
    );
}

#[test]
fn leaving_is_announced_and_harmless() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let (mut alice, mut bob, mut carol) = three(&lab, &server);
    let mut stranger = lab.connect("stranger", server.addr());
    hears(&lab, &mut stranger, "NAME?", "waiting for the stranger's NAME?");
    stranger.close(); // has no name, so nobody is told
    carol.send(b"I have to g");
    carol.close(); // in the middle of a line, which was never said
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        let doing = format!("waiting, as {name}, for the news that carol has left");
        hears(&lab, client, "* carol left", &doing);
    }
    bob.half_close();
    hears(
        &lab,
        &mut alice,
        "* bob left",
        "waiting, as alice, for the news that bob has left",
    );
    bob.expect_eof("waiting for the end of the stream, as bob, who has ended his own direction: the server closes");

    // Their names are free, and those who come now are no worse off. Three leave in the same moment.
    let (mut bob, mut carol, mut dave) = (
        join(&lab, &server, "bob"),
        join(&lab, &server, "carol"),
        join(&lab, &server, "dave"),
    );
    for name in ["bob", "carol", "dave"] {
        hears(
            &lab,
            &mut alice,
            &format!("* {name} joined"),
            "waiting, as alice, for those who join",
        );
    }
    for name in ["carol", "dave"] {
        hears(
            &lab,
            &mut bob,
            &format!("* {name} joined"),
            "waiting, as bob, for those who join",
        );
    }
    hears(
        &lab,
        &mut carol,
        "* dave joined",
        "waiting, as carol, for those who join",
    );
    let mut erin = join(&lab, &server, "erin");
    for client in [&mut alice, &mut bob, &mut carol, &mut dave] {
        hears(
            &lab,
            client,
            "* erin joined",
            "waiting for erin, who joins as the last one",
        );
    }
    server.freeze();
    bob.close();
    carol.close();
    dave.close();
    alice.send(b"who is still here?\n");
    server.thaw();
    for (name, client, others) in [("alice", &mut alice, 0), ("erin", &mut erin, 1)] {
        let doing = format!("reading, as {name}, that three have left in the same moment");
        let mut lines: Vec<String> = (0..3 + others).map(|_| client.read_line(&doing)).collect();
        lines.retain(|line| others == 0 || line != "alice: who is still here?");
        lines.sort_unstable();
        lab.expect_eq(
            &doing,
            lines,
            ["* bob left", "* carol left", "* dave left"].map(String::from).to_vec(),
        );
    }
    says(&lab, ("erin", &mut erin), "I am", &mut [("alice", &mut alice)]);
    asks_who(&lab, &mut alice, "* alice erin", "asking, as alice, who is left");
}

#[test]
fn half_a_line_blocks_nobody() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let (mut alice, mut bob, mut carol) = three(&lab, &server);
    // One who has not said anything, one in the middle of a name, and one in the middle of a line.
    let mut silent = lab.connect("silent", server.addr());
    hears(
        &lab,
        &mut silent,
        "NAME?",
        "waiting for the NAME? of one who says nothing",
    );
    let mut slow = lab.connect("slow", server.addr());
    hears(&lab, &mut slow, "NAME?", "waiting for the NAME? of one more");
    slow.send(b"sl");
    carol.send(b"half a ");
    for line in ["one", "two", "three"] {
        says(
            &lab,
            ("alice", &mut alice),
            line,
            &mut [("bob", &mut bob), ("carol", &mut carol)],
        );
        says(
            &lab,
            ("bob", &mut bob),
            line,
            &mut [("alice", &mut alice), ("carol", &mut carol)],
        );
    }
    carol.send(b"line\nand");
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        let doing = format!("reading, as {name}, the line that carol has finished now");
        hears(&lab, client, "carol: half a line", &doing);
    }
    slow.send(b"ow\n");
    hears(
        &lab,
        &mut alice,
        "* slow joined",
        "waiting, as alice, for the name that is finished now",
    );
}

#[test]
fn hub_unit() {
    let lab = lab();
    let cases = [
        ("half a line", "lines hel", "nothing"),
        (
            "a line in three pieces, and half of the next",
            r"lines h|ell|o\nhe",
            r#""hello""#,
        ),
        ("three lines in one piece", r"lines one\ntwo\n\n", r#""one", "two", """#),
        (
            "CR before the LF, and elsewhere",
            r"lines one\r\nt\rwo\r|\n",
            r#""one", "t\rwo""#,
        ),
        ("a client connects", "hub +", r#"1 gets "NAME?\n""#),
        (
            "two clients join: the first one is told of the second, nobody of himself",
            r"hub +|+|1:alice\n|2:bob\n",
            r#"1 gets "NAME?\n* alice\n* bob joined\n", 2 gets "NAME?\n* alice bob\n""#,
        ),
        (
            "names that are none, and one that is taken",
            r"hub +|+|1:a-b\n\n\xff\n12345678901234567\n1234567890123456\n|2:1234567890123456\n",
            r#"1 gets "NAME?\nERR name\nNAME?\nERR name\nNAME?\nERR name\nNAME?\nERR name\nNAME?\n* 1234567890123456\n", 2 gets "NAME?\nERR name\nNAME?\n""#,
        ),
        (
            "a line goes to the others, without the CR, and an empty one to nobody",
            r"hub +|+|+|1:alice\n|2:bob\n|1:hi\r\n\n",
            r#"1 gets "NAME?\n* alice\n* bob joined\n", 2 gets "NAME?\n* alice bob\nalice: hi\n", 3 gets "NAME?\n""#,
        ),
        (
            "bytes that are no text stay as they are",
            r"hub +|+|1:alice\n|2:bob\n|1:\xff\x00\n",
            r#"1 gets "NAME?\n* alice\n* bob joined\n", 2 gets "NAME?\n* alice bob\nalice: \xff\x00\n""#,
        ),
        (
            "name, line and question in one piece",
            r"hub +|+|2:bob\n|1:alice\nhi\n/who\n",
            r#"1 gets "NAME?\n* alice bob\n* alice bob\n", 2 gets "NAME?\n* bob\n* alice joined\nalice: hi\n""#,
        ),
        (
            "who is there, sorted by name",
            r"hub +|+|+|3:carol\n|2:Bob\n|1:alice\n|3:/who\n",
            r#"1 gets "NAME?\n* Bob alice carol\n", 2 gets "NAME?\n* Bob carol\n* alice joined\n", 3 gets "NAME?\n* carol\n* Bob joined\n* alice joined\n* Bob alice carol\n""#,
        ),
        (
            "the others are told who left; half a line was never said; the name is free; a number is not used again",
            r"hub +|+|1:alice\n|2:bob\n|2:by|-2|+|3:bob\n|3:hi\n",
            r#"1 gets "NAME?\n* alice\n* bob joined\n* bob left\n* bob joined\nbob: hi\n", 2 gets "NAME?\n* alice bob\n", 3 gets "NAME?\n* alice bob\n""#,
        ),
        (
            "one who has no name leaves without a word",
            r"hub +|+|1:alice\n|-2|1:hi\n",
            r#"1 gets "NAME?\n* alice\n", 2 gets "NAME?\n""#,
        ),
    ];
    let requests = cases.map(|(_, request, _)| request);
    for ((case, request, expected), answer) in cases.into_iter().zip(lab.probe(&requests)) {
        lab.expect(
            &format!("{case}: asking `{request}`"),
            expected,
            &answer,
            answer == expected,
        );
    }
    let x = |bytes: usize| "x".repeat(bytes);
    let long = [
        ("512 bytes, and no LF yet", format!("lines {}", x(512)), "none"),
        ("513 bytes, and no LF yet", format!("lines {}", x(513)), "512"),
        ("512 bytes and an LF", format!(r"lines {}\n", x(512)), "512"),
        (
            "1030 bytes and an LF, in two pieces",
            format!(r"lines {}|{}\n", x(600), x(430)),
            "512, 512, 6",
        ),
    ];
    let requests: Vec<&str> = long.iter().map(|(_, request, _)| request.as_str()).collect();
    for ((case, _, expected), answer) in long.iter().zip(lab.probe(&requests)) {
        let quoted: Vec<usize> = answer.split('"').skip(1).step_by(2).map(str::len).collect();
        let lengths: Vec<String> = quoted.iter().map(usize::to_string).collect();
        let lengths = if lengths.is_empty() {
            "none".to_string()
        } else {
            lengths.join(", ")
        };
        let doing = format!("{case}: looking how long the lines are that come out");
        lab.expect(&doing, expected, &lengths, lengths == *expected);
    }
}

#[test]
fn quit_on_stdin() {
    let lab = lab();
    for typed in [&["quit\n"][..], &["hello\nquit\n"], &["quit it\nqu", "it\n"]] {
        let server = lab.serve(["server"]);
        let mut alice = join(&lab, &server, "alice");
        let mut bob = join(&lab, &server, "bob");
        hears(&lab, &mut alice, "* bob joined", "waiting, as alice, for bob");
        bob.send(b"half a li");
        for piece in typed {
            server.expect_alive();
            says(&lab, ("alice", &mut alice), "is it over?", &mut [("bob", &mut bob)]);
            server.stdin_write(piece.as_bytes());
        }
        server.expect_exit_when(
            0,
            &format!("waiting for the server's end, after {typed:?} on its stdin and while clients are connected"),
        );
    }
}

/// alice, bob and carol, who know of each other.
fn three(lab: &Lab, server: &Server) -> (TcpPeer, TcpPeer, TcpPeer) {
    let mut alice = join(lab, server, "alice");
    let mut bob = join(lab, server, "bob");
    hears(
        lab,
        &mut alice,
        "* bob joined",
        "waiting, as alice, for the news that bob has joined",
    );
    let carol = join(lab, server, "carol");
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        let doing = format!("waiting, as {name}, for the news that carol has joined");
        hears(lab, client, "* carol joined", &doing);
    }
    (alice, bob, carol)
}

/// A client who has said its name, and knows that the server has heard it.
fn join(lab: &Lab, server: &Server, name: &str) -> TcpPeer {
    let mut client = lab.connect(name, server.addr());
    let doing = format!("waiting for NAME?, as {name}, who has just connected");
    hears(lab, &mut client, "NAME?", &doing);
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
    client
}

/// One says a line, and each of the others reads it.
fn says(lab: &Lab, (speaker, client): (&str, &mut TcpPeer), line: &str, others: &mut [(&str, &mut TcpPeer)]) {
    client.send(format!("{line}\n").as_bytes());
    for (name, other) in others {
        let doing = format!("reading, as {name}, what {speaker} has said");
        hears(lab, other, &format!("{speaker}: {line}"), &doing);
    }
}

fn asks_who(lab: &Lab, client: &mut TcpPeer, expected: &str, doing: &str) {
    client.send(b"/who\n");
    hears(lab, client, expected, doing);
}

fn hears(lab: &Lab, client: &mut TcpPeer, expected: &str, doing: &str) {
    let line = client.read_line(doing);
    lab.expect(doing, expected, &line, line == expected);
}
