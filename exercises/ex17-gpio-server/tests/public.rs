//! The checks of exercise 17 that you have in front of you. Run them: `cargo test -p ex17`.
//!
//! Your server runs on a fake Raspberry Pi whose clock stands still unless a check lets it go on. `rubric.toml` says what each is worth.

mod session;

use harness::pi::Drive;
use harness::{Lab, TcpPeer};
use nix::sys::signal::Signal;
use session::{ALICE, BOB, asks, expect_levels, hello, in_short, level, ms, start};

harness::exercise!("../rubric.toml");

#[test]
fn control_session() {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    let mut transcript = String::new();
    let mut alice = lab.connect("alice", server.addr());
    for request in [
        "1 GET 17",
        "1 HELLO c0ffee01",
        "2 PINS",
        "3 SET 17 1",
        "4 GET 17",
        "5 GET 22",
        "6 TOGGLE 17",
        "7 TOGGLE 22",
        "8 SET 22 1",
        "9 GET 27",
        "10 SET 4 1",
        "11 BLINK 17 0 100",
        "12 DANCE 17",
        "13 QUIT",
    ] {
        alice.send(format!("{request}\n").as_bytes());
        let reply = in_short(&alice.read_line(&format!("reading the reply to `{request}`")));
        pi.settle();
        transcript += &format!(
            "{request:<18} {reply:<32} 17 {}, 22 {}\n",
            level(&pi, 17),
            level(&pi, 22)
        );
    }
    alice.expect_eof("waiting for the end of the stream after QUIT");
    harness::assert_snapshot!(lab, transcript, @r"
    1 GET 17           1 ERR order                      17 low, 22 low
    1 HELLO c0ffee01   1 OK 5000                        17 low, 22 low
    2 PINS             2 OK 17:led 22:led 27:button     17 low, 22 low
    3 SET 17 1         3 OK 1                           17 high, 22 low
    4 GET 17           4 OK 1                           17 high, 22 low
    5 GET 22           5 OK 0                           17 high, 22 low
    6 TOGGLE 17        6 OK 0                           17 low, 22 low
    7 TOGGLE 22        7 OK 1                           17 low, 22 high
    8 SET 22 1         8 OK 1                           17 low, 22 high
    9 GET 27           9 ERR mode                       17 low, 22 high
    10 SET 4 1         10 ERR nopin                     17 low, 22 high
    11 BLINK 17 0 100  11 ERR limit                     17 low, 22 high
    12 DANCE 17        12 ERR proto                     17 low, 22 high
    13 QUIT            13 OK                            17 low, 22 high
    ");
}

#[test]
fn two_clients_share_the_pins() {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    let mut alice = hello(&lab, &server, "alice", ALICE);
    let mut bob = hello(&lab, &server, "bob", BOB);
    asks(&lab, &mut alice, "2 SET 17 1", "2 OK 1");
    asks(&lab, &mut bob, "2 GET 17", "2 OK 1");
    asks(&lab, &mut bob, "3 TOGGLE 17", "3 OK 0");
    asks(&lab, &mut bob, "4 SET 22 1", "4 OK 1");
    asks(&lab, &mut alice, "3 GET 17", "3 OK 0");
    asks(&lab, &mut alice, "4 TOGGLE 22", "4 OK 0");
    asks(&lab, &mut bob, "5 GET 22", "5 OK 0");
    // One of them leaves, and the pins stay as they are.
    asks(&lab, &mut alice, "5 SET 17 1", "5 OK 1");
    alice.close();
    asks(&lab, &mut bob, "6 GET 17", "6 OK 1");
    // And your own client is one more.
    let url = format!("gpio://127.0.0.1:{}/17", server.port());
    let client = lab
        .run(["client", &url, "get", "toggle", "set", "1", "blink", "2", "100"])
        .expect_code(0);
    lab.expect_eq(
        "reading what your client has printed for get, toggle, set 1 and blink 2 100",
        client.stdout_text(),
        "1\n0\n1\nok\n".to_string(),
    );
    let client = lab.run(["client", &url, "set", "0", "set", "2"]).expect_code(3);
    lab.expect_eq(
        "reading what it has printed for set 0 and set 2",
        client.stdout_text(),
        "0\n".to_string(),
    );
    let complaint = client.stderr_text();
    let doing = "reading its complaint about set 2, which the server refuses";
    lab.expect(
        doing,
        "error: SET 17 2: proto …",
        &complaint,
        complaint.starts_with("error: SET 17 2: proto"),
    );
    pi.settle();
    lab.expect_eq("looking at the LED at 17 after set 0", level(&pi, 17), "low");
    asks(&lab, &mut bob, "7 GET 17", "7 OK 0");
}

#[test]
fn blink_answers_at_once() {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    let mut alice = hello(&lab, &server, "alice", ALICE);
    let mut bob = hello(&lab, &server, "bob", BOB);
    pi.run_for(ms(40));
    // The clock stands still: a server that sleeps does not answer.
    asks(&lab, &mut alice, "2 BLINK 17 3 200", "2 OK");
    asks(&lab, &mut alice, "3 GET 22", "3 OK 0");
    pi.settle();
    let begun = pi.now();
    for (number, lit) in [(3, 1), (4, 0), (5, 1), (6, 0), (7, 1)] {
        pi.run_for(ms(50));
        asks(
            &lab,
            &mut bob,
            &format!("{number} GET 17"),
            &format!("{number} OK {lit}"),
        );
        asks(
            &lab,
            &mut alice,
            &format!("{} TOGGLE 22", number + 1),
            &format!("{} OK {lit}", number + 1),
        );
        pi.run_for(ms(50));
    }
    pi.run_for(ms(500));
    let expected = [
        (0, true),
        (100, false),
        (200, true),
        (300, false),
        (400, true),
        (500, false),
    ];
    expect_levels(&lab, &pi, 17, begun, &expected);
    asks(&lab, &mut bob, "8 GET 17", "8 OK 0");
}

#[test]
fn press_reaches_every_watcher_once() {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    let mut alice = hello(&lab, &server, "alice", ALICE);
    let mut bob = hello(&lab, &server, "bob", BOB);
    let mut carol = hello(&lab, &server, "carol", "c0ffee03");
    asks(&lab, &mut alice, "2 WATCH 27", "2 OK 0");
    asks(&lab, &mut bob, "2 WATCH 27", "2 OK 0");
    asks(&lab, &mut bob, "3 WATCH 27", "3 OK 0"); // twice is no more than once
    asks(&lab, &mut carol, "2 WATCH 17", "2 ERR mode");
    asks(&lab, &mut carol, "3 WATCH 4", "3 ERR nopin");

    pi.bounce(ms(100), 27, Drive::Low, 5, ms(1));
    pi.bounce(ms(180), 27, Drive::Open, 5, ms(1));
    pi.run_until(ms(300)); // nobody says a word meanwhile
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        hears_press(&lab, client, name, 1, 100);
    }
    pi.press(ms(400), 27);
    pi.run_until(ms(450));
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        hears_press(&lab, client, name, 2, 400);
    }
    pi.release(ms(500), 27);
    asks(&lab, &mut bob, "4 UNWATCH 27", "4 OK 2");
    pi.press(ms(600), 27);
    pi.run_until(ms(700));
    hears_press(&lab, &mut alice, "alice", 3, 600);
    // A reply is the next thing that each of them reads: nobody has heard of a press twice, or of one that is not for him.
    asks(&lab, &mut alice, "3 GET 17", "3 OK 0");
    asks(&lab, &mut bob, "5 GET 17", "5 OK 0");
    asks(&lab, &mut carol, "4 GET 17", "4 OK 0");
}

