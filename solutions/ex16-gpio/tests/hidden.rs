// CANARY-7f3a91c2-hidden
//! The checks of exercise 16 that students do not get.

use std::time::Duration;

use harness::pi::{Drive, Kind, Level, Pi, Pull};
use harness::{Exit, Finished, Lab};
use nix::sys::signal::Signal;
use rstest::rstest;

harness::exercise!("../../../exercises/ex16-gpio/rubric.toml");

const LED: u8 = 17;
const BUTTON: u8 = 27;
const PRESS: &str = "one_press_toggles";
/// On from 0 to 2000 ms, when nobody interferes.
const SLOW_BLINK: &[&str] = &["blink", "--period-ms", "2000"];

#[rstest]
#[case::sigint_at_the_lamp(&["lamp"], Signal::SIGINT)]
#[case::sigterm_at_the_lamp(&["lamp"], Signal::SIGTERM)]
#[case::sigint_while_it_blinks(SLOW_BLINK, Signal::SIGINT)]
#[case::sigterm_while_it_blinks(SLOW_BLINK, Signal::SIGTERM)]
fn signals_leave_the_board_safe(#[case] args: &[&str], #[case] signal: Signal) {
    let lab = lab();
    let fix_first = if args[0] == "lamp" { PRESS } else { "blink_timeline" };
    if lab.control(fix_first, |lab| undisturbed(lab, args[0])).is_none() {
        return;
    }
    let Some(pi) = board(&lab) else { return };
    pi.press(ms(100), BUTTON);
    pi.release(ms(180), BUTTON);
    pi.signal(ms(1250), signal); // the LED is on, of the lamp and of the one that blinks
    let ended = lab.program(args).on(&pi).run(b"");
    let doing = format!("looking how `ex16 {}` ends after {signal}, with the LED on", args[0]);
    lab.expect(
        &doing,
        "with exit code 0",
        in_words(&ended, &pi),
        ended.exit == Exit::Code(0),
    );
    expect_safe(&lab, &pi);
    let off = pi
        .timeline(LED)
        .iter()
        .rev()
        .find_map(|(at, level)| level.map(|level| (*at, level)));
    let soon = off.is_some_and(|(at, _)| (ms(1250)..ms(1250 + 400)).contains(&at));
    let seen = off.map_or("never".to_string(), |(at, level)| {
        format!("{level} at {} ms", at.as_millis())
    });
    lab.expect(&doing, "the LED is off within 400 ms of the signal", seen, soon);
}

/// How a lamp with its LED on comes to a bad end.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    Wait,
    Panic,
}

#[rstest]
#[case::when_waiting_fails(Trouble::Wait)]
#[case::when_something_panics(Trouble::Panic)]
fn errors_leave_the_board_safe(#[case] trouble: Trouble) {
    let lab = lab();
    if lab.control(PRESS, |lab| undisturbed(lab, "lamp")).is_none() {
        return;
    }
    let Some(pi) = board(&lab) else { return };
    pi.press(ms(100), BUTTON);
    pi.release(ms(180), BUTTON);
    let args: &[&str] = match trouble {
        Trouble::Wait => {
            pi.break_interrupts(ms(300), BUTTON);
            pi.press(ms(400), BUTTON);
            &["lamp"]
        }
        Trouble::Panic => &["lamp", "--panic-at", "1"],
    };
    let ended = lab.program(args).on(&pi).run(b"");
    let (doing, code) = match trouble {
        Trouble::Wait => (
            "looking how the lamp ends when it cannot read its button's edges any more",
            3,
        ),
        Trouble::Panic => ("looking how the lamp ends when `tell` panics", 101),
    };
    lab.expect(
        doing,
        format!("with exit code {code}"),
        in_words(&ended, &pi),
        ended.exit == Exit::Code(code),
    );
    if trouble == Trouble::Wait {
        let stderr = ended.stderr_text();
        let names_it = stderr.starts_with("error: wait 27: ") && stderr.lines().count() == 1;
        lab.expect(
            doing,
            "one line `error: wait 27: …` on stderr",
            format!("`{}`", stderr.trim_end()),
            names_it,
        );
    }
    let doing = "reading what the lamp printed before that";
    lab.expect_eq(doing, printed(&ended), ["press 1 at 100 ms: led on"]);
    expect_safe(&lab, &pi);
}

