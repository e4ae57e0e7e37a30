//! The drawing of a conversation: who said what to whom, in order.

mod practice;

use harness::insta::assert_snapshot;
use practice::lab;
use std::time::{Duration, Instant};

#[test]
fn one_client() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    let mut client = lab.connect("client", server.addr());
    client.send(b"Hello, \"world\"\r\n\0\xff");
    client.expect_bytes(b"Hello, \"world\"\r\n\0\xff", "reading the echo");
    client.half_close();
    server.expect_line("echoed 18 bytes");
    client.expect_eof("waiting for the end");
    client.close();
    server.kill();
    assert_snapshot!(lab.chart(), @r#"
    time     client              practice echo
    T        │                   ●  starts: practice echo
    T        │                   ●  prints "listening on 127.0.0.1:PORT1"
    T        │─ connects ───────▶│
    T        │─ 18 bytes ───────▶│  "Hello, \"world\"\r\n\x00\xff"
    T        │◀─────── 18 bytes ─│  "Hello, \"world\"\r\n\x00\xff"
    T        │─ half-close ─────▶│
    T        │                   ●  prints "echoed 18 bytes"
    T        │◀──────────── end ─│  end of stream
    T        │─ closes ─────────▶│
    T        │                   ●  is ended by SIGKILL
    "#);
}

#[test]
fn arrows_cross_the_columns_between() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    let mut alice = lab.connect("alice", server.addr());
    let mut bob = lab.connect("bob with a very long name", server.addr());
    bob.send(&[b'b'; 12_345]);
    alice.send(b"a line that is far too long for the space that is left at the right of this chart, so it takes several, and then it is cut");
    alice.read_exactly(122, "reading the echo");
    alice.reset();
    assert_snapshot!(lab.chart(), @r#"
    time     alice           bob with a ve…  practice echo
    T        │               │               ●  starts: practice echo
    T        │               │               ●  prints "listening on
             │               │               │  127.0.0.1:PORT1"
    T        │─ connects ────┼──────────────▶│
    T        │               │─ connects ───▶│
    T        │               │─ 12345 bytes ▶│  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
             │               │               │  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
             │               │               │  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
    T        │─ 122 bytes ───┼──────────────▶│  "a line that is far too long for
             │               │               │  the space that is left at the
             │               │               │  right of this chart, so it takes …
    T        │◀──────────────┼─── 122 bytes ─│  "a line that is far too long for
             │               │               │  the space that is left at the
             │               │               │  right of this chart, so it takes …
    T        │─ reset ───────┼──────────────▶│
    "#);
}