#[test]
fn discover() {
    let lab = lab();
    let Some((_pi, server)) = start(&lab, &["--name", "lab-7"]) else {
        return;
    };
    let expected = format!("GPIO/1 {} lab-7", server.port());
    let peer = lab.udp("peer");
    for question in ["DISCOVER", "DISCOVER\n"] {
        peer.send_to(question.as_bytes(), server.addr());
        let (answer, from) = peer.receive(&format!("waiting for the answer to {question:?}"));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        lab.expect_eq("reading the answer to DISCOVER", answer, expected.clone());
        lab.expect_eq("looking where the answer comes from", from, server.addr());
    }
    // What is no question has no answer: the next datagram is the answer to one that is.
    for nonsense in ["DISCOVER me", "", "hello", "c0ffee.1 GET 17"] {
        peer.send_to(nonsense.as_bytes(), server.addr());
    }
    peer.send_to(b"c0ffee01.1 GET 17", server.addr());
    let doing = "reading the answer to GET, after datagrams that are no questions";
    let (answer, _) = peer.receive(doing);
    lab.expect_eq(
        doing,
        String::from_utf8_lossy(&answer).into_owned(),
        "c0ffee01.1 OK 0".to_string(),
    );

    // Your client finds it, and one that answers only when it is asked again.
    let port = server.port().to_string();
    let found = lab.run(["client", "--discover", &port]).expect_code(0);
    let line = format!("gpio://127.0.0.1:{port}/ lab-7\n");
    lab.expect_eq("reading what your client has found", found.stdout_text(), line);
    let slow = lab.udp("slow server");
    let port = slow.addr().port().to_string();
    let client = lab
        .program(["client", "--discover", &port, "--patience-ms", "300"])
        .start();
    slow.receive("waiting for the client's DISCOVER");
    let (_, client_at) = slow.receive("waiting for the client's second DISCOVER; the first one has no answer");
    slow.send_to(b"GPIO/1 4711 slow pi", client_at);
    client.expect_line("gpio://127.0.0.1:4711/ slow pi");
    client.expect_exit(0);
    lab.run(["client", "--discover", &port, "--patience-ms", "30"])
        .expect_code(4); // nobody answers any more
}

