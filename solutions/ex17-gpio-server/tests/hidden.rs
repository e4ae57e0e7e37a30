// CANARY-7f3a91c2-hidden
//! The checks of exercise 17 that students see by name only.

#[path = "hidden/framing.rs"]
mod framing;
#[path = "hidden/retries.rs"]
mod retries;
#[path = "../../../exercises/ex17-gpio-server/tests/session/mod.rs"]
mod session;
#[path = "hidden/storms.rs"]
mod storms;
#[path = "hidden/troubles.rs"]
mod troubles;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use harness::pi::{Edges, Kind, Level, Pi, Pull};
use harness::{Lab, Loss, Server, TcpPeer, UdpPeer};
use rstest::rstest;
use session::{ALICE, BOB, asks, expect_levels, hello, in_short, level, ms, rounded, start, start_with};

harness::exercise!("../../../exercises/ex17-gpio-server/rubric.toml");

const CAROL: &str = "c0ffee03";
/// The check to look at first when the undisturbed session of a fault check fails.
const SHARE: &str = "two_clients_share_the_pins";

// A: framing, other people's clients

#[rstest]
#[case::a_byte_at_a_time(framing::a_byte_at_a_time)]
#[case::many_in_one_go(framing::many_in_one_go)]
#[case::half_a_line_holds_up_nobody(framing::half_a_line_holds_up_nobody)]
#[case::lines_that_are_too_long(framing::lines_that_are_too_long)]
#[case::nothing_behind_quit(framing::nothing_behind_quit)]
fn half_lines_and_many_lines(#[case] session: fn(&Lab, &Server)) {
    let lab = lab();
    let Some((_pi, server)) = start(&lab, &[]) else { return };
    undisturbed(&lab, &server);
    session(&lab, &server);
}

/// Sends what is on its stdin as it is, says that this was all, and prints what comes back up to the end of the stream.
const PYTHON_CLIENT: &str = "
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as server:
    server.sendall(sys.stdin.buffer.read())
    server.shutdown(socket.SHUT_WR)
    while piece := server.recv(1024):
        sys.stdout.buffer.write(piece)
";

/// The same question by datagram, again and again until it is answered.
const PYTHON_CALLER: &str = "
import socket, sys
caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
caller.settimeout(0.5)
for question in sys.stdin.read().splitlines():
    for attempt in range(5):
        caller.sendto(question.encode(), (sys.argv[1], int(sys.argv[2])))
        try:
            print(caller.recv(2048).decode())
            break
        except socket.timeout:
            pass
";

#[rstest]
#[case::netcat("nc", &["-N", "HOST", "PORT"])]
#[case::python("python3", &["-I", "-S", "client.py", "HOST", "PORT"])]
fn nc_and_python_clients(#[case] name: &str, #[case] args: &[&str]) {
    let lab = lab();
    let Some(tool) = lab.tool(name) else { return };
    let Some((pi, server)) = start(&lab, &["--name", "lab-7"]) else {
        return;
    };
    std::fs::write(lab.folder().join("client.py"), PYTHON_CLIENT).expect("the lab's folder can be written");
    std::fs::write(lab.folder().join("caller.py"), PYTHON_CALLER).expect("the lab's folder can be written");
    let port = server.port().to_string();
    let filled = |args: &[&str]| -> Vec<String> {
        args.iter()
            .map(|arg| arg.replace("HOST", "127.0.0.1").replace("PORT", &port))
            .collect()
    };
    let finished = tool
        .args(filled(args))
        .run(b"1 HELLO c0ffee01\r\n2 PINS\r\n3 SET 17 1\r\n4 TOGGLE 22\r\n5 GET 17\r\n");
    let doing = format!("reading what {name} received after it sent five lines in one go and ended its direction");
    let expected = [
        "1 OK 5000",
        "2 OK 17:led 22:led 27:button",
        "3 OK 1",
        "4 OK 1",
        "5 OK 1",
    ];
    lab.expect_eq(
        &doing,
        finished.stdout_text().lines().collect::<Vec<_>>(),
        expected.to_vec(),
    );
    if name == "python3" {
        let Some(python) = lab.tool(name) else { return };
        let questions =
            b"DISCOVER\nc0ffee05.1 TOGGLE 17\nc0ffee05.1 TOGGLE 17\nc0ffee05.2 GET 22\nc0ffee05.3 LOCK 22\n";
        let finished = python
            .args(filled(&["-I", "-S", "caller.py", "HOST", "PORT"]))
            .run(questions);
        let text = finished.stdout_text();
        let replies: Vec<String> = text.lines().map(in_short).collect();
        let expected = [
            format!("GPIO/1 {port} lab-7"),
            "c0ffee05.1 OK 0".to_string(),
            "c0ffee05.1 OK 0".to_string(),
            "c0ffee05.2 OK 1".to_string(),
            "c0ffee05.3 ERR proto".to_string(),
        ];
        lab.expect_eq("reading what python received by datagram", replies, expected);
    }
    pi.settle();
    lab.expect_eq("looking at the LED at 22", level(&pi, 22), "high");
}

