//! The checks of exercise 7 that you have in front of you. Run them: `cargo test -p ex07`.
//!
//! Each one starts your program and talks to it as a client or as a server would. `rubric.toml` says what each is worth.

use std::net::SocketAddr;
use std::time::Duration;

use harness::{Lab, Program, UdpPeer};

harness::exercise!("../rubric.toml");

/// Request 1 "hello", and its reply.
const REQUEST: &[u8] = b"\x52\x01\x00\x01\x00\x05\x6a\x26hello";
const REPLY: &[u8] = b"\x52\x02\x00\x01\x00\x05\xca\x65HELLO";

#[test]
fn checksum_vectors() {
    let lab = lab();
    let ones = "ff".repeat(1008);
    let cases = [
        ("the example of RFC 1071", "0001f203f4f5f6f7", "220d"),
        ("two bytes", "1234", "edcb"),
        ("no bytes at all", "", "ffff"),
        ("an odd byte at the end counts as 6800", "686f68", "2f90"),
        ("one byte", "01", "feff"),
        ("a carry out of the top", "80008001", "fffd"),
        ("a carry that leads to another carry", "ffffffff0001", "fffe"),
        ("the largest packet there is, all ones", &ones, "0000"),
        (
            "a whole packet, its checksum included",
            "5201000100056a2668656c6c6f",
            "0000",
        ),
        ("the same with one bit changed", "5201000100056a2668656c6c6e", "0100"),
    ];
    let requests = cases.map(|(_, bytes, _)| format!("checksum {bytes}"));
    let answers = lab.probe(&requests.each_ref().map(String::as_str));
    for (((case, _, expected), request), answer) in cases.iter().zip(&requests).zip(answers) {
        let shown = if request.len() > 60 {
            format!("{}…", &request[..60])
        } else {
            request.clone()
        };
        lab.expect(
            &format!("asking `{shown}`: {case}"),
            expected,
            &answer,
            answer == *expected,
        );
    }
}

