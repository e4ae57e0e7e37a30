//! Exercise 16: an LED and a button at the pins of a Raspberry Pi.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the board with your functions, and
//! prints the presses.
//!
//! The pins are reached through the crate [rppal](https://docs.rs/rppal/0.22.1/rppal/gpio). You need no Raspberry Pi: the tests, and
//! `cargo grader board ex16`, put a pretended one around your program, which cannot tell the difference.
//!
//! The LED lights when its pin is high. The button connects its pin to ground.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::io::ErrorKind;
use std::time::Duration;

use netlab::failure::Cause;
use netlab::signals::asked_to_end_within;
use netlab::{Failure, Op};
use rppal::gpio::{self, Gpio, InputPin, Level, OutputPin, Pin, Trigger};

/// The highest BCM number on the header. The chip has more pins: those lead to the SD card, the sound and the board's own lights.
pub const LAST_PIN: u8 = 27;

/// A change of the button's level. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// When it happened, since the machine was started: rppal's `Event::timestamp`.
    pub at: Duration,
    /// The level since then.
    pub level: Level,
}

/// Somebody has pressed the button. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    /// When, by the clock of [`Edge::at`].
    pub at: Duration,
}

/// What stood on the command line of `ex16 lamp`. Given.
#[derive(Clone, Copy, Debug)]
pub struct Lamp {
    /// BCM number of the LED's pin.
    pub led: u8,
    /// BCM number of the button's pin.
    pub button: u8,
    /// The window of the [`Debouncer`].
    pub debounce: Duration,
    /// End after so many presses; None: only when the program is asked to end.
    pub presses: Option<u32>,
}

/// Opens the board.
///
/// # Errors
/// With [`Op::Gpio`] and an empty target: `gpio: unknown Raspberry Pi model` if this is none ([`gpio::Error::UnknownModel`]), and for
/// every other error its own words.
pub fn open_board() -> Result<Gpio, Failure> {
    todo!("open_board: Gpio::new, and its errors as Failure")
}

/// A pin of the header, by its BCM number.
///
/// # Errors
/// With [`Op::Gpio`] and the number as the target: `gpio 99: not available` if there is no such pin, also for those between
/// [`LAST_PIN`] and 53, which rppal would open; `gpio 17: already in use` if somebody in this program has it
/// ([`gpio::Error::PinUsed`]); and for every other error its own words.
pub fn open_pin(gpio: &Gpio, number: u8) -> Result<Pin, Failure> {
    todo!("open_pin: refuse what is not on the header, Gpio::get, and its errors as Failure")
}

/// Lets the LED blink: `count` times, on for one `period` and off for one.
///
/// The first time it goes on at once. When the function returns, the LED is off.
///
/// Waits with [`asked_to_end_within`] and returns, with the LED off, as soon as the program is asked to end.
pub fn blink(led: &mut OutputPin, count: u32, period: Duration) {
    todo!("blink: on, wait, off, wait")
}

/// Tells presses from what contacts do.
///
/// When a contact closes, it bounces: for some milliseconds it opens and closes again. When it opens, it bounces as well. A **press**
/// is the first falling edge after a rest: the level was high, and there was no edge, for at least `window`. Before its first edge a
/// button has rested, high, for ever.
///
/// No clock is looked at: all that counts is [`Edge::at`].
#[derive(Clone, Debug)]
pub struct Debouncer {
    // the window, and what you remember of the edges so far
}

impl Debouncer {
    /// For a button that has had no edge yet.
    pub fn new(window: Duration) -> Debouncer {
        todo!("Debouncer::new")
    }

    /// Takes the next edge, and says whether it is a press. Edges come in the order of their times.
    ///
    /// The same level may come twice: a real chip is asked for the level after the edge, and by then it may have changed again.
    pub fn feed(&mut self, edge: Edge) -> Option<Press> {
        todo!("feed: is it a falling edge, and was there a rest before it?")
    }
}

/// Waits for the next edge of a button whose interrupts are set; None, if the program is asked to end.
///
/// `poll_interrupt` waits without using the processor, but only for edges. So wait for a tenth of a second, look whether the program
/// was asked to end ([`asked_to_end_within`], with a time of zero), and wait again. A signal may also interrupt the wait, with an error
/// of the kind [`ErrorKind::Interrupted`], which is none.
///
/// # Errors
/// With [`Op::Wait`] and the pin's number as the target: those of rppal, `wait 27: EIO: I/O error`.
pub fn wait_edge(button: &mut InputPin) -> Result<Option<Edge>, Failure> {
    todo!("wait_edge: poll_interrupt again and again, until there is an edge or it is time to end")
}

/// The lamp: each press switches the LED on or off. It begins off.
///
/// The LED's pin becomes an output that is low from the beginning, the button's an input with a pull-up. Edges are reported by
/// interrupts, both kinds. For each press the LED is switched, and then `tell` is called with the press's number (1, 2, …), the press,
/// and the LED's new level.
///
/// Returns after `asked.presses` presses, or when the program is asked to end. **However it ends**, by a return, an error or a panic
/// (of `tell`, say): the LED is low, and both pins are inputs again, as they were.
///
/// # Errors
/// Those of [`open_pin`] and [`wait_edge`]; before anything else has been done to a pin, those of `open_pin`.
pub fn lamp(gpio: &Gpio, asked: &Lamp, mut tell: impl FnMut(u32, Press, Level)) -> Result<(), Failure> {
    todo!("lamp: two pins, interrupts, a Debouncer; and who switches the LED off at the end?")
}
