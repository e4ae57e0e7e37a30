//! Streams that are not lines: echoes, floods of input, prompts.

mod practice;

use practice::{SHORT, fields_of, impatient_fields_of, lab};
use std::thread;

#[test]
fn an_echo_is_what_came() {
    let lab = lab();
    let server = lab.listen("server");
    let mut client = lab.connect("client", server.addr());
    let mut server = server.accept();
    let bytes = lab.random(12, 1 << 20);
    thread::scope(|scope| {
        let echo = scope.spawn(|| {
            let came = server.echo(1000, "echoing a mebibyte");
            server.half_close();
            came
        });
        assert!(client.exchange(&bytes, "sending a mebibyte, and reading its echo") == bytes);
        assert!(echo.join().expect("an echo") == bytes);
    });
}

#[test]
fn an_echo_that_is_not_taken_ends_the_test() {
    let fields = impatient_fields_of(|lab| {
        let server = lab.listen("server").narrow();
        let mut client = lab.connect_narrow("client", server.addr());
        let mut server = server.accept();
        let bytes = vec![b'x'; 32 << 20];
        thread::scope(|scope| {
            // It ends when the server gives up.
            scope.spawn(|| client.pour(&bytes));
            server.echo(1000, "echoing to a client that does not read");
        });
    });
    assert!(fields.contains("Expected the other side takes every echo"), "{fields}");
    assert!(fields.contains("the other side does not read"), "{fields}");
}

#[test]
fn a_flood_of_input_stops_where_nobody_reads() {
    let lab = lab();
    let deaf = lab.program(["silent"]).start();
    let taken = deaf.stdin_pour(&vec![0; 1 << 20], SHORT);
    assert!((1..1 << 20).contains(&taken), "{taken}");
    assert_eq!(deaf.stdin_pour(b"more", SHORT), 0);
    let reader = lab.program(["cat"]).start();
    assert_eq!(reader.stdin_pour(&vec![0; 1 << 20], SHORT), 1 << 20);
}

#[test]
fn input_can_be_fed_while_output_is_read() {
    let lab = lab();
    let cat = lab.program(["cat"]).start();
    let bytes = vec![b'x'; 2 << 20];
    cat.stdin_feed(&bytes);
    assert!(cat.expect_exit_when(0, "waiting for the end of the input").stdout == bytes);
}

#[test]
fn a_prompt_ends_no_line() {
    let lab = lab();
    let cat = lab.program(["cat"]).start();
    cat.stdin_write(b"line\nname? ");
    cat.expect_line("line");
    cat.expect_printed("name? ");
    cat.stdin_write(b"\n");
    cat.expect_line("");
}

#[test]
fn a_prompt_that_does_not_come_is_described() {
    let fields = impatient_fields_of(|lab| {
        let cat = lab.program(["cat"]).start();
        cat.stdin_write(b"nam");
        cat.expect_printed("name? ");
    });
    insta::assert_snapshot!(fields, @r#"
    While    reading what `practice cat` prints next, be it a line or not
    Expected "name? "
    Received "nam", then nothing for N s
    "#);
    let fields = fields_of(|lab| lab.program(["fail", "no"]).start().expect_printed("name? "));
    insta::assert_snapshot!(fields, @r#"
    While    reading what `practice fail` prints next, be it a line or not
    Expected "name? "
    Received no line: `practice fail` exited with code 3: "no"
    "#);
    let fields = fields_of(|lab| {
        let cat = lab.program(["cat"]).start();
        cat.stdin_write(b"\nname? ");
        cat.expect_printed("name? ");
    });
    insta::assert_snapshot!(fields, @r#"
    While    reading what `practice cat` prints next, be it a line or not
    Expected "name? "
    Received "\nname?"
    "#);
    let fields = impatient_fields_of(|lab| {
        let cat = lab.program(["cat"]).start();
        cat.expect_exit_when(0, "waiting for the program to notice something");
    });
    insta::assert_snapshot!(fields, @"
    While    waiting for the program to notice something
    Expected the program ends
    Received it still runs after N s
    ");
}

#[test]
fn who_has_ended_reads_no_more_and_the_report_says_how_it_ended() {
    let fields = fields_of(|lab| {
        let program = lab.program(["fail", "no"]).start();
        program.stdin_write(&[b'x'; 1 << 20]);
    });
    assert!(fields.contains("Broken pipe (EPIPE)"), "{fields}");
    assert!(
        fields.contains("`practice fail` exited with code 3: \"no\""),
        "{fields}"
    );
}