// B: the board thread

#[test]
fn one_thread_touches_sockets_one_touches_pins() {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    let mut alice = hello(&lab, &server, "alice", ALICE);
    let mut bob = hello(&lab, &server, "bob", BOB);
    asks(&lab, &mut alice, "2 WATCH 27", "2 OK 0");
    asks(&lab, &mut bob, "2 SET 17 1", "2 OK 1");
    asks(&lab, &mut bob, "3 BLINK 22 3 100", "3 OK");
    asks(&lab, &mut bob, "4 TOGGLE 17", "4 OK 0");
    pi.press(pi.now() + ms(10), 27);
    pi.run_for(ms(500));
    alice.read_line("reading of a press");
    let doing = "counting the threads of a server with one button, two clients, and an LED that has blinked: \
                 the loop, the board, and rppal's for the button";
    server.expect_threads_at_most(3, doing);
    let events = pi.events();
    let ready = events
        .iter()
        .position(|event| matches!(event.kind, Kind::Printed(_)))
        .unwrap_or(0);
    let writes = events[ready..]
        .iter()
        .filter(|event| matches!(event.kind, Kind::Latch(..)));
    let writers: BTreeSet<u32> = writes.map(|event| event.thread).collect();
    lab.expect(
        "counting the threads that have set an LED since the server was ready",
        "one",
        format!("{}: {writers:?}", writers.len()),
        writers.len() == 1,
    );
    let receivers = pi.receivers();
    let received = format!("receive: {receivers:?}, set pins: {writers:?}");
    lab.expect(
        "looking which threads have accepted connections or received bytes",
        "one, and not the one that sets pins",
        received,
        receivers.len() == 1 && receivers.is_disjoint(&writers),
    );
    let before = pi.calls();
    pi.run_for(Duration::from_secs(60));
    let calls = pi.calls() - before;
    let doing =
        "counting the calls of a server to which nothing happens for a minute, with two clients and a watched button";
    lab.expect(
        doing,
        "none: whoever has nothing to do sleeps until it has",
        format!("{calls} calls"),
        calls == 0,
    );
    asks(&lab, &mut bob, "5 LOCK 17", "5 OK");
    let before = pi.calls();
    pi.run_for(ms(4990)); // the lease is 5 s
    let calls = pi.calls() - before;
    let doing = "counting the calls of a server that waits for the end of a lease and for nothing else";
    lab.expect(doing, "a few", format!("{calls} calls"), calls <= 8);
    pi.expect_interrupts(27, Edges::Both);
    pi.expect_pull(27, Pull::Up);
    pi.expect_level_reads_at_most(16);
    pi.expect_no_busy_waiting(0.01);
}