#[test]
fn repeated_levels_are_one_event() {
    let lab = lab();
    if lab.control(PRESS, |lab| undisturbed(lab, "lamp")).is_none() {
        return;
    }
    let Some(pi) = board(&lab) else { return };
    pi.press(ms(100), BUTTON);
    // Edges that the kernel reports with the level that it found when it looked: the one before, again.
    for at in [130, 160] {
        pi.report_edge(ms(at), BUTTON, Level::Low);
    }
    pi.release(ms(200), BUTTON);
    pi.report_edge(ms(230), BUTTON, Level::High);
    pi.press(ms(400), BUTTON);
    pi.release(ms(480), BUTTON);
    pi.press(ms(600), BUTTON);
    let lamp = lab.program(["lamp", "--presses", "3"]).on(&pi).run(b"").expect_code(0);
    let doing = "reading what the lamp printed about low, low, low, high, high, and then two ordinary presses";
    let expected = [
        "press 1 at 100 ms: led on",
        "press 2 at 400 ms: led off",
        "press 3 at 600 ms: led on",
    ];
    lab.expect_eq(doing, printed(&lamp), expected);
}

#[rstest]
#[case::with_the_usual_window(&["lamp"], &[100, 150, 300, 600])]
#[case::with_a_window_of_5_ms(&["lamp", "--debounce-ms", "5"], &[100, 150, 300, 310, 600])]
#[case::with_a_window_of_200_ms(&["lamp", "--debounce-ms", "200"], &[100, 600])]
fn fifty_ms_two_presses_ten_ms_one(#[case] args: &[&str], #[case] presses: &[u64]) {
    let lab = lab();
    let Some(pi) = board(&lab) else { return };
    let edges = [(100, 125), (150, 175), (300, 303), (310, 340), (600, 650)];
    for (press, release) in edges {
        pi.press(ms(press), BUTTON);
        pi.release(ms(release), BUTTON);
    }
    let lamp = until_sigterm(&lab, &pi, args, 1000);
    let doing = format!(
        "reading what `ex16 {}` printed about presses 50 ms apart (at 100 and 150), 10 ms apart (at 300 and 310), and one at 600",
        args.join(" ")
    );
    lab.expect_eq(&doing, printed(&lamp), lines(presses));
}

#[test]
fn release_bounce_is_no_press() {
    let lab = lab();
    if lab.control(PRESS, |lab| undisturbed(lab, "lamp")).is_none() {
        return;
    }
    let Some(pi) = board(&lab) else { return };
    for at in [100, 500] {
        pi.press(ms(at), BUTTON);
        pi.bounce(ms(at + 200), BUTTON, Drive::Open, 7, Duration::from_micros(1300));
    }
    let lamp = until_sigterm(&lab, &pi, &["lamp"], 1000);
    let doing = "reading what the lamp printed about two presses that bounced when the button was let go, 200 ms later";
    lab.expect_eq(doing, printed(&lamp), lines(&[100, 500]));
}

#[rstest]
#[case::nobody_is_there(1)]
#[case::nobody_is_there_and_the_air_is_full_of_noise(7)]
fn active_low(#[case] seed: u64) {
    let lab = lab();
    let Some(pi) = board(&lab) else { return };
    pi.set_seed(seed);
    let lamp = until_sigterm(&lab, &pi, &["lamp"], 5000);
    let doing = "reading what the lamp printed while nobody touched the button for five seconds";
    lab.expect_eq(doing, printed(&lamp), Vec::<String>::new());
    pi.expect_dark(&[LED]);

    let Some(pi) = board(&lab) else { return };
    pi.set_seed(seed);
    pi.press(Duration::ZERO, BUTTON); // a finger is on it when the program starts
    pi.release(ms(300), BUTTON);
    pi.press(ms(500), BUTTON);
    pi.release(ms(560), BUTTON);
    let lamp = until_sigterm(&lab, &pi, &["lamp"], 1000);
    let doing =
        "reading what the lamp printed about a button that was held from the start to 300 ms, and pressed at 500 ms";
    lab.expect_eq(doing, printed(&lamp), lines(&[500]));
}

