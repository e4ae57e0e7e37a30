// CANARY-7f3a91c2-hidden
//! The checks of exercise 10 that students see by name only.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::fsp::{Client, Oracle, Reply, Request, Schedule, Tree, Trial, numbered};
use harness::{Lab, Loss};

harness::exercise!("../../../exercises/ex10-at-most-once/rubric.toml");

const SERVER: [&str; 3] = ["server", "--root", "root"];
const FIRST: u32 = 0xc0ff_ee01;
const SECOND: u32 = 0x0bad_cafe;

/// The server has no more clients than that.
const CLIENTS: u32 = 64;

fn log_only() -> Tree {
    Tree::new().file("/notes/log", b"")
}

/// Sends it for the first time, and looks at the reply.
fn first(client: &mut Client, request: &Request, expected: &str, data: &[u8]) {
    client.send(request);
    client.expect_reply(request, expected, data);
}

/// Sends it once more, and looks at the reply: the very same.
fn again(lab: &Lab, client: &mut Client, request: &Request, expected: &str, data: &[u8]) {
    client.send(request);
    let reply = client.reply_to(request);
    let expected = Reply::to(request, expected, data);
    let doing = format!("reading the reply to a copy of `{}`", request.shown());
    lab.expect(&doing, expected.shown(), reply.shown(), reply.same(&expected));
}

fn expect_silence(lab: &Lab, client: &mut Client, doing: &str) {
    let came = client.drain();
    let received = came.first().map_or("nothing".to_string(), |reply| reply.shown());
    lab.expect(doing, "nothing", received, came.is_empty());
}

fn expect_stats(lab: &Lab, client: &mut Client, doing: &str, expected: &str) {
    let request = Request::new("00000000.1", "STATS");
    client.send(&request);
    let reply = client.reply_to(&request);
    let stats = String::from_utf8_lossy(reply.data());
    let doing = format!("asking for STATS {doing}");
    // How often something was replayed is no part of what is asked here.
    let stats = stats.split(" replays").next().unwrap_or_default();
    lab.expect(&doing, expected, stats, stats == expected);
}

fn expect_log(lab: &Lab, root: &Path, doing: &str, expected: &[u8]) {
    let found = fs::read(root.join("notes/log")).unwrap_or_default();
    let shown = |bytes: &[u8]| format!("{} bytes: {}", bytes.len(), bytes.escape_ascii());
    lab.expect(doing, shown(expected), shown(&found), found == expected);
}

#[test]
fn errors_are_replayed_too() {
    let lab = lab();
    let root = log_only().plant(&lab, "root");
    let server = lab.serve(SERVER);
    let mut client = lab.fsp("client", server.addr()).named(FIRST);
    lab.control("duplicate_OPEN_gives_the_same_handle", |_| {
        let open = client.request("OPEN /notes/log r", b"");
        first(&mut client, &open, "OK 32 0", b"");
        again(&lab, &mut client, &open, "OK 32 0", b"");
    });
    let missing = client.request("OPEN /notes/new r", b"");
    first(&mut client, &missing, "ERR ENOENT", b"");
    fs::write(root.join("notes/new"), b"new").unwrap_or_else(|e| panic!("a file of the test: {e}"));
    // The file is there by now. The reply that the client has missed is the old one all the same.
    again(&lab, &mut client, &missing, "ERR ENOENT", b"");
    client.expect("OPEN /notes/new r", b"", "OK 33 3", b"");
    // A handle that does not exist yet.
    let unknown = client.request("STAT 34", b"");
    first(&mut client, &unknown, "ERR EBADF", b"");
    let mut other = lab.fsp("second client", server.addr()).named(SECOND);
    other.expect("OPEN /notes/new r", b"", "OK 34 3", b"");
    again(&lab, &mut client, &unknown, "ERR EBADF", b"");
    // Beyond the limits, which is an answer like any other.
    let large = client.request("READ 33 1025", b"");
    first(&mut client, &large, "ERR EINVAL", b"");
    again(&lab, &mut client, &large, "ERR EINVAL", b"");
    client.expect("READ 33 100", b"", "OK 3", b"new");
}