#[rstest]
#[case::by_set(&["SET 17 0"], 50, &[(0, true), (50, false)])]
#[case::by_the_same_level(&["SET 17 1"], 50, &[(0, true)])]
#[case::by_toggle(&["TOGGLE 17"], 150, &[(0, true), (100, false), (150, true)])]
#[case::by_another_blink(&["BLINK 17 2 60"], 150, &[(0, true), (100, false), (150, true), (180, false), (210, true), (240, false)])]
#[case::by_two_at_once(&["BLINK 17 9 40", "BLINK 17 1 500"], 150, &[(0, true), (100, false), (150, true), (400, false)])]
#[case::not_by_another_pins_order(&["BLINK 22 5 60"], 150, &[(0, true), (100, false), (200, true), (300, false), (400, true), (500, false)])]
fn blink_replaced_not_interleaved(#[case] orders: &[&str], #[case] after: u64, #[case] expected: &[(u64, bool)]) {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    let mut alice = hello(&lab, &server, "alice", ALICE);
    let mut bob = hello(&lab, &server, "bob", BOB);
    pi.run_for(ms(40));
    asks(&lab, &mut alice, "2 BLINK 17 3 200", "2 OK");
    pi.settle();
    let begun = pi.now();
    pi.run_for(ms(after));
    for (number, order) in (2..).zip(orders) {
        bob.send(format!("{number} {order}\n").as_bytes());
        let doing = format!("reading the reply to `{number} {order}`");
        let reply = bob.read_line(&doing);
        lab.expect(
            &doing,
            format!("{number} OK"),
            &reply,
            reply.starts_with(&format!("{number} OK")),
        );
    }
    pi.run_for(ms(1500));
    expect_levels(&lab, &pi, 17, begun, expected);
}

// C: slow watchers

#[test]
fn watcher_that_never_reads() {
    let lab = lab();
    let leds: Vec<String> = (2..27).map(|pin| pin.to_string()).collect();
    let Some((pi, server)) = start_with(&lab, &leds.join(","), &[]) else {
        return;
    };
    undisturbed(&lab, &server);
    let mut alice = hello(&lab, &server, "alice", ALICE);
    asks(&lab, &mut alice, "2 WATCH 27", "2 OK 0");
    // One who reads is not slow, however much it is: these replies together are several times what may wait for one who does not.
    alice.send("9 PINS\n".repeat(400).as_bytes());
    for _ in 0..400 {
        alice.read_line("reading the replies to 400 PINS that were sent in one go");
    }
    let mut slow = lab.connect_narrow("slow", server.addr());
    slow.send(b"1 HELLO 510cc0de\n2 WATCH 27\n");
    let before = server.peak_memory();
    // The kernel takes 4 MB of replies before the server feels it: about twenty rounds. More in one of them would be too much for one step,
    // less would make this a test of how fast the two take turns on a busy machine.
    let questions = "9 PINS\n".repeat(1024);
    for press in 1..=128 {
        let taken = slow.pour(questions.as_bytes());
        pi.press(pi.now(), 27);
        pi.release(pi.now() + ms(50), 27);
        pi.run_for(ms(100));
        let doing = format!("reading, as alice, of press {press}, while slow asks much and reads nothing");
        let event = alice.read_line(&doing);
        let expected = format!("! 27 press {press} ");
        lab.expect(&doing, format!("{expected}…"), &event, event.starts_with(&expected));
        asks(
            &lab,
            &mut alice,
            &format!("{} GET 17", press + 10),
            &format!("{} OK 0", press + 10),
        );
        if taken < questions.len() || server.stdout_so_far().contains("dropped") {
            break;
        }
    }
    let doing = "reading the log, after slow has read nothing of many replies";
    let line = server.next_line(doing);
    lab.expect(
        doing,
        "dropped 510cc0de: too slow",
        &line,
        line == "dropped 510cc0de: too slow",
    );
    slow.expect_gone("reading, as slow, what was on its way when it was dropped, up to the end");
    let more = server.peak_memory().saturating_sub(before);
    lab.expect(
        "looking at the server's memory after slow has read nothing of many replies",
        "at most 4 MiB more than before",
        format!("{:.1} MiB more", more as f64 / f64::from(1 << 20)),
        more < 4 << 20,
    );
    asks(&lab, &mut alice, "1000 TOGGLE 17", "1000 OK 1");
}

// D: at most once

#[rstest]
#[case::after_a_reset(retries::after_a_reset)]
#[case::after_a_half_close(retries::after_a_half_close)]
#[case::by_datagram_what_was_asked_by_stream(retries::by_datagram)]
#[case::a_no_is_repeated_too(retries::a_no_is_repeated_too)]
#[case::sixty_four_clients_are_remembered(retries::sixty_four_clients)]
#[case::your_client_asks_again_with_the_same_number(retries::your_client)]
fn toggle_retry_over_a_new_connection_toggles_once(#[case] session: fn(&Lab, &Pi, &Server)) {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    undisturbed(&lab, &server);
    session(&lab, &pi, &server);
}

