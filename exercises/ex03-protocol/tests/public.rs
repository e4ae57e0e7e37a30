//! The checks of exercise 3 that you have in front of you. Run them: `cargo test -p ex03`.
//!
//! Each one starts your program and talks to it as a client would. `rubric.toml` says what each is worth.

use harness::{Lab, TcpPeer};

harness::exercise!("../rubric.toml");

/// The instant on the lecture's slide, 2016-09-14T18:30:05Z.
const SLIDE_DATE: &str = "1473877805";

/// What to think of when bytes are decoded in one piece, but not in two.
const CUT: &str =
    "In one piece the same bytes are decoded right: keep what is no whole message yet until the next piece comes.";

#[test]
fn one_request_per_line() {
    let lab = lab();
    let cases = [
        ("a verb and the end of its line", r"TIME\n", "Time"),
        ("the same with CR LF", r"TIME\r\n", "Time"),
        ("a verb with an argument", r"HELLO alice\n", r#"Hello "alice""#),
        ("a number with a point", r"SQRT 2.5\n", "Sqrt 2.5"),
        ("a number of digits", r"DEDUCT 30\n", "Deduct 30"),
        ("a line that has not ended yet", r"BALANCE", "nothing"),
        ("an empty line", r"\n", "BadRequest"),
        ("an argument missing", r"HELLO\n", "BadRequest"),
        ("an argument too many", r"TIME now\n", "BadRequest"),
        ("two spaces instead of one", r"HELLO  alice\n", "BadRequest"),
        ("small letters", r"balance\n", "BadRequest"),
        ("a sign, where only digits may be", r"DEDUCT +5\n", "BadRequest"),
        ("the root of a negative number", r"SQRT -1\n", "BadRequest"),
    ];
    let requests = cases.map(|(_, bytes, _)| format!("decode {bytes}"));
    let answers = lab.probe(&requests.each_ref().map(String::as_str));
    for (((case, _, expected), request), answer) in cases.iter().zip(&requests).zip(answers) {
        lab.expect(
            &format!("asking `{request}`: {case}"),
            expected,
            &answer,
            answer == *expected,
        );
    }
}

#[test]
fn every_cut_of_three_messages_decodes_the_same() {
    let lab = lab();
    let messages = "HELLO alice\nAPPEND 5\nhelloDEDUCT 30\n";
    let expected = r#"Hello "alice", Append "hello", Deduct 30"#;
    let request = |pieces: &[&str]| format!("decode {}", pieces.join("|").replace('\n', r"\n"));
    let mut requests = vec![request(&[messages])];
    requests.extend((1..messages.len()).map(|at| request(&[&messages[..at], &messages[at..]])));
    let bytes: Vec<&str> = messages.split("").filter(|piece| !piece.is_empty()).collect();
    requests.push(request(&bytes));
    let answers = lab.probe(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    for (at, (request, answer)) in requests.iter().zip(answers).enumerate() {
        let doing = format!("asking `{request}` (a `|` is where one piece ends and the next begins)");
        match at {
            0 => lab.expect(&doing, expected, &answer, answer == expected),
            _ => lab.expect_or_say(&doing, expected, &answer, answer == expected, CUT),
        }
    }
}

#[test]
fn session_transcript() {
    let lab = lab();
    let server = lab.serve(["server", "--epoch", SLIDE_DATE, "--balance", "100"]);
    let mut client = lab.connect("client", server.addr());
    let mut transcript = String::new();
    for (request, body) in [
        ("HELLO alice", ""),
        ("TIME", ""),
        ("SQRT 2", ""),
        ("BALANCE", ""),
        ("DEDUCT 30", ""),
        ("DEDUCT 71", ""),
        ("APPEND 5", "hello"),
        ("APPEND 7", ", world"),
        ("QUIT", ""),
    ] {
        client.send(format!("{request}\n{body}").as_bytes());
        let reply = client.read_line(&format!("reading the reply to `{request}`"));
        // Escaped, so that every byte of the reply can be seen.
        transcript += &format!("> {request}\n< {}\n", reply.escape_debug());
    }
    client.expect_eof("waiting for the end of the stream: the server closes after its reply to QUIT");
    harness::assert_snapshot!(lab, transcript, @r"
    > HELLO alice
    < OK hello alice
    > TIME
    < OK 2016-09-14T18:30:05Z
    > SQRT 2
    < OK 1.414214
    > BALANCE
    < OK 100
    > DEDUCT 30
    < OK 70
    > DEDUCT 71
    < ERR 409 insufficient funds
    > APPEND 5
    < OK 5
    > APPEND 7
    < OK 12
    > QUIT
    < OK bye
    ");
    server.expect_line("client 1: 9 replies");
}

#[test]
fn pipelined_requests_are_all_answered_in_order() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    client.send(b"HELLO alice\nBALANCE\nDEDUCT 1\nBALANCE\nSQRT 4\n"); // and then it waits, with its side open
    let expected = ["OK hello alice", "OK 100", "OK 99", "OK 99", "OK 2.000000"];
    for (number, expected) in (1..).zip(expected) {
        let doing = format!("reading reply {number} of 5, to 5 requests that came in one segment");
        let reply = read_reply(&mut client, &doing);
        lab.expect_eq(&doing, reply.as_str(), expected);
    }
}

#[test]
fn unknown_verb_gets_400_and_the_session_goes_on() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    greet(&lab, &mut client);
    for request in ["DANCE", "", "BALANCE please"] {
        expect_reply(&lab, &mut client, request, "ERR 400 bad request");
        let doing = format!("asking for the BALANCE after the bad request `{request}`");
        let reply = ask(&mut client, "BALANCE", &doing);
        lab.expect_eq(&doing, reply.as_str(), "OK 100");
    }
}

#[test]
fn balance_repeats_deduct_does_not() {
    let lab = lab();
    let server = lab.serve(["server", "--balance", "100"]);
    let mut first = lab.connect("client 1", server.addr());
    greet(&lab, &mut first);
    for (request, expected) in [
        ("BALANCE", "OK 100"),
        ("BALANCE", "OK 100"),
        ("DEDUCT 30", "OK 70"),
        ("DEDUCT 30", "OK 40"),
        ("DEDUCT 50", "ERR 409 insufficient funds"),
        ("BALANCE", "OK 40"),
    ] {
        expect_reply(&lab, &mut first, request, expected);
    }
    first.close();
    let mut second = lab.connect("client 2", server.addr());
    greet(&lab, &mut second);
    let doing = "asking for the BALANCE as the next client: the bank is the server's, not the connection's";
    let reply = ask(&mut second, "BALANCE", doing);
    lab.expect_eq(doing, reply.as_str(), "OK 40");
}

/// Says HELLO. What exactly the server answers is another check's business.
fn greet(lab: &Lab, client: &mut TcpPeer) {
    let doing = "reading the reply to `HELLO alice`";
    let reply = ask(client, "HELLO alice", doing);
    lab.expect(doing, "OK …", &reply, reply.starts_with("OK"));
}

/// Sends a request and expects this reply.
fn expect_reply(lab: &Lab, client: &mut TcpPeer, request: &str, expected: &str) {
    let doing = format!("reading the reply to `{request}`");
    let reply = ask(client, request, &doing);
    lab.expect_eq(&doing, reply.as_str(), expected);
}

fn ask(client: &mut TcpPeer, request: &str, doing: &str) -> String {
    client.send(format!("{request}\n").as_bytes());
    read_reply(client, doing)
}

/// A reply without the end of its line. Whether that was right is the transcript's business.
fn read_reply(client: &mut TcpPeer, doing: &str) -> String {
    client.read_line(doing).trim_end().to_string()
}
