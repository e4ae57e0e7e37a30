//! The checks of exercise 10 that you have in front of you. Run them: `cargo test -p ex10`.
//!
//! Each one starts your program and talks to it as a client would. `rubric.toml` says what each is worth.
#![allow(non_snake_case)] // READ and APPEND are the protocol's own words

use std::path::{Path, PathBuf};

use harness::fsp::{Client, Reply, Request, Tree, numbered};
use harness::{Lab, Server};

harness::exercise!("../rubric.toml");

/// The client of most of these checks.
const NAME: u32 = 0xc0ff_ee01;

#[test]
fn duplicate_READ_is_replayed() {
    let lab = lab();
    let (_server, mut client, _) = serving(&lab, &Tree::of_the_slides());
    let mut transcript = String::new();
    for (line, copies) in [
        ("OPEN /tmp/test.txt r", 0),
        ("READ 32 200", 1),
        ("STAT 32", 0),
        ("READ 32 200", 0),
        ("STAT 32", 0),
    ] {
        let request = client.request(line, b"");
        for _ in 0..=copies {
            client.send(&request);
            let reply = client.reply_to(&request);
            transcript += &format!("> {}\n< {}\n", request.shown(), reply.shown());
        }
    }
    // Data of records that follow each other is shown by the first and the last of them.
    harness::assert_snapshot!(lab, transcript, @r#"
    > c0ffee01.1 OPEN /tmp/test.txt r
    < c0ffee01.1 OK 32 1000
    > c0ffee01.2 READ 32 200
    < c0ffee01.2 OK 200  0000000..0000192
    > c0ffee01.2 READ 32 200
    < c0ffee01.2 OK 200  0000000..0000192
    > c0ffee01.3 STAT 32
    < c0ffee01.3 OK  "32: /tmp/test.txt, 200, read"
    > c0ffee01.4 READ 32 200
    < c0ffee01.4 OK 200  0000200..0000392
    > c0ffee01.5 STAT 32
    < c0ffee01.5 OK  "32: /tmp/test.txt, 400, read"
    "#);
}

#[test]
fn duplicate_APPEND_appends_once() {
    let lab = lab();
    let (_server, mut client, root) = serving(&lab, &Tree::new().file("/notes/log", b"0: start\n"));
    client.expect("OPEN /notes/log w", b"", "OK 32 9", b"");
    let request = client.request("APPEND 32 4", b"one\n");
    send_copies(&lab, &mut client, &request, 2, "OK 13", b"");
    let after = "after an APPEND and two copies of it";
    expect_file(&lab, &root, b"0: start\none\n", after);
    // The same words under a new number are a new request: somebody means it.
    client.expect("APPEND 32 4", b"one\n", "OK 17", b"");
    let after = "after an APPEND of the same bytes under a new number";
    expect_file(&lab, &root, b"0: start\none\none\n", after);
}

#[test]
fn duplicate_OPEN_gives_the_same_handle() {
    let lab = lab();
    let (_server, mut client, _) = serving(&lab, &Tree::of_the_slides());
    expect_stats(&lab, &mut client, "clients=0 handles=0 replays=0 drops=0");
    let request = client.request("OPEN /tmp/test.txt r", b"");
    send_copies(&lab, &mut client, &request, 2, "OK 32 1000", b"");
    expect_stats(&lab, &mut client, "clients=1 handles=1 replays=2 drops=0");
    client.expect("OPEN /tmp/test.txt r", b"", "OK 33 1000", b"");
    let request = client.request("CLOSE 32", b"");
    send_copies(&lab, &mut client, &request, 1, "OK", b""); // not EBADF: it was the first one that closed it
    expect_stats(&lab, &mut client, "clients=1 handles=1 replays=3 drops=0");
}

#[test]
fn old_sequence_numbers_get_silence() {
    let lab = lab();
    let (_server, mut client, _) = serving(&lab, &Tree::of_the_slides());
    let open = client.request("OPEN /tmp/test.txt r", b"");
    let first = client.request("READ 32 200", b"");
    let second = client.request("READ 32 200", b"");
    let file = numbered(1000);
    for (request, expected, data) in [
        (&open, "OK 32 1000", &b""[..]),
        (&first, "OK 200", &file[..200]),
        (&second, "OK 200", &file[200..400]),
    ] {
        client.send(request);
        client.expect_reply(request, expected, data);
    }
    for old in [&open, &first] {
        client.send(old);
        let late = client.drain();
        let doing = format!(
            "sending `{}` again, after `{}` was answered",
            old.shown(),
            second.shown()
        );
        let received = late.first().map_or("nothing".to_string(), |reply| reply.shown());
        lab.expect(&doing, "nothing", received, late.is_empty());
    }
    // The last one is still answered, and the next one, too.
    client.send(&second);
    client.expect_reply(&second, "OK 200", &file[200..400]);
    client.expect("STAT 32", b"", "OK", b"32: /tmp/test.txt, 400, read");
    expect_stats(&lab, &mut client, "clients=1 handles=1 replays=1 drops=2");
}

#[test]
fn reply_cache_table() {
    let lab = lab();
    let cases = [
        ("a new client", "64 a.1", "execute r1"),
        ("the same number", "64 a.1|a.1|a.1", "execute r1|replay r1|replay r1"),
        (
            "a larger number: its reply takes the place of the last one",
            "64 a.1|a.2|a.2",
            "execute r1|execute r2|replay r2",
        ),
        ("a smaller number", "64 a.2|a.1|a.2", "execute r1|drop|replay r1"),
        (
            "a gap: number 4 was given up, and may never arrive",
            "64 a.3|a.5|a.4|a.5",
            "execute r1|execute r2|drop|replay r2",
        ),
        (
            "a client that is heard for the first time at number 7",
            "64 a.7|a.7|a.8",
            "execute r1|replay r1|execute r2",
        ),
        (
            "another client counts on its own",
            "64 a.1|a.2|b.1|a.2|b.1|b.2",
            "execute r1|execute r2|execute r3|replay r2|replay r3|execute r4",
        ),
        (
            "the largest number",
            "64 a.4294967295|a.4294967295",
            "execute r1|replay r1",
        ),
        (
            "a client too many",
            "2 a.1|b.1|c.1|c.1|b.1",
            "execute r1|execute r2|execute r3 forget a|replay r3|replay r2",
        ),
        (
            "a next request of a known client is not a client too many",
            "2 a.1|b.1|a.2|b.2|a.3",
            "execute r1|execute r2|execute r3|execute r4|execute r5",
        ),
        (
            "who asks again was heard: b has been silent for longer than a",
            "2 a.1|b.1|a.1|c.1|a.1",
            "execute r1|execute r2|replay r1|execute r3 forget b|replay r1",
        ),
        (
            "who was forgotten is a new client",
            "1 a.5|b.1|a.5|a.3",
            "execute r1|execute r2 forget a|execute r3 forget b|drop",
        ),
    ];
    let requests = cases.map(|(_, ids, _)| format!("cache {ids}"));
    let answers = lab.probe(&requests.each_ref().map(String::as_str));
    for (((case, _, expected), request), answer) in cases.iter().zip(&requests).zip(answers) {
        let doing = format!("asking `{request}`: {case}");
        lab.expect(&doing, expected, &answer, answer == *expected);
    }
}

#[test]
fn equal_numbers_of_two_clients_do_not_collide() {
    let lab = lab();
    let (server, mut first, _) = serving(&lab, &Tree::of_the_slides());
    let mut second = lab.fsp("second client", server.addr()).named(0x0bad_cafe);
    let file = numbered(1000);
    first.expect("OPEN /tmp/test.txt r", b"", "OK 32 1000", b"");
    second.expect("OPEN /tmp/test.txt r", b"", "OK 33 1000", b"");
    let of_first = first.request("READ 32 200", b"");
    send_copies(&lab, &mut first, &of_first, 0, "OK 200", &file[..200]);
    let of_second = second.request("READ 33 80", b"");
    send_copies(&lab, &mut second, &of_second, 0, "OK 80", &file[..80]);
    // Both have sent number 2, and each has its own last reply.
    first.send(&of_first);
    first.expect_reply(&of_first, "OK 200", &file[..200]);
    second.send(&of_second);
    second.expect_reply(&of_second, "OK 80", &file[..80]);
    // One runs ahead. The other one's small numbers are not old.
    first.expect("READ 32 200", b"", "OK 200", &file[200..400]);
    first.expect("READ 32 200", b"", "OK 200", &file[400..600]);
    second.expect("READ 33 80", b"", "OK 80", &file[80..160]);
}

/// Your server with these files, a client of the test, and the folder that is served.
fn serving(lab: &Lab, tree: &Tree) -> (Server, Client, PathBuf) {
    let root = tree.plant(lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let client = lab.fsp("client", server.addr()).named(NAME).knowing(tree);
    (server, client, root)
}

/// Sends it, and so many copies, one after the other: the same reply has to come to all of them.
fn send_copies(lab: &Lab, client: &mut Client, request: &Request, copies: usize, expected: &str, data: &[u8]) {
    client.send(request);
    client.expect_reply(request, expected, data);
    for copy in 1..=copies {
        client.send(request);
        let reply = client.reply_to(request);
        let expected = Reply::to(request, expected, data);
        let doing = format!("reading the reply to copy {copy} of `{}`", request.shown());
        lab.expect(&doing, expected.shown(), reply.shown(), reply.same(&expected));
    }
}

/// Asks for the server's numbers. That is no request of any client: it does not go through the cache.
fn expect_stats(lab: &Lab, client: &mut Client, expected: &str) {
    let request = Request::new("00000000.1", "STATS");
    client.send(&request);
    let reply = client.reply_to(&request);
    let stats = String::from_utf8_lossy(reply.data());
    lab.expect("asking for STATS", expected, &stats, stats == expected);
}

/// Fails unless the file /notes/log holds these bytes.
fn expect_file(lab: &Lab, root: &Path, expected: &[u8], after: &str) {
    let doing = format!("looking at root/notes/log {after}");
    let found = std::fs::read(root.join("notes/log"));
    let found = found.map_or_else(|error| error.to_string(), |bytes| bytes.escape_ascii().to_string());
    let expected = expected.escape_ascii().to_string();
    lab.expect(&doing, &expected, &found, found == expected);
}