#[rstest]
#[case::seed_1(1)]
#[case::seed_2(2)]
fn udp_toggle_on_a_lossy_link(#[case] seed: u64) {
    const TOGGLES: u32 = 100;
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    lab.control("discover", |lab| {
        let bob = lab.udp("bob");
        calls(lab, &bob, &server, "c0ffee02.1 SET 22 1", "c0ffee02.1 OK 1");
        calls(lab, &bob, &server, "c0ffee02.2 GET 22", "c0ffee02.2 OK 1");
    });
    let bad = Loss {
        seed,
        loss: 25,
        duplicate: 20,
        reorder: 20,
        corrupt: 0,
    };
    let relay = lab.relay(server.addr(), bad);
    let alice = lab.udp("alice");
    for number in 1..=TOGGLES {
        let question = format!("{ALICE}.{number} TOGGLE 17");
        let reply = insist(&lab, &alice, relay.addr(), &question);
        let expected = format!("OK {}", number % 2);
        let doing = format!("reading the reply to `{question}` (seed {seed})");
        lab.expect(&doing, &expected, &reply, reply == expected);
    }
    let tally = relay.tally();
    assert!(tally.lost > 0 && tally.doubled > 0 && tally.overtaken > 0, "{tally:?}");
    pi.settle();
    expect_changes(&lab, &pi, 17, TOGGLES as usize);
}

// E: locks and leases

#[rstest]
#[case::reset(reset)]
#[case::farewell(farewell)]
#[case::silence(silence)]
fn crashed_lock_owner(#[case] goes: fn(TcpPeer) -> Option<TcpPeer>) {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &["--lease-ms", "400"]) else {
        return;
    };
    lab.control("lock_excludes", |lab| {
        let mut alice = hello(lab, &server, "alice", ALICE);
        asks(lab, &mut alice, "2 LOCK 17", "2 OK");
        asks(lab, &mut alice, "3 UNLOCK 17", "3 OK");
        alice.close();
    });
    let mut alice = hello(&lab, &server, "alice", ALICE);
    let mut bob = hello(&lab, &server, "bob", BOB);
    asks(&lab, &mut alice, "4 LOCK 17", "4 OK");
    asks(&lab, &mut alice, "5 SET 17 1", "5 OK 1");
    asks(&lab, &mut alice, "6 LOCK 22", "6 OK");
    pi.run_for(ms(300));
    // Every word renews all that she has, also one that changes nothing, and one by datagram.
    // (The blinking is slow, so that it does not wake the loop when the lease ends.)
    asks(&lab, &mut alice, "7 BLINK 22 100 10000", "7 OK");
    pi.run_for(ms(300));
    asks(&lab, &mut alice, "8 PINS", "8 OK 17:led 22:led 27:button");
    pi.run_for(ms(300));
    calls(
        &lab,
        &lab.udp("alice by datagram"),
        &server,
        "c0ffee01.9 GET 17",
        "c0ffee01.9 OK 1",
    );
    pi.settle();
    let last_word = pi.now();
    let _left = goes(alice);
    pi.run_for(ms(395));
    asks(&lab, &mut bob, "2 SET 17 0", "2 ERR locked");
    asks(&lab, &mut bob, "3 LOCK 22", "3 ERR locked");
    lab.expect_eq(
        "looking at the LED at 17, 395 ms after its owner's last word",
        level(&pi, 17),
        "high",
    );
    pi.run_for(ms(200));
    for pin in [17, 22] {
        let doing = format!("looking when the LED at {pin}, whose owner was silent, went dark for good");
        let last = pi.timeline(pin).last().copied();
        let after = last.map(|(at, level)| (rounded(at.saturating_sub(last_word)), level));
        let right = after.is_some_and(|(at, level)| level == Some(Level::Low) && (399..=402).contains(&at));
        lab.expect(
            &doing,
            "low, 400 ms after the owner's last word",
            format!("{after:?}"),
            right,
        );
    }
    asks(&lab, &mut bob, "4 LOCK 17", "4 OK");
    asks(&lab, &mut bob, "5 SET 17 1", "5 OK 1");
    asks(&lab, &mut bob, "6 GET 22", "6 OK 0");
    let mut again = hello(&lab, &server, "alice again", ALICE);
    asks(&lab, &mut again, "10 TOGGLE 17", "10 ERR locked");
    asks(&lab, &mut again, "11 LOCK 22", "11 OK");
}

