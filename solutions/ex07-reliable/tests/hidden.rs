// CANARY-7f3a91c2-hidden
//! The checks of exercise 7 that students see by name only.

use std::net::SocketAddr;
use std::time::Duration;

use harness::trace::{Call, SOCKET_CALLS};
use harness::{Arrival, Lab, Loss, Program, Server, UdpPeer};
use rstest::rstest;

harness::exercise!("../../../exercises/ex07-reliable/rubric.toml");

const REQUEST: u8 = 1;
const REPLY: u8 = 2;

/// A packet as it should be.
fn packet(kind: u8, seq: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = seq.to_be_bytes();
    let [longer, shorter] = (payload.len() as u16).to_be_bytes();
    let mut bytes = vec![0x52, kind, high, low, longer, shorter, 0, 0];
    bytes.extend(payload);
    sealed(bytes)
}

/// The same bytes with the checksum that belongs to them, whatever else may be wrong with them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[6..8].fill(0);
    let words = bytes
        .chunks(2)
        .map(|word| u64::from(word[0]) << 8 | word.get(1).copied().map_or(0, u64::from));
    let sum: u64 = words.sum();
    // A number and the sum of its digits leave the same remainder; here the digits have 16 bits. (No packet is all zero.)
    let folded = (sum - 1) % 0xffff + 1;
    bytes[6..8].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    bytes
}

/// The same bytes with one bit changed.
fn damaged(mut bytes: Vec<u8>, byte: usize, bit: u8) -> Vec<u8> {
    bytes[byte] ^= 1 << bit;
    bytes
}

#[test]
fn retransmission_is_byte_identical() {
    let lab = lab();
    understands_and_answers(&lab);
    let server = lab.udp("server");
    let client = start_client(&lab, &server, &["--rto-ms", "50", "--tries", "12", "hello"]);
    let (first, from) = server.receive("receiving the request");
    for copy in 2..=3 {
        let (bytes, whose) = server.receive(&format!("waiting for copy {copy} of the request, which got no answer"));
        let doing = format!("comparing copy {copy} of the request with the first one");
        lab.expect(&doing, hex(&first), hex(&bytes), bytes == first);
        let doing = format!("looking whether copy {copy} came from the same address as the first one");
        lab.expect_eq(&doing, whose, from);
    }
    server.send_to(&packet(REPLY, 1, b"HELLO"), from);
    expect_last_line(&lab, &client, &server, 3, "HELLO");
}

#[test]
fn late_reply_to_1_is_not_the_answer_to_2() {
    let lab = lab();
    understands_and_answers(&lab);
    let server = lab.udp("server");
    let client = start_client(&lab, &server, &["--rto-ms", "100", "--tries", "12", "one", "two"]);
    server.receive("receiving request 1, whose reply is going to be late");
    let (_, from) = server.receive("waiting for the second copy of request 1");
    server.send_to(&packet(REPLY, 1, b"ONE"), from);
    let second = packet(REQUEST, 2, b"two");
    let (mut received, mut from) = server.receive("waiting for request 2");
    while received == packet(REQUEST, 1, b"one") {
        (received, from) = server.receive("waiting for request 2"); // a slow machine has asked a third time
    }
    let doing = "looking at what came after the reply to request 1 (`two` is the text of request 2)";
    lab.expect(doing, hex(&second), hex(&received), received == second);
    // The answer to the first copy arrives only now. Then comes the right one.
    server.send_to(&packet(REPLY, 1, b"ONE"), from);
    server.send_to(&packet(REPLY, 2, b"TWO"), from);
    for (number, expected) in [(1, "1: ONE (tries="), (2, "2: TWO (tries=")] {
        let doing =
            format!("reading the answer to request {number}; the late reply to request 1 came when 2 had been sent");
        let line = client.next_line(&doing);
        lab.expect(&doing, format!("{expected}…)"), &line, line.starts_with(expected));
    }
    client.expect_exit(0);
}

#[rstest]
#[case::in_the_payload(12, 0)]
#[case::in_the_first_letter(8, 5)]
#[case::in_the_checksum(7, 3)]
#[case::in_the_length(5, 1)]
fn corrupted_reply_is_ignored_and_retried(#[case] byte: usize, #[case] bit: u8) {
    let lab = lab();
    understands_and_answers(&lab);
    let server = lab.udp("server");
    let client = start_client(&lab, &server, &["--rto-ms", "50", "--tries", "12", "hello"]);
    let (request, from) = server.receive("receiving the request");
    let reply = packet(REPLY, 1, b"HELLO");
    server.send_to(&damaged(reply.clone(), byte, bit), from);
    let again = wait_for_copy(&lab, &server, &client, "the reply had one wrong bit", 3000);
    lab.expect(
        "comparing what was sent after the damaged reply with the request",
        hex(&request),
        hex(&again.bytes),
        again.bytes == request,
    );
    server.send_to(&reply, again.from);
    expect_last_line(&lab, &client, &server, 2, "HELLO");
}