#[test]
fn lock_excludes() {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    let mut alice = hello(&lab, &server, "alice", ALICE);
    let mut bob = hello(&lab, &server, "bob", BOB);
    asks(&lab, &mut alice, "2 LOCK 17", "2 OK");
    asks(&lab, &mut alice, "3 LOCK 17", "3 OK"); // one's own, once more
    for (number, what) in (2..).zip(["SET 17 1", "TOGGLE 17", "BLINK 17 3 200", "LOCK 17", "UNLOCK 17"]) {
        asks(
            &lab,
            &mut bob,
            &format!("{number} {what}"),
            &format!("{number} ERR locked"),
        );
    }
    pi.settle();
    lab.expect_eq(
        "looking at the LED at 17, which bob has not switched on",
        level(&pi, 17),
        "low",
    );
    asks(&lab, &mut bob, "10 GET 17", "10 OK 0");
    asks(&lab, &mut bob, "11 SET 22 1", "11 OK 1");
    asks(&lab, &mut bob, "12 LOCK 27", "12 ERR mode");
    asks(&lab, &mut bob, "13 LOCK 4", "13 ERR nopin");
    asks(&lab, &mut bob, "14 UNLOCK 22", "14 OK"); // which is not locked
    asks(&lab, &mut alice, "4 SET 17 1", "4 OK 1");
    asks(&lab, &mut alice, "5 TOGGLE 22", "5 OK 0");
    asks(&lab, &mut alice, "6 SET 17 1", "6 OK 1");
    asks(&lab, &mut alice, "7 UNLOCK 17", "7 OK");
    pi.settle();
    lab.expect_eq(
        "looking at the LED at 17 after UNLOCK, which leaves it as it is",
        level(&pi, 17),
        "high",
    );
    asks(&lab, &mut bob, "15 LOCK 17", "15 OK");
    asks(&lab, &mut alice, "8 SET 17 0", "8 ERR locked");
    asks(&lab, &mut bob, "16 TOGGLE 17", "16 OK 0");
}