fn reset(peer: TcpPeer) -> Option<TcpPeer> {
    peer.reset();
    None
}

fn farewell(mut peer: TcpPeer) -> Option<TcpPeer> {
    peer.send(b"9 QUIT\n");
    peer.read_line("reading the reply to QUIT");
    None
}

fn silence(peer: TcpPeer) -> Option<TcpPeer> {
    Some(peer)
}

// F: isolation, and the end

#[rstest]
#[case::resets(storms::resets)]
#[case::more_clients_than_places(storms::more_clients_than_places)]
fn reset_storm_during_blink(#[case] storm: fn(&Lab, &Pi, &Server, Duration)) {
    let lab = lab();
    let Some((pi, server)) = start(&lab, &[]) else { return };
    undisturbed(&lab, &server);
    let mut alice = hello(&lab, &server, "alice", ALICE);
    pi.run_for(ms(40));
    asks(&lab, &mut alice, "2 BLINK 17 5 200", "2 OK");
    pi.settle();
    let begun = pi.now();
    storm(&lab, &pi, &server, begun);
    pi.run_until(begun + ms(1500));
    let expected: Vec<(u64, bool)> = (0..10).map(|half| (100 * half, half % 2 == 0)).collect();
    expect_levels(&lab, &pi, 17, begun, &expected);
    asks(&lab, &mut alice, "3 GET 17", "3 OK 0");
    server.expect_alive();
}

#[rstest]
#[case::while_it_runs(troubles::the_board_breaks)]
#[case::no_board(troubles::no_board)]
#[case::no_such_pin(troubles::no_such_pin)]
#[case::the_same_pin_twice(troubles::the_same_pin_twice)]
fn board_error_exits_3_and_safe(#[case] trouble: fn(&Lab)) {
    trouble(&lab());
}

// What these checks have in common, besides `session`.

/// bob leaves the LED at 22 lit.
fn undisturbed(lab: &Lab, server: &Server) {
    lab.control(SHARE, |lab| {
        let mut bob = hello(lab, server, "bob", BOB);
        asks(lab, &mut bob, "2 SET 22 1", "2 OK 1");
        asks(lab, &mut bob, "3 GET 22", "3 OK 1");
        bob.close();
    });
}

/// Reads so many replies.
fn reads(lab: &Lab, client: &mut TcpPeer, expected: &[&str]) {
    for expected in expected {
        let doing = format!("reading the next reply, which is to say `{expected}`");
        let reply = client.read_line(&doing);
        lab.expect(&doing, expected, &reply, in_short(&reply) == *expected);
    }
}

/// The same as `asks`, by datagram.
fn calls(lab: &Lab, peer: &UdpPeer, server: &Server, question: &str, expected: &str) {
    peer.send_to(question.as_bytes(), server.addr());
    let doing = format!("reading the answer to the datagram {question:?}");
    let (answer, _) = peer.receive(&doing);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    lab.expect(&doing, expected, &answer, in_short(&answer) == expected);
}

/// Asks again and again, 2 ms apart, until there is an answer; gives it without its id.
fn insist(lab: &Lab, peer: &UdpPeer, to: SocketAddr, question: &str) -> String {
    let id = question.split(' ').next().unwrap_or_default();
    for _ in 0..500 {
        peer.send_to(question.as_bytes(), to);
        while let Some(arrival) = peer.receive_within(ms(2)) {
            let text = String::from_utf8_lossy(&arrival.bytes).into_owned();
            if let Some((seen, answer)) = text.split_once(' ')
                && seen == id
            {
                return answer.to_string();
            }
        }
    }
    lab.fail(&format!("asking `{question}` 500 times"), "an answer", "none")
}

/// Fails unless the program has changed the level of the pin so often since the pin became an output.
fn expect_changes(lab: &Lab, pi: &Pi, pin: u8, expected: usize) {
    let changes = pi.timeline(pin).len().saturating_sub(1);
    let doing = format!("counting how often the LED at {pin} was switched");
    lab.expect_eq(&doing, changes, expected);
}
