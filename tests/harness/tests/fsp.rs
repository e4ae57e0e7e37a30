//! The peers of the file-server exercises, tried on servers that are right, and on servers that are right for another exercise.

use harness::{
    Lab, Loss,
    fsp::{Client, Oracle, Schedule, Tree, Trial, numbered},
    insta,
};
use std::{path::Path, time::Duration};

mod practice;

fn tree() -> Tree {
    Tree::new().file("/test.txt", &numbered(1000)).file("/log", b"")
}

fn args<'a>(name: &'a str, root: &'a Path) -> [&'a str; 3] {
    ["fsp", name, root.to_str().expect("a plain path")]
}

/// The conversation of the book, around the READ that arrives twice.
fn reading<'a>(lab: &'a Lab, oracle: Oracle, server: &'static str) -> Trial<'a> {
    let trial = Trial::new(lab, oracle, &tree(), |root| lab.service(&args(server, root)));
    match oracle {
        Oracle::Stateless => trial
            .ask("OPEN /test.txt r")
            .ask("READ /test.txt 0 200")
            .twice()
            .ask("READ /test.txt 200 200"),
        _ => trial
            .ask("OPEN /test.txt r")
            .ask("READ $1 200")
            .twice()
            .ask("STAT $1")
            .ask("READ $1 200"),
    }
}

fn appending<'a>(lab: &'a Lab, oracle: Oracle, server: &'static str) -> Trial<'a> {
    let trial = Trial::new(lab, oracle, &tree(), |root| lab.service(&args(server, root)));
    match oracle {
        Oracle::Stateless => trial
            .ask("OPEN /log w")
            .ask_with("APPEND /log 4", b"one\n")
            .twice()
            .ask_with("APPEND /log 4", b"two\n"),
        _ => trial
            .ask("OPEN /log w")
            .ask_with("APPEND $1 4", b"one\n")
            .twice()
            .ask_with("APPEND $1 4", b"two\n"),
    }
}

/// Every server passes the trials of its own oracle.
fn own_trials(oracle: Oracle, name: &'static str) {
    let lab = practice::lab();
    reading(&lab, oracle, name).run("p1", &Schedule::ALL);
    let lab = practice::lab();
    appending(&lab, oracle, name).run("p2", &Schedule::ALL);
}

#[test]
fn a_stateless_server_passes_as_such() {
    own_trials(Oracle::Stateless, "stateless");
}

#[test]
fn a_stateful_server_passes_as_such() {
    own_trials(Oracle::Stateful, "stateful");
}

#[test]
fn an_at_most_once_server_passes_as_such() {
    own_trials(Oracle::AtMostOnce, "at-most-once");
}

/// Two clients, a crash, a silence and a move.
fn leasing<'a>(lab: &'a Lab, server: &'static str) -> Trial<'a> {
    Trial::new(lab, Oracle::Leased, &tree(), |root| lab.service(&args(server, root)))
        .ask("OPEN /log w")
        .ask("LOCK $1 x")
        .other("OPEN /log w")
        .other("LOCK $1 s")
        .moved()
        .ask("LOCK $1 x")
        .silence(1001)
        .ask("STAT $1")
        .other("OPEN /log w")
        .other("LOCK $2 x")
        .crash()
        .ask_with("APPEND $1 4", b"one\n")
        .other("STAT $2")
}

#[test]
fn a_leased_server_passes_as_such() {
    let lab = practice::lab();
    leasing(&lab, "leased").play_only();
    let lab = practice::lab();
    Trial::new(&lab, Oracle::Leased, &tree(), |root| lab.service(&args("leased", root)))
        .ask("OPEN /log w")
        .ask_with("APPEND $1 4", b"one\n")
        .twice()
        .ask_with("APPEND $1 4", b"two\n")
        .run("p1", &Schedule::ALL);
}

#[test]
fn an_epoch_that_comes_back_is_caught() {
    let report = practice::report_of(|lab| leasing(lab, "leased-again").play_only());
    assert!(
        report.contains(
            "Expected a number that no earlier life had
Received 7, "
        ),
        "{report}"
    );
}

