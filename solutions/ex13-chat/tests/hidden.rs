// CANARY-7f3a91c2-hidden
//! The checks of exercise 13 that students see by name only.

#[path = "hidden/limits.rs"]
mod limits;
#[path = "hidden/talk.rs"]
mod talk;

use std::time::Duration;

use harness::trace::{Call, Calls, Decoded, Event, Fault, Idle, SOCKET_CALLS};
use harness::{Lab, TcpPeer};
use nix::errno::Errno;
use rstest::rstest;
use talk::{asks_who, expect_same, hears, join, says, two, with_a_slow_one};

harness::exercise!("../../../exercises/ex13-chat/rubric.toml");

/// The check to look at first when the undisturbed session of a fault check fails.
const TALK: &str = "two_people_talk";
/// How long an idle server is watched. What wakes up more seldom is seen by its time-out.
const WHILE: Duration = Duration::from_millis(400);
/// More than the system's buffers hold for a reader who does not read.
const BACKLOG: usize = 16 << 20;
/// More than they hold for a reader with a small receive buffer.
const BLOCKED: usize = 6 << 20;
/// An `--outbuf` that is never exceeded here.
const PATIENT: [&str; 3] = ["server", "--outbuf", "67108864"];

#[derive(Clone, Copy, PartialEq)]
enum Slow {
    Dropped,
    WaitedFor,
    NotThere,
}

#[rstest]
#[case::is_dropped(Slow::Dropped)]
#[case::is_waited_for_where_16_mib_are_allowed(Slow::WaitedFor)]
#[case::and_one_who_reads_is_never_dropped(Slow::NotThere)]
fn a_reader_who_never_reads(#[case] slow: Slow) {
    let lab = lab();
    undisturbed(&lab);
    match slow {
        Slow::Dropped => drops_the_slow_reader(&lab),
        Slow::WaitedFor => waits_for_the_slow_reader(&lab),
        Slow::NotThere => keeps_the_quick_reader(&lab),
    }
}

fn drops_the_slow_reader(lab: &Lab) {
    let server = lab.serve(["server"]);
    let (mut alice, mut bob, mut slow) = with_a_slow_one(lab, &server, false);
    let before = server.peak_memory();
    let doing = "reading, as bob, what alice says (16 MiB by and by), while slow reads nothing of it";
    let mut flood = Flood::default();
    flood.pour(lab, BACKLOG, &mut alice, &mut bob, doing);
    let doing = "reading the log, after 16 MiB of which slow has read nothing";
    let line = server.next_line(doing);
    lab.expect(doing, "dropped slow: too slow", &line, line == "dropped slow: too slow");
    let more = server.peak_memory().saturating_sub(before);
    lab.expect(
        "looking at the server's memory, after 16 MiB of which slow has read nothing, with --outbuf 65536",
        "at most 8 MiB more than before",
        format!("{:.1} MiB more", more as f64 / f64::from(1 << 20)),
        more < 8 << 20,
    );
    if !flood.slow_has_left {
        let doing = "waiting, as bob, for the news that slow has left";
        hears(lab, &mut bob, "* slow left", doing);
    }
    let doing = "asking, as bob, who is there after slow was dropped";
    asks_who(lab, &mut bob, "* alice bob", doing);
    let came = slow.expect_gone("reading, as slow, what was on its way when it was dropped, up to the end");
    let begins = flood.said.starts_with(&came);
    let received = format!("{} bytes that are something else", came.len());
    lab.expect(
        "comparing what came for slow with what alice has said",
        "the beginning of it",
        received,
        begins,
    );
}

fn waits_for_the_slow_reader(lab: &Lab) {
    let server = lab.serve(PATIENT);
    let (mut alice, mut bob, mut slow) = with_a_slow_one(lab, &server, false);
    let doing = "reading, as bob, what alice says (16 MiB by and by), while slow reads nothing of it";
    let mut flood = Flood::default();
    flood.pour(lab, BACKLOG, &mut alice, &mut bob, doing);
    let doing = "asking, as bob, who is there: with --outbuf 67108864 nobody is dropped for 16 MiB";
    asks_who(lab, &mut bob, "* alice bob slow", doing);
    let came = slow.read_exactly(
        flood.said.len(),
        "reading, as slow at last, all the 16 MiB that alice has said",
    );
    expect_same(
        lab,
        "comparing what came for slow with what alice has said",
        &came,
        &flood.said,
    );
    asks_who(lab, &mut slow, "* alice bob slow", "asking, as slow, who is there");
}

