//! The checks of exercise 8 that you have in front of you. Run them: `cargo test -p ex08`.
//!
//! Each one starts your program and talks to it as a client or as a server would. `rubric.toml` says what each is worth.
#![allow(non_snake_case)] // READ and WRITE are the protocol's own words

use harness::fsp::{Client, Oracle, Tree, numbered};
use harness::{Lab, Server};

harness::exercise!("../rubric.toml");

const FILE: &str = "/tmp/test.txt";

#[test]
fn the_slides_session() {
    let lab = lab();
    let (_server, mut client) = serving(&lab, &Tree::of_the_slides());
    let mut transcript = String::new();
    for line in [
        "OPEN /tmp/test.txt r",
        "READ /tmp/test.txt 0 200",
        "READ /tmp/test.txt 200 200",
        "CLOSE /tmp/test.txt",
        "OPEN /tmp/none.txt r",
    ] {
        let request = client.request(line, b"");
        client.send(&request);
        let reply = client.reply_to(&request);
        transcript += &format!("> {}\n< {}\n", request.shown(), reply.shown());
    }
    // Data of records that follow each other is shown by the first and the last of them.
    harness::assert_snapshot!(lab, transcript, @r"
    > 1 OPEN /tmp/test.txt r
    < 1 OK 1000
    > 2 READ /tmp/test.txt 0 200
    < 2 OK 200  0000000..0000192
    > 3 READ /tmp/test.txt 200 200
    < 3 OK 200  0000200..0000392
    > 4 CLOSE /tmp/test.txt
    < 4 OK
    > 5 OPEN /tmp/none.txt r
    < 5 ERR ENOENT
    ");
}

#[test]
fn same_READ_twice_same_answer() {
    let lab = lab();
    let (_server, mut client) = serving(&lab, &Tree::of_the_slides());
    let file = numbered(1000);
    client.expect("OPEN /tmp/test.txt r", b"", "OK 1000", b"");
    let request = client.request("READ /tmp/test.txt 0 200", b"");
    for _ in 0..2 {
        client.send(&request); // the same bytes, id included, as a network may deliver them twice
        client.expect_reply(&request, "OK 200", &file[..200]);
    }
    client.expect("READ /tmp/test.txt 600 100", b"", "OK 100", &file[600..700]);
    client.expect("READ /tmp/test.txt 0 200", b"", "OK 200", &file[..200]);
    client.expect("READ /tmp/test.txt 200 200", b"", "OK 200", &file[200..400]);
}

#[test]
fn end_of_file_is_OK_0() {
    let lab = lab();
    let tree = Tree::of_the_slides().file("/tmp/empty", b"");
    let (_server, mut client) = serving(&lab, &tree);
    let file = numbered(1000);
    client.expect("OPEN /tmp/test.txt r", b"", "OK 1000", b"");
    client.expect("OPEN /tmp/empty r", b"", "OK 0", b"");
    client.expect("READ /tmp/test.txt 900 200", b"", "OK 100", &file[900..]); // across the end
    client.expect("READ /tmp/test.txt 1000 200", b"", "OK 0", b""); // at the end
    client.expect("READ /tmp/test.txt 5000 200", b"", "OK 0", b""); // behind it
    client.expect("READ /tmp/test.txt 999 1", b"", "OK 1", &file[999..]); // the last byte
    client.expect("READ /tmp/test.txt 0 0", b"", "OK 0", b""); // nothing was asked for
    client.expect("READ /tmp/empty 0 200", b"", "OK 0", b"");
}

#[test]
fn WRITE_twice_is_WRITE_once() {
    let lab = lab();
    let tree = Tree::new().file("/notes/diary.txt", b"abcdefghijklmnopqrstuvwxyz");
    let root = tree.plant(&lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let mut client = lab.fsp("client", server.addr());
    client.expect("OPEN /notes/diary.txt w", b"", "OK 26", b"");
    let request = client.request("WRITE /notes/diary.txt 10 5", b"HELLO");
    let twice = [
        "after `WRITE /notes/diary.txt 10 5` with HELLO",
        "after a copy of that WRITE",
    ];
    for after in twice {
        client.send(&request);
        client.expect_reply(&request, "OK 5", b"");
        expect_file(&lab, &root, "notes/diary.txt", b"abcdefghijHELLOpqrstuvwxyz", after);
    }
    client.expect("OPEN /notes/diary.txt w", b"", "OK 26", b"");
    let after = "after OPEN with the mode `w`, which empties nothing";
    expect_file(&lab, &root, "notes/diary.txt", b"abcdefghijHELLOpqrstuvwxyz", after);
    client.expect("OPEN /notes/new.txt w", b"", "OK 0", b"");
    expect_file(&lab, &root, "notes/new.txt", b"", "after OPEN with the mode `w`");
    client.expect("WRITE /notes/new.txt 0 3", b"new", "OK 3", b"");
    expect_file(&lab, &root, "notes/new.txt", b"new", "after a WRITE to a new file");
}

#[test]
fn malformed_requests() {
    let lab = lab();
    let cases = [
        ("a READ", r"7 READ /a/b 200 100\n", r#"7 Read "/a/b" 200 100"#),
        ("an OPEN", r"1 OPEN /a w\n", r#"1 Open "/a" Write"#),
        (
            "a WRITE and its data, which need not be text",
            r"8 WRITE /a 0 5\na\nb\x00\xff",
            r#"8 Write "/a" 0 "a\nb\x00\xff""#,
        ),
        ("an APPEND and its data", r"9 APPEND /a 2\nhi", r#"9 Append "/a" "hi""#),
        ("a CLOSE", r"4294967295 CLOSE /a\n", r#"4294967295 Close "/a""#),
        (
            "a path with escapes",
            r"7 CLOSE /a%20b%2Fc%2f\n",
            r#"7 Close "/a b/c/""#,
        ),
        (
            "two escapes that are one letter",
            r"7 CLOSE /%C3%BC\n",
            r#"7 Close "/ü""#,
        ),
        (
            "an escaped percent sign is no escape",
            r"7 CLOSE /%252e\n",
            r#"7 Close "/%2e""#,
        ),
        ("nothing at all", r"", "no id"),
        ("an id that is no number", r"x READ /a 0 1\n", "no id"),
        ("an id with a sign", r"-1 READ /a 0 1\n", "no id"),
        ("an id above 32 bits", r"4294967296 READ /a 0 1\n", "no id"),
        ("an unknown verb", r"7 DANCE /a\n", "7 EPROTO"),
        ("small letters", r"7 read /a 0 1\n", "7 EPROTO"),
        ("an unknown mode", r"7 OPEN /a x\n", "7 EPROTO"),
        ("an argument missing", r"7 READ /a 0\n", "7 EPROTO"),
        ("an argument too many", r"7 CLOSE /a 0\n", "7 EPROTO"),
        ("two spaces", r"7 READ  /a 0 1\n", "7 EPROTO"),
        ("a number with a sign", r"7 READ /a +0 1\n", "7 EPROTO"),
        ("a line without its end", r"7 READ /a 0 1", "7 EPROTO"),
        ("a path that does not begin with a slash", r"7 CLOSE a\n", "7 EPROTO"),
        ("half an escape", r"7 CLOSE /a%2\n", "7 EPROTO"),
        ("an escape that is none", r"7 CLOSE /a%+f\n", "7 EPROTO"),
        ("a path that is no UTF-8", r"7 CLOSE /%ff\n", "7 EPROTO"),
        ("data that was cut", r"7 WRITE /a 0 5\nhell", "7 EPROTO"),
        ("more data than announced", r"7 APPEND /a 5\nhello!", "7 EPROTO"),
        ("data where none belongs", r"7 READ /a 0 5\nhello", "7 EPROTO"),
    ];
    let requests = cases.map(|(_, datagram, _)| format!("parse {datagram}"));
    let answers = lab.probe(&requests.each_ref().map(String::as_str));
    for (((case, _, expected), request), answer) in cases.iter().zip(&requests).zip(answers) {
        let doing = format!("asking `{request}`: {case}");
        lab.expect(&doing, expected, &answer, answer == *expected);
    }
}

#[test]
fn client_copies_1000_bytes_in_300s() {
    let lab = lab();
    let mut server = lab.fsp_server("server", Oracle::Stateless, &Tree::of_the_slides());
    let port = server.addr().port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port, "get", FILE, "--chunk", "300"])
        .start();
    let mut transcript = String::new();
    loop {
        let doing = "waiting for the client's next READ: only one that brings 0 bytes is the end of the file";
        let (request, reply) = server.answer_next(doing);
        let reply = reply.map_or("(nothing)".to_string(), |reply| reply.line());
        transcript += &format!("{} -> {reply}\n", request.line);
        if reply == "OK 0" || reply.starts_with("ERR") || transcript.lines().count() > 10 {
            break;
        }
    }
    harness::assert_snapshot!(lab, transcript, @r"
    READ /tmp/test.txt 0 300 -> OK 300
    READ /tmp/test.txt 300 300 -> OK 300
    READ /tmp/test.txt 600 300 -> OK 300
    READ /tmp/test.txt 900 300 -> OK 100
    READ /tmp/test.txt 1000 300 -> OK 0
    ");
    let copy = client.expect_exit(0).stdout;
    expect_bytes(
        &lab,
        "comparing what the client printed with the file",
        &copy,
        &numbered(1000),
    );
}

/// Your server with these files, and a client of the test.
fn serving(lab: &Lab, tree: &Tree) -> (Server, Client) {
    tree.plant(lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let client = lab.fsp("client", server.addr()).knowing(tree);
    (server, client)
}

/// Fails unless this file below the root holds these bytes.
fn expect_file(lab: &Lab, root: &std::path::Path, path: &str, expected: &[u8], after: &str) {
    let doing = format!("looking at root/{path} {after}");
    match std::fs::read(root.join(path)) {
        Ok(found) => expect_bytes(lab, &doing, &found, expected),
        Err(error) => lab.fail(&doing, expected.escape_ascii(), error),
    }
}

fn expect_bytes(lab: &Lab, doing: &str, received: &[u8], expected: &[u8]) {
    let shown = |bytes: &[u8]| {
        let more = if bytes.len() > 64 { "…" } else { "" };
        let start = bytes[..bytes.len().min(64)].escape_ascii();
        format!("{} bytes: {start}{more}", bytes.len())
    };
    lab.expect(doing, shown(expected), shown(received), received == expected);
}
