// CANARY-7f3a91c2-hidden
//! A board that breaks, and boards and pins that are not there.

use harness::Lab;

use crate::session::{ALICE, asks, hello, level, ms, start};

pub fn the_board_breaks(lab: &Lab) {
    let Some((pi, server)) = start(lab, &[]) else { return };
    let mut alice = hello(lab, &server, "alice", ALICE);
    asks(lab, &mut alice, "2 SET 17 1", "2 OK 1");
    asks(lab, &mut alice, "3 BLINK 22 50 100", "3 OK");
    pi.run_until(ms(120));
    lab.expect_eq(
        "looking at the LED at 17 before the board breaks",
        level(&pi, 17),
        "high",
    );
    pi.break_interrupts(ms(130), 27);
    pi.press(ms(140), 27);
    pi.run_until(ms(200));
    let doing = "reading after the interrupts of the button have broken";
    let line = alice.read_line(doing);
    lab.expect(doing, "! bye", &line, line == "! bye");
    alice.expect_eof("waiting for the end of the stream after that");
    let finished = server.expect_exit_when(3, "waiting for the server's end after its board has broken");
    let complaint = finished.stderr_text();
    let doing = "reading its complaint";
    lab.expect(
        doing,
        "error: wait gpio: …",
        &complaint,
        complaint.starts_with("error: wait gpio: "),
    );
    pi.expect_dark(&[17, 22]);
    pi.expect_let_go(&[17, 22, 27]);
}

pub fn no_board(lab: &Lab) {
    let finished = lab.run(["server", "--leds", "17"]).expect_code(1);
    complains(lab, &finished.stderr_text(), "error: gpio: unknown Raspberry Pi model");
}

pub fn no_such_pin(lab: &Lab) {
    fails_on_a_pi(lab, ["server", "--leds", "17,40"], "error: gpio 40: not available");
}

pub fn the_same_pin_twice(lab: &Lab) {
    fails_on_a_pi(lab, ["server", "--leds", "17,22,17"], "error: gpio 17: already in use");
}

fn fails_on_a_pi(lab: &Lab, args: [&str; 3], expected: &str) {
    let Some(pi) = lab.pi() else { return };
    let finished = lab.program(args).on(&pi).run(b"").expect_code(1);
    complains(lab, &finished.stderr_text(), expected);
    pi.expect_let_go(&[17, 22]);
}

fn complains(lab: &Lab, complaint: &str, expected: &str) {
    lab.expect(
        "reading the server's complaint",
        expected,
        complaint,
        complaint.trim_end() == expected,
    );
}
