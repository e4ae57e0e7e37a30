// CANARY-7f3a91c2-hidden
//! Exercise 16: an LED and a button at the pins of a Raspberry Pi.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the board with your functions, and
//! prints the presses.
//!
//! The pins are reached through the crate [rppal](https://docs.rs/rppal/0.22.1/rppal/gpio). You need no Raspberry Pi: the tests, and
//! `cargo grader board ex16`, put a pretended one around your program, which cannot tell the difference.
//!
//! The LED lights when its pin is high. The button connects its pin to ground.
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION todo!("open_board: Gpio::new, and its errors as Failure")
    Gpio::new().map_err(|error| {
        let words = match error {
            gpio::Error::UnknownModel => "unknown Raspberry Pi model".to_string(),
            other => other.to_string(),
        };
        Failure::new(Op::Gpio, "", Cause::Words(words))
    })
    // END SOLUTION
}

/// A pin of the header, by its BCM number.
///
/// # Errors
/// With [`Op::Gpio`] and the number as the target: `gpio 99: not available` if there is no such pin, also for those between
/// [`LAST_PIN`] and 53, which rppal would open; `gpio 17: already in use` if somebody in this program has it
/// ([`gpio::Error::PinUsed`]); and for every other error its own words.
pub fn open_pin(gpio: &Gpio, number: u8) -> Result<Pin, Failure> {
    // SOLUTION todo!("open_pin: refuse what is not on the header, Gpio::get, and its errors as Failure")
    let failed = |words: String| Failure::new(Op::Gpio, number, Cause::Words(words));
    // rppal knows the chip, not the header. It would give us pin 40, and whoever writes there writes into the sound output.
    if number > LAST_PIN {
        return Err(failed("not available".to_string()));
    }
    gpio.get(number).map_err(|error| match error {
        gpio::Error::PinNotAvailable(_) => failed("not available".to_string()),
        gpio::Error::PinUsed(_) => failed("already in use".to_string()),
        other => failed(other.to_string()),
    })
    // END SOLUTION
}

/// Lets the LED blink: `count` times, on for one `period` and off for one.
///
/// The first time it goes on at once. When the function returns, the LED is off.
///
/// Waits with [`asked_to_end_within`] and returns, with the LED off, as soon as the program is asked to end.
pub fn blink(led: &mut OutputPin, count: u32, period: Duration) {
    // SOLUTION todo!("blink: on, wait, off, wait")
    for _ in 0..count {
        led.set_high();
        let end = asked_to_end_within(period);
        // Off before we look at the answer: whatever it is, nobody leaves this function with the LED on.
        led.set_low();
        if end || asked_to_end_within(period) {
            return;
        }
    }
    // END SOLUTION
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
    // SOLUTION // the window, and what you remember of the edges so far
    window: Duration,
    /// The edge before. It tells the level since then, and since when nothing has moved.
    last: Option<Edge>,
    // END SOLUTION
}

impl Debouncer {
    /// For a button that has had no edge yet.
    pub fn new(window: Duration) -> Debouncer {
        // SOLUTION todo!("Debouncer::new")
        Debouncer { window, last: None }
        // END SOLUTION
    }

    /// Takes the next edge, and says whether it is a press. Edges come in the order of their times.
    ///
    /// The same level may come twice: a real chip is asked for the level after the edge, and by then it may have changed again.
    pub fn feed(&mut self, edge: Edge) -> Option<Press> {
        // SOLUTION todo!("feed: is it a falling edge, and was there a rest before it?")
        let rested = |last: Edge| last.level == Level::High && edge.at.saturating_sub(last.at) >= self.window;
        let press = edge.level == Level::Low && self.last.is_none_or(rested);
        // Every edge is remembered, those that were no press, too: each of them begins the rest anew.
        self.last = Some(edge);
        press.then_some(Press { at: edge.at })
        // END SOLUTION
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
    // SOLUTION todo!("wait_edge: poll_interrupt again and again, until there is an edge or it is time to end")
    // A signal that comes between our look and the wait does not interrupt it, and is noticed at the next look. (To wait for both in one
    // call one needs both descriptors, as in chapter 10; rppal keeps its own to itself.)
    const LOOK: Duration = Duration::from_millis(100);
    while !asked_to_end_within(Duration::ZERO) {
        // `false`: an edge that came while we were busy has not been forgotten, and we want it.
        match button.poll_interrupt(false, Some(LOOK)) {
            Ok(Some(event)) => {
                let level = Level::from(event.trigger == Trigger::RisingEdge);
                let at = event.timestamp;
                return Ok(Some(Edge { at, level }));
            }
            Ok(None) => {}
            Err(gpio::Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(wait_failed(button.pin(), error)),
        }
    }
    Ok(None)
    // END SOLUTION
}
// SOLUTION

fn wait_failed(pin: u8, error: gpio::Error) -> Failure {
    match error {
        gpio::Error::Io(error) => Failure::new(Op::Wait, pin, error),
        other => Failure::new(Op::Wait, pin, Cause::Words(other.to_string())),
    }
}

/// An LED that is off when nobody has it any more.
///
/// rppal makes the pin an input again when it is dropped, so that nothing drives it. But its output register keeps the last level, and
/// the next program that makes the pin an output would begin with that.
struct Led(OutputPin);

impl Drop for Led {
    fn drop(&mut self) {
        self.0.set_low(); // before rppal's own Drop, which comes when the fields are dropped
    }
}
// END SOLUTION

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
    // SOLUTION todo!("lamp: two pins, interrupts, a Debouncer; and who switches the LED off at the end?")
    // Both, before we do something with one of them: a wrong number should not switch anything.
    let (led, button) = (open_pin(gpio, asked.led)?, open_pin(gpio, asked.button)?);
    // Not `into_output`: that would come up at whatever level the register has kept, and switch off a moment later.
    let mut led = Led(led.into_output_low());
    let mut button = button.into_input_pullup();
    // No debounce by the kernel: it reports an edge only when the level has lasted, and then with that later time.
    button
        .set_interrupt(Trigger::Both, None)
        .map_err(|error| wait_failed(asked.button, error))?;
    let mut debouncer = Debouncer::new(asked.debounce);
    let (mut presses, mut level) = (0, Level::Low);
    while asked.presses.is_none_or(|wanted| presses < wanted) {
        let Some(edge) = wait_edge(&mut button)? else { break };
        let Some(press) = debouncer.feed(edge) else { continue };
        presses += 1;
        level = !level;
        led.0.write(level);
        tell(presses, press, level);
    }
    Ok(())
    // Here, after `?` and during a panic alike, the variables go out of scope, and their Drop makes the board safe. What no Drop helps
    // against is a program that ends without it: by `process::exit`, or by a signal that nobody handles.
    // END SOLUTION
}
