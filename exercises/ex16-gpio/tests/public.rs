//! The checks of exercise 16 that you have in front of you. Run them: `cargo test -p ex16`.
//!
//! Each one runs your program on a pretended Raspberry Pi: the board, its pins and its clock belong to the test, which sees whatever your
//! program does to them. `rubric.toml` says what each is worth.

use std::time::Duration;

use harness::pi::{Drive, Edges, Event, Kind, Level, Mode, Pi, Pull};
use harness::{Finished, Lab};

harness::exercise!("../rubric.toml");

const LED: u8 = 17;
const BUTTON: u8 = 27;

#[test]
fn blink_timeline() {
    let lab = lab();
    let Some(pi) = board(&lab) else { return };
    lab.program(["blink"]).on(&pi).run(b"").expect_code(0);
    pi.expect_starts(LED, Level::Low);
    harness::assert_snapshot!(lab, levels(&pi, LED), @r"
       0 ms  low
       0 ms  high
     500 ms  low
    1000 ms  high
    1500 ms  low
    2000 ms  high
    2500 ms  low
    ");
    pi.expect_let_go(&[LED]);

    let Some(pi) = board(&lab) else { return };
    let asked = ["blink", "--led", "22", "--count", "2", "--period-ms", "40"];
    lab.program(asked).named("other LED").on(&pi).run(b"").expect_code(0);
    let wave = [
        (0, Level::Low),
        (0, Level::High),
        (40, Level::Low),
        (80, Level::High),
        (120, Level::Low),
    ];
    pi.expect_timeline(22, &wave);
    pi.expect_let_go(&[22]);
}

#[test]
fn one_press_toggles() {
    let lab = lab();
    let Some(pi) = board(&lab) else { return };
    for at in [100, 400, 700] {
        pi.press(ms(at), BUTTON);
        pi.release(ms(at + 80), BUTTON);
    }
    let lamp = lab.program(["lamp", "--presses", "3"]).on(&pi).run(b"").expect_code(0);
    let doing = "reading what the lamp printed about three presses";
    let expected = [
        "press 1 at 100 ms: led on",
        "press 2 at 400 ms: led off",
        "press 3 at 700 ms: led on",
    ];
    lab.expect_eq(doing, printed(&lamp), expected);
    let ended_at_700 = [
        (0, Level::Low),
        (100, Level::High),
        (400, Level::Low),
        (700, Level::High),
        (700, Level::Low),
    ];
    pi.expect_timeline(LED, &ended_at_700);
    pi.expect_let_go(&[LED, BUTTON]);
}

#[test]
fn bounce_counts_once() {
    let lab = lab();
    if lab.control("one_press_toggles", undisturbed).is_none() {
        return;
    }
    let Some(pi) = board(&lab) else { return };
    for at in [100, 400] {
        pi.bounce(ms(at), BUTTON, Drive::Low, 5, ms(1)); // five edges in four milliseconds
        pi.release(ms(at + 80), BUTTON);
    }
    pi.press(ms(700), BUTTON);
    let lamp = lab.program(["lamp", "--presses", "3"]).on(&pi).run(b"").expect_code(0);
    let doing = "reading what the lamp printed about two presses that bounced, five edges each, and one that did not";
    let expected = [
        "press 1 at 100 ms: led on",
        "press 2 at 400 ms: led off",
        "press 3 at 700 ms: led on",
    ];
    lab.expect_eq(doing, printed(&lamp), expected);
}

#[test]
fn debouncer_table() {
    let lab = lab();
    for (what, request, expected) in [
        (
            "two clean presses",
            "debounce 20 0L 100H 200L 300H",
            "pressed at 0, 200 ms",
        ),
        (
            "a press that bounces",
            "debounce 20 0L 1H 2L 3H 4L 100H",
            "pressed at 0 ms",
        ),
        (
            "the question of the quiz",
            "debounce 20 0L 1H 2L 30H 60L",
            "pressed at 0, 60 ms",
        ),
        (
            "a contact that bounces for longer than the window",
            "debounce 20 0L 4H 8L 12H 16L 19H 22L 26H 30L 80H",
            "pressed at 0 ms",
        ),
        (
            "a rest that is as long as the window",
            "debounce 20 0L 50H 70L 90H",
            "pressed at 0, 70 ms",
        ),
        (
            "a rest that is 1 ms shorter",
            "debounce 20 0L 50H 69L 90H",
            "pressed at 0 ms",
        ),
        (
            "a quick tap, and a press long after it",
            "debounce 20 0L 5H 500L",
            "pressed at 0, 500 ms",
        ),
        ("another window", "debounce 5 0L 4H 10L 14H 18L", "pressed at 0, 10 ms"),
        ("no window at all", "debounce 0 0L 1H 2L 2H 2L", "pressed at 0, 2, 2 ms"),
        (
            "a button that is let go first",
            "debounce 20 10H 11L 12H 90L",
            "pressed at 90 ms",
        ),
        ("no edge", "debounce 20", "no press"),
    ] {
        let answer = lab.probe(&[request]).remove(0);
        let doing = format!("asking the debouncer about {what}: `{request}` (L: low from then on, H: high)");
        lab.expect_eq(&doing, answer.as_str(), expected);
    }
}

#[test]
fn pins_and_modes_as_asked() {
    let lab = lab();
    for (led, button, args) in [
        (LED, BUTTON, &["lamp", "--presses", "1"][..]),
        (22, 24, &["lamp", "--led", "22", "--button", "24", "--presses", "1"]),
    ] {
        let Some(pi) = board(&lab) else { return };
        pi.set_latch(led, Level::High); // somebody has left it so
        pi.press(ms(100), button);
        lab.program(args).on(&pi).run(b"").expect_code(0);
        pi.expect_starts(led, Level::Low);
        pi.expect_pull(button, Pull::Up);
        pi.expect_interrupts(button, Edges::Both);
        let others: Vec<String> = pi
            .events()
            .iter()
            .filter(|event| is_the_programs_doing(event, led, button))
            .map(|event| event.to_string().trim().to_string())
            .collect();
        let doing = format!("looking at what else happened, with the LED at BCM {led} and the button at BCM {button}");
        lab.expect_eq(&doing, others, Vec::<String>::new());
    }
}

/// Whether a program did something that a lamp at these pins does not.
fn is_the_programs_doing(event: &Event, led: u8, button: u8) -> bool {
    match event.kind {
        Kind::Mode(pin, Mode::Output) | Kind::Driven(pin, Some(_)) => pin != led,
        Kind::Pull(pin, pull) => pin != button && pull != Pull::Off,
        Kind::Interrupt(pin, ..) => pin != button,
        _ => false,
    }
}

#[test]
fn bad_pin_is_an_error_message() {
    let lab = lab();
    for (args, complaint) in [
        (&["lamp", "--led", "99"][..], "gpio 99: not available"),
        (&["lamp", "--button", "28"], "gpio 28: not available"),
        (&["blink", "--led", "40"], "gpio 40: not available"),
        (&["lamp", "--led", "27"], "gpio 27: already in use"),
    ] {
        let Some(pi) = board(&lab) else { return };
        let ended = lab.program(args).on(&pi).run(b"").expect_code(1);
        expect_complaint(&lab, &ended, &args.join(" "), complaint);
        let switched: Vec<String> = pi
            .events()
            .iter()
            .filter(|event| matches!(event.kind, Kind::Mode(..) | Kind::Driven(..)))
            .map(|event| event.to_string().trim().to_string())
            .collect();
        let doing = format!(
            "looking what `ex16 {}` had done to pins before it failed",
            args.join(" ")
        );
        lab.expect_eq(&doing, switched, Vec::<String>::new());
    }
    if is_a_raspberry_pi() {
        return; // where this would be no error, and we have no business with its pins
    }
    let ended = lab.run(["lamp"]).expect_code(1);
    expect_complaint(&lab, &ended, "lamp", "gpio: unknown Raspberry Pi model");
}

fn expect_complaint(lab: &Lab, ended: &Finished, args: &str, complaint: &str) {
    let doing = format!("reading what `ex16 {args}` printed on stderr");
    lab.expect_eq(
        &doing,
        ended.stderr_text().as_str(),
        format!("error: {complaint}\n").as_str(),
    );
    let doing = format!("reading what `ex16 {args}` printed on stdout");
    lab.expect_eq(&doing, ended.stdout_text().as_str(), "");
}

/// Whether this very machine is one.
fn is_a_raspberry_pi() -> bool {
    let model = std::fs::read("/sys/firmware/devicetree/base/compatible").unwrap_or_default();
    String::from_utf8_lossy(&model).contains("raspberrypi")
}

/// A Pi for a program that has ended long before its ten seconds are over. None, if there can be none here.
fn board(lab: &Lab) -> Option<Pi> {
    let pi = lab.pi()?;
    pi.set_limit(ms(10_000));
    Some(pi)
}

/// A lamp with one press that does not bounce. None, if there can be no Pi here.
fn undisturbed(lab: &Lab) -> Option<()> {
    let pi = board(lab)?;
    pi.press(ms(100), BUTTON);
    let lamp = lab.program(["lamp", "--presses", "1"]).named("usual lamp").on(&pi);
    let lamp = lamp.run(b"").expect_code(0);
    let doing = "reading what the lamp printed about a press, with nothing out of the ordinary";
    lab.expect_eq(doing, printed(&lamp), ["press 1 at 100 ms: led on"]);
    Some(())
}

/// The levels that the program gave a pin, with their times rounded to milliseconds.
fn levels(pi: &Pi, bcm: u8) -> String {
    let driven = pi
        .timeline(bcm)
        .into_iter()
        .filter_map(|(at, level)| Some((at, level?)));
    let line = |(at, level): (Duration, Level)| format!("{:>4} ms  {level}\n", (at.as_micros() + 500) / 1000);
    driven.map(line).collect()
}

fn printed(program: &Finished) -> Vec<String> {
    program.stdout_text().lines().map(str::to_string).collect()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
