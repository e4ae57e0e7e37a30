//! The checks of exercise 11 that you have in front of you. Run them: `cargo test -p ex11`.
//!
//! Each one starts your program and talks to it as clients would. `rubric.toml` says what each is worth. Nearly all of them use a
//! server whose clock stands still until the test moves it (`--clock manual`), so that no lease ends because a machine is slow.

use std::fs;
use std::time::{Duration, Instant};

use harness::fsp::{Client, Oracle, Request, Tree, numbered};
use harness::{Lab, Server};

harness::exercise!("../rubric.toml");

const FILE: &str = "/tmp/test.txt";

/// The lease of these checks, in milliseconds: the server's default.
const LEASE: u64 = 1000;

#[test]
fn exclusive_excludes() {
    let lab = lab();
    let (_server, mut ada, mut bob) = serving(&lab);
    open(&lab, &mut ada, FILE, "w");
    open(&lab, &mut bob, FILE, "w");
    ada.expect("LOCK $1 x", b"", "OK", b"");
    bob.expect("LOCK $1 x", b"", "ERR ELOCKED", b"");
    bob.expect("LOCK $1 s", b"", "ERR ELOCKED", b"");
    // It is this file that is locked, and no other.
    open(&lab, &mut bob, "/notes/log", "w");
    bob.expect("LOCK $2 x", b"", "OK", b"");
    ada.expect("WRITE $1 8", b"written\n", "OK 8", b"");
}

#[test]
fn compatibility_matrix() {
    expect_probe(&[
        ("locks a s|b s|c s", "OK|OK|OK", "shared locks go together"),
        ("locks a s|b x", "OK|ELOCKED", "an exclusive lock on what others share"),
        (
            "locks a x|b s",
            "OK|ELOCKED",
            "a shared lock on what somebody has alone",
        ),
        ("locks a x|b x", "OK|ELOCKED", "two exclusive locks"),
        ("locks a x /a|b x /b|b x /a", "OK|OK|ELOCKED", "two files"),
        (
            "locks a s|a s|a x|a x",
            "OK|OK|OK|OK",
            "one's own lock is in nobody's way",
        ),
        (
            "locks a s|b s|a x|b?|-b|a x|b?",
            "OK|OK|ELOCKED|r|OK|OK|-",
            "from shared to exclusive: only without others, and what one had stays",
        ),
        (
            "locks a s|b s|-a|c x|b?|-b|c x",
            "OK|OK|OK|ELOCKED|rw|OK|OK",
            "giving back one of two shared locks",
        ),
        (
            "locks a x|a s|b s|a?",
            "OK|OK|OK|r",
            "from exclusive to shared: others may come",
        ),
        (
            "locks a x|b x|b?|-a|b x",
            "OK|ELOCKED|-|OK|OK",
            "a refused lock is no lock, also not a waiting one",
        ),
        (
            "locks a x|a?|b?|b? /b",
            "OK|rw|-|rw",
            "what one may do under an exclusive lock",
        ),
        ("locks a s|a?|b?", "OK|rw|r", "what one may do under a shared lock"),
        ("locks a s|b s|a?", "OK|OK|r", "two share, so neither may write"),
        (
            "locks -a|a x|-a|-a",
            "EINVAL|OK|OK|EINVAL",
            "giving back what one has, once",
        ),
        (
            "locks a x|a x|a x|-a|b x",
            "OK|OK|OK|OK|OK",
            "a lock that is asked for again is still one lock",
        ),
        ("locks a x|-b|b x", "OK|EINVAL|ELOCKED", "giving back what one has not"),
        (
            "locks a x /a|a s /b|b s /b|a!|a!|b x /a|-b /b",
            "OK|OK|OK|2|0|OK|OK",
            "losing everything, on every file",
        ),
    ]);
}

