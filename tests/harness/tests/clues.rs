//! The sentence above a failure that names what to repair: from the bytes that came, and from what `/proc` tells about the program.

mod practice;

use harness::Lab;
use practice::{SHORT, lab, raw_report_in};

/// The report of a session that fails, in one line: a clue may be broken anywhere.
fn flat(session: impl FnOnce(&Lab)) -> String {
    raw_report_in(&lab(), session)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn says(words: &str, session: impl FnOnce(&Lab)) {
    let report = flat(session);
    assert!(report.contains(words), "no {words:?} in: {report}");
}

#[test]
fn bytes_that_nearly_fit_say_what_is_wrong_with_them() {
    says(r"Only the end of the line differs: \n where \r\n belongs.", |lab| {
        let server = lab.serve(["echo"]);
        let mut client = lab.connect("client", server.addr());
        client.send(b"12:00\n");
        client.half_close();
        client.expect_bytes(b"12:00\r\n", "reading the time");
    });
    says(
        "The first 1 of 4 bytes are right; the 3 behind them never come.",
        |lab| {
            lab.expect("asking", "ok, wrote 30313233", "ok, wrote 30", false);
        },
    );
}

#[test]
fn an_error_line_that_ends_a_program_is_explained() {
    says(
        "accept was given a socket that does not listen: listen() comes before it",
        |lab| {
            let program = lab
                .program(["fail", "error: accept 127.0.0.1:5000: EINVAL: Invalid argument"])
                .start();
            program.next_line("waiting for its first line");
        },
    );
}

#[test]
fn a_connection_that_is_closed_too_early_is_not_taken_for_a_wrong_answer() {
    says("the client has not ended its side: no read has returned 0 yet", |lab| {
        let server = lab.serve(["one-piece"]);
        let mut client = lab.connect("client", server.addr());
        client.send(b"one");
        client.expect_bytes(b"one", "reading the first piece");
        client.send(b"two"); // whether it comes before the server's end decides between an end and a reset
        client.expect_bytes(b"two", "reading the second piece");
    });
}

#[cfg(target_os = "linux")]
mod seen {
    use super::*;

    #[test]
    fn a_socket_that_does_not_listen_is_named() {
        says(
            "has a socket, but none that listens: connections are refused until listen()",
            |lab| {
                let server = lab.serve(["never-listens"]);
                lab.connect("client", server.addr());
            },
        );
    }

    #[test]
    fn a_port_in_the_wrong_byte_order_is_recognized() {
        says("with its two bytes in the opposite order", |lab| {
            let server = lab.serve(["swapped"]);
            lab.connect("client", server.addr());
        });
    }

    #[test]
    fn a_server_that_has_ended_is_missed() {
        says("`practice once` has ended, with exit code 0", |lab| {
            let server = lab.serve(["once"]);
            lab.connect("client 1", server.addr()).expect_eof("waiting for the end");
            server.wait();
            lab.connect("client 2", server.addr());
        });
    }

    #[test]
    fn a_descriptor_that_nobody_closes_is_named() {
        says(
            "has gone on to the next accept(), but this connection is still open: nobody has closed",
            |lab| {
                let server = lab.serve(["keeps"]);
                let mut client = lab.connect("client", server.addr());
                lab.set_step(SHORT);
                client.expect_eof("waiting for the end of the stream");
            },
        );
    }

    #[test]
    fn a_client_in_the_queue_is_told_from_one_that_is_served() {
        says("has not accepted this connection: it waits", |lab| {
            let server = lab.serve(["one-at-a-time"]);
            let _first = lab.connect("client 1", server.addr());
            let mut second = lab.connect("client 2", server.addr());
            lab.set_step(SHORT);
            second.expect_eof("waiting for the end of the stream");
        });
    }

    #[test]
    fn a_reader_that_does_not_answer_is_asked_why() {
        says(
            "has read all 5 bytes of this client, has sent nothing, and waits for more. Is its answer in a buffer",
            |lab| {
                let server = lab.serve(["hoards"]);
                let mut client = lab.connect("client", server.addr());
                client.send(b"hello");
                lab.set_step(SHORT);
                client.expect_bytes(b"HELLO", "reading the answer");
            },
        );
        says(
            "waits for this client to send something, and the client has nothing to send",
            |lab| {
                let server = lab.serve(["hoards"]);
                let mut client = lab.connect("client", server.addr());
                lab.set_step(SHORT);
                client.expect_bytes(b"HELLO", "reading the greeting");
            },
        );
    }

    #[test]
    fn two_that_wait_for_each_other_are_named_together() {
        says("`practice ask` and `practice hoards` wait for each other", |lab| {
            let server = lab.serve(["hoards"]);
            let client = lab.program(["ask", &server.addr().to_string()]).start();
            lab.set_step(SHORT);
            client.wait();
        });
    }

    #[test]
    fn computing_for_ever_is_told_from_waiting() {
        says("computes all the time, in a loop that waits for nothing", |lab| {
            let program = lab.program(["spins"]).start();
            program.next_line("waiting for its first line");
            program.wait();
        });
    }
}