/// One read of the shortest lines becomes more bytes than --outbuf allows.
fn keeps_the_quick_reader(lab: &Lab) {
    let server = lab.serve(["server"]);
    let (mut alice, mut bob) = two(lab, &server);
    for _ in 0..4 {
        const LINES: usize = 8192;
        alice.send("x\n".repeat(LINES).as_bytes());
        let doing = "reading, as bob, 8192 lines that alice has sent in one go; bob's socket can take all of them";
        let came = bob.read_exactly(LINES * "alice: x\n".len(), doing);
        expect_same(lab, doing, &came, "alice: x\n".repeat(LINES).as_bytes());
    }
    let doing = "asking, as bob, who is there";
    asks_who(lab, &mut bob, "* alice bob", doing);
}

/// What alice says by and by, and bob reads by and by.
#[derive(Default)]
struct Flood {
    /// As each of the others is to get it.
    said: Vec<u8>,
    slow_has_left: bool,
}

impl Flood {
    /// Lets alice say so many bytes. bob reads them before she goes on, so he is never behind.
    fn pour(&mut self, lab: &Lab, bytes: usize, alice: &mut TcpPeer, bob: &mut TcpPeer, doing: &str) {
        const NEWS: &[u8] = b"* slow left\n";
        let end = self.said.len() + bytes;
        alice.no_delay();
        while self.said.len() < end {
            let (mut lines, mut heard) = (Vec::new(), Vec::new());
            for number in 0..128 {
                let line = numbered_line(self.said.len(), number);
                lines.extend_from_slice(line.as_bytes());
                heard.extend_from_slice(b"alice: ");
                heard.extend_from_slice(line.as_bytes());
            }
            alice.send(&lines);
            let mut came = bob.read_exactly(heard.len(), doing);
            // Between two lines may stand the news that slow has left.
            if came != heard
                && let Some(at) = came.windows(NEWS.len()).position(|bytes| bytes == NEWS)
            {
                came.drain(at..at + NEWS.len());
                came.extend(bob.read_exactly(NEWS.len(), doing));
                self.slow_has_left = true;
            }
            expect_same(lab, doing, &came, &heard);
            self.said.extend(heard);
        }
    }
}

/// Lines as long as they may be, with numbers in them, so that none can be lost, doubled or moved unseen.
fn numbered_line(chunk: usize, number: usize) -> String {
    const DOTS: &str = match str::from_utf8(&[b'.'; 499]) {
        Ok(dots) => dots,
        Err(_) => unreachable!(),
    };
    format!("{chunk:>8} {number:>3} {DOTS}\n")
}

/// Whether a write has found no room for all that it was given.
fn is_blocked(calls: &Calls) -> bool {
    let full = |event: &Event| match (event.asked(), event.result) {
        (_, Err(errno)) => errno == Errno::EAGAIN,
        (Some(asked), Ok(taken)) => asked > taken as u64,
        _ => false,
    };
    calls.of(Call::Sendto).iter().any(full)
}

#[rstest]
#[case::nobody_speaks("nobody speaks")]
#[case::one_has_left("one client has left, and nobody speaks")]
#[case::stdin_has_ended("stdin has ended, and nobody speaks")]
#[case::output_is_waiting("nobody speaks, and there are bytes for one who does not read")]
fn no_busy_loop(#[case] what: &str) {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let server = lab.program(PATIENT).trace(SOCKET_CALLS).trace_files().serve();
    let (mut alice, mut bob, slow) = with_a_slow_one(&lab, &server, true);
    let mut patient = Some(slow);
    match what {
        "one client has left, and nobody speaks" => {
            patient.take().into_iter().for_each(TcpPeer::close);
            for client in [&mut alice, &mut bob] {
                hears(&lab, client, "* slow left", "waiting for the news that slow has left");
            }
        }
        "stdin has ended, and nobody speaks" => server.stdin_close(),
        "nobody speaks, and there are bytes for one who does not read" => {
            let doing = "reading, as bob, what alice says, while slow reads nothing of it";
            let mut flood = Flood::default();
            while !is_blocked(&server.calls()) && flood.said.len() < BACKLOG {
                flood.pour(&lab, BACKLOG / 16, &mut alice, &mut bob, doing);
            }
        }
        _ => {}
    }
    let idle = server.expect_idle(WHILE, &format!("watching the server while {what}"));
    says(&lab, ("alice", &mut alice), "wake up", ("bob", &mut bob));
    let calls = server.calls();
    expect_no_ticking(&lab, &calls, idle);
    let threads = calls.threads().len();
    let doing = "counting the threads of the server that have made a call";
    lab.expect(doing, "one, which waits for all clients at once", threads, threads == 1);
}