/// A datagram that is not the reply to request 1, although it looks like it.
#[derive(Clone, Copy)]
enum Fake {
    /// The right bytes from another port.
    Impostor,
    /// The client's own request comes back.
    Echo,
    /// A type that nobody has defined.
    UnknownType,
    /// Another first byte: another protocol.
    OtherMagic,
}

#[rstest]
#[case::from_another_port(Fake::Impostor)]
#[case::its_own_request(Fake::Echo)]
#[case::of_unknown_type(Fake::UnknownType)]
#[case::of_another_protocol(Fake::OtherMagic)]
fn impostor_and_wrong_type_ignored(#[case] fake: Fake) {
    let lab = lab();
    understands_and_answers(&lab);
    let (server, impostor) = (lab.udp("server"), lab.impostor());
    let client = start_client(&lab, &server, &["--rto-ms", "200", "hello"]);
    let (request, from) = server.receive("receiving the request");
    let (what, sender, bytes) = match fake {
        Fake::Impostor => ("a reply came from another port", &impostor, packet(REPLY, 1, b"FAKE!")),
        Fake::Echo => ("its own request came back", &server, request),
        Fake::UnknownType => ("a packet of type 3 came", &server, packet(3, 1, b"FAKE!")),
        Fake::OtherMagic => ("a packet came that begins with 53", &server, {
            let mut other = packet(REPLY, 1, b"FAKE!");
            other[0] = 0x53;
            sealed(other)
        }),
    };
    // Both are in the client's queue, one behind the other: what it prints says which of them it took.
    sender.send_to(&bytes, from);
    server.send_to(&packet(REPLY, 1, b"HELLO"), from);
    let doing = format!("reading the client's answer: {what}, and then the reply");
    let line = client.next_line(&doing);
    lab.expect(
        &doing,
        "1: HELLO (tries=…)",
        &line,
        line.starts_with("1: HELLO (tries="),
    );
    client.expect_exit(0);
}

#[test]
fn junk_does_not_restart_the_timer() {
    let lab = lab();
    understands_and_answers(&lab);
    let (server, impostor) = (lab.udp("server"), lab.impostor());
    let client = start_client(&lab, &server, &["--rto-ms", "200", "hello"]);
    let first = server.receive_timed("receiving the request");
    // Nothing that any check of a packet could take for a reply.
    let junk: [(&UdpPeer, &[u8]); 3] = [
        (&server, b"junk"),
        (&impostor, b"more junk"),
        (&server, b"R\x02\x00\x01\x00"),
    ];
    let mut sent = 0;
    let second = loop {
        let (sender, bytes) = junk[sent % junk.len()];
        sender.send_to(bytes, first.from);
        sent += 1;
        if let Some(second) = server.receive_within(Duration::from_millis(30)) {
            break second;
        }
        let printed = client.stdout_so_far();
        let doing = "sending junk every 30 ms to a client that waits 200 ms for its reply";
        lab.expect(
            doing,
            "nothing printed: there was no reply",
            &printed,
            printed.is_empty(),
        );
        let received = format!("none in {} ms, while {sent} useless datagrams came", sent * 30);
        lab.expect(doing, "a second copy of the request", received, sent < 50);
    };
    let gap = second.since(&first).as_millis();
    lab.expect(
        &format!("measuring when the second copy was sent while junk came every 30 ms, with --rto-ms 200 ({sent} came before it)"),
        "200 ms after the first, give or take what a busy machine needs (140 to 900)",
        format!("{gap} ms after the first"),
        (140..900).contains(&gap),
    );
    server.send_to(&packet(REPLY, 1, b"HELLO"), second.from);
    expect_last_line(&lab, &client, &server, 2, "HELLO");
}