#[test]
fn a_lease_that_does_not_end_shows_in_the_columns() {
    let report = practice::report_of(|lab| leasing(lab, "leased-for-ever").play_only());
    let marked = report.lines().find(|line| line.contains('✗')).expect("a mark");
    assert!(marked.starts_with("  ✗ < .4 ERR ESTALE "), "{report}");
    assert!(report.contains("-- 1001 ms pass"), "{report}");
}

/// What a server without a memory for replies is told about it: the marked lines, on each schedule.
#[test]
fn a_stateful_server_is_caught_by_every_schedule_of_at_most_once() {
    for (schedule, first) in [
        (Schedule::BackToBack, "< .2 OK 200  0000200..0000392"),
        (Schedule::AfterReply, "< .2 OK 200  0000200..0000392"),
        (Schedule::AfterNext, "< .2 OK 200  0000200..0000392"),
    ] {
        let report = practice::report_of(|lab| {
            reading(lab, Oracle::AtMostOnce, "stateful").run("p1", &[schedule]);
        });
        let marked = report.lines().find(|line| line.contains('✗')).expect("a mark");
        assert!(marked.ends_with(first), "{report}");
    }
}

#[test]
fn a_report_shows_both_columns_and_which_bytes_came() {
    let report = practice::report_of(|lab| {
        reading(lab, Oracle::AtMostOnce, "stateful").run("p1", &[Schedule::AfterReply]);
    });
    let above_the_chart: Vec<&str> = report.lines().take_while(|line| !line.contains("time  ")).collect();
    insta::assert_snapshot!(above_the_chart.join("\n").trim_end(), @r#"
    a_report_shows_both_columns_and_which_bytes_came (practice)

    While    comparing a conversation around `READ $1 200`, with a copy of it
             after its reply; line 6 differs
    Expected c0ffee01.2 OK 200  0000000..0000192
    Received c0ffee01.2 OK 200  0000200..0000392
             you returned bytes 200..399, expected 0..199

    What happened
        expected                             received
        ------------------------------------ ------------------------------------
        > .1 OPEN /test.txt r                > .1 OPEN /test.txt r
        < .1 OK 32 1000                      < .1 OK 32 1000
        > .2 READ 32 200                     > .2 READ 32 200
        < .2 OK 200  0000000..0000192        < .2 OK 200  0000000..0000192
        > .2 READ 32 200                     > .2 READ 32 200
      ✗ < .2 OK 200  0000000..0000192        < .2 OK 200  0000200..0000392
        > .3 STAT 32                         > .3 STAT 32
      ✗ < .3 OK  "32: /test.txt, 200, read"  < .3 OK  "32: /test.txt, 400, read"
        > .4 READ 32 200                     > .4 READ 32 200
      ✗ < .4 OK 200  0000200..0000392        < .4 OK 200  0000400..0000592
    "#);
}

#[test]
fn a_copied_append_shows() {
    let report = practice::report_of(|lab| {
        appending(lab, Oracle::Stateful, "at-most-once").run("p1", &[Schedule::AfterReply]);
    });
    assert!(report.contains("Expected 2 OK 8\nReceived 2 OK 4\n"), "{report}");
}

#[test]
fn the_undisturbed_conversation_comes_first() {
    let report = practice::report_of(|lab| {
        reading(lab, Oracle::Stateful, "stateless").run("p1", &Schedule::ALL);
    });
    assert!(
        report.contains("not run: the undisturbed session failed (see p1)"),
        "{report}"
    );
}

#[test]
fn a_client_says_what_it_missed() {
    let session = |expect: fn(&mut Client)| {
        practice::impatient_fields_of(|lab| {
            let root = tree().plant(lab, "root");
            let server = lab.serve(args("stateful", &root));
            let mut client = lab.fsp("client", server.addr()).knowing(&tree());
            client.expect("OPEN /test.txt r", b"", "OK 32 1000", b"");
            client.ask("READ $1 400", b"");
            expect(&mut client);
        })
    };
    insta::assert_snapshot!(session(|client| {
        client.expect("READ $1 200", b"", "OK 200", &numbered(1000)[200..400]);
    }), @r"
    While    reading the reply to `3 READ 32 200`
    Expected 3 OK 200  0000200..0000392
    Received 3 OK 200  0000400..0000592
             you returned bytes 400..599, expected 200..399
    ");
    insta::assert_snapshot!(session(|client| {
        client.expect("READ 99 200", b"", "OK 0", b"");
    }), @r"
    While    reading the reply to `3 READ 99 200`
    Expected 3 OK 0
    Received 3 ERR EBADF
    ");
    insta::assert_snapshot!(session(|client| {
        let request = client.request("STAT $1", b"");
        client.send(&request);
        client.send(&request);
        client.reply_to(&request);
        client.ask("CLOSE $1", b"");
    }), @r#"
    While    waiting for the reply to `4 CLOSE 32`
    Expected a line that begins with `4 `, the request's id
    Received 3 OK  "32: /test.txt, 400, read"
    "#);
    insta::assert_snapshot!(session(|client| {
        client.send_bytes(b"no line");
        let request = client.request("STAT $1", b"");
        client.reply_to(&request);
    }), @r"
    While    waiting for the reply to `3 STAT 32`
    Expected a reply that begins with `3 `
    Received nothing for N s
    ");
}

#[test]
fn a_service_comes_back_on_its_port_and_has_forgotten() {
    let lab = practice::lab();
    let root = tree().plant(&lab, "root");
    let mut service = lab.service(&args("stateful", &root));
    let mut client = lab.fsp("client", service.addr());
    client.expect("OPEN /test.txt r", b"", "OK 32 1000", b"");
    let port = service.port();
    service.crash_and_restart();
    assert_eq!(service.port(), port);
    client.expect("READ $1 8", b"", "ERR EBADF", b"");
    let other = lab.serve(args("stateful", &root));
    client.turn_to(&other);
    client.expect("OPEN /test.txt r", b"", "OK 32 1000", b"");
    client.expect("READ $2 8", b"", "OK 8", b"0000000\n");
    assert!(client.drain().is_empty());
}

#[test]
fn a_stand_in_answers_as_its_oracle_says() {
    let lab = practice::lab();
    let mut server = lab.fsp_server("server", Oracle::Stateless, &tree()).giving_at_most(100);
    let relay = lab.relay(server.addr(), Loss::default());
    let mut client = lab.fsp("client", relay.addr());
    let request = client.request("READ /test.txt 0 200", b"");
    client.send(&request);
    let (asked, reply) = server.answer_next("waiting for the READ");
    assert_eq!(
        (asked, reply.map(|reply| reply.line())),
        (request.clone(), Some("OK 100".to_owned()))
    );
    client.expect_reply(&request, "OK 100", &numbered(100));
    server.expect_silence(Duration::from_millis(20));
    client.send_bytes(b"\xff");
    let report = practice::report_in(&lab, |_| drop(server.answer_next("waiting for a request")));
    assert!(report.contains(r"Received \xff"), "{report}");
}

#[test]
fn a_client_that_insists_gets_its_answer_over_a_bad_link() {
    let lab = practice::lab().with_step(harness::WALL);
    let root = tree().plant(&lab, "root");
    let server = lab.serve(args("at-most-once", &root));
    let bad = Loss {
        seed: 3,
        loss: 40,
        duplicate: 20,
        ..Loss::default()
    };
    let relay = lab.relay(server.addr(), bad);
    let mut client = lab.fsp("client", relay.addr()).named(7);
    for size in [0, 4, 8, 12, 16] {
        let (line, data) = match size {
            0 => ("OPEN /log w", &b""[..]),
            _ => ("APPEND 32 4", &b"one\n"[..]),
        };
        let request = client.request(line, data);
        let reply = client.insist(&request, Duration::from_millis(10));
        assert_eq!(reply.fields().last(), Some(&size.to_string()));
    }
    assert!(relay.tally().lost > 0, "{:?}", relay.tally());
    assert_eq!(std::fs::read(root.join("log")).unwrap(), b"one\none\none\none\n");
}