/// Fails if the call in which the server was idle would have ended soon by itself.
fn expect_no_ticking(lab: &Lab, calls: &Calls, idle: Idle) {
    const SELDOM: Duration = Duration::from_secs(60);
    let doing = "looking at the call in which the server waited";
    let expected = "select, poll or epoll_wait without a time-out: nothing here happens at a certain time";
    let Some(waiting) = calls.waited_through(idle) else {
        lab.fail(doing, expected, "none of them");
    };
    let ticks = matches!(waiting.args, Decoded::Watch { timeout: Some(after), .. } if after < SELDOM);
    lab.expect(doing, expected, waiting, !ticks);
}

#[test]
fn resets_hurt_only_their_client() {
    let lab = lab();
    undisturbed(&lab);
    let server = lab.serve(PATIENT);
    let (mut alice, mut bob, slow) = with_a_slow_one(&lab, &server, true);
    // With bytes on the way to it.
    let doing = "reading, as bob, what alice says, while slow reads nothing of it";
    Flood::default().pour(&lab, BLOCKED, &mut alice, &mut bob, doing);
    slow.reset();
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        let doing = format!(
            "waiting, as {name}, for the news that slow has left; it reset a connection with bytes waiting for it"
        );
        hears(&lab, client, "* slow left", &doing);
    }
    // Without a word, or in the middle of one.
    let mut carol = join(&lab, &server, "carol");
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        hears(
            &lab,
            client,
            "* carol joined",
            &format!("waiting, as {name}, for carol"),
        );
    }
    carol.send(b"half a li");
    carol.reset();
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        hears(
            &lab,
            client,
            "* carol left",
            &format!("waiting, as {name}, for the news that carol has left; she reset her connection"),
        );
    }
    // Several at once: strangers, one of whom the server has not seen yet, and one who is spoken to.
    let mut stranger = lab.connect("stranger", server.addr());
    hears(&lab, &mut stranger, "NAME?", "waiting for the stranger's NAME?");
    server.freeze();
    stranger.reset();
    lab.connect("passer-by", server.addr()).reset();
    alice.send(b"bob?\n");
    bob.reset();
    server.thaw();
    let doing = "waiting, as alice, for the news that bob has left; three have reset their connections at once";
    hears(&lab, &mut alice, "* bob left", doing);
    asks_who(
        &lab,
        &mut alice,
        "* alice",
        "asking, as alice, who is there after all these resets",
    );
    let mut dave = join(&lab, &server, "dave");
    hears(&lab, &mut alice, "* dave joined", "waiting, as alice, for dave");
    says(&lab, ("alice", &mut alice), "quiet here", ("dave", &mut dave));
    server.expect_alive();
}

#[rstest]
#[case::nobody_is_there(&[Call::Accept], Errno::EAGAIN)]
#[case::the_client_has_given_up(&[Call::Accept], Errno::ECONNABORTED)]
#[case::nothing_has_come(&[Call::Recvfrom], Errno::EAGAIN)]
#[case::a_signal_came(&[Call::Select, Call::Poll, Call::EpollWait], Errno::EINTR)]
fn accept_after_select_may_fail(#[case] calls: &[Call], #[case] errno: Errno) {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    undisturbed(&lab);
    // The first such call, the third and the sixth. For reading they are counted for each client.
    let fails = calls.iter().flat_map(|call| [1, 3, 6].map(|first| (*call, first)));
    let faulty = fails.fold(lab.program(["server"]), |launch, (call, first)| {
        launch.fault(Fault::Fail {
            call,
            errno,
            first,
            times: 1,
        })
    });
    let server = faulty.serve();
    let (mut alice, mut bob) = two(&lab, &server);
    for line in ["one", "two", "three"] {
        says(&lab, ("alice", &mut alice), line, ("bob", &mut bob));
        says(&lab, ("bob", &mut bob), line, ("alice", &mut alice));
    }
    let recorded = server.calls();
    let failed = recorded.iter().filter(|call| call.fault.is_some()).count();
    let doing = format!("counting the calls of {} that gave {errno:?}", calls[0]);
    lab.expect(
        &doing,
        "one at least: the server has to make such calls",
        failed,
        failed > 0,
    );
    if let Some(listener) = recorded.of(Call::Listen).first().and_then(|call| call.fd) {
        let doing = "looking at the flags of the listening socket: if the client is gone, accept must not wait for the next one";
        let nonblocking = server.is_nonblocking(listener);
        lab.expect(doing, "O_NONBLOCK", "a blocking socket", nonblocking != Some(false));
    }
}

