//! Messages and system calls in one chart. Skipped where nothing can be traced.
#![cfg(target_os = "linux")]

mod practice;

use harness::insta::assert_snapshot;
use harness::recording::{Recording, What};
use harness::trace::{self, Fault, SOCKET_CALLS};
use harness::{Lab, evidence};
use practice::{graded, lab, report_in};

/// None where nothing can be traced: the test then has nothing to say.
fn tracing_lab() -> Option<Lab> {
    trace::available().is_ok().then(lab)
}

#[test]
fn calls_stand_between_the_messages() {
    let Some(lab) = tracing_lab() else { return };
    let server = lab.program(["cut"]).trace(SOCKET_CALLS).serve();
    let mut client = lab.connect("client", server.addr());
    client.read_to_eof("reading a part");
    client.close();
    server.wait_inside(trace::Call::Accept, "waiting for the next client");
    assert_snapshot!(lab.chart(), @r#"
    time     client              practice cut
    T        │                   ●  starts: practice cut
    T        │                   ●  socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC,
             │                   │  0) = 3
    T        │                   ●  setsockopt(3, SO_REUSEADDR, 1) = 0
    T        │                   ●  bind(3, 127.0.0.1:0) = 0
    T        │                   ●  listen(3, backlog 128) = 0
    T        │                   ●  getsockname(3) = 0: 127.0.0.1:PORT1
    T        │                   ●  prints "listening on 127.0.0.1:PORT1"
    T        │─ connects ───────▶│
    T        │                   ●  accept4(3) = 4 from 127.0.0.1:PORT2
    T        │                   ●  sendto(4, 5 bytes, MSG_NOSIGNAL) = 5
    T        │                   ●  shutdown(4, SHUT_WR) = 0
    T        │◀──────── 5 bytes ─│  "2016-"
    T        │◀──────────── end ─│  end of stream
    T        │─ closes ─────────▶│
    T        │                   ●  recvfrom(4, 8192 bytes) = 0
    T        │                   ●  close(4) = 0
    T        │                   ●  accept4(3) = ? (has not returned)
    "#);
}

#[test]
fn arrows_join_two_traced_programs() {
    let Some(lab) = tracing_lab() else { return };
    let server = lab.program(["cut"]).trace(SOCKET_CALLS).serve();
    let to = server.addr().to_string();
    let client = lab.program(["client", &to, "Hello"]).trace(SOCKET_CALLS).start();
    client.expect_exit(0);
    let chart = lab.chart();
    // Who comes first is up to the scheduler, but for cause and effect.
    let arrows = [
        "│◀─────── connects ─│  connect(3, 127.0.0.1:PORT1) = 0",
        "●                   │  accept4(3) = 4 from 127.0.0.1:PORT2",
        "│─ 5 bytes ────────▶│  sendto(4, 5 bytes, MSG_NOSIGNAL) = 5",
        "│                   ●  recvfrom(3, 32 bytes) = 5",
        "│                   ●  prints \"Received: 2016-\"",
        "│                   ●  exits with code 0",
    ];
    let mut rest = chart.as_str();
    for arrow in arrows {
        let (_, after) = rest
            .split_once(arrow)
            .unwrap_or_else(|| panic!("no {arrow} in its place in\n{chart}"));
        rest = after;
    }
}

#[test]
fn datagrams_with_their_addresses() {
    let Some(lab) = tracing_lab() else { return };
    let server = lab.program(["udp"]).trace(SOCKET_CALLS).serve();
    let client = lab.udp("client");
    client.send_to(b"abc", server.addr());
    client.receive("waiting for the echo");
    server.wait_inside(trace::Call::Recvfrom, "waiting for the next datagram");
    assert_snapshot!(lab.chart(), @r#"
    time     client              practice udp
    T        │                   ●  starts: practice udp
    T        │                   ●  socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC,
             │                   │  0) = 3
    T        │                   ●  bind(3, 127.0.0.1:0) = 0
    T        │                   ●  getsockname(3) = 0: 127.0.0.1:PORT1
    T        │                   ●  prints "listening on 127.0.0.1:PORT1/udp"
    T        │─ 3 bytes ────────▶│  "abc"
    T        │                   ●  recvfrom(3, 2048 bytes) = 3 from
             │                   │  127.0.0.1:PORT2
    T        │                   ●  sendto(3, 3 bytes, MSG_NOSIGNAL,
             │                   │  127.0.0.1:PORT2) = 3
    T        │◀──────── 3 bytes ─│  "abc"
    T        │                   ●  recvfrom(3) = ? (has not returned)
    "#);
}