/// What a hundred APPENDs leave.
const RECORDS: usize = 100;

/// Any seed will do: 1 to 100 were tried, and this one is done soonest.
const SEED: u64 = 22;

#[test]
fn one_hundred_appends_over_a_bad_link() {
    let lab = lab();
    lab.control("duplicate_APPEND_appends_once", |lab| {
        let root = log_only().plant(lab, "quiet");
        let server = lab.serve(["server", "--root", &root.to_string_lossy()]);
        let mut client = lab.fsp("usual client", server.addr()).named(SECOND);
        client.expect("OPEN /notes/log w", b"", "OK 32 0", b"");
        client.expect("APPEND 32 8", b"0000000\n", "OK 8", b"");
        client.expect("APPEND 32 8", b"0000008\n", "OK 16", b"");
        expect_log(lab, &root, "looking at root/notes/log", b"0000000\n0000008\n");
    });
    append_over_a_bad_link(&lab, SEED);
}

fn append_over_a_bad_link(lab: &Lab, seed: u64) {
    lab.set_step(harness::WALL);
    let root = log_only().plant(lab, "root");
    let server = lab.serve(SERVER);
    let bad = Loss {
        seed,
        loss: 25,
        duplicate: 20,
        reorder: 20,
        corrupt: 0,
    };
    let relay = lab.relay(server.addr(), bad);
    let mut client = lab.fsp("client", relay.addr()).named(FIRST);
    let mut insist = |line: &str, data: &[u8], expected: &str| {
        let request = client.request(line, data);
        let reply = client.insist(&request, Duration::from_millis(10));
        let doing = format!("reading the reply to `{}` (seed {seed})", request.shown());
        lab.expect(&doing, expected, reply.shown(), reply.line() == expected);
    };
    let records = numbered(8 * RECORDS);
    insist("OPEN /notes/log w", b"", "OK 32 0");
    for (number, record) in (1..).zip(records.chunks(8)) {
        insist("APPEND 32 8", record, &format!("OK {}", 8 * number));
    }
    // Copies may still be on their way. The last request has overtaken none that changes anything.
    insist("CLOSE 32", b"", "OK");
    let tally = relay.tally();
    assert!(tally.lost > 0 && tally.doubled > 0 && tally.overtaken > 0, "{tally:?}");
    let found = fs::read(root.join("notes/log")).unwrap_or_default();
    let found = String::from_utf8_lossy(&found);
    let first_wrong = found
        .lines()
        .zip(0..)
        .find(|(line, number)| *line != format!("{:07}", 8 * number));
    let received = match first_wrong {
        Some((line, number)) => format!("{} records, of which number {number} is {line}", found.lines().count()),
        None => format!("{} records in order", found.lines().count()),
    };
    let doing = format!("looking at root/notes/log after {RECORDS} APPENDs over a bad link (seed {seed})");
    let right = found.as_bytes() == records;
    lab.expect(
        &doing,
        format!("{RECORDS} records in order, each exactly once"),
        received,
        right,
    );
}

