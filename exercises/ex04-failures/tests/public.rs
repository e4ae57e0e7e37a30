//! The checks of exercise 4 that you have in front of you. Run them: `cargo test -p ex04`.
//!
//! Each one starts your program, mostly in a situation in which something has to fail. `rubric.toml` says what each is
//! worth.

use std::time::Duration;

use harness::{Exit, Finished, Lab};

harness::exercise!("../rubric.toml");

#[test]
fn port_in_use() {
    let lab = lab();
    let first = lab.program(["server"]).named("first server").serve();
    let port = first.port().to_string();
    let second = lab.program(["server", "--port", &port]).named("second server").run(b"");
    let stderr = second.expect_code(1).stderr_text();
    harness::assert_snapshot!(lab, format!("$ ex04 server --port PORT\n{stderr}"), @r"
    $ ex04 server --port PORT
    error: bind 127.0.0.1:PORT1: EADDRINUSE: Address already in use
    ");
}

#[test]
fn connection_refused() {
    let lab = lab();
    let nobody = lab.refusing("nobody"); // has the port for as long as this test runs, and does not listen
    let port = nobody.addr().port().to_string();
    // A refusal is an answer, and comes at once: the time-out has nothing to do with it.
    let client = lab.run(["client", "127.0.0.1", &port, "hello", "--timeout-ms", "8000"]);
    let stderr = client.expect_code(1).stderr_text();
    harness::assert_snapshot!(lab, format!("$ ex04 client 127.0.0.1 PORT hello\n{stderr}"), @r"
    $ ex04 client 127.0.0.1 PORT hello
    error: connect 127.0.0.1:PORT1: ECONNREFUSED: Connection refused
    ");
}

#[test]
fn errors_go_to_stderr_only() {
    let lab = lab();
    let server = lab.program(["server"]).named("first server").serve();
    let (taken, nobody) = (server.port().to_string(), lab.refusing("nobody"));
    let free = nobody.addr().port().to_string();
    for (what, args) in [
        ("a server whose port is in use", &["server", "--port", &taken][..]),
        (
            "a client whose server is not there",
            &["client", "127.0.0.1", &free, "hello"],
        ),
    ] {
        let ended = lab.run(args);
        expect_one_error_line(&lab, what, &ended);
        let printed = ended.stdout_text();
        let doing = format!("reading the stdout of {what}: it is for those who want the answer, and there is none");
        lab.expect(&doing, "nothing", format!("{printed:?}"), printed.is_empty());
    }
}

#[test]
fn unknown_host() {
    // Some machines' resolvers take their time to find out that a name does not exist.
    let lab = lab().with_step(Duration::from_secs(8));
    let client = lab.program(["client", "no-such-host.invalid", "5000", "hello"]);
    let ended = client.env("RES_OPTIONS", "timeout:1 attempts:1").run(b"");
    if ended.exit == Exit::Code(101) {
        ended.clone().expect_code(1); // says where it panicked
    }
    let said = ended.stderr_text();
    let line = said.lines().find(|line| line.starts_with("error: "));
    let line = line.unwrap_or(&said);
    let beginning = "error: resolve no-such-host.invalid: ";
    // The resolver has no error number for this, so whoever looks for one finds none.
    let right = line.starts_with(beginning) && line.len() > beginning.len() && !line.contains("UnknownErrno");
    lab.expect(
        "reading the error line of a client whose server's name does not exist",
        format!("{beginning}…, and then the resolver's own words"),
        line,
        right,
    );
    ended.expect_code(1);
}

#[test]
fn classification_tables() {
    let lab = lab();
    let cases = [
        ("accept", "EINTR", "a signal woke the call", "Retry"),
        ("accept", "ECONNABORTED", "a client gave up in the queue", "Retry"),
        ("accept", "EPROTO", "a client's handshake went wrong", "Retry"),
        ("accept", "EMFILE", "this process has no descriptor left", "Backoff"),
        (
            "accept",
            "ENFILE",
            "the whole machine has no descriptor left",
            "Backoff",
        ),
        ("accept", "EBADF", "this descriptor is not open", "Fatal"),
        ("accept", "EINVAL", "this socket does not listen", "Fatal"),
        ("io", "EINTR", "a signal woke the call", "Retry"),
        ("io", "ECONNRESET", "the peer has reset the connection", "PeerGone"),
        ("io", "EPIPE", "the connection was over before this write", "PeerGone"),
        (
            "io",
            "ETIMEDOUT",
            "the peer has not answered for many minutes",
            "PeerGone",
        ),
        ("io", "EBADF", "this descriptor is not open", "Fatal"),
    ];
    let requests = cases.map(|(function, errno, _, _)| format!("classify_{function} {errno}"));
    let answers = lab.probe(&requests.each_ref().map(String::as_str));
    for (((_, _, meaning, expected), request), answer) in cases.iter().zip(&requests).zip(answers) {
        let doing = format!("asking `{request}`: {meaning}");
        lab.expect(&doing, expected, &answer, answer == *expected);
    }
}

#[test]
fn the_good_path_still_exits_0() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let port = server.port().to_string();
    let long = "twelve bytes".repeat(250); // more than the server reads at once
    for (number, text) in (1..).zip(["Hello, world", &long]) {
        let client = lab.run(["client", "127.0.0.1", &port, text]).expect_code(0);
        let bytes = text.len();
        let doing = format!("reading what the client printed about an echo of {bytes} bytes");
        let (printed, expected) = (client.stdout_text(), format!("Received: {text}\n"));
        lab.expect(&doing, shortened(&expected), shortened(&printed), printed == expected);
        let doing = format!("reading the client's stderr after an echo of {bytes} bytes: nothing went wrong");
        lab.expect(&doing, "nothing", client.stderr_text(), client.stderr.is_empty());
        server.expect_line(&format!("client {number}: {bytes} bytes"));
    }
    // One dead address is no failure, as long as there is another one.
    let (dead, alive) = (lab.refusing("nobody"), server.addr());
    let request = format!("connect_within {},{alive} 2000", dead.addr());
    let answer = lab.probe(&[&request]).remove(0);
    lab.expect_eq(
        &format!("asking `{request}`: nobody listens at the first address, your server at the second"),
        answer,
        format!("connected to {alive}"),
    );
}

/// Fails unless this program, which has failed, has said so in one line.
fn expect_one_error_line(lab: &Lab, what: &str, ended: &Finished) {
    if ended.exit == Exit::Code(101) {
        ended.clone().expect_code(1); // says where it panicked
    }
    let stderr = ended.stderr_text();
    let right = stderr.starts_with("error: ") && stderr.ends_with('\n') && stderr.lines().count() == 1;
    let doing = format!("reading the stderr of {what}");
    lab.expect(
        &doing,
        "one line that begins with `error: `",
        format!("{stderr:?}"),
        right,
    );
}

/// Enough of a text to recognize it.
fn shortened(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    format!("{start:?}, {} bytes in all", text.len())
}
