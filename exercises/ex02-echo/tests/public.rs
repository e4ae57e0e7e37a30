//! The checks of exercise 2 that you have in front of you. Run them: `cargo test -p ex02`.
//!
//! Each one starts your program and talks to it as a client or as a server would. `rubric.toml` says what each is worth.

harness::exercise!("../rubric.toml");

#[test]
fn hello_world_transcript() {
    let lab = lab();
    let server = lab.serve(["server", "--count", "1"]);
    let port = server.port().to_string();
    let client = lab
        .run(["client", "127.0.0.1", &port, "--message", "Hello, world"])
        .expect_code(0);
    let server = server.expect_exit(0);
    let transcript = format!(
        "$ ex02 server --count 1\n{}$ ex02 client 127.0.0.1 PORT1 --message 'Hello, world'\n{}",
        server.stdout_text(),
        client.stdout_text(),
    );
    harness::assert_snapshot!(lab, transcript, @r"
    $ ex02 server --count 1
    listening on 127.0.0.1:PORT1
    client 1: 12 bytes
    $ ex02 client 127.0.0.1 PORT1 --message 'Hello, world'
    Received: Hello, world
    ");
}

#[test]
fn lecture_mode_echoes_one_message_without_newline() {
    let lab = lab();
    let server = lab.serve(["server", "--mode", "lecture"]);
    let mut client = lab.connect("client", server.addr());
    client.send(b"Hello, world"); // no newline, and the client keeps its side open
    let echo = client.read_to_eof("reading the echo of 12 bytes, to the end of the stream");
    expect_echo(
        &lab,
        "comparing the echo with the 12 bytes that were sent",
        &echo,
        b"Hello, world",
    );
    server.expect_line("client 1: 12 bytes");
}

#[test]
fn stream_mode_echoes_until_half_close() {
    let lab = lab();
    let server = lab.serve(["server", "--mode", "stream"]);
    let mut client = lab.connect("client", server.addr());
    for (number, piece) in (1..).zip([&b"one"[..], b"two, ", b"three\n"]) {
        client.send(piece);
        client.expect_bytes(
            piece,
            &format!("reading the echo of piece {number} of 3, before sending the next"),
        );
    }
    client.half_close();
    client.expect_eof("waiting for the server's end of stream, after the client's own");
    server.expect_line("client 1: 14 bytes");
}

#[test]
fn send_all_survives_short_writes() {
    let lab = lab();
    // The script says how many bytes each write takes at most; after it, a write takes all it is given.
    let cases = [
        (
            "a write that takes everything",
            "send_all - 30313233",
            "ok, wrote 30313233",
        ),
        (
            "writes that take 1, 2, 3 bytes",
            "send_all 1,2,3 30313233343536373839",
            "ok, wrote 30313233343536373839",
        ),
        (
            "writes that take 1 byte each",
            "send_all 1,1,1,1 30313233",
            "ok, wrote 30313233",
        ),
        ("nothing to send", "send_all -", "ok, wrote "),
        (
            "a write that takes 0 bytes",
            "send_all 2,0 30313233",
            "WriteZero (…), wrote 3031",
        ),
        (
            "a reset after 1 byte",
            "send_all 1,reset 30313233",
            "ConnectionReset (…), wrote 30",
        ),
    ];
    for (case, request, expected) in cases {
        let answer = lab.probe(&[request]).remove(0);
        let doing = format!("asking `{request}`: {case}");
        lab.expect(&doing, expected, &answer, without_message(&answer) == expected);
    }
}

#[test]
fn echoes_only_the_bytes_received() {
    let lab = lab();
    let answer = lab.probe(&["echo_once 1024 - 616263"]).remove(0);
    let (count, echo) = answer.split_once(", wrote ").unwrap_or((&answer, ""));
    let received = format!("{} bytes, and a return value of {count}", echo.len() / 2);
    let right = (count, echo) == ("3", "616263");
    lab.expect(
        "asking `echo_once 1024 - 616263`: 3 bytes into a buffer of 1024",
        "3 bytes, and a return value of 3",
        received,
        right,
    );
}

#[test]
fn second_client_is_served_after_the_first() {
    let lab = lab();
    let server = lab.serve(["server", "--count", "2"]);
    let mut first = lab.connect("client 1", server.addr());
    let mut second = lab.connect("client 2", server.addr());
    second.send(b"second\n");
    second.half_close();
    first.send(b"first\n"); // only now: until here the second client waits
    first.half_close();
    for (client, sent, who) in [(&mut first, "first\n", "first"), (&mut second, "second\n", "second")] {
        let echo = client.read_to_eof(&format!(
            "reading the echo as the {who} of two clients, to the end of the stream"
        ));
        expect_echo(
            &lab,
            &format!("comparing the {who} client's echo with what it sent"),
            &echo,
            sent.as_bytes(),
        );
    }
    server.expect_line("client 1: 6 bytes");
    server.expect_line("client 2: 7 bytes");
    server.expect_exit(0);
}

/// Fails unless the echo is what was sent; a report shows how many bytes each has, and the first of them.
fn expect_echo(lab: &harness::Lab, doing: &str, echo: &[u8], sent: &[u8]) {
    let shown = |bytes: &[u8]| {
        let more = if bytes.len() > 24 { "…" } else { "" };
        format!(
            "{} bytes: {}{more}",
            bytes.len(),
            bytes[..bytes.len().min(24)].escape_ascii()
        )
    };
    lab.expect(doing, shown(sent), shown(echo), echo == sent);
}

/// The probe's answer without an error's words, which are free: `WriteZero (…), wrote 3031`.
fn without_message(answer: &str) -> String {
    match (answer.find('('), answer.rfind("), wrote ")) {
        (Some(start), Some(end)) if start < end => format!("{}(…{}", &answer[..start], &answer[end..]),
        _ => answer.to_string(),
    }
}