#[test]
fn server_drops_damaged_requests_silently() {
    let lab = lab();
    lab.control("lossless_transcript", |lab| {
        let server = lab.program(["server"]).named("usual server").serve();
        let line = run_over(lab, server.addr(), "usual client", &["--rto-ms", "2000", "hello"]);
        lab.expect_eq(
            "reading the answer to an ordinary request",
            line.as_str(),
            "1: HELLO (tries=1)\n",
        );
    });
    let server = lab.serve(["server"]);
    still_answers(&lab, &server, &lab.udp("first client"), 77, b"hello", "the first one");
    let peer = lab.udp("client");
    let good = packet(REQUEST, 1, b"hello");
    let with = |byte: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[byte] = value;
        sealed(bytes)
    };
    let mut longer = good.clone();
    longer.push(b'!');
    let cases = [
        ("with one wrong bit in its payload", damaged(good.clone(), 8, 0)),
        ("with one wrong bit in its checksum", damaged(good.clone(), 6, 7)),
        ("with one wrong bit in its number", damaged(good.clone(), 3, 1)),
        ("whose header says 6 bytes, and 5 are there", with(5, 6)),
        ("whose header says 65285 bytes, and 5 are there", with(4, 0xff)),
        ("whose header says 4 bytes, and 5 are there", with(5, 4)),
        ("with a byte too many", sealed(longer)),
        ("of 7 bytes, less than a header", good[..7].to_vec()),
        ("of 1 byte", vec![0x52]),
        ("of 0 bytes", Vec::new()),
        ("of another protocol, with 53 as its first byte", with(0, 0x53)),
        ("of type 3", with(1, 3)),
        ("that is a reply", packet(REPLY, 1, b"HELLO")),
        (
            "of 1001 bytes of payload, one more than fit",
            packet(REQUEST, 1, &[b'x'; 1001]),
        ),
    ];
    for (seq, (case, bytes)) in (100..).zip(cases) {
        peer.send_to(&bytes, server.addr());
        // The server takes one datagram after the other: an answer to the bad one would come before this one's.
        still_answers(
            &lab,
            &server,
            &peer,
            seq,
            b"still there?",
            &format!("sent after a request {case}"),
        );
    }
    let longest: Vec<u8> = (0..1000u32).map(|n| (n % 251) as u8).collect();
    still_answers(
        &lab,
        &server,
        &peer,
        999,
        &longest,
        "which has 1000 bytes of any kind, and that is allowed",
    );
    peer.expect_silence(Duration::from_millis(50));
    server.expect_alive();
}

/// Sends a good request and fails unless the next datagram is its reply.
fn still_answers(lab: &Lab, server: &Server, peer: &UdpPeer, seq: u16, text: &[u8], which: &str) {
    let reply = packet(REPLY, seq, &text.to_ascii_uppercase());
    peer.send_to(&packet(REQUEST, seq, text), server.addr());
    let doing = format!("waiting for the reply to the good request {seq}, {which}");
    let (answer, _) = peer.receive(&doing);
    let shown = |bytes: &[u8]| format!("{} bytes: {}", bytes.len(), hex(&bytes[..bytes.len().min(24)]));
    lab.expect(&doing, shown(&reply), shown(&answer), answer == reply);
}

#[test]
fn one_hundred_requests_over_a_bad_link() {
    let lab = lab();
    lab.control("lossless_transcript", |lab| {
        let server = lab.program(["server"]).named("usual server").serve();
        let line = run_over(lab, server.addr(), "usual client", &["--rto-ms", "2000", "hello"]);
        lab.expect_eq(
            "reading the answer over a good network",
            line.as_str(),
            "1: HELLO (tries=1)\n",
        );
    });
    let server = lab.serve(["server"]);
    let loss = Loss {
        seed: 1,
        loss: 20,
        duplicate: 10,
        reorder: 10,
        corrupt: 5,
    };
    let relay = lab.relay(server.addr(), loss);
    let texts: Vec<String> = (1..=100).map(|number| format!("question {}", number * 7)).collect();
    let port = relay.addr().port().to_string();
    // Seven tries are enough for any luck that this network has; the others are for a machine that has too much to do.
    let options = ["client", "127.0.0.1", &port, "--rto-ms", "10", "--tries", "30"];
    let client = lab.program(options.into_iter().chain(texts.iter().map(String::as_str)));
    let client = client.named("client").start();
    for (number, text) in (1..).zip(&texts) {
        let doing = format!(
            "reading the answer to request {number} of 100, `{text}`, over a network that loses, doubles, reorders and damages"
        );
        let line = client.next_line(&doing);
        let expected = format!("{number}: {} (tries=", text.to_uppercase());
        lab.expect(&doing, format!("{expected}…)"), &line, line.starts_with(&expected));
    }
    client.expect_exit(0);
    let tally = relay.tally();
    assert!(
        tally.lost > 20 && tally.doubled > 10 && tally.overtaken > 10 && tally.corrupted > 5,
        "this network was not bad enough to test anything: {tally:?}"
    );
}

