//! The checks of exercise 6 that you have in front of you. Run them: `cargo test -p ex06`.
//!
//! Each one starts your program and talks to it as a client or as a server would. `rubric.toml` says what each is worth.

use std::net::UdpSocket;

use harness::{Exit, Lab, Server, UdpPeer};

harness::exercise!("../rubric.toml");

#[test]
fn echoes_to_the_sender() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let client = lab.udp("client");
    client.send_to(b"Hello, world", server.addr());
    expect_echo(
        &lab,
        &client,
        &server,
        b"Hello, world",
        "waiting for the echo of 12 bytes",
    );
    server.expect_line(&format!("12 bytes from {}", client.addr()));
    let every_byte: Vec<u8> = (0..=255).collect();
    client.send_to(&every_byte, server.addr());
    let doing = "waiting for the echo of 256 bytes, each value once: they are not text";
    expect_echo(&lab, &client, &server, &every_byte, doing);
}

#[test]
fn two_clients_at_once_get_their_own() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let clients = ["alice", "bob"].map(|who| (who, lab.udp(who)));
    for round in ["I am", "once more,"] {
        for (who, client) in &clients {
            client.send_to(format!("{round} {who}").as_bytes(), server.addr());
        }
        for (who, client) in &clients {
            let echo = format!("{round} {who}");
            let doing = format!("waiting for {who}'s echo of `{echo}`, after alice and bob have both sent something");
            expect_echo(&lab, client, &server, echo.as_bytes(), &doing);
        }
    }
    let port = server.port().to_string();
    let clients = ["one", "two"].map(|word| {
        let client = lab.program(["client", "127.0.0.1", &port, word, "and more"]);
        (word, client.named(&format!("client {word}")).start())
    });
    for (word, client) in clients {
        let printed = client.expect_exit(0).stdout_text();
        let doing = format!("reading what the client printed that sent `{word}` while another one sent something else");
        lab.expect_eq(
            &doing,
            printed.lines().collect::<Vec<_>>(),
            [&format!("Received: {word}"), "Received: and more"],
        );
    }
}

#[test]
fn client_transcript() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let port = server.port().to_string();
    let client = lab
        .run(["client", "127.0.0.1", &port, "Hello, world", "Grüße"])
        .expect_code(0);
    let events = ["first", "second"]
        .map(|which| server.next_line(&format!("reading what the server printed about the {which} datagram")));
    // The client's port is nobody's business, but it is the same for both messages.
    let client_port = events[0].rsplit(':').next().unwrap_or_default();
    let events = events
        .each_ref()
        .map(|line| line.replace(&format!(":{client_port}"), ":PORT2"));
    let transcript = format!(
        "$ ex06 server\nlistening on {}/udp\n{}\n{}\n$ ex06 client 127.0.0.1 PORT1 'Hello, world' Grüße\n{}",
        server.addr(),
        events[0],
        events[1],
        client.stdout_text(),
    );
    harness::assert_snapshot!(lab, transcript, @r"
    $ ex06 server
    listening on 127.0.0.1:PORT1/udp
    12 bytes from 127.0.0.1:PORT2
    7 bytes from 127.0.0.1:PORT2
    $ ex06 client 127.0.0.1 PORT1 'Hello, world' Grüße
    Received: Hello, world
    Received: Grüße
    ");
}

#[test]
fn empty_datagram_is_echoed() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let client = lab.udp("client");
    client.send_to(b"", server.addr());
    let doing = "waiting for the echo of a datagram of 0 bytes";
    expect_echo(&lab, &client, &server, b"", doing);
    client.send_to(b"still there?", server.addr());
    let doing = "waiting for the echo of the datagram after the empty one";
    expect_echo(&lab, &client, &server, b"still there?", doing);
}

#[test]
fn three_datagrams_three_replies() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let client = lab.udp("client");
    let datagrams = ["one", "two, longer", "3"];
    for datagram in datagrams {
        client.send_to(datagram.as_bytes(), server.addr()); // all three before any echo
    }
    // Nobody promises that they come back in order.
    let mut echoes: Vec<String> = (1..=3)
        .map(|number| {
            let doing =
                format!("waiting for echo {number} of 3, of three datagrams that were sent one after the other");
            let (echo, _) = client.receive(&doing);
            echo.escape_ascii().to_string()
        })
        .collect();
    echoes.sort_by_key(|echo| datagrams.iter().position(|datagram| datagram == echo));
    lab.expect_eq("comparing the three echoes with the three datagrams", echoes, datagrams);
}

#[test]
fn client_started_first_fails_cleanly() {
    let lab = lab();
    // A socket that hears only itself: nobody listens at its address, and nobody else can be given its port.
    let nobody = UdpSocket::bind("127.0.0.1:0").expect("a socket of the test");
    let address = nobody.local_addr().expect("a bound socket has a name");
    nobody.connect(address).expect("a socket can be connected to itself");
    let port = address.port().to_string();
    let client = lab.run(["client", "127.0.0.1", &port, "hello", "--timeout-ms", "200"]);
    // Nobody has to hear that nobody listens; a client that has connected its socket does.
    let client = match client.exit {
        Exit::Code(1) => client,
        _ => client.expect_code(4),
    };
    let (stdout, stderr) = (client.stdout_text(), client.stderr_text());
    lab.expect(
        "reading what a client printed that was started before any server",
        "nothing on stdout, and one line `error: …` on stderr",
        format!("{stdout:?} on stdout, and {stderr:?} on stderr"),
        stdout.is_empty() && stderr.starts_with("error: ") && stderr.lines().count() == 1,
    );
}

/// Waits for one datagram, and fails unless it is this one and comes from the server's address.
fn expect_echo(lab: &Lab, client: &UdpPeer, server: &Server, sent: &[u8], doing: &str) {
    let (echo, from) = client.receive(doing);
    lab.expect(doing, shown(sent), shown(&echo), echo == sent);
    let doing = format!("{doing}: looking which address it comes from");
    lab.expect_eq(&doing, from.to_string(), server.addr().to_string());
}

/// How many bytes a datagram has, and the first of them.
fn shown(bytes: &[u8]) -> String {
    let more = if bytes.len() > 24 { "…" } else { "" };
    format!(
        "{} bytes: {}{more}",
        bytes.len(),
        bytes[..bytes.len().min(24)].escape_ascii()
    )
}
