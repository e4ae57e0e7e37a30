//! The checks of exercise 12 that you have in front of you. Run them: `cargo test -p ex12`.
//!
//! Each one is the server and the user of your client at the same time. `rubric.toml` says what each is worth.

use std::thread;
use std::time::{Duration, Instant};

use harness::{Lab, Program, TcpPeer};

harness::exercise!("../rubric.toml");

/// Starts your client with these options, and a server of the test for it. Its stdin stays open until the test closes it.
fn conversation(lab: &Lab, options: &[&str]) -> (Program, TcpPeer) {
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port].iter().chain(options))
        .start();
    (client, listener.accept())
}

#[test]
fn typed_line_is_answered() {
    let lab = lab();
    let (client, mut server) = conversation(&lab, &[]);
    for (typed, answer) in [("hello\n", "HELLO"), ("how are you?\n", "VERY WELL")] {
        client.stdin_write(typed.as_bytes());
        server.expect_bytes(
            typed.as_bytes(),
            "reading what was typed, while the user thinks about the next line",
        );
        server.send(format!("{answer}\n").as_bytes());
        client.expect_line(answer);
    }
    client.expect_alive();
}

#[test]
fn server_may_speak_first() {
    let lab = lab();
    let (client, mut server) = conversation(&lab, &[]);
    // Nobody has typed anything.
    server.send(b"welcome\nto the library\n");
    client.expect_line("welcome");
    client.expect_line("to the library");
    server.send(b"your name? "); // and no newline: the user is to type behind it
    client.expect_printed("your name? ");
    client.stdin_write(b"alice\n");
    server.expect_bytes(b"alice\n", "reading what was typed after the server had spoken twice");
    server.send(b"good morning\n");
    client.expect_printed("good morning\n");
}

#[test]
fn end_of_input_is_not_end_of_conversation() {
    let lab = lab();
    let (client, mut server) = conversation(&lab, &[]);
    client.stdin_write(b"one\ntwo\n");
    client.stdin_close();
    let said = server.read_to_eof("reading all that was typed, up to the client's half-close");
    lab.expect_eq(
        "comparing what came with what was typed",
        String::from_utf8_lossy(&said).as_ref(),
        "one\ntwo\n",
    );
    // The client has said everything. The server has not.
    for answer in ["first answer", "second answer"] {
        server.send(format!("{answer}\n").as_bytes());
        client.expect_line(answer);
    }
    // The last words and the end arrive together, while the client is not looking.
    client.freeze();
    server.send(b"goodbye\n");
    server.close();
    client.thaw();
    client.expect_line("goodbye");
    client.expect_exit_when(0, "waiting for the client's end, after both sides have said everything");
}

#[test]
fn server_gone_is_noticed_at_once() {
    let lab = lab();
    let (client, mut server) = conversation(&lab, &[]);
    server.send(b"goodbye\n");
    server.close();
    client.expect_line("goodbye");
    client.expect_exit_when(
        3,
        "waiting for the client's end: the server has hung up, and nobody has typed anything",
    );
}

#[test]
fn session_transcript() {
    let lab = lab();
    let (client, mut server) = conversation(&lab, &[]);
    let mut transcript = String::new();
    for (who, words) in [
        ("server", "220 library, good morning"),
        ("user", "FIND sockets"),
        ("server", "250-two books"),
        ("server", "250 Stevens; Kerrisk"),
        ("user", "RENEW"),
        ("server", "503 say first who you are"),
    ] {
        // What the other end got, not what this end gave.
        let arrived = if who == "server" {
            server.send(format!("{words}\n").as_bytes());
            client.next_line(&format!("waiting for the client to print {words:?}"))
        } else {
            client.stdin_write(format!("{words}\n").as_bytes());
            server.read_line(&format!("waiting for what was typed, {words:?}"))
        };
        transcript += &format!("{who}: {arrived}\n");
    }
    client.stdin_close();
    server.expect_eof("waiting for the client's half-close, after the end of its input");
    server.send(b"221 goodbye\n");
    server.close();
    let client = client.expect_exit_when(0, "waiting for the client's end, after both sides have said everything");
    let last = client.stdout_text().lines().last().unwrap_or_default().to_string();
    transcript += &format!("server: {last}\n{}", client.stderr_text());
    harness::assert_snapshot!(lab, transcript, @r"
    server: 220 library, good morning
    user: FIND sockets
    server: 250-two books
    server: 250 Stevens; Kerrisk
    user: RENEW
    server: 503 say first who you are
    server: 221 goodbye
    ");
}

#[test]
fn idle_time_out() {
    const IDLE: Duration = Duration::from_millis(800);
    let lab = lab();
    let (client, mut server) = conversation(&lab, &["--idle-ms", "800"]);
    let first = Instant::now();
    server.send(b"one\n");
    client.expect_line("one");
    pause(Duration::from_millis(300));
    let second = Instant::now();
    server.pour(b"two\n");
    let between = first.elapsed();
    let client = client.expect_exit_when(
        4,
        "waiting for the client's end: the server is silent, with --idle-ms 800",
    );
    let quiet = second.elapsed();
    if between < IDLE {
        let received = format!("the end {:.1} s after them", quiet.as_secs_f64());
        lab.expect(
            "measuring how long the client waited after the server's last words, with --idle-ms 800",
            "0.8 s without a word",
            received,
            quiet + Duration::from_millis(1) >= IDLE,
        );
        lab.expect_eq(
            "comparing what was printed",
            client.stdout_text().as_str(),
            "one\ntwo\n",
        );
    } // else this machine held the test up for so long that the client was right to give up
}

#[allow(clippy::disallowed_methods)] // the time that passes is what the check is about
fn pause(how_long: Duration) {
    thread::sleep(how_long);
}
