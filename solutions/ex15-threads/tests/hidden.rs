// CANARY-7f3a91c2-hidden
//! The checks of exercise 15 that students see by name only.
#![allow(non_snake_case)] // SIGTERM is the name of a signal

use harness::{Lab, Server, TcpPeer};
use rstest::rstest;

harness::exercise!("../../../exercises/ex15-threads/rubric.toml");

/// More than a connection's buffers hold, so that whoever sends it has to wait for the reader.
const MUCH: usize = 16384;

/// What has to be right before anything else can be seen: a client alone is answered.
fn one_client(lab: &Lab, mode: &str) {
    lab.control("transcript", |lab| {
        let server = lab.program(["server", "--mode", mode]).named("undisturbed").serve();
        let mut client = lab.connect("undisturbed client", server.addr());
        ask(&mut client, "DEPOSIT alice 5", "OK", "as the only client");
        ask(&mut client, "BALANCE alice", "OK 5", "as the only client");
    });
}

/// Fails unless this is the answer.
fn ask(client: &mut TcpPeer, request: &str, answer: &str, how: &str) {
    client.send(format!("{request}\n").as_bytes());
    client.expect_bytes(
        format!("{answer}\n").as_bytes(),
        &format!("reading the answer to `{request}` {how}"),
    );
}

/// Lets a client ask for much, and read no more than the first line of it.
fn dump_begins(client: &mut TcpPeer) {
    client.send(format!("DUMP {MUCH}\n").as_bytes());
    let first = format!("OK {}\n", MUCH << 10);
    client.expect_bytes(
        first.as_bytes(),
        "reading the first line of a DUMP, of which nobody reads more",
    );
}

fn server(lab: &Lab, mode: &str, workers: usize, queue: usize) -> Server {
    let (workers, queue) = (workers.to_string(), queue.to_string());
    lab.serve(["server", "--mode", mode, "--workers", &workers, "--queue", &queue])
}

#[test]
fn opposite_transfers_neither_deadlock_nor_lose() {
    let lab = lab();
    let request = "transfers 8 1250 20";
    let answers = lab.probe(&[request; 20]);
    for answer in answers {
        let doing = format!(
            "asking `{request}`: four threads transfer from a to b, four from b to a, and somebody looks at both accounts meanwhile"
        );
        let numbers: Vec<i64> = answer.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        let right = matches!(numbers[..], [40, 40, 40, 0..=40]);
        let expected = "sum 40, seen from 40 to 40, and no balance below 0";
        lab.expect(&doing, expected, &answer, right);
    }

    // The two accounts of a transfer may be one.
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    for (request, answer) in [
        ("DEPOSIT alice 5", "OK"),
        ("TRANSFER alice alice 5", "OK"),
        ("TRANSFER alice alice 6", "ERR insufficient"),
        ("BALANCE alice", "OK 5"),
    ] {
        ask(
            &mut client,
            request,
            answer,
            "after 200000 transfers between two accounts, with one account now",
        );
    }
}

#[rstest]
#[case::thread("thread")]
#[case::pool("pool")]
fn no_lock_while_talking(#[case] mode: &str) {
    let lab = lab();
    one_client(&lab, mode);
    let server = server(&lab, mode, 2, 2);
    let mut other = lab.connect("other", server.addr());
    ask(&mut other, "DEPOSIT alice 5", "OK", "before anybody is slow");
    let mut slow = lab.connect_narrow("slow", server.addr());
    dump_begins(&mut slow);
    for (request, answer) in [
        ("BALANCE alice", "OK 5"),
        ("DEPOSIT alice 1", "OK"),
        ("DEPOSIT carol 1", "OK"),
        ("TRANSFER alice bob 2", "OK"),
        ("BALANCE bob", "OK 2"),
        ("DUMP 1", "OK 1024"),
    ] {
        let how = "while another client does not read what the server sends it: no lock may be held there";
        ask(&mut other, request, answer, how);
    }
    // Nothing of the slow one's answer is lost; it is what the bank was when it asked.
    let doing = "reading the rest of the DUMP, which began before the others' requests";
    let rest = slow.read_exactly(MUCH << 10, doing);
    let right = rest.starts_with(b"alice 5\nalice 5\n") && rest.ends_with(b"alice 5\n");
    let shown = format!(
        "{} … {}",
        rest[..16].escape_ascii(),
        rest[rest.len() - 16..].escape_ascii()
    );
    lab.expect(doing, "`alice 5`, and nothing else, over and over", shown, right);
}