#[test]
#[allow(non_snake_case)]
fn SIGTERM_makes_safe() {
    let lab = lab();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let Some((pi, server)) = start(&lab, &[]) else { return };
        let mut alice = hello(&lab, &server, "alice", ALICE);
        let mut stranger = lab.connect("stranger", server.addr());
        asks(&lab, &mut alice, "2 WATCH 27", "2 OK 0");
        asks(&lab, &mut alice, "3 SET 17 1", "3 OK 1");
        asks(&lab, &mut alice, "4 BLINK 22 100 200", "4 OK");
        pi.run_until(ms(250));
        lab.expect_eq("looking at the LED at 17 before the signal", level(&pi, 17), "high");
        pi.signal(ms(250), signal);
        for (name, client) in [("alice", &mut alice), ("stranger", &mut stranger)] {
            let doing = format!("reading, as {name}, after {signal}");
            let line = client.read_line(&doing);
            lab.expect(&doing, "! bye", &line, line == "! bye");
            client.expect_eof(&format!("waiting, as {name}, for the end of the stream after {signal}"));
        }
        let doing = format!("waiting for the server's end after {signal}");
        server.expect_exit_when(0, &doing);
        pi.expect_dark(&[17, 22]);
        pi.expect_let_go(&[17, 22, 27]);
    }
}

