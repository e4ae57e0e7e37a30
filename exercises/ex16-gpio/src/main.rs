//! The program `ex16`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex16 blink [--led 17] [--count 3] [--period-ms 500]
//! ex16 lamp [--led 17] [--button 27] [--debounce-ms 20] [--presses N]     prints for each: press 1 at 120 ms: led on
//! ex16 probe                                                              then, for example: debounce 20 0L 1H 2L 30H 60L
//! ```
//!
//! Pins are BCM numbers. It needs a Raspberry Pi; `cargo grader board ex16` pretends one.

use std::process::ExitCode;
use std::time::Duration;

use ex16::{Debouncer, Edge, Lamp, Press, blink, lamp, open_board, open_pin};
use netlab::probe::Request;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, signals};
use nix::time::{ClockId, clock_gettime};
use rppal::gpio::Level;

const LED: Parameter<u8> = Parameter::with_default("led", "PIN", "BCM number of the LED's pin", "17");
const BUTTON: Parameter<u8> = Parameter::with_default("button", "PIN", "BCM number of the button's pin", "27");
const COUNT: Parameter<u32> = Parameter::with_default("count", "N", "blink so many times", "3");
const PERIOD: Parameter<u32> = Parameter::with_default("period-ms", "MS", "on for so long, and off for so long", "500");
const DEBOUNCE: Parameter<u32> =
    Parameter::with_default("debounce-ms", "MS", "a press comes after so long a rest", "20");
const PRESSES: Parameter<Option<u32>> = Parameter::optional("presses", "N", "end after N presses");
const PANIC_AT: Parameter<Option<u32>> = Parameter::optional(
    "panic-at",
    "N",
    "panic at the Nth press, like a program with a bug in it",
);

fn main() -> ExitCode {
    let blink = Command::new("blink", "let an LED blink", start_blinking)
        .takes(&LED)
        .takes(&COUNT)
        .takes(&PERIOD);
    let lamp = Command::new("lamp", "a button switches an LED on and off", start_lamp)
        .takes(&LED)
        .takes(&BUTTON)
        .takes(&DEBOUNCE)
        .takes(&PRESSES)
        .takes(&PANIC_AT);
    Program::new("ex16", "An LED and a button at a Raspberry Pi")
        .command(blink)
        .command(lamp)
        .probe(probe)
        .run()
}

fn start_blinking(given: &Arguments) -> Result<(), Failure> {
    // From here on SIGINT (Ctrl-C) and SIGTERM are requests: they do not end the program.
    signals::term_fd().during(Op::Gpio, "signals")?;
    let gpio = open_board()?;
    let mut led = open_pin(&gpio, given.get(&LED))?.into_output_low();
    blink(&mut led, given.get(&COUNT), millis(given.get(&PERIOD)));
    Ok(())
}

// ANCHOR: lamp
fn start_lamp(given: &Arguments) -> Result<(), Failure> {
    signals::term_fd().during(Op::Gpio, "signals")?;
    let started = uptime()?;
    let gpio = open_board()?;
    let asked = Lamp {
        led: given.get(&LED),
        button: given.get(&BUTTON),
        debounce: millis(given.get(&DEBOUNCE)),
        presses: given.get(&PRESSES),
    };
    let panic_at = given.get(&PANIC_AT);
    lamp(&gpio, &asked, |number, press, led| {
        tell(started, number, press, led);
        assert!(panic_at != Some(number), "as you wished");
    })
}
// ANCHOR_END: lamp

/// Times on the kernel's clock begin when the machine was started. Printed is what has passed since the program was, to the millisecond.
fn tell(started: Duration, number: u32, press: Press, led: Level) {
    let at = (press.at.saturating_sub(started).as_micros() + 500) / 1000;
    let led = if led == Level::High { "on" } else { "off" };
    event(format_args!("press {number} at {at} ms: led {led}"));
}

/// The clock of [`Press::at`].
fn uptime() -> Result<Duration, Failure> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).during(Op::Gpio, "clock")?;
    Ok(now.into())
}

fn millis(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

/// `debounce 20 0L 1H 2L 30H 60L`: the window in milliseconds, and edges with their times and levels. Answers with the times of the
/// presses.
fn probe(request: &Request) -> Result<String, String> {
    if request.function() != "debounce" {
        return request.unknown("debounce WINDOW EDGE…, such as debounce 20 0L 1H 2L 30H 60L");
    }
    let mut debouncer = Debouncer::new(millis(request.argument(1, "a number of milliseconds")?));
    let mut presses = Vec::new();
    for place in 2.. {
        let Ok(word) = request.argument::<String>(place, "an edge") else {
            break;
        };
        let edge = edge(&word).ok_or_else(|| format!("`{word}` is not an edge, such as 30H or 60L"))?;
        presses.extend(debouncer.feed(edge).map(|press| press.at.as_millis().to_string()));
    }
    Ok(match presses.is_empty() {
        true => "no press".to_string(),
        false => format!("pressed at {} ms", presses.join(", ")),
    })
}

fn edge(word: &str) -> Option<Edge> {
    let (at, level) = match (word.strip_suffix('L'), word.strip_suffix('H')) {
        (Some(at), _) => (at, Level::Low),
        (_, Some(at)) => (at, Level::High),
        _ => return None,
    };
    let at = millis(at.parse().ok()?);
    Some(Edge { at, level })
}