#[rstest]
#[case::as_usual(4, 16)]
#[case::as_the_command_line_says(2, 3)]
fn full_pool_says_busy(#[case] workers: usize, #[case] queue: usize) {
    let lab = lab();
    if !lab.can_see_processes() {
        return;
    }
    one_client(&lab, "pool");
    let server = if (workers, queue) == (4, 16) {
        lab.serve(["server", "--mode", "pool"])
    } else {
        server(&lab, "pool", workers, queue)
    };
    let mut served = Vec::new();
    for number in 1..=workers {
        let mut client = lab.connect(&format!("client {number}"), server.addr());
        ask(
            &mut client,
            "BALANCE alice",
            "OK 0",
            &format!("as client {number} of {workers}, each of whom has a worker"),
        );
        served.push(client);
    }
    let mut waiting = Vec::new();
    for number in 1..=queue {
        let mut client = lab.connect(&format!("waiting {number}"), server.addr());
        client.send(b"BALANCE alice\n");
        waiting.push(client);
    }
    let all = format!("all {workers} workers are busy and {queue} clients wait");
    for number in 1..=3 {
        let mut client = lab.connect(&format!("one too many, {number}"), server.addr());
        // Two of them have asked already when they are sent away.
        if number > 1 {
            client.send(b"DEPOSIT alice 100\nBALANCE alice\n");
        }
        client.expect_bytes(
            b"ERR busy\n",
            &format!("reading what the server says to one more client, when {all}"),
        );
        if number == 1 {
            client.expect_eof("waiting for the end of the stream after `ERR busy`");
        }
    }
    server.expect_threads_at_most(
        workers + 2,
        &format!("counting the server's threads, when {all}, and 3 more have been sent away"),
    );
    // As soon as somebody leaves, the one who came first is next; and there is room for one more.
    for (number, mut leaving) in served.into_iter().enumerate() {
        leaving.half_close();
        leaving.expect_eof("waiting for the end of the stream after the client's own");
        let doing = format!("reading the answer to what waiting client {} has asked", number + 1);
        waiting[number].expect_bytes(
            b"OK 0\n",
            &format!("{doing}: a worker is free, since one client has left"),
        );
    }
    for client in waiting.drain(..workers.min(queue)) {
        client.close();
    }
    for (number, client) in waiting.iter_mut().enumerate() {
        client.expect_bytes(
            b"OK 0\n",
            &format!("reading the answer as waiting client {}", workers + number + 1),
        );
        client.half_close();
    }
    let mut client = lab.connect("latecomer", server.addr());
    ask(
        &mut client,
        "BALANCE alice",
        "OK 0",
        "as a client who comes when there is room again",
    );
}