#[test]
fn waits_instead_of_polling() {
    let lab = lab();
    if lab.control(PRESS, |lab| undisturbed(lab, "lamp")).is_none() {
        return;
    }
    let Some(pi) = board(&lab) else { return };
    let presses = [1000, 4000, 9000];
    for at in presses {
        pi.bounce(ms(at), BUTTON, Drive::Low, 5, ms(1));
        pi.bounce(ms(at + 300), BUTTON, Drive::Open, 5, ms(1));
    }
    let lamp = until_sigterm(&lab, &pi, &["lamp"], 10_000);
    lab.expect_eq(
        "reading what the lamp printed about three presses in ten seconds",
        printed(&lamp),
        lines(&presses),
    );
    let edges = pi
        .events()
        .iter()
        .filter(|event| matches!(event.kind, Kind::Edge(BUTTON, _)))
        .count() as u64;
    pi.expect_level_reads_at_most(edges + 10);
    pi.expect_no_busy_waiting(0.05);
}

#[test]
fn long_press_counts_once_and_edge_of_window() {
    let lab = lab();
    let Some(pi) = board(&lab) else { return };
    let edges = [(100, 3100), (3200, 3250), (3270, 3300), (3319, 3400), (3500, 3600)];
    for (press, release) in edges {
        pi.press(ms(press), BUTTON);
        pi.release(ms(release), BUTTON);
    }
    let lamp = until_sigterm(&lab, &pi, &["lamp"], 4000);
    let doing = "reading what the lamp printed about a press of three seconds at 100 ms, one at 3200 ms, one after a rest of 20 ms (at 3270), \
        an edge after a rest of 19 ms (at 3319), and a press at 3500 ms";
    lab.expect_eq(doing, printed(&lamp), lines(&[100, 3200, 3270, 3500]));
}

/// Runs the lamp until it gets a SIGTERM, which is to be an ordinary end.
fn until_sigterm(lab: &Lab, pi: &Pi, args: &[&str], at: u64) -> Finished {
    pi.signal(ms(at), Signal::SIGTERM);
    let ended = lab.program(args).on(pi).run(b"");
    // How it ends after a signal is the subject of another check. What counts here is what it did before.
    match ended.exit {
        Exit::Code(101) => ended.expect_code(0), // it says where and why
        _ => ended,
    }
}

/// A Pi for a program that has ended before its twenty seconds are over. None, if there can be none here.
fn board(lab: &Lab) -> Option<Pi> {
    let pi = lab.pi()?;
    pi.set_limit(ms(20_000));
    Some(pi)
}

/// The undisturbed session of a check with a fault in it. None, if there can be no Pi here.
fn undisturbed(lab: &Lab, command: &str) -> Option<()> {
    let pi = board(lab)?;
    if command == "blink" {
        let blink = lab.program(["blink", "--count", "1"]).named("usual blinking").on(&pi);
        blink.run(b"").expect_code(0);
        pi.expect_timeline(LED, &[(0, Level::Low), (0, Level::High), (500, Level::Low)]);
        return Some(());
    }
    pi.press(ms(100), BUTTON);
    let lamp = lab.program(["lamp", "--presses", "1"]).named("usual lamp").on(&pi);
    let lamp = lamp.run(b"").expect_code(0);
    let doing = "reading what the lamp printed about a press, with nothing out of the ordinary";
    lab.expect_eq(doing, printed(&lamp), lines(&[100]));
    Some(())
}

/// The LED is off, nothing is driven, and the button has no resistor any more.
fn expect_safe(lab: &Lab, pi: &Pi) {
    pi.expect_dark(&[LED]);
    pi.expect_let_go(&[LED, BUTTON]);
    let doing = "looking at the resistor with which BCM 27 was left";
    lab.expect_eq(doing, pi.board().pin(BUTTON).pull, Pull::Off);
}

/// What a lamp prints about presses at these times.
fn lines(presses: &[u64]) -> Vec<String> {
    let numbered = (1..).zip(presses);
    numbered
        .map(|(number, at)| {
            format!(
                "press {number} at {at} ms: led {}",
                if number % 2 == 1 { "on" } else { "off" }
            )
        })
        .collect()
}

/// How it ended, and why, if the test had to end it.
fn in_words(ended: &Finished, pi: &Pi) -> String {
    let how = match ended.exit {
        Exit::Code(code) => format!("with exit code {code}"),
        Exit::Signal(number) => format!("by signal {number}"),
    };
    pi.stopped().map_or(how.clone(), |why| format!("{how}; {why}"))
}

fn printed(program: &Finished) -> Vec<String> {
    program.stdout_text().lines().map(str::to_string).collect()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
