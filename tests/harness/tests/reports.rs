//! What a student reads when a check fails: every kind of failure in the words of its report.

mod practice;

use harness::{Lab, insta::assert_snapshot};
use practice::{SHORT, fields_of, impatient_fields_of, report_in, report_of};
use std::time::{Duration, Instant};

/// Long enough for a program to have started and spoken, even on a busy machine.
fn patient_fields_of(how: &str) -> String {
    fields_of(|lab| {
        lab.set_step(Duration::from_secs(1));
        lab.serve([how]);
    })
}

#[test]
fn the_whole_report() {
    let report = report_of(|lab| {
        let server = lab.serve(["part"]);
        let mut client = lab.connect("client", server.addr());
        client.expect_bytes(b"2016-", "reading the year");
        lab.set_step(SHORT);
        client.expect_eof("waiting for the end of the stream");
    });
    assert_snapshot!(report, @r#"
    the_whole_report (practice p2, 8 points)

    While    waiting for the end of the stream
    Expected end of stream: the other side closes the connection
    Received nothing for N s; the connection is still open

    What happened
      time     client              practice part
      T        │                   ●  starts: practice part
      T        │                   ●  prints "listening on 127.0.0.1:PORT1"
      T        │─ connects ───────▶│
      T        │◀──────── 5 bytes ─│  "2016-"
      T        ●                   │  ✗ waiting for the end of the stream

    About    connected vs listening descriptor, close
    Think    The client still waits for end-of-file because you never closed the
             descriptor accept() gave you.
    Read     book/src/02-sockets.md#two-kinds-of-socket
    "#);
}

/// Nobody is left who could send or connect: the deadline, here the end of the whole check after 10 s, is not waited for.
#[test]
fn nothing_is_awaited_of_a_program_that_has_crashed() {
    let waits: [fn(&Lab); 2] = [
        |lab| drop(lab.udp("server").receive("waiting for the request")),
        |lab| drop(lab.listen("server").accept()),
    ];
    for wait in waits {
        let since = Instant::now();
        let fields = fields_of(|lab| {
            lab.set_step(Duration::from_secs(10));
            let _client = lab.program(["todo"]).start();
            wait(lab);
        });
        assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
        assert!(fields.contains("it reached the todo!()"), "{fields}");
    }
}

#[test]
fn a_crash_explains_a_broken_conversation() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["exits-at-connect"]);
        let mut client = lab.connect("client", server.addr());
        client.expect_bytes(b"hello", "reading the greeting");
    });
    assert_snapshot!(fields, @r#"
    While    reading the greeting
    Expected 5 bytes: "hello"
    Received end of stream
             `practice exits-at-connect` exited with code 101: it panicked at
             tests/harness/src/bin/practice.rs:LINE index out of bounds
             → A panic ended the program, at
             tests/harness/src/bin/practice.rs:LINE index out of bounds
    "#);
}