#[rstest]
#[case::thread("thread")]
#[case::pool("pool")]
fn a_panicking_handler_is_contained(#[case] mode: &str) {
    let lab = lab();
    one_client(&lab, mode);
    let server = server(&lab, mode, 2, 2);
    let mut present = match mode {
        "thread" => Some(lab.connect("present", server.addr())),
        _ => None,
    };
    if let Some(client) = &mut present {
        ask(client, "DEPOSIT alice 5", "OK", "before anything has happened");
    }
    // More panics than there are workers.
    for number in 1..=3 {
        let mut client = lab.connect(&format!("panic {number}"), server.addr());
        ask(
            &mut client,
            "DEPOSIT bob 1",
            "OK",
            &format!("before the panic number {number}, and after those before it"),
        );
        client.send(b"PANIC\n");
        client.expect_eof("waiting for the end of the stream: the client's handler has panicked");
    }
    let mut client = lab.connect("afterwards", server.addr());
    for (request, answer) in [
        ("BALANCE bob", "OK 3"),
        ("DEPOSIT bob 1", "OK"),
        ("TRANSFER bob carol 2", "OK"),
        ("DUMP 1", "OK 1024"),
    ] {
        ask(
            &mut client,
            request,
            answer,
            "after three other clients' handlers have panicked while they held the bank's lock",
        );
    }
    drop(client);
    if let Some(client) = &mut present {
        ask(
            client,
            "BALANCE alice",
            "OK 5",
            "as a client who was there all the time",
        );
    }
    server.terminate();
    server.expect_exit_when(0, "waiting for an orderly end, after three handlers have panicked");
}

#[rstest]
#[case::four_by_default(4, None)]
#[case::three(3, Some("3"))]
fn four_workers_are_four(#[case] workers: usize, #[case] asked: Option<&str>) {
    let lab = lab();
    one_client(&lab, "pool");
    let mut args = vec!["server", "--mode", "pool"];
    args.extend(asked.iter().flat_map(|workers| ["--workers", *workers]));
    let server = lab.serve(args);
    let mut clients: Vec<TcpPeer> = Vec::new();
    for number in 1..=workers {
        clients.push(lab.connect(&format!("client {number}"), server.addr()));
        for (number, client) in (1..).zip(&mut clients) {
            let how = format!("as client {number}; {workers} workers serve {workers} clients side by side");
            ask(client, "BALANCE alice", "OK 0", &how);
        }
    }
    // The next one has to wait, and is served as soon as anybody leaves: here the one who came last.
    let mut next = lab.connect("next", server.addr());
    next.send(b"BALANCE alice\n");
    if let Some(mut last) = clients.pop() {
        ask(
            &mut last,
            "DEPOSIT alice 7",
            "OK",
            "while one more client waits for a worker",
        );
        last.half_close();
        last.expect_eof("waiting for the end of the stream after the client's own");
    }
    next.expect_bytes(
        b"OK 7\n",
        &format!("reading the answer as the client who waited while {workers} others were there, one of whom has left"),
    );
}

#[test]
fn many_idle_clients_in_thread_mode() {
    let lab = lab();
    one_client(&lab, "thread");
    let server = lab.serve(["server", "--mode", "thread", "--workers", "2", "--queue", "2"]);
    let mut idle: Vec<TcpPeer> = (1..=64)
        .map(|n| lab.connect(&format!("idle {n}"), server.addr()))
        .collect();
    let mut active = lab.connect("active", server.addr());
    for number in 1..=3 {
        let how = format!("as the only one of 65 clients who says anything, for the {number}. time");
        ask(&mut active, "DEPOSIT alice 1", "OK", &how);
        ask(&mut active, "BALANCE alice", &format!("OK {number}"), &how);
    }
    // Even the one who came first is still there.
    ask(&mut idle[0], "BALANCE alice", "OK 3", "as one who was silent so far");
    for client in idle.drain(..) {
        client.close();
    }
    server.expect_threads_to_fall_to(4, "counting the server's threads when 64 of 65 clients have left");
    ask(&mut active, "BALANCE alice", "OK 3", "when all others have left");
}

