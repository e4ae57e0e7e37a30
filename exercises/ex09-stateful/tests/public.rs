//! The checks of exercise 9 that you have in front of you. Run them: `cargo test -p ex09`.
//!
//! Each one starts your program and talks to it as a client or as a server would. `rubric.toml` says what each is worth.
#![allow(non_snake_case)] // READ and EBADF are the protocol's own words

use std::fs;
use std::path::{Path, PathBuf};

use harness::fsp::{Client, Oracle, Tree, numbered};
use harness::{Lab, Server};

harness::exercise!("../rubric.toml");

const FILE: &str = "/tmp/test.txt";

#[test]
fn the_slides_session() {
    let lab = lab();
    let (_server, mut client, _) = serving(&lab, &Tree::of_the_slides());
    let mut transcript = String::new();
    for line in [
        "OPEN /tmp/test.txt r",
        "READ 32 200",
        "STAT 32",
        "READ 32 200",
        "STAT 32",
        "CLOSE 32",
        "OPEN /tmp/none.txt r",
    ] {
        let request = client.request(line, b"");
        client.send(&request);
        let reply = client.reply_to(&request);
        transcript += &format!("> {}\n< {}\n", request.shown(), reply.shown());
    }
    // Data of records that follow each other is shown by the first and the last of them.
    harness::assert_snapshot!(lab, transcript, @r#"
    > 1 OPEN /tmp/test.txt r
    < 1 OK 32 1000
    > 2 READ 32 200
    < 2 OK 200  0000000..0000192
    > 3 STAT 32
    < 3 OK  "32: /tmp/test.txt, 200, read"
    > 4 READ 32 200
    < 4 OK 200  0000200..0000392
    > 5 STAT 32
    < 5 OK  "32: /tmp/test.txt, 400, read"
    > 6 CLOSE 32
    < 6 OK
    > 7 OPEN /tmp/none.txt r
    < 7 ERR ENOENT
    "#);
}

#[test]
fn two_handles_one_file_two_cursors() {
    let lab = lab();
    let (_server, mut client, _) = serving(&lab, &Tree::of_the_slides());
    let file = numbered(1000);
    let first = open(&lab, &mut client, FILE, "r");
    client.expect("READ $1 200", b"", "OK 200", &file[..200]);
    let second = open(&lab, &mut client, FILE, "r");
    client.expect("READ $2 80", b"", "OK 80", &file[..80]);
    client.expect("READ $1 200", b"", "OK 200", &file[200..400]);
    let third = open(&lab, &mut client, FILE, "w");
    client.expect("WRITE $3 8", b"CHANGED\n", "OK 8", b"");
    client.expect("READ $2 80", b"", "OK 80", &file[80..160]);
    for (handle, state) in [(first, "400, read"), (second, "160, read"), (third, "8, write")] {
        let state = format!("{handle}: {FILE}, {state}");
        client.expect(&format!("STAT {handle}"), b"", "OK", state.as_bytes());
    }
}

#[test]
fn closed_handle_is_EBADF() {
    let lab = lab();
    let tree = Tree::of_the_slides();
    let (_server, mut client, root) = serving(&lab, &tree);
    open(&lab, &mut client, FILE, "w");
    client.expect("READ $1 8", b"", "OK 8", b"0000000\n");
    let other = open(&lab, &mut client, FILE, "r");
    client.expect("CLOSE $1", b"", "OK", b"");
    for handle in ["$1", "31", "999", "4294967295", "99999999999999999999"] {
        for (line, data) in [
            ("READ H 8", ""),
            ("WRITE H 4", "late"),
            ("APPEND H 4", "late"),
            ("SEEK H 8", ""),
            ("STAT H", ""),
            ("CLOSE H", ""),
        ] {
            client.expect(&line.replace('H', handle), data.as_bytes(), "ERR EBADF", b"");
        }
    }
    expect_file(&lab, &root, &tree, "after WRITEs to handles that are not open");
    // The other handle has nothing to do with all that.
    let state = format!("{other}: {FILE}, 0, read");
    client.expect("STAT $2", b"", "OK", state.as_bytes());
}

#[test]
fn mode_is_enforced() {
    let lab = lab();
    let tree = Tree::of_the_slides();
    let (_server, mut client, root) = serving(&lab, &tree);
    let reading = open(&lab, &mut client, FILE, "r");
    client.expect("WRITE $1 5", b"HELLO", "ERR EACCES", b"");
    client.expect("APPEND $1 5", b"HELLO", "ERR EACCES", b"");
    expect_file(
        &lab,
        &root,
        &tree,
        "after a WRITE and an APPEND to a handle for reading",
    );
    let state = format!("{reading}: {FILE}, 0, read");
    client.expect("STAT $1", b"", "OK", state.as_bytes());
    // A handle for writing may read, too.
    open(&lab, &mut client, FILE, "w");
    client.expect("READ $2 8", b"", "OK 8", b"0000000\n");
    client.expect("WRITE $2 8", b"0000008\n", "OK 8", b"");
    client.expect("WRITE $1 5", b"HELLO", "ERR EACCES", b"");
    expect_file(&lab, &root, &tree, "after writing the same bytes that were there");
}

#[test]
fn handle_table_unit() {
    let lab = lab();
    let cases = [
        (
            "reading on and on, 3 bytes at a time, over a file of 10",
            r"OPEN /a r|READ 32 3|READ 32 3|READ 32 3|READ 32 3|READ 32 3",
            r#"OK 32 10|OK 3 "abc"|OK 3 "def"|OK 3 "ghi"|OK 1 "j"|OK 0"#,
        ),
        (
            "writing on and on",
            r"OPEN /a w|WRITE 32 2\nAB|WRITE 32 2\nCD|STAT 32|SEEK 32 0|READ 32 10",
            r#"OK 32 10|OK 2|OK 2|OK "32: /a, 4, write"|OK 0|OK 10 "ABCDefghij""#,
        ),
        (
            "a new file",
            r"OPEN /new w|WRITE 32 3\nnew|OPEN /new r|READ 33 9",
            r#"OK 32 0|OK 3|OK 33 3|OK 3 "new""#,
        ),
        (
            "SEEK says where, not how far",
            r"OPEN /a r|READ 32 4|SEEK 32 6|SEEK 32 6|STAT 32|READ 32 2",
            r#"OK 32 10|OK 4 "abcd"|OK 6|OK 6|OK "32: /a, 6, read"|OK 2 "gh""#,
        ),
        (
            "APPEND writes at the end and leaves the position",
            r"OPEN /a w|READ 32 2|APPEND 32 3\nklm|STAT 32|READ 32 1",
            r#"OK 32 10|OK 2 "ab"|OK 13|OK "32: /a, 2, write"|OK 1 "c""#,
        ),
        (
            "two files",
            r"OPEN /a r|OPEN /b r|READ 32 2|READ 33 3|READ 32 2|READ 33 3",
            r#"OK 32 10|OK 33 10|OK 2 "ab"|OK 3 "012"|OK 2 "cd"|OK 3 "345""#,
        ),
        (
            "an OPEN that is refused uses up no handle",
            "OPEN /none r|OPEN /a r|OPEN /none r|OPEN /a r",
            "ERR ENOENT|OK 32 10|ERR ENOENT|OK 33 10",
        ),
    ];
    let requests = cases.map(|(_, requests, _)| format!("table {requests}"));
    let answers = lab.probe(&requests.each_ref().map(String::as_str));
    for (((case, _, expected), request), answer) in cases.iter().zip(&requests).zip(answers) {
        let doing = format!("asking `{request}`: {case}");
        lab.expect(&doing, expected, &answer, answer == *expected);
    }
}

#[test]
fn reading_at_the_end_stays_at_the_end() {
    let lab = lab();
    let (_server, mut client, _) = serving(&lab, &Tree::of_the_slides());
    let longer = numbered(1016);
    let reading = open(&lab, &mut client, FILE, "r");
    client.expect("READ $1 1024", b"", "OK 1000", &longer[..1000]); // 24 bytes more than there are
    for _ in 0..2 {
        client.expect("READ $1 200", b"", "OK 0", b"");
    }
    let state = format!("{reading}: {FILE}, 1000, read");
    client.expect("STAT $1", b"", "OK", state.as_bytes());
    // The file grows. What is new is what comes next, all of it.
    let writing = open(&lab, &mut client, FILE, "w");
    client.expect("APPEND $2 16", &longer[1000..], "OK 1016", b"");
    client.expect("READ $1 200", b"", "OK 16", &longer[1000..]);
    let state = format!("{writing}: {FILE}, 0, write");
    client.expect("STAT $2", b"", "OK", state.as_bytes()); // APPEND says where by itself
}

#[test]
fn client_copies_1000_bytes_in_300s() {
    let lab = lab();
    let mut server = lab.fsp_server("server", Oracle::Stateful, &Tree::of_the_slides());
    let port = server.addr().port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port, "get", FILE, "--chunk", "300"])
        .start();
    let mut transcript = String::new();
    loop {
        let doing = "waiting for the client's next request: the last ones are a READ that brings 0 bytes, and CLOSE";
        let (request, reply) = server.answer_next(doing);
        let reply = reply.map_or("(nothing)".to_string(), |reply| reply.line());
        transcript += &format!("{} -> {reply}\n", request.line);
        if request.line.starts_with("CLOSE") || reply.starts_with("ERR") || transcript.lines().count() > 10 {
            break;
        }
    }
    harness::assert_snapshot!(lab, transcript, @r"
    OPEN /tmp/test.txt r -> OK 32 1000
    READ 32 300 -> OK 300
    READ 32 300 -> OK 300
    READ 32 300 -> OK 300
    READ 32 300 -> OK 100
    READ 32 300 -> OK 0
    CLOSE 32 -> OK
    ");
    let copy = client.expect_exit(0).stdout;
    let doing = "comparing what the client printed with the file";
    expect_bytes(&lab, doing, &copy, &numbered(1000));
}

/// Your server with these files, a client of the test, and the folder that is served.
fn serving(lab: &Lab, tree: &Tree) -> (Server, Client, PathBuf) {
    let root = tree.plant(lab, "root");
    let server = lab.serve(["server", "--root", "root"]);
    let client = lab.fsp("client", server.addr()).knowing(tree);
    (server, client, root)
}

/// Opens a file, and gives its handle: `$1`, if it is the first, whatever number it has.
fn open(lab: &Lab, client: &mut Client, path: &str, mode: &str) -> String {
    let line = format!("OPEN {path} {mode}");
    let reply = client.ask(&line, b"");
    let doing = format!("reading the reply to `{line}`");
    let fields = reply.fields();
    lab.expect(&doing, "OK, a handle and the size", reply.shown(), fields.len() == 2);
    fields[0].clone()
}

/// Fails unless the file of the slides is on disk as it was planted.
fn expect_file(lab: &Lab, root: &Path, tree: &Tree, after: &str) {
    let doing = format!("looking at root{FILE} {after}");
    let expected = tree.bytes(FILE).unwrap_or_default();
    match fs::read(root.join(FILE.trim_start_matches('/'))) {
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