#[test]
fn repeated_calls_are_folded_and_faults_are_marked() {
    let Some(lab) = tracing_lab() else { return };
    let server = lab.program(["echo"]).fault(Fault::Clamp(3)).serve();
    let mut client = lab.connect("client", server.addr());
    server.wait_for_call(trace::Call::Accept, "waiting until it has accepted");
    client.send(&[b'x'; 3000]);
    client.read_exactly(3000, "reading the echo");
    server.wait_inside(trace::Call::Recvfrom, "waiting for more");
    assert_snapshot!(lab.chart(), @r#"
    time     client              practice echo
    T        │                   ●  starts: practice echo
    T        │                   ●  socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC,
             │                   │  0) = 3
    T        │                   ●  setsockopt(3, SO_REUSEADDR, 1) = 0
    T        │                   ●  bind(3, 127.0.0.1:0) = 0
    T        │                   ●  listen(3, backlog 128) = 0
    T        │                   ●  getsockname(3) = 0: 127.0.0.1:PORT1
    T        │                   ●  prints "listening on 127.0.0.1:PORT1"
    T        │─ connects ───────▶│
    T        │                   ●  accept4(3) = 4 from 127.0.0.1:PORT2
    T        │─ 3000 bytes ─────▶│  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
             │                   │  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
             │                   │  xxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
    T        │                   ◆  ┌ recvfrom(5, 8192 bytes) = 3 [clamp(3)]
    T        │                   ●  └ sendto(4, 3 bytes, MSG_NOSIGNAL) = 3  ×1000
    T        │◀───── 3000 bytes ─│  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
             │                   │  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
             │                   │  xxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
    T        │                   ●  recvfrom(5) = ? (has not returned)
    "#);
}

#[test]
fn a_report_shows_the_calls_and_where_the_program_waits() {
    let Some(lab) = tracing_lab() else { return };
    let report = report_in(&lab.with_step(practice::SHORT), |lab| {
        let server = lab.program(["part"]).trace(SOCKET_CALLS).serve();
        let mut client = lab.connect("client", server.addr());
        client.read_exactly(6, "reading 6 bytes");
    });
    let chart = report.split("What happened\n").nth(1).unwrap_or(&report);
    assert_snapshot!(chart, @r#"
    time     client              practice part
    T        │                   ●  starts: practice part
    T        │                   ●  socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC,
             │                   │  0) = 3
    T        │                   ●  setsockopt(3, SO_REUSEADDR, 1) = 0
    T        │                   ●  bind(3, 127.0.0.1:0) = 0
    T        │                   ●  listen(3, backlog 128) = 0
    T        │                   ●  getsockname(3) = 0: 127.0.0.1:PORT1
    T        │                   ●  prints "listening on 127.0.0.1:PORT1"
    T        │─ connects ───────▶│
    T        │                   ●  accept4(3) = 4 from 127.0.0.1:PORT2
    T        │                   ●  sendto(4, 5 bytes, MSG_NOSIGNAL) = 5
    T        │◀──────── 5 bytes ─│  "2016-"
    T        ●                   │  ✗ reading 6 bytes
    "#);
}

#[test]
fn a_long_recording_is_folded_and_says_so() {
    let Some(lab) = tracing_lab() else { return };
    let server = lab.program(["udp"]).trace(SOCKET_CALLS).serve();
    let client = lab.udp("client");
    for round in 0..100 {
        client.send_to(format!("{round}").as_bytes(), server.addr());
        client.receive("waiting for the echo");
    }
    let chart = lab.chart();
    assert!(chart.lines().count() < 60, "{chart}");
    let gap = chart
        .lines()
        .find(|line| line.contains(" more …"))
        .unwrap_or_else(|| panic!("no gap:\n{chart}"));
    let words: Vec<&str> = gap.split_whitespace().collect();
    assert!(words[1].parse::<usize>().is_ok_and(|n| n > 300), "{gap}");
}

#[test]
fn a_recorded_lab_leaves_everything_in_the_evidence() {
    if trace::available().is_err() {
        return;
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    let lab = graded(file.path()).recorded();
    let server = lab.serve(["cut"]);
    let mut client = lab.connect("client", server.addr());
    client.read_to_eof("reading a part");
    drop((client, server, lab));
    let recording = only_recording(file.path());
    let lanes: Vec<(&str, bool)> = recording
        .lanes
        .iter()
        .map(|lane| (lane.name.as_str(), lane.subject))
        .collect();
    assert_eq!(lanes, [("client", false), ("practice cut", true)]);
    let called = |name: &str| {
        let is_it = |what: &What| matches!(what, What::Call { text, .. } if text.starts_with(name));
        recording.entries.iter().any(|entry| is_it(&entry.what))
    };
    assert!(
        called("bind(3, 127.0.0.1:0) = 0") && called("accept4(3) = 4"),
        "{recording:#?}"
    );
    assert!(recording.entries.is_sorted_by_key(|entry| entry.at));
    assert_eq!(recording.calls_missing, "");
}

#[test]
fn other_labs_leave_no_recording() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    graded(file.path()).run(["exit", "0"]);
    let records = evidence::read_all(&std::fs::read_to_string(file.path()).expect("evidence")).expect("records");
    assert!(records.iter().all(|record| record.recording.is_none()));
}

fn only_recording(file: &std::path::Path) -> Recording {
    let mut records = evidence::read_all(&std::fs::read_to_string(file).expect("evidence")).expect("records");
    assert_eq!(records.len(), 1);
    records.remove(0).recording.expect("a recording")
}