#[test]
fn stderr_is_shown_once_and_without_what_helps_nobody() {
    let report = report_of(|lab| drop(lab.serve(["todo"])));
    let (_, chart) = report.split_once("What happened\n").expect("a chart");
    assert_snapshot!(chart, @"
      time     practice todo
      T        ●  starts: practice todo
      T        ●  panics
      T        ●  exits with code 101
      T        ●  ✗ waiting for the first line of `practice todo`

    What the program wrote to its standard error
      thread 'main' panicked at tests/harness/src/bin/practice.rs:LINE
      not yet implemented: create the socket
    ");
}

#[test]
fn a_todo_names_what_is_to_do() {
    assert_snapshot!(fields_of(|lab| drop(lab.serve(["todo"]))), @"
    While    waiting for the first line of `practice todo`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received no line: `practice todo` exited with code 101: it reached the
             todo!() at tests/harness/src/bin/practice.rs:LINE create the
             socket
    ");
}

#[test]
fn a_wrong_first_line_is_shown() {
    assert_snapshot!(fields_of(|lab| drop(lab.serve(["wrong"]))), @r#"
    While    waiting for the first line of `practice wrong`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received "Listening on port 5000"
    "#);
}

#[test]
fn port_0_is_not_a_port() {
    assert_snapshot!(fields_of(|lab| drop(lab.serve(["zero"]))), @r#"
    While    waiting for the first line of `practice zero`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received "listening on 127.0.0.1:0"; port 0 only means "choose one for me":
             ask the kernel which it chose
    "#);
}

#[test]
fn a_line_without_its_newline_is_not_a_line() {
    assert_snapshot!(patient_fields_of("unended"), @r#"
    While    waiting for the first line of `practice unended`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received "listening on 127.0.0.1:5000" and then nothing for N s; a line
             ends with a newline
    "#);
}

#[test]
fn silence_is_told_from_an_end() {
    assert_snapshot!(impatient_fields_of(|lab| drop(lab.serve(["silent"]))), @"
    While    waiting for the first line of `practice silent`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received nothing for N s; the program still runs
    ");
    assert_snapshot!(patient_fields_of("closed"), @"
    While    waiting for the first line of `practice closed`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received end of file: the program closed its stdout but still runs
    ");
    assert_snapshot!(fields_of(|lab| drop(lab.serve(["exit", "0"]))), @"
    While    waiting for the first line of `practice exit`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received no line: `practice exit` exited with code 0
    ");
}

#[test]
fn the_first_error_line_is_quoted() {
    assert_snapshot!(fields_of(|lab| drop(lab.serve(["fail", "error: bind 127.0.0.1:80: EACCES: Permission denied"]))), @r#"
    While    waiting for the first line of `practice fail`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received no line: `practice fail` exited with code 3: "error: bind
             127.0.0.1:80: EACCES: Permission denied"
    "#);
}

#[test]
fn a_line_without_end_is_not_waited_for() {
    assert_snapshot!(fields_of(|lab| drop(lab.serve(["line-without-end"]))), @r#"
    While    waiting for the first line of `practice line-without-end`
    Expected `listening on IP:PORT` as its first line, as soon as it listens
    Received 4096 KiB and more without the end of a line:
             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
             `practice line-without-end` was stopped: it wrote more than the
             4096 KiB that it may write to stdout and stderr together. Does it
             print in a loop that waits for nothing?
    "#);
}

#[test]
fn a_program_that_says_too_much_is_stopped() {
    let rubric = "[limits]\noutput_kib = 1024\n";
    let exercise = harness::Exercise {
        rubric,
        ..practice::EXERCISE
    };
    let lab = harness::Lab::open_for(exercise, harness::Grading::default());
    let answered = report_in(&lab, |lab| {
        lab.serve(["talks-and-serves"]);
    });
    let words = answered.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("`practice talks-and-serves` was stopped: it wrote more than the 1024 KiB"),
        "{answered}"
    );
}

#[test]
fn a_wrong_line_stands_beside_the_right_one() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["echo"]);
        lab.connect("client", server.addr()).exchange(b"abc", "echoing");
        server.expect_line("echoed 4 bytes");
    });
    assert_snapshot!(fields, @r#"
    While    reading the next line of `practice echo`
    Expected "echoed 4 bytes"
    Received "echoed 3 bytes"
             → 3 should be 4: one too few.
    "#);
}

#[test]
fn a_wrong_exit_code() {
    assert_snapshot!(fields_of(|lab| drop(lab.run(["exit", "3"]).expect_code(0))), @"
    While    looking how `practice exit` ended
    Expected exit code 0
    Received `practice exit` exited with code 3
    ");
}

#[test]
fn a_program_that_does_not_end() {
    assert_snapshot!(impatient_fields_of(|lab| drop(lab.run(["silent"]))), @"
    While    waiting for the end of `practice silent`
    Expected the program ends
    Received it still runs after N s
    ");
}

#[test]
fn a_program_that_should_live() {
    let fields = fields_of(|lab| {
        let program = lab.program(["fail", "error: recv: connection closed"]).start();
        program.wait();
        program.expect_alive();
    });
    assert_snapshot!(fields, @r#"
    While    looking whether `practice fail` still runs
    Expected it still runs
    Received `practice fail` exited with code 3: "error: recv: connection
             closed"
    "#);
}

#[test]
fn an_answer_of_a_probe_that_panics() {
    assert_snapshot!(fields_of(|lab| drop(lab.probe(&["double 4", "todo format the date"]))), @"
    While    asking `practice probe` for `todo format the date`
    Expected one line with the answer
    Received no line: `practice probe` exited with code 101: it reached the
             todo!() at tests/harness/src/bin/practice.rs:LINE format the
             date
    ");
}

#[test]
fn a_refused_connection() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["echo"]);
        server.kill();
        lab.connect("client", server.addr());
    });
    assert_snapshot!(fields, @"
    While    connecting to 127.0.0.1:PORT1
    Expected a connection
    Received connection refused (ECONNREFUSED): nobody listens on
             127.0.0.1:PORT1
    ");
}

#[test]
fn a_connection_where_none_should_be() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["echo"]);
        lab.refuses("client", server.addr());
    });
    assert_snapshot!(fields, @"
    While    connecting to 127.0.0.1:PORT1, where nobody should listen
    Expected connection refused (ECONNREFUSED)
    Received a connection: somebody listens on 127.0.0.1:PORT1
    ");
}

#[test]
fn other_bytes_and_fewer_bytes() {
    let other = fields_of(|lab| {
        let server = lab.serve(["echo"]);
        let mut client = lab.connect("client", server.addr());
        client.send(b"2016-09-14\r\n\0");
        client.expect_bytes(b"2016-09-15\r\n\0", "reading the date");
    });
    assert_snapshot!(other, @r#"
    While    reading the date
    Expected 13 bytes: "2016-09-15\r\n\x00"
    Received 13 bytes: "2016-09-14\r\n\x00"
             the first difference is at byte 10
             → 14 should be 15: one too few.
    "#);
    let fewer = fields_of(|lab| {
        let server = lab.serve(["cut"]);
        let mut client = lab.connect("client", server.addr());
        client.expect_bytes(b"2016-09-15", "reading the date");
    });
    assert_snapshot!(fewer, @r#"
    While    reading the date
    Expected 10 bytes: "2016-09-15"
    Received 5 bytes "2016-", then end of stream
    "#);
}

#[test]
fn bytes_where_the_end_should_be() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["cut"]);
        lab.connect("client", server.addr()).expect_eof("waiting for the end");
    });
    assert_snapshot!(fields, @r#"
    While    waiting for the end
    Expected end of stream: the other side closes the connection
    Received 5 bytes "2016-", then the connection is still open
    "#);
}

#[test]
fn a_reset_is_told_from_an_end() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["unread"]);
        let mut client = lab.connect("client", server.addr());
        client.send(b"hello");
        client.read_to_eof("reading the echo");
    });
    assert_snapshot!(fields, @"
    While    reading the echo
    Expected bytes and then the end of the stream
    Received connection reset (ECONNRESET): it was closed with unread data, or
             torn down
    ");
}