#[test]
fn only_the_owner_unlocks() {
    let lab = lab();
    let (_server, mut ada, mut bob) = serving(&lab);
    open(&lab, &mut ada, FILE, "w");
    open(&lab, &mut bob, FILE, "w");
    ada.expect("LOCK $1 x", b"", "OK", b"");
    bob.expect("UNLOCK $1", b"", "ERR EINVAL", b"");
    bob.expect("LOCK $1 x", b"", "ERR ELOCKED", b"");
    ada.expect("UNLOCK $1", b"", "OK", b"");
    bob.expect("LOCK $1 x", b"", "OK", b"");
    ada.expect("UNLOCK $1", b"", "ERR EINVAL", b"");
    ada.expect("LOCK $1 s", b"", "ERR ELOCKED", b"");
}

#[test]
fn crashed_client_loses_its_lock() {
    let lab = lab();
    let (server, mut bob, _) = serving(&lab);
    lab.control("exclusive_excludes", |lab| {
        open(lab, &mut bob, FILE, "w");
        bob.expect("LOCK $1 x", b"", "OK", b"");
        bob.expect("UNLOCK $1", b"", "OK", b"");
    });
    let port = server.port().to_string();
    let holder = lab.program(["client", "127.0.0.1", &port, "hold", FILE, "--lock", "x:60"]);
    let holder = holder.named("a client that will crash").start();
    holder.expect_line("locked /tmp/test.txt");
    bob.expect("LOCK $1 x", b"", "ERR ELOCKED", b"");
    holder.kill();
    // It has said nothing. For as long as its lease lasts it may still be there, and only be slow.
    advance(&lab, &server, LEASE);
    expect_lock(
        &lab,
        &mut bob,
        "ERR ELOCKED",
        "1000 ms after it was heard last, with a lease of 1000 ms",
    );
    advance(&lab, &server, 1);
    expect_lock(
        &lab,
        &mut bob,
        "OK",
        "1001 ms after it was heard last, with a lease of 1000 ms",
    );
    let doing = "reading the server's log about the client that has crashed";
    let line = expect_expiry(&lab, &server, doing);
    let right = line.ends_with(" expired: 1 handle, 1 lock");
    lab.expect(doing, "lease of … expired: 1 handle, 1 lock", line, right);
    ends_by_itself(&lab);
}

fn expect_lock(lab: &Lab, client: &mut Client, expected: &str, when: &str) {
    let reply = client.ask("LOCK $1 x", b"");
    let doing = format!("asking for a lock that a client had which has crashed, {when}");
    lab.expect(&doing, expected, reply.shown(), reply.line() == expected);
}

/// On the real clock, and although nobody asks anything any more.
fn ends_by_itself(lab: &Lab) {
    const SHORT: Duration = Duration::from_millis(150);
    Tree::of_the_slides().plant(lab, "root");
    let server = lab.serve([
        "server",
        "--root",
        "root",
        "--state",
        "state",
        "--lease-ms",
        &SHORT.as_millis().to_string(),
    ]);
    let mut client = lab.fsp("a client that falls silent", server.addr()).named(0xc0ff_ee01);
    let since = Instant::now();
    open(lab, &mut client, FILE, "r");
    let doing = "reading the log of a server on its real clock, which nobody asks anything";
    let line = expect_expiry(lab, &server, doing);
    let expected = "lease of c0ffee01 expired: 1 handle, 0 locks";
    lab.expect(doing, expected, &line, line == expected);
    // Less than the lease can have passed only if it was too short.
    let passed = since.elapsed();
    let received = format!("{} ms after it was sent", passed.as_millis());
    let doing = "looking when a lease of 150 ms ended that began with one request";
    lab.expect(doing, "not before 150 ms", received, passed > SHORT);
}