#[test]
fn exact_bytes() {
    let lab = lab();
    let cases = [
        ("encode request 1 hello", hex(REQUEST)),
        ("encode reply 1 HELLO", hex(REPLY)),
        ("encode request 513 x", "52010201000133fc78".to_string()),
        ("encode reply 65535", "5202ffff0000adfd".to_string()),
        ("decode 5201000100056a2668656c6c6f", r#"Request 1 "hello""#.to_string()),
        ("decode 520200010005ca6548454c4c4f", r#"Reply 1 "HELLO""#.to_string()),
        ("decode 52010201000133fc78", r#"Request 513 "x""#.to_string()),
        ("decode 5202ffff0000adfd", r#"Reply 65535 """#.to_string()),
    ];
    let answers = lab.probe(&cases.each_ref().map(|(request, _)| *request));
    for ((request, expected), answer) in cases.iter().zip(answers) {
        lab.expect(&format!("asking `{request}`"), expected, &answer, answer == *expected);
    }
}

#[test]
fn lossless_transcript() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut transcript = format!("$ ex07 server\nlistening on {}/udp\n", server.addr());
    // For the server there are two clients: each has a port of its own, and begins to count with 1.
    for (client, texts) in [
        ("first client", &["hello", "good bye"][..]),
        ("second client", &["me too"]),
    ] {
        let port = server.port().to_string();
        // Nothing is lost here. Who waits for the time-out although the reply has come waits for a minute.
        let options = ["client", "127.0.0.1", &port, "--rto-ms", "60000"];
        let program = lab.program(options.iter().chain(texts)).named(client).start();
        transcript += &format!("$ ex07 client 127.0.0.1 PORT1 --rto-ms 60000 {texts:?}\n");
        for (number, text) in (1..).zip(texts) {
            let doing = format!("reading what the server prints about `{text}`, request {number} of the {client}");
            let line = without_clients_address(&server.next_line(&doing));
            let expected = format!("request {number} from CLIENT: {} bytes", text.len());
            lab.expect_eq(&doing, line.as_str(), expected.as_str());
            transcript += &format!("server: {line}\n");
            let doing = format!("reading what the {client} prints when it has the reply to `{text}` (no need to wait)");
            transcript += &format!("{}\n", program.next_line(&doing));
        }
        program.expect_exit(0);
    }
    harness::assert_snapshot!(lab, transcript, @r#"
    $ ex07 server
    listening on 127.0.0.1:PORT1/udp
    $ ex07 client 127.0.0.1 PORT1 --rto-ms 60000 ["hello", "good bye"]
    server: request 1 from CLIENT: 5 bytes
    1: HELLO (tries=1)
    server: request 2 from CLIENT: 8 bytes
    2: GOOD BYE (tries=1)
    $ ex07 client 127.0.0.1 PORT1 --rto-ms 60000 ["me too"]
    server: request 1 from CLIENT: 6 bytes
    1: ME TOO (tries=1)
    "#);
}

/// The line with CLIENT in the place of an address of this machine: its port is another one in every run.
fn without_clients_address(line: &str) -> String {
    let is_address = |word: &&str| {
        let word = word.strip_suffix(':').unwrap_or(word);
        word.parse().is_ok_and(|address: SocketAddr| address.ip().is_loopback())
    };
    match line.split(' ').find(is_address) {
        Some(word) => line.replace(word.trim_end_matches(':'), "CLIENT"),
        None => line.to_string(),
    }
}

#[test]
fn lost_request_is_sent_again() {
    let lab = lab();
    undisturbed(&lab);
    let server = lab.udp("server");
    let client = start_client(&lab, &server, &["--rto-ms", "200", "hello"]);
    let first = server.receive_timed("receiving the request");
    let second = server.receive_timed("waiting for the second copy of the request: the first one got no answer");
    let gap = second.since(&first).as_millis();
    lab.expect(
        "measuring how long after the first copy the second one was sent, with --rto-ms 200",
        "200 ms, give or take what a busy machine needs (140 to 900)",
        format!("{gap} ms"),
        (140..900).contains(&gap),
    );
    server.send_to(REPLY, second.from);
    let line = client.next_line("reading what the client prints after the reply");
    client.expect_exit(0);
    let copies = 2 + copies_so_far(&server);
    lab.expect_eq(
        &format!("reading what the client prints after it has sent {copies} copies"),
        line.as_str(),
        format!("1: HELLO (tries={copies})"),
    );
}

#[test]
fn back_off_schedule() {
    let lab = lab();
    // In the probe time is what the test says it is. For every event: the actions that have to follow.
    let five_tries: &[_] = &[
        ("0 start", "send, wait until 50"),
        ("50 timeout", "send, wait until 150"),
        ("150 timeout", "send, wait until 350"),
        ("350 timeout", "send, wait until 750"),
        ("750 timeout", "send, wait until 1150"),
        ("1150 timeout", "give up"),
    ];
    let seven_tries: &[_] = &[
        ("0 start", "send, wait until 10"),
        ("10 timeout", "send, wait until 30"),
        ("30 timeout", "send, wait until 70"),
        ("70 timeout", "send, wait until 150"),
        ("150 timeout", "send, wait until 230"),
        ("230 timeout", "send, wait until 310"),
        ("310 timeout", "send, wait until 390"),
        ("390 timeout", "give up"),
    ];
    let one_try: &[_] = &[("0 start", "send, wait until 200"), ("200 timeout", "give up")];
    let another_beginning: &[_] = &[
        ("7000 start", "send, wait until 7050"),
        ("7050 timeout", "send, wait until 7150"),
        ("7150 timeout", "give up"),
    ];
    for (exchange, steps) in [
        ("1 hello 50 5", five_tries),
        ("1 hello 10 7", seven_tries),
        ("1 hello 200 1", one_try),
        ("1 hello 50 2", another_beginning),
    ] {
        let events: String = steps.iter().map(|(event, _)| format!(" | {event}")).collect();
        let request = format!("exchange {exchange}{events}");
        let answer = lab.probe(&[&request]).remove(0);
        let answers = answer
            .split("; ")
            .map(|step| step.split_once(": ").unwrap_or(("", step)).1);
        for ((event, expected), actions) in steps.iter().zip(answers.chain(std::iter::repeat("nothing"))) {
            let doing = format!("asking `{request}`, at the event `{event}`");
            lab.expect(
                &doing,
                expected,
                actions,
                in_any_order(actions) == in_any_order(expected),
            );
        }
    }
}

/// Actions without the bytes that are sent: which they are is another check's business.
fn in_any_order(actions: &str) -> Vec<&str> {
    let mut actions: Vec<&str> = actions
        .split(", ")
        .map(|action| if action.starts_with("send ") { "send" } else { action })
        .collect();
    actions.sort_unstable();
    actions
}

#[test]
fn gives_up_after_tries() {
    let lab = lab();
    undisturbed(&lab);
    for (options, tries) in [
        (&["--rto-ms", "20", "hello"][..], 5),
        (&["--rto-ms", "20", "--tries", "2", "hello"], 2),
    ] {
        let server = lab.udp("silent server");
        let client = start_client(&lab, &server, options).expect_exit(4);
        let doing =
            format!("counting the copies that a client with {tries} tries has sent to a server that never answers");
        lab.expect_eq(&doing, copies_so_far(&server), tries);
        let (printed, error) = (client.stdout_text(), client.stderr_text());
        lab.expect_eq("reading the client's stdout after it gave up", printed.as_str(), "");
        let expected = format!("no reply after {tries} tries");
        let doing = "reading the client's stderr after it gave up";
        lab.expect(
            doing,
            format!("error: … {expected}"),
            error.trim_end(),
            error.contains(&expected),
        );
    }
}

/// What has to work before anything is lost: understanding a reply, and an exchange in which all goes well.
fn undisturbed(lab: &Lab) {
    lab.control("exact_bytes", |lab| {
        let request = format!("decode {}", hex(REPLY));
        let answer = lab.probe(&[&request]).remove(0);
        lab.expect_eq(&format!("asking `{request}`"), answer.as_str(), r#"Reply 1 "HELLO""#);
    });
    lab.control("lossless_transcript", |lab| {
        let server = lab.udp("quick server");
        let client = start_client(lab, &server, &["--rto-ms", "2000", "hello"]);
        let (_, from) = server.receive("receiving the request");
        server.send_to(REPLY, from);
        client.expect_line("1: HELLO (tries=1)");
        client.expect_exit(0);
    });
}

fn start_client(lab: &Lab, server: &UdpPeer, options: &[&str]) -> Program {
    let port = server.addr().port().to_string();
    let args = ["client", "127.0.0.1", &port];
    lab.program(args.iter().chain(options)).named("client").start()
}

/// How many more datagrams have come; all of them, once the client has ended.
fn copies_so_far(server: &UdpPeer) -> usize {
    std::iter::from_fn(|| server.receive_within(Duration::from_millis(1))).count()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