#[rstest]
#[case::five_bytes_at_a_time(Fault::Clamp(5))]
#[case::no_room_at_first(Fault::Fail { call: Call::Sendto, errno: Errno::EAGAIN, first: 1, times: 2 })]
#[case::no_room_later(Fault::Fail { call: Call::Sendto, errno: Errno::EAGAIN, first: 4, times: 3 })]
fn order_survives_short_writes(#[case] fault: Fault) {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    undisturbed(&lab);
    let server = lab.program(["server"]).fault(fault).serve();
    let (mut alice, mut bob) = two(&lab, &server);
    let mut carol = join(&lab, &server, "carol");
    for (name, client) in [("alice", &mut alice), ("bob", &mut bob)] {
        hears(
            &lab,
            client,
            "* carol joined",
            &format!("waiting, as {name}, for carol ({fault})"),
        );
    }
    for round in 0..4 {
        let lines: Vec<String> = (0..5).map(|n| format!("line {round}.{n}")).collect();
        alice.send((lines.join("\n") + "\n").as_bytes());
        let heard: String = lines.iter().map(|line| format!("alice: {line}\n")).collect();
        for (name, client) in [("bob", &mut bob), ("carol", &mut carol)] {
            let doing = format!("reading, as {name}, five lines that alice has sent in one go ({fault})");
            client.expect_bytes(heard.as_bytes(), &doing);
        }
        says(&lab, ("bob", &mut bob), "go on", ("alice", &mut alice));
        hears(&lab, &mut carol, "bob: go on", "reading, as carol, what bob has said");
    }
}

#[rstest]
#[case::three_places(3)]
#[case::more_than_a_set_of_select_can_hold(2000)]
fn limits_not_crashes(#[case] places: usize) {
    let lab = lab();
    match places {
        3 => limits::three_places(&lab),
        _ => limits::more_than_a_set_can_hold(&lab, places),
    }
}

#[rstest]
#[case::and_the_next_comes_later(false)]
#[case::of_one_who_has_just_come(true)]
fn last_words(#[case] newcomer: bool) {
    let lab = lab();
    let server = lab.serve(["server"]);
    let (mut alice, mut bob) = two(&lab, &server);
    if newcomer {
        let mut carol = lab.connect("carol", server.addr());
        hears(&lab, &mut carol, "NAME?", "waiting, as carol, for NAME?");
        server.freeze();
        carol.send(b"carol\nhello and goodbye\n");
        carol.close();
        server.thaw();
        for expected in ["* carol joined", "carol: hello and goodbye", "* carol left"] {
            let doing = "reading, as alice, of carol, whose name, line and farewell came at once";
            hears(&lab, &mut alice, expected, doing);
        }
        return;
    }
    server.freeze();
    bob.send(b"one more thing\ngoodbye\nand");
    bob.close();
    server.thaw();
    for expected in ["bob: one more thing", "bob: goodbye", "* bob left"] {
        let doing = "reading, as alice, what bob has said, and that he has left; both came at once";
        hears(&lab, &mut alice, expected, doing);
    }
    asks_who(&lab, &mut alice, "* alice", "asking, as alice, who is there");
}

#[rstest]
#[case::nc("nc")]
#[case::curl("curl")]
fn nc_and_telnet_join(#[case] name: &str) {
    let lab = lab();
    let Some(tool) = lab.tool(name) else { return };
    let server = lab.serve(["server"]);
    let mut alice = join(&lab, &server, "alice");
    let port = server.port().to_string();
    let tool = match name {
        "nc" => tool.args(["127.0.0.1", &port]),
        _ => tool.args(["-s", "-N", &format!("telnet://127.0.0.1:{port}")]),
    };
    let guest = tool.start();
    guest.expect_line("NAME?");
    guest.stdin_write(b"carol\r\nhello from outside\r\nand two lines at once\r\n");
    guest.expect_line("* alice carol");
    if name == "curl" {
        // After each thing that it has heard, curl 7 waits in a read of its stdin. (Exercise 12 is about that.) At the end of stdin it
        // listens on.
        guest.stdin_close();
    }
    for expected in [
        "* carol joined",
        "carol: hello from outside",
        "carol: and two lines at once",
    ] {
        let doing = format!("reading, as alice, of carol, who uses {name} and ends her lines with CR LF");
        hears(&lab, &mut alice, expected, &doing);
    }
    alice.send(b"hello, carol\r\n");
    guest.expect_line("alice: hello, carol");
    guest.kill();
    hears(
        &lab,
        &mut alice,
        "* carol left",
        &format!("waiting, as alice, for the end of carol's {name}"),
    );
}

/// The undisturbed session: two clients join and say a line each.
fn undisturbed(lab: &Lab) {
    lab.control(TALK, |lab| {
        let server = lab.program(["server"]).named("undisturbed server").serve();
        let (mut alice, mut bob) = two(lab, &server);
        says(lab, ("alice", &mut alice), "hello", ("bob", &mut bob));
        says(lab, ("bob", &mut bob), "hello", ("alice", &mut alice));
        server.kill();
    });
}