#[test]
fn activity_keeps_the_lease() {
    let lab = lab();
    let (server, mut ada, mut bob) = serving(&lab);
    open(&lab, &mut ada, FILE, "w");
    open(&lab, &mut bob, FILE, "r");
    ada.expect("LOCK $1 x", b"", "OK", b"");
    for (line, expected, data) in [
        ("RENEW", "OK", &b""[..]),
        ("READ $1 8", "OK 8", b"0000000\n"),
        ("SEEK $1 80", "OK 80", b""),
        ("LOCK $1 x", "OK", b""),
        ("OPEN /none r", "ERR ENOENT", b""),
        ("RENEW", "OK", b""),
    ] {
        advance(&lab, &server, LEASE);
        ada.expect(line, b"", expected, data);
        bob.expect("LOCK $1 s", b"", "ERR ELOCKED", b"");
    }
    // A request that arrives once more is a sign of life, too.
    let last = ada.request("STAT $1", b"");
    for _ in 0..3 {
        advance(&lab, &server, LEASE);
        ada.send(&last);
        ada.reply_to(&last);
        bob.expect("LOCK $1 s", b"", "ERR ELOCKED", b"");
    }
    ada.expect("WRITE $1 8", b"written\n", "OK 8", b"");
}

#[test]
fn leases_in_virtual_time() {
    expect_probe(&[
        ("leases 1000 0 a|500", "-", "500 ms of silence, with a lease of 1000"),
        (
            "leases 1000 0 a|1000|1001|1002",
            "-|a|-",
            "longer than the lease, and reported once",
        ),
        (
            "leases 1000 0 a|900 a|1800 a|2700|2801",
            "-|a",
            "each request renews the lease",
        ),
        (
            "leases 1000 0 a b|600 b|1001|1601",
            "a|b",
            "each client has a lease of its own",
        ),
        (
            "leases 1000 0 c a b|1001",
            "a b c",
            "several at the same time, in order",
        ),
        ("leases 1000 500", "-", "nobody is there"),
        (
            "leases 1000 0 a|1001|1500 a|2000|2501",
            "a|-|a",
            "who comes back has a new lease",
        ),
        (
            "leases 60000 100 a|60100|60101|4294967000 b|4295027001",
            "-|a|b",
            "a lease of a minute, and a server that runs for weeks",
        ),
    ]);
}

#[test]
fn client_copies_across_a_crash() {
    let lab = lab();
    copy(&lab, "server", None);
    copy(&lab, "server that crashes", Some(3));
}

/// The client copies 1000 bytes in 200s from a server of the test, which crashes before it gets the request with this number.
fn copy(lab: &Lab, name: &str, crash_at: Option<usize>) {
    let mut server = lab.fsp_server(name, Oracle::Leased, &Tree::of_the_slides());
    let port = server.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "get", FILE]).start();
    let mut handle = String::new();
    for number in 0.. {
        if crash_at == Some(number) {
            server.crash(2);
        }
        let doing = "waiting for the client's next request: READ until one brings nothing, and then CLOSE";
        let (request, reply) = server.answer_next(doing);
        match (request.words()[0], reply) {
            ("OPEN", Some(reply)) => handle = reply.fields().first().cloned().unwrap_or_default(),
            (_, _) => {
                let used = request.words().get(1).map_or(String::new(), |word| (*word).to_owned());
                let doing = format!("looking which handle `{}` is about", request.shown());
                let last = format!("{handle}, which the last OPEN got");
                let right = used == handle || request.words().len() == 1;
                lab.expect(&doing, last, &used, right);
            }
        }
        if request.line.starts_with("CLOSE") {
            break;
        }
        let received = format!("request {number}: `{}`", request.line);
        let doing = "counting the client's requests, for a file that takes 8, and a crash";
        lab.expect(doing, "CLOSE by now", received, number < 20);
    }
    let printed = client.expect_exit(0).stdout;
    let first = printed
        .iter()
        .zip(numbered(1000))
        .position(|(got, right)| *got != right);
    let received = format!(
        "{} bytes, {}",
        printed.len(),
        match first {
            Some(at) => format!("of which byte {at} is the first that is wrong"),
            None => "all of them as in the file".to_owned(),
        }
    );
    let doing = "comparing what the client printed with the file";
    let right = printed == numbered(1000);
    lab.expect(doing, "1000 bytes, all of them as in the file", received, right);
}