#[test]
fn same_client_from_a_new_port() {
    let lab = lab();
    let tree = Tree::of_the_slides();
    tree.plant(&lab, "root");
    let server = lab.serve(SERVER);
    let file = numbered(1000);
    let mut client = lab.fsp("client", server.addr()).named(FIRST).knowing(&tree);
    let read = lab.control("duplicate_READ_is_replayed", |_| {
        client.expect("OPEN /tmp/test.txt r", b"", "OK 32 1000", b"");
        let read = client.request("READ 32 200", b"");
        first(&mut client, &read, "OK 200", &file[..200]);
        again(&lab, &mut client, &read, "OK 200", &file[..200]);
        read
    });
    // Another client with another id, from the same port as the first one: a machine behind a router.
    let stranger = Request::new(&format!("{SECOND:08x}.2"), "READ 32 8");
    first(&mut client, &stranger, "OK 8", &file[200..208]);
    again(&lab, &mut client, &read, "OK 200", &file[..200]);
    // And the first client, from another port.
    let old_port = client.addr().port();
    let mut client = client.moved(&lab, "client, at a new port");
    lab.expect(
        "moving the client",
        "another port",
        client.addr().port(),
        client.addr().port() != old_port,
    );
    again(&lab, &mut client, &read, "OK 200", &file[..200]);
    client.expect("STAT 32", b"", "OK", b"32: /tmp/test.txt, 208, read");
    client.send(&read);
    let doing = format!(
        "sending `{}` again, from the new port, after the STAT was answered",
        read.shown()
    );
    expect_silence(&lab, &mut client, &doing);
    expect_stats(
        &lab,
        &mut client,
        "after requests of two clients from two ports",
        "clients=2 handles=1",
    );
}

#[test]
fn restarted_client_with_an_old_id() {
    let lab = lab();
    let tree = Tree::of_the_slides();
    tree.plant(&lab, "root");
    let server = lab.serve(SERVER);
    let file = numbered(1000);
    let mut client = lab.fsp("client", server.addr()).named(FIRST);
    lab.control("duplicate_READ_is_replayed", |_| {
        client.expect("OPEN /tmp/test.txt r", b"", "OK 32 1000", b"");
        client.expect("READ 32 200", b"", "OK 200", &file[..200]);
        client.expect("READ 32 200", b"", "OK 200", &file[200..400]);
    });
    let mut careless = lab
        .fsp("client, started again with its old id", server.addr())
        .named(FIRST);
    for line in ["OPEN /tmp/test.txt r", "CLOSE 32"] {
        let request = careless.request(line, b"");
        careless.send(&request);
        let doing = format!(
            "sending `{}`: number 3 of this client was answered already",
            request.shown()
        );
        expect_silence(&lab, &mut careless, &doing);
    }
    // It happens to come to number 3, and hears what number 3 was answered in its former life.
    let request = careless.request("OPEN /tmp/test.txt r", b"");
    careless.send(&request);
    let reply = careless.reply_to(&request);
    let expected = Reply::to(&request, "OK 200", &file[200..400]);
    let doing = format!(
        "sending `{}`: what number 3 of this client was answered in its former life",
        request.shown()
    );
    lab.expect(&doing, expected.shown(), reply.shown(), reply.same(&expected));
    let mut fresh = lab
        .fsp("client, started again with a fresh id", server.addr())
        .named(SECOND);
    fresh.expect("OPEN /tmp/test.txt r", b"", "OK 33 1000", b"");
    fresh.expect("READ 33 8", b"", "OK 8", &file[..8]);
    client.expect("READ 32 200", b"", "OK 200", &file[400..600]);
}

#[test]
fn cache_is_bounded() {
    let lab = lab();
    lab.set_step(harness::WALL);
    let tree = Tree::of_the_slides().file("/large", &numbered(32 * 1024));
    tree.plant(&lab, "root");
    let server = lab.serve(SERVER);
    let mut keeper = lab.fsp("a client that stays", server.addr()).named(FIRST);
    lab.control("duplicate_OPEN_gives_the_same_handle", |lab| {
        keeper.expect("OPEN /large r", b"", "OK 32 32768", b"");
        let open = Request::new("ffffffff.1", "OPEN /tmp/test.txt r");
        first(&mut keeper, &open, "OK 33 1000", b"");
        again(lab, &mut keeper, &open, "OK 33 1000", b"");
        expect_stats(lab, &mut keeper, "with two clients", "clients=2 handles=2");
    });
    forgotten_with_their_handles(&lab, &mut keeper);
    let before = server.peak_memory();
    ten_thousand(&mut keeper);
    let doing = "after 10000 more clients";
    expect_stats(&lab, &mut keeper, doing, &format!("clients={CLIENTS} handles=1"));
    let grown = server.peak_memory().saturating_sub(before) >> 10;
    let doing = "comparing the server's memory with that before 10000 clients, of which it knows 64";
    lab.expect(
        doing,
        "less than 8192 KiB more",
        format!("{grown} KiB more"),
        grown < 8192,
    );
}