fn run_over(lab: &Lab, server: SocketAddr, name: &str, options: &[&str]) -> String {
    let port = server.port().to_string();
    let args = ["client", "127.0.0.1", &port];
    let client = lab.program(args.iter().chain(options)).named(name);
    client.run(b"").expect_code(0).stdout_text()
}

#[test]
fn polite_and_quiet() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    understands_and_answers(&lab);
    let idle = lab.serve(["server"]);
    let server = lab.udp("silent server");
    let port = server.addr().port().to_string();
    let options = ["client", "127.0.0.1", &port, "--rto-ms", "50", "--tries", "4", "hello"];
    let client = lab.program(options).named("client").trace(SOCKET_CALLS).start();
    for copy in 1..=4 {
        server.receive(&format!("waiting for copy {copy} of a request with 4 tries"));
    }
    // 350 ms have passed, and it has 400 more to wait.
    for (who, cpu) in [
        ("client", client.cpu_seconds()),
        ("server, which nobody has asked anything,", idle.cpu_seconds()),
    ] {
        let doing = format!("measuring the CPU time of the {who} during 0.35 s of waiting");
        lab.expect(
            &doing,
            "next to nothing: less than 0.1 s",
            format!("{cpu:.2} s"),
            cpu < 0.1,
        );
    }
    client.expect_exit(4);
    let calls = client.calls();
    lab.expect_calls(
        "counting what a client with 4 tries sends to a silent server",
        calls.at_most(Call::Sendto, 4),
    );
    // Four waits of 750 ms in all. A program that wakes up every 5 ms to look makes 150 such calls, a busy one thousands.
    let waits: usize = [Call::Recvfrom, Call::Poll, Call::Select, Call::EpollWait]
        .map(|call| calls.count(call))
        .iter()
        .sum();
    let doing = "counting the calls by which a client waits four times for a reply that does not come (750 ms)";
    lab.expect(doing, "at most 100", waits, waits <= 100);
}

/// What has to work before anything goes wrong: understanding a reply, and an exchange in which all goes well.
fn understands_and_answers(lab: &Lab) {
    let (request, reply) = (packet(REQUEST, 1, b"hello"), packet(REPLY, 1, b"HELLO"));
    lab.control("exact_bytes", |lab| {
        let question = format!("decode {}", hex(&reply));
        let answer = lab.probe(&[&question]).remove(0);
        lab.expect_eq(&format!("asking `{question}`"), answer.as_str(), "Reply 1 \"HELLO\"");
    });
    lab.control("lossless_transcript", |lab| {
        let server = lab.udp("quick server");
        let port = server.addr().port().to_string();
        let client = lab
            .program(["client", "127.0.0.1", &port, "--rto-ms", "2000", "hello"])
            .named("usual client")
            .start();
        let (received, from) = server.receive("receiving the request");
        lab.expect(
            "comparing the request `hello` with what it should be",
            hex(&request),
            hex(&received),
            received == request,
        );
        server.send_to(&reply, from);
        client.expect_line("1: HELLO (tries=1)");
        client.expect_exit(0);
    });
}

fn start_client(lab: &Lab, server: &UdpPeer, options: &[&str]) -> Program {
    let port = server.addr().port().to_string();
    let args = ["client", "127.0.0.1", &port];
    lab.program(args.iter().chain(options)).named("client").start()
}

/// Waits for one more copy of a request, and fails as soon as the client prints something instead.
fn wait_for_copy(lab: &Lab, server: &UdpPeer, client: &Program, since: &str, most_ms: u64) -> Arrival {
    let doing = format!("waiting for the request again, since {since}");
    for _ in 0..most_ms / 20 {
        if let Some(copy) = server.receive_within(Duration::from_millis(20)) {
            return copy;
        }
        let printed = client.stdout_so_far();
        lab.expect(
            &doing,
            "another copy of the request, and nothing printed",
            format!("it printed {printed:?}"),
            printed.is_empty(),
        );
        client.expect_alive();
    }
    lab.fail(
        &doing,
        "another copy of the request",
        format!("nothing for {most_ms} ms"),
    )
}

/// The line for the only request. It has to count the copies: those received so far, and any that came since.
fn expect_last_line(lab: &Lab, client: &Program, server: &UdpPeer, received: usize, text: &str) {
    let line = client.next_line("reading what the client prints after the reply");
    client.expect_exit(0);
    let more = std::iter::from_fn(|| server.receive_within(Duration::from_millis(1))).count();
    let copies = received + more;
    let doing = format!("reading what the client prints; {copies} copies of its request have come");
    lab.expect_eq(&doing, line.as_str(), format!("1: {text} (tries={copies})"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