#[test]
fn programs_talk_to_a_server_of_the_test() {
    let lab = lab();
    let listener = lab.listen("server");
    let to = listener.addr().to_string();
    let client = lab.program(["client", &to, "Hello"]).named("your client").start();
    let mut server = listener.accept();
    server.read_to_eof("reading the message");
    server.send(b"olleH");
    server.close();
    client.expect_line("Received: olleH");
    client.expect_exit(0);
    assert_snapshot!(lab.chart(), @r#"
    time     server              your client
    T        │                   ●  starts: practice client 127.0.0.1:PORT1 Hello
    T        │◀─────── connects ─│
    T        │◀──────── 5 bytes ─│  "Hello"
    T        │◀──────────── end ─│  end of stream
    T        │─ 5 bytes ────────▶│  "olleH"
    T        │─ closes ─────────▶│
    T        │                   ●  prints "Received: olleH"
    T        │                   ●  exits with code 0
    "#);
}

#[test]
fn both_ends_may_belong_to_the_test() {
    let lab = lab();
    let listener = lab.listen("server");
    let mut client = lab.connect("client", listener.addr());
    let mut server = listener.accept();
    server.send(b"hello");
    client.expect_bytes(b"hello", "reading the greeting");
    assert_snapshot!(lab.chart(), @r#"
    time     client              server
    T        │─ connects ───────▶│
    T        │◀──────── 5 bytes ─│  "hello"
    T        │◀──────── 5 bytes ─│  "hello"
    "#);
}

#[test]
fn a_single_program_has_one_column() {
    let lab = lab();
    assert_eq!(lab.probe(&["double 4"]), ["8"]);
    assert_snapshot!(lab.chart(), @r#"
    time     practice probe
    T        ●  starts: practice probe
    T        ●  stdin: "double 4\n"
    T        ●  prints "8"
    T        ●  stdin: end of file
    T        ●  exits with code 0
    "#);
}

#[test]
fn equal_names_are_numbered() {
    let lab = lab();
    lab.run(["exit", "0"]);
    lab.run(["exit", "7"]);
    assert_snapshot!(lab.chart(), @"
    time     practice exit       practice exit (2)
    T        ●                   │  starts: practice exit 0
    T        ●                   │  exits with code 0
    T        │                   ●  starts: practice exit 7
    T        │                   ●  exits with code 7
    ");
}

#[test]
fn many_parties_are_listed_and_folded() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    for number in 1..=20 {
        let mut client = lab.connect(&format!("client {number}"), server.addr());
        client.half_close();
        server.expect_line("echoed 0 bytes");
        client.expect_eof("waiting for the end");
    }
    assert_snapshot!(lab.chart(), @r#"
    T        practice echo  starts: practice echo
    T        practice echo  prints "listening on 127.0.0.1:PORT1"
    T        client 1 → practice echo: connects
    T        client 1 → practice echo: half-close
    T        practice echo  prints "echoed 0 bytes"
    T        practice echo → client 1: end  end of stream
    T        client 1 → practice echo: closes
    T        client 2 → practice echo: connects
    T        client 2 → practice echo: half-close
    T        practice echo  prints "echoed 0 bytes"
    T        practice echo → client 2: end  end of stream
    T        client 2 → practice echo: closes
             … 70 more …
    T        client 17 → practice echo: connects
    T        client 17 → practice echo: half-close
    T        practice echo  prints "echoed 0 bytes"
    T        practice echo → client 17: end  end of stream
    T        client 17 → practice echo: closes
    T        client 18 → practice echo: connects
    T        client 18 → practice echo: half-close
    T        practice echo  prints "echoed 0 bytes"
    T        practice echo → client 18: end  end of stream
    T        client 18 → practice echo: closes
    T        client 19 → practice echo: connects
    T        client 19 → practice echo: half-close
    T        practice echo  prints "echoed 0 bytes"
    T        practice echo → client 19: end  end of stream
    T        client 19 → practice echo: closes
    T        client 20 → practice echo: connects
    T        client 20 → practice echo: half-close
    T        practice echo  prints "echoed 0 bytes"
    T        practice echo → client 20: end  end of stream
    T        client 20 → practice echo: closes
    "#);
}

#[test]
fn a_program_that_prints_without_end_does_not_fill_the_chart() {
    // A terabyte: here the keeping is looked at, not the limit.
    let rubric = "[limits]\noutput_kib = 1073741824\n";
    let exercise = harness::Exercise {
        rubric,
        ..practice::EXERCISE
    };
    let lab = harness::Lab::open_for(exercise, harness::Grading::default());
    let program = lab.program(["lines-without-end"]).start();
    let since = Instant::now();
    while !program.stdout_so_far().contains("bytes were not kept") {
        assert!(since.elapsed() < Duration::from_secs(9));
        std::thread::yield_now();
    }
    program.kill();
    let chart = lab.chart();
    assert!(chart.lines().count() < 20, "{chart}");
    assert!(chart.contains(" more lines"), "{chart}");
    assert!(program.stdout_so_far().len() < 5 << 20);
}

#[test]
fn datagrams() {
    let lab = lab();
    let server = lab.serve(["udp"]);
    let client = lab.udp("client");
    client.send_to(b"", server.addr());
    assert_eq!(client.receive("waiting for the echo"), (vec![], server.addr()));
    assert_snapshot!(lab.chart(), @r#"
    time     client              practice udp
    T        │                   ●  starts: practice udp
    T        │                   ●  prints "listening on 127.0.0.1:PORT1/udp"
    T        │─ 0 bytes ────────▶│  ""
    T        │◀──────── 0 bytes ─│  ""
    "#);
}

/// A client's own port tells nobody whose it is, until a datagram has come from it: a stranger's socket plays the client here.
#[test]
fn datagrams_of_a_client() {
    let lab = lab();
    let _client = lab.serve(["udp"]);
    let its_socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let server = lab.udp("server");
    its_socket.send_to(b"question", server.addr()).expect("it goes out");
    let (_, from) = server.receive("waiting for the question");
    server.send_to(b"answer", from);
    assert_snapshot!(lab.chart(), @r#"
    time     server              practice udp
    T        │                   ●  starts: practice udp
    T        │                   ●  prints "listening on 127.0.0.1:PORT1/udp"
    T        │◀──────── 8 bytes ─│  "question"
    T        │─ 6 bytes ────────▶│  "answer"
    "#);
}