/// One client after the other opens a file, and one is heard all the time. Beside it there is room for 63.
fn forgotten_with_their_handles(lab: &Lab, keeper: &mut Client) {
    let open = |n: u32| Request::new(&format!("{n:08x}.1"), "OPEN /tmp/test.txt r");
    let handle = |n: u32| 33 + n;
    for n in 1..CLIENTS {
        first(keeper, &open(n), &format!("OK {} 1000", handle(n)), b"");
        keeper.expect("SEEK 32 0", b"", "OK 0", b"");
    }
    // The one of the control was silent for the longest time.
    let doing = "after one client more than there is room for";
    expect_stats(lab, keeper, doing, &format!("clients={CLIENTS} handles={CLIENTS}"));
    handle_is(
        lab,
        keeper,
        33,
        "ERR EBADF",
        "whose client has been silent for the longest time, and was forgotten",
    );
    handle_is(lab, keeper, 34, "OK", "whose client is still known");
    // A copy of its OPEN: now number 1 was heard later than number 2.
    again(lab, keeper, &open(1), "OK 34 1000", b"");
    first(keeper, &open(CLIENTS), &format!("OK {} 1000", handle(CLIENTS)), b"");
    handle_is(lab, keeper, 34, "OK", "whose client was heard a moment ago: a copy");
    handle_is(
        lab,
        keeper,
        35,
        "ERR EBADF",
        "whose client has now been silent for the longest time, and was forgotten",
    );
    handle_is(lab, keeper, 32, "OK", "whose client is the one that asks all the time");
    let doing = "after two clients more than there is room for";
    expect_stats(lab, keeper, doing, &format!("clients={CLIENTS} handles={CLIENTS}"));
}

fn handle_is(lab: &Lab, client: &mut Client, handle: u32, expected: &str, whose: &str) {
    let reply = client.ask(&format!("STAT {handle}"), b"");
    let doing = format!("asking for handle {handle}, {whose}");
    lab.expect(&doing, expected, reply.shown(), reply.line() == expected);
}

/// Clients that read 1024 bytes each, thirty at a time, so that the queues of the sockets suffice.
fn ten_thousand(keeper: &mut Client) {
    let requests: Vec<_> = (1000..11_000_u32)
        .map(|n| Request::new(&format!("{n:08x}.1"), "READ 32 1024"))
        .collect();
    for some in requests.chunks(30) {
        some.iter().for_each(|request| keeper.send(request));
        for request in some {
            keeper.reply_to(request);
        }
        keeper.expect("SEEK 32 0", b"", "OK 0", b"");
    }
}

#[test]
fn late_duplicate_changes_nothing() {
    let lab = lab();
    let serve = |root: &Path| lab.service(&["server", "--root", &root.to_string_lossy()]);
    Trial::new(&lab, Oracle::AtMostOnce, &Tree::of_the_slides(), serve)
        .ask("OPEN /tmp/test.txt r")
        .ask("READ $1 200")
        .twice()
        .ask("STAT $1")
        .ask("READ $1 200")
        .run("duplicate_READ_is_replayed", &[Schedule::AfterNext]);
    Trial::new(&lab, Oracle::AtMostOnce, &log_only(), serve)
        .ask("OPEN /notes/log w")
        .ask_with("APPEND $1 4", b"one\n")
        .twice()
        .ask_with("APPEND $1 4", b"two\n")
        .ask("STAT $1")
        .run("duplicate_APPEND_appends_once", &[Schedule::AfterNext]);
    Trial::new(&lab, Oracle::AtMostOnce, &Tree::of_the_slides(), serve)
        .ask("OPEN /tmp/test.txt r")
        .ask("CLOSE $1")
        .ask("OPEN /tmp/test.txt w")
        .twice()
        .ask("OPEN /tmp/test.txt r")
        .ask("STAT $2")
        .run("duplicate_OPEN_gives_the_same_handle", &[Schedule::AfterNext]);
}