#[test]
fn a_peer_that_does_not_read() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["deaf"]);
        let mut client = lab.connect("client", server.addr());
        lab.set_step(SHORT);
        client.exchange(&lab.random(1, 16 << 20), "echoing 16 MiB");
    });
    // How much the system takes before it stops differs.
    let sent = fields
        .find('(')
        .zip(fields.find(" of 16"))
        .expect("the number of bytes sent");
    assert_snapshot!(fields.replace(&fields[sent.0 + 1..sent.1], "N"), @"
    While    echoing 16 MiB
    Expected an answer and then the end of the stream (N of 16 MiB sent)
    Received nothing for N s; the connection is still open
    ");
}

#[test]
fn silence_on_both_kinds_of_socket() {
    assert_snapshot!(impatient_fields_of(|lab| drop(lab.listen("server").accept())), @"
    While    waiting for a client to connect to server (127.0.0.1:PORT1)
    Expected a connection
    Received nothing for N s
    ");
    assert_snapshot!(impatient_fields_of(|lab| drop(lab.udp("client").receive("waiting for the reply"))), @"
    While    waiting for the reply
    Expected a datagram
    Received nothing for N s
    ");
}

#[test]
fn a_datagram_where_silence_should_be() {
    let fields = fields_of(|lab| {
        let server = lab.serve(["udp"]);
        let client = lab.udp("client");
        client.send_to(b"hello", server.addr());
        client.expect_silence(Duration::from_secs(2));
    });
    assert_snapshot!(fields, @r#"
    While    making sure that nothing arrives within N s
    Expected no datagram
    Received 5 bytes from 127.0.0.1:PORT1: "hello"
    "#);
}

#[test]
fn a_snapshot_that_differs_says_where() {
    let fields = fields_of(|lab| {
        harness::assert_snapshot!(lab, "listening on 127.0.0.1:9\n3: AF_INET\n4: AF_INET6\n", @"
        listening on 127.0.0.1:9
        3: AF_INET
        4: AF_INET
        ");
    });
    assert_snapshot!(fields, @r#"
    While    comparing what was printed with what is expected, line 3
    Expected "4: AF_INET"
             after "3: AF_INET"
    Received "4: AF_INET6"
             → 4: AF_INET6 should be 4: AF_INET: one character too many, '6'.
    "#);
}

#[test]
fn values_that_differ() {
    assert_snapshot!(fields_of(|lab| lab.expect_eq("counting", vec![1, 2], vec![1])), @"
    While    counting
    Expected [1]
    Received [1, 2]
    ");
}

#[test]
fn a_control_that_fails_names_the_check_to_fix_first() {
    let report = report_of(|lab| {
        lab.control("p3", |lab| drop(lab.run(["exit", "1"]).expect_code(0)));
    });
    assert_snapshot!(report, @"
    a_control_that_fails_names_the_check_to_fix_first (practice)
    not run: the undisturbed session failed (see p3)

    While    looking how `practice exit` ended
    Expected exit code 0
    Received `practice exit` exited with code 1

    What happened
      time     practice exit
      T        ●  starts: practice exit 1
      T        ●  exits with code 1
    ");
}

#[test]
fn the_whole_check_has_a_deadline_too() {
    let rubric = "[limits]\ncheck_seconds = 1\n";
    let lab = harness::Lab::open_for(
        harness::Exercise {
            rubric,
            ..practice::EXERCISE
        },
        harness::Grading::default(),
    );
    let (lab, since) = (lab.with_step(Duration::from_secs(60)), Instant::now());
    let report = report_in(&lab, |lab| drop(lab.serve(["silent"])));
    assert!(since.elapsed() < Duration::from_secs(30));
    assert!(
        report.contains("nothing for N s, when the N s of the whole check were over"),
        "{report}"
    );
}