#[rstest]
#[case::thread("thread")]
#[case::pool("pool")]
fn SIGTERM_drains(#[case] mode: &str) {
    let lab = lab();
    one_client(&lab, mode);
    let alone = lab.program(["server", "--mode", mode]).named("idle server").serve();
    alone.terminate();
    alone.expect_exit_when(
        0,
        "waiting for the end of a server without clients, asked to end with SIGTERM",
    );

    let server = server(&lab, mode, 1, 1);
    let mut slow = lab.connect_narrow("slow", server.addr());
    dump_begins(&mut slow);
    // One more who is accepted for certain when the signal comes, and has been answered or waits in the pool's queue.
    let mut second = lab.connect("second", server.addr());
    if mode == "thread" {
        ask(
            &mut second,
            "DEPOSIT alice 5",
            "OK",
            "while the other one's answer goes on",
        );
    } else {
        second.send(b"DEPOSIT alice 5\n");
        let mut third = lab.connect("third", server.addr());
        third.expect_bytes(
            b"ERR busy\n",
            "reading the answer as the third client of one worker with a queue of one",
        );
    }
    server.terminate();
    if mode == "thread" {
        second.expect_eof("waiting for the end of the stream, as a client who asks nothing when the server has to end");
    }
    let doing = "reading the rest of an answer that had begun when the server was asked to end (SIGTERM)";
    slow.read_exactly(MUCH << 10, doing);
    slow.expect_eof("waiting for the end of the stream after that answer: nothing more can be asked");
    if mode == "pool" {
        second.expect_bytes(
            b"OK\n",
            "reading the answer as the client who was in the pool's queue when the server was asked to end (SIGTERM)",
        );
        second.expect_eof("waiting for the end of the stream after that answer");
    }
    server.expect_exit_when(0, "waiting for the end of the server when everybody has been answered");
}

#[test]
fn one_dead_target_spoils_nothing_and_jobs_is_a_limit() {
    let lab = lab();
    let dead = lab.refusing("dead");
    let (quick, silent) = (lab.listen("quick"), lab.listen("silent"));
    let targets = [quick.addr(), dead.addr(), silent.addr(), quick.addr()].map(|addr| addr.to_string());
    let pget = lab
        .program(["pget"].into_iter().chain(targets.iter().map(String::as_str)))
        .start();
    for text in ["first", "first"] {
        let mut client = quick.accept();
        client.send(format!("{text}\n").as_bytes());
        client.half_close();
    }
    silent.accept().half_close();
    for line in ["[1] first", "[3] ", "[4] first"] {
        pget.expect_line(line);
    }
    let error = format!("error: [2] {}: ECONNREFUSED", dead.addr());
    let finished = pget.expect_exit(1);
    let told = finished.stderr_text();
    let doing = "reading what pget says about the one target that nobody listens on";
    lab.expect(
        doing,
        format!("{error}: …"),
        lab.redact(&told),
        told.starts_with(&error) && told.lines().count() == 1,
    );

    for (jobs, all) in [(4, 10), (1, 3)] {
        limited(&lab, jobs, all);
    }
}

/// All targets are one server. It has `jobs` connections at the same time, never more, and never fewer as long as there is
/// something to do.
fn limited(lab: &Lab, jobs: usize, all: usize) {
    let name = format!("server for {jobs}");
    let server = lab.listen(&name);
    let (most, target) = (jobs.to_string(), server.addr().to_string());
    let mut args = vec!["pget", "--jobs", &most];
    args.extend(std::iter::repeat_n(target.as_str(), all));
    let pget = lab.program(args).start();
    let mut open: Vec<TcpPeer> = (0..jobs).map(|_| server.accept()).collect();
    for served in 0..all {
        if served % 3 == 0 {
            // A client that does nothing for as long as this takes has no more connections in mind.
            pget.expect_at_rest(&format!(
                "looking what pget does while all of its {} connections wait",
                open.len()
            ));
        }
        lab.expect(
            &format!(
                "counting connections at the same time, with --jobs {jobs} and {all} targets, {served} of them done"
            ),
            format!("{} connections", open.len()),
            "one more is in the queue",
            !server.has_one_waiting(),
        );
        let mut first = open.remove(0);
        first.send(b"hello\n");
        first.close();
        if served + jobs < all {
            open.push(server.accept());
        }
    }
    for number in 1..=all {
        pget.expect_line(&format!("[{number}] hello"));
    }
    pget.expect_exit(0);
}