#[test]
fn core_unit() {
    let lab = lab();
    let cases = [
        ("half a line", "parse 1 GET 1", "nothing"),
        (
            "a line in three pieces, and half of the next",
            r"parse 1 G|ET 17|\n2 GE",
            "1 Get(17)",
        ),
        (
            "three lines in one piece, with CR LF and an empty one",
            r"parse 1 PINS\r\n\n2 SET 22 0\n4294967295 QUIT\n",
            "1 Pins, 2 Set(22, false), 4294967295 Quit",
        ),
        (
            "what is no request",
            r"parse GET 17\n0 GET 17\n+1 GET 17\n1 get 17\n1 GET\n1 GET 17 18\n1  GET 17\n1 SET 17 2\n1 GET +7\n\xff\n",
            "0 malformed, 0 malformed, 0 malformed, 1 malformed, 1 malformed, 1 malformed, 1 malformed, 1 malformed, 1 malformed, 0 malformed",
        ),
        (
            "ids",
            r"parse 1 HELLO c0ffee01\n2 HELLO C0FFEE\n3 HELLO +0ffee01\n",
            "1 Hello(3237998081), 2 malformed, 3 malformed",
        ),
        ("a datagram", "datagram c0ffee01.7 TOGGLE 17", "c0ffee01 7 Toggle(17)"),
        (
            "a datagram with a request that is for connections",
            r"datagram c0ffee01.7 BLINK 17 3 200\n",
            "c0ffee01 7 malformed",
        ),
        ("a datagram from nobody", "datagram 7 TOGGLE 17", "nothing"),
        (
            "a clean press",
            "debounce 20 100L 180H 300L 380H",
            "press at 100, press at 300",
        ),
        (
            "bouncing contacts",
            "debounce 20 0L 1H 2L 3H 4L 80H 81L 82H",
            "press at 0",
        ),
        (
            "an edge exactly at the end of the window",
            "debounce 20 0L 5H 20L",
            "press at 0, press at 20",
        ),
        (
            "the same level again and again",
            "debounce 20 0L 1L 2L 50L 90H 91H 150L",
            "press at 0, press at 150",
        ),
        (
            "an id, then a lamp",
            "core +1|1:1 SET 17 1|1:1 HELLO c0ffee01|1:2 SET 17 1|1:3 TOGGLE 17",
            "1<1 ERR order, 1<1 OK 1000, 1<2 OK 1, order 17 #1 1, 1<3 OK 0, order 17 #2 0",
        ),
        (
            "the same number again: the same reply, and no order",
            "core +1|1:1 HELLO c0ffee01|1:2 TOGGLE 17|1:2 TOGGLE 17|-1|+2|2:9 HELLO c0ffee01|2:2 TOGGLE 17|2:1 TOGGLE 17",
            "1<1 OK 1000, 1<2 OK 1, order 17 #1 1, 1<2 OK 1, 2<9 OK 1000, 2<2 OK 1, 2<1 ERR order",
        ),
        (
            "a level that belongs to an older order says nothing",
            "core +1|1:1 HELLO c0ffee01|1:2 BLINK 17 3 200|level 17 1 0|1:3 GET 17|1:4 SET 17 0|level 17 1 1|1:5 GET 17",
            "1<1 OK 1000, 1<2 OK, order 17 #1 blink 3 x 200, 1<3 OK 0, 1<4 OK 0, order 17 #2 0, 1<5 OK 0",
        ),
        (
            "a press goes to those who watch",
            "core +1|+2|1:1 HELLO c0ffee01|2:1 HELLO c0ffee02|1:2 WATCH 27|press 27 120|2:2 QUIT|-1|press 27 300",
            "1<1 OK 1000, 2<1 OK 1000, 1<2 OK 0, 1<! 27 press 1 120, 2<2 OK, close 2",
        ),
        (
            "a lease: silence ends it, and every word renews it",
            "core +1|1:1 HELLO c0ffee01|next|1:2 LOCK 17|next|@600|udp:c0ffee01.3 GET 22|next|@1599|@1600|next",
            "1<1 OK 1000, next never, 1<2 OK, next at 1000, udp<c0ffee01.3 OK 0, next at 1600, order 17 #1 0, next never",
        ),
        (
            "an address",
            "address gpio://[::1]:5000/17",
            "host ::1, port 5000, pin 17",
        ),
        (
            "what the client's words mean",
            "requests 17 lock set 1 blink 3 200 watch",
            "LOCK 17, SET 17 1, BLINK 17 3 200, WATCH 17",
        ),
    ];
    let requests = cases.map(|(_, request, _)| request);
    for ((case, request, expected), answer) in cases.into_iter().zip(lab.probe(&requests)) {
        lab.expect(
            &format!("{case}: asking `{request}`"),
            expected,
            &answer,
            answer == expected,
        );
    }
    let x = |bytes: usize| "x".repeat(bytes);
    let long = [
        ("256 bytes, and no LF yet", format!("parse {}", x(256)), "nothing"),
        ("257 bytes, and no LF yet", format!("parse {}", x(257)), "0 malformed"),
        (
            "300 bytes in pieces, and a request behind them",
            format!(r"parse {}|{}|xx\n1 PINS\n", x(200), x(98)),
            "0 malformed, 1 Pins",
        ),
    ];
    let requests: Vec<&str> = long.iter().map(|(_, request, _)| request.as_str()).collect();
    for ((case, _, expected), answer) in long.iter().zip(lab.probe(&requests)) {
        lab.expect(case, expected, &answer, answer == *expected);
    }
}

/// A press is told with its number and with the milliseconds since the board was opened: a little less than the Pi's own time.
fn hears_press(lab: &Lab, client: &mut TcpPeer, name: &str, number: u32, at: u64) {
    let doing = format!("reading, as {name}, of press {number}, which was {at} ms after the Pi's start");
    let line = client.read_line(&doing);
    let begin = format!("! 27 press {number} ");
    let time = line.strip_prefix(&begin).and_then(|time| time.parse::<u64>().ok());
    let expected = format!("{begin}{at}, or a few milliseconds less");
    lab.expect(
        &doing,
        expected,
        &line,
        time.is_some_and(|time| (at.saturating_sub(5)..=at).contains(&time)),
    );
}
