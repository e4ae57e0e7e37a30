//! Conversations to look at: `cargo grader trace ex05` draws the first one with every system call, `cargo grader trace ex05 http` the
//! second.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your client does in a situation of your own.

use std::time::Duration;

harness::exercise!("../rubric.toml");

/// A service that speaks first, and the client that only listens.
#[test]
fn daytime() {
    let lab = lab().recorded();
    let listener = lab.listen("server");
    let client = lab.program(["get", &format!("daytime://{}/", listener.addr())]).start();
    let mut server = listener.accept();
    server.send(b"2016-09-14T18:30:05Z\n");
    server.close();
    client.expect_exit(0);
}

/// A request of two lines, and a reply with a head and a body.
#[test]
fn http() {
    let lab = lab().recorded();
    let listener = lab.listen("server");
    let client = lab
        .program(["get", &format!("http://{}/a%20b", listener.addr())])
        .start();
    let mut server = listener.accept();
    while server.read_line("reading the request, up to an empty line").trim_end() != "" {}
    server.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello");
    server.close();
    client.expect_exit(0);
}

/// The same program, another protocol: here the end of the request is the client's end of the stream.
#[test]
fn echo() {
    let lab = lab().recorded();
    let listener = lab.listen("server");
    let client = lab
        .program(["get", &format!("echo://{}/Hello%2C%20world", listener.addr())])
        .start();
    let mut server = listener.accept();
    let text = server.read_to_eof("reading the text, up to the client's half-close");
    server.send(&text);
    server.close();
    client.expect_exit(0);
}

/// A reply that comes slowly, asked for in blocks of 8 bytes.
#[test]
fn small_blocks() {
    let lab = lab().recorded();
    let listener = lab.listen("server");
    let url = format!("daytime://{}/", listener.addr());
    let client = lab.program(["get", "--block-size", "8", &url]).start();
    let mut server = listener.accept();
    server.drip(Duration::from_millis(2), b"2016");
    server.send(b"-09-14T18:30:05Z\n");
    server.close();
    client.expect_exit(0);
}