#[test]
fn a_crash_empties_the_cache() {
    let lab = lab();
    let root: PathBuf = log_only().plant(&lab, "root");
    let mut server = lab.service(&SERVER);
    let mut client = lab.fsp("client", server.addr()).named(FIRST);
    let append = lab.control("duplicate_APPEND_appends_once", |lab| {
        client.expect("OPEN /notes/log w", b"", "OK 32 0", b"");
        let append = client.request("APPEND 32 4", b"one\n");
        first(&mut client, &append, "OK 4", b"");
        again(lab, &mut client, &append, "OK 4", b"");
        expect_log(
            lab,
            &root,
            "looking at root/notes/log after an APPEND and a copy of it",
            b"one\n",
        );
        append
    });
    server.crash_and_restart();
    // The handle is gone with everything else, so a copy fails. It is answered, since the server knows nothing of its first life.
    again(&lab, &mut client, &append, "ERR EBADF", b"");
    server.crash_and_restart();
    // Somebody gets the number 32 for a file of the new life. Now the copy hits it: executed twice, with nobody at fault.
    let mut other = lab.fsp("second client", server.addr()).named(SECOND);
    other.expect("OPEN /notes/log w", b"", "OK 32 4", b"");
    again(&lab, &mut client, &append, "OK 8", b"");
    let doing = "looking at root/notes/log after a crash and a late copy: this protocol cannot do better";
    expect_log(&lab, &root, doing, b"one\none\n");
    again(&lab, &mut client, &append, "OK 8", b"");
    let doing = "looking at root/notes/log after one more copy, within the same life of the server";
    expect_log(&lab, &root, doing, b"one\none\n");
}

#[test]
fn duplicate_while_busy() {
    let lab = lab();
    let photograph = lab.random(4564, 600);
    let tree = log_only().file("/photograph", &photograph);
    let root = tree.plant(&lab, "root");
    let server = lab.serve(SERVER);
    let mut client = lab.fsp("client", server.addr()).named(FIRST).knowing(&tree);
    lab.control("duplicate_APPEND_appends_once", |_| {
        client.expect("OPEN /notes/log w", b"", "OK 32 0", b"");
        client.expect("APPEND 32 4", b"one\n", "OK 4", b"");
    });
    for (line, data, expected, bytes) in [
        ("APPEND 32 4", &b"two\n"[..], "OK 8", &b""[..]),
        ("WRITE 32 4", b"ONE\n", "OK 4", b""),
        ("OPEN /photograph r", b"", "OK 33 600", b""),
        ("READ 33 300", b"", "OK 300", &photograph[..300]),
        ("READ 33 300", b"", "OK 300", &photograph[300..]),
    ] {
        let request = client.request(line, data);
        server.freeze();
        (0..3).for_each(|_| client.send(&request));
        server.thaw();
        for _ in 0..3 {
            client.expect_reply(&request, expected, bytes);
        }
    }
    expect_silence(
        &lab,
        &mut client,
        "waiting for a reply too many, to fifteen datagrams with fifteen replies",
    );
    let doing = "looking at root/notes/log after an APPEND and a WRITE of which three copies each were waiting";
    expect_log(&lab, &root, doing, b"ONE\ntwo\n");
    client.expect("STAT 32", b"", "OK", b"32: /notes/log, 4, write");
    expect_stats(
        &lab,
        &mut client,
        "after an OPEN of which three copies were waiting",
        "clients=1 handles=2",
    );
}