#[test]
fn every_start_is_a_new_epoch() {
    let lab = lab();
    let state = Tree::new().plant(&lab, "state");
    let begin = || lab.probe(&["epoch state"]).remove(0);
    let in_file = || fs::read_to_string(state.join("epoch")).unwrap_or_else(|e| format!("({e})"));
    for life in ["1", "2", "3"] {
        let doing = format!("beginning life number {life} with `epoch state`");
        let epoch = begin();
        lab.expect(&doing, life, &epoch, epoch == life);
        let (written, expected) = (in_file(), format!("{life}\n"));
        let doing = format!("reading state/epoch in life number {life}");
        lab.expect_eq(&doing, written, expected);
    }
    put(&lab, b"41\n");
    let epoch = begin();
    lab.expect("beginning a life after number 41", "42", &epoch, epoch == "42");
    for broken in [&b""[..], b"many\n", b"-1\n", b"4294967295\n", b"\xff\n"] {
        put(&lab, broken);
        let answer = begin();
        let shown = broken.escape_ascii();
        let doing = format!("beginning a life when state/epoch holds \"{shown}\", of which nothing can follow");
        lab.expect(&doing, "an error", &answer, answer.starts_with("error: "));
        let kept = fs::read(state.join("epoch")).unwrap_or_default();
        let doing = "reading state/epoch after that: what cannot be understood is left alone";
        lab.expect(doing, shown, kept.escape_ascii(), kept == broken);
    }
}

/// Puts this into the file of the epoch, which any program may replace.
fn put(lab: &Lab, bytes: &[u8]) {
    Tree::new().file("/epoch", bytes).plant(lab, "state");
}

fn expect_probe(cases: &[(&str, &str, &str)]) {
    let lab = lab();
    let requests: Vec<&str> = cases.iter().map(|(request, ..)| *request).collect();
    for ((request, expected, about), answer) in cases.iter().zip(lab.probe(&requests)) {
        let doing = format!("asking `{request}`: {about}");
        lab.expect(&doing, expected, &answer, answer == *expected);
    }
}

/// Your server with the lecture's file and an empty log, and two clients of the test. Its clock stands still.
fn serving(lab: &Lab) -> (Server, Client, Client) {
    Tree::of_the_slides().file("/notes/log", b"").plant(lab, "root");
    Tree::new().plant(lab, "state");
    let server = lab.serve(["server", "--root", "root", "--state", "state", "--clock", "manual"]);
    let client = |who, name| lab.fsp(who, server.addr()).named(name).knowing(&Tree::of_the_slides());
    let (ada, bob) = (client("ada", 0xc0ff_ee01), client("bob", 0x0bad_cafe));
    (server, ada, bob)
}

/// Opens a file under whatever handle the server gives.
fn open(lab: &Lab, client: &mut Client, path: &str, mode: &str) {
    let line = format!("OPEN {path} {mode}");
    let reply = client.ask(&line, b"");
    let doing = format!("reading the reply to `{line}`");
    let two = reply.fields().len() == 2;
    lab.expect(&doing, "OK, a handle and the size", reply.shown(), two);
}

/// Moves the server's clock.
fn advance(lab: &Lab, server: &Server, ms: u64) {
    let mut hand = lab.fsp("the clock's hand", server.addr());
    let request = Request::new("00000000.1", &format!("ADVANCE {ms}"));
    hand.send(&request);
    let reply = hand.reply_to(&request);
    lab.expect("moving the server's clock", "OK", reply.shown(), reply.is_ok());
}

/// The server's next line about a lease.
fn expect_expiry(lab: &Lab, server: &Server, doing: &str) -> String {
    for _ in 0..100 {
        let line = server.next_line(doing);
        if line.starts_with("lease of ") {
            return line;
        }
    }
    lab.fail(doing, "a line about a lease", "a hundred lines about something else")
}
