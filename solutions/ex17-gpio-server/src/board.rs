// CANARY-7f3a91c2-hidden
//! The board thread: the only one that has pins.
//!
//! ```text
//!            select loop                       board thread                      rppal's thread of a button
//!   Board::order ── Message::Order ──▶ ┐
//!                                      ├──▶ receive, until the next LED is due
//!                                      │       │     ▲
//!                                      │       ▼     └───────── Message::Edge ◀── callback, for each edge
//!   Board::reports ◀── Report ─────────┴─ LEDs, Debouncer
//!   Board::wake_up ◀── a byte behind it
//! ```
//!
//! The thread sleeps in one place, receiving from its channel, and never longer than until the next change of an LED that blinks. What
//! another thread has for it comes through that channel.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netlab::failure::Cause;
use netlab::{Failure, Op};
use nix::errno::Errno;
use nix::time::{ClockId, clock_gettime};
use rppal::gpio::{self, Event, Gpio, InputPin, Level, OutputPin, Trigger};

use crate::debounce::Debouncer;
use crate::messages::{Order, Report, Task};

/// The greatest BCM number on a Raspberry Pi's header. rppal accepts greater ones, which lead to the SD card, for example.
pub const LAST_PIN: u8 = 27;

/// What the board thread receives.
#[derive(Debug)]
pub enum Message {
    /// From the select loop.
    Order(Order),
    /// An edge at a button.
    Edge {
        /// The button.
        pin: u8,
        /// When it happened, since the system was started.
        at: Duration,
        /// What it led to.
        high: bool,
    },
    /// There will be no more edges of this button, because rppal's thread for it has ended.
    Deaf(u8),
    /// The program ends.
    Stop,
}

/// The select loop's end of the board thread.
#[derive(Debug)]
pub struct Board {
    // SOLUTION // both channels, the descriptor that wakes up, and the thread
    orders: Sender<Message>,
    reports: Receiver<Report>,
    wake_up: UnixStream,
    thread: Option<JoinHandle<()>>,
    // END SOLUTION
}

impl Board {
    /// Opens the board and its pins, and starts the thread. LEDs become outputs that are low, and are low from the first moment; buttons
    /// become inputs with a pull-up resistor, and each edge of them, up or down, is an interrupt.
    ///
    /// The clock of [`Report::Press`] starts here.
    ///
    /// # Errors
    /// - `gpio: …`: there is no board.
    /// - `gpio 99: not available`: there is no such pin on the header. `gpio 17: already in use`: it is named twice.
    pub fn open(leds: &[u8], buttons: &[u8], debounce: Duration) -> Result<Board, Failure> {
        // SOLUTION todo!("Board::open: take the pins, make the channels, start the thread")
        let (orders, messages) = mpsc::channel();
        let (reporter, reports) = mpsc::channel();
        let (wake_up, waker) = UnixStream::pair().map_err(|error| Failure::new(Op::Socket, "wake-up", error))?;
        for end in [&wake_up, &waker] {
            // A waker that waited for the loop to read would stop the lamps. If there is no room, the loop has been woken long ago.
            end.set_nonblocking(true)
                .map_err(|error| Failure::new(Op::Socket, "wake-up", error))?;
        }
        let upwards = Upwards { reporter, waker };
        let mut hands = Hands::open(leds, buttons, debounce, &orders, upwards)?;
        let thread = std::thread::spawn(move || hands.work(&messages));
        Ok(Board {
            orders,
            reports,
            wake_up,
            thread: Some(thread),
        })
        // END SOLUTION
    }

    /// Hands an order to the thread, and does not wait for it.
    pub fn order(&self, order: Order) {
        // SOLUTION todo!("Board::order: put it into the channel")
        // If there is no receiver, the thread is gone, and the wake-up descriptor says so.
        let _ = self.orders.send(Message::Order(order));
        // END SOLUTION
    }

    /// Becomes readable when there are reports, or when the thread has ended.
    pub fn wake_up(&self) -> BorrowedFd<'_> {
        // SOLUTION todo!("Board::wake_up: the end of the pair that the loop has")
        self.wake_up.as_fd()
        // END SOLUTION
    }

    /// All reports that have come, without waiting; [`wake_up`](Board::wake_up) is readable no longer. If the thread has ended without
    /// saying why, the last report is [`Report::Failed`].
    pub fn reports(&mut self) -> Vec<Report> {
        // SOLUTION todo!("Board::reports: empty the descriptor first, then the queue. Why not the other way round?")
        // First the bytes: a report that comes after this has a byte of its own. The other way round, its byte could be taken here, and it
        // would lie in the queue until somebody else wakes the loop.
        let mut bytes = [0; 64];
        let ended = loop {
            match self.wake_up.read(&mut bytes) {
                Ok(0) => break true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(error) if error.kind() != ErrorKind::Interrupted => break true,
                _ => {}
            }
        };
        let mut reports: Vec<Report> = self.reports.try_iter().collect();
        if ended && !matches!(reports.last(), Some(Report::Failed(_))) {
            reports.push(Report::Failed("the board thread has ended".to_string()));
        }
        reports
        // END SOLUTION
    }

    /// Ends the thread and waits for it: all LEDs are low and all pins inputs when this returns. Nothing happens the second time.
    pub fn stop(&mut self) {
        // SOLUTION todo!("Board::stop: tell the thread, and wait until it has ended")
        let _ = self.orders.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has let go of its pins while it did so, and its panic is on stderr.
            let _ = thread.join();
        }
        // END SOLUTION
    }
}

impl Drop for Board {
    /// Whatever way the program ends, the pins are safe.
    fn drop(&mut self) {
        self.stop();
    }
}
// SOLUTION

/// The way from the board thread to the loop: a queue, and a byte for each thing in it.
struct Upwards {
    reporter: Sender<Report>,
    waker: UnixStream,
}

impl Upwards {
    /// First the report, then the byte: whoever has seen the byte finds the report.
    fn report(&self, report: Report) {
        let _ = self.reporter.send(report);
        let _ = (&self.waker).write(&[0]);
    }
}

/// What the board thread has: all pins, and nobody else has any.
struct Hands {
    leds: BTreeMap<u8, Led>,
    buttons: BTreeMap<u8, Button>,
    /// What the clock of the edges said when the board was opened.
    opened: Duration,
    upwards: Upwards,
}

impl Hands {
    fn open(
        leds: &[u8],
        buttons: &[u8],
        debounce: Duration,
        messages: &Sender<Message>,
        upwards: Upwards,
    ) -> Result<Hands, Failure> {
        let gpio = Gpio::new().map_err(|error| no_pin("", &error))?;
        let opened = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(|errno| Failure::new(Op::Gpio, "clock", errno))?;
        let mut hands = Hands {
            leds: BTreeMap::new(),
            buttons: BTreeMap::new(),
            opened: opened.into(),
            upwards,
        };
        for pin in leds {
            hands.leds.insert(*pin, Led::new(taken(&gpio, *pin)?.into_output_low()));
        }
        for pin in buttons {
            let input = taken(&gpio, *pin)?.into_input_pullup();
            hands.buttons.insert(*pin, Button::new(input, debounce, messages)?);
        }
        Ok(hands)
    }

    /// The thread. Its end is the end of `self`, and with that all LEDs go low and all pins become inputs.
    fn work(&mut self, messages: &Receiver<Message>) {
        loop {
            let message = match self.leds.values().filter_map(Led::due).min() {
                // Until the next change only. A sleep instead would hear of no order in the meantime.
                Some(due) => messages.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => messages.recv().map_err(RecvTimeoutError::from),
            };
            match message {
                Ok(Message::Order(order)) => self.obey(order),
                Ok(Message::Edge { pin, at, high }) => self.feel(pin, at, high),
                Ok(Message::Deaf(pin)) => return self.give_up(pin),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.blink();
        }
    }

    fn obey(&mut self, order: Order) {
        if let Some(led) = self.leds.get_mut(&order.pin) {
            led.obey(order);
        }
    }

    fn blink(&mut self) {
        let now = Instant::now();
        for (pin, led) in &mut self.leds {
            while led.due().is_some_and(|due| due <= now) {
                let (number, level) = led.next();
                self.upwards.report(Report::Level {
                    pin: *pin,
                    number,
                    level,
                });
            }
        }
    }

    fn feel(&mut self, pin: u8, at: Duration, high: bool) {
        if self
            .buttons
            .get_mut(&pin)
            .is_some_and(|button| button.debouncer.feed(at, high))
        {
            let since = at.saturating_sub(self.opened);
            let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
            self.upwards.report(Report::Press { pin, at_ms });
        }
    }

    /// rppal has kept the reason, and tells it to whoever joins its thread.
    fn give_up(&mut self, pin: u8) {
        let ended = self
            .buttons
            .get_mut(&pin)
            .map(|button| button.pin.clear_async_interrupt());
        let why = match ended {
            Some(Err(error)) => error.to_string(),
            _ => "its interrupts have ended".to_string(),
        };
        // The lamps first: the loop may take its time.
        self.leds.clear();
        self.upwards.report(Report::Failed(format!("pin {pin}: {why}")));
    }
}

/// An LED and what it is doing.
struct Led {
    pin: OutputPin,
    blinking: Option<Blinking>,
}

struct Blinking {
    number: u64,
    /// Changes that are still to come; after an even number of them the LED is high.
    left: u32,
    /// When the next one is. Counted from the beginning, not from the change before: else each delay would add to the next ones.
    due: Instant,
    half: Duration,
}

impl Led {
    fn new(pin: OutputPin) -> Led {
        Led { pin, blinking: None }
    }

    /// A new task, whatever the LED was doing.
    fn obey(&mut self, order: Order) {
        self.blinking = None;
        match order.task {
            Task::Set(high) => self.pin.write(Level::from(high)),
            Task::Blink { count, period } => {
                self.pin.set_high();
                let half = period / 2;
                self.blinking = Some(Blinking {
                    number: order.number,
                    left: 2 * count - 1,
                    due: Instant::now() + half,
                    half,
                });
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.blinking.as_ref().map(|blinking| blinking.due)
    }

    /// The next change of an LED that blinks: for which order it is, and the level.
    fn next(&mut self) -> (u64, bool) {
        let Some(blinking) = &mut self.blinking else {
            return (0, false);
        };
        blinking.left -= 1;
        blinking.due += blinking.half;
        let (number, high, last) = (blinking.number, blinking.left % 2 == 1, blinking.left == 0);
        self.pin.write(Level::from(high));
        if last {
            self.blinking = None;
        }
        (number, high)
    }
}

impl Drop for Led {
    /// rppal makes the pin an input again, but leaves its latch as it is: whoever takes the pin next would switch the lamp on.
    fn drop(&mut self) {
        self.pin.set_low();
    }
}

struct Button {
    pin: InputPin,
    debouncer: Debouncer,
}

impl Button {
    /// Edges come as messages. The callback runs in a thread of rppal's, which has to get back to the next edge: it does nothing else.
    fn new(mut pin: InputPin, debounce: Duration, messages: &Sender<Message>) -> Result<Button, Failure> {
        let number = pin.pin();
        let line = Line {
            pin: number,
            messages: messages.clone(),
        };
        // rppal's own debouncing is left out (None): the kernel's lets only one of press and release through, late.
        pin.set_async_interrupt(Trigger::Both, None, move |event| line.edge(event))
            .map_err(|error| no_pin(&number.to_string(), &error))?;
        Ok(Button {
            pin,
            debouncer: Debouncer::new(debounce),
        })
    }
}

/// What the callback has. It ends with rppal's thread, also if that never got as far as waiting for an edge: `set_async_interrupt` says Ok
/// before it knows.
struct Line {
    pin: u8,
    messages: Sender<Message>,
}

impl Line {
    fn edge(&self, event: Event) {
        let edge = Message::Edge {
            pin: self.pin,
            at: event.timestamp,
            high: event.trigger == Trigger::RisingEdge,
        };
        let _ = self.messages.send(edge);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Deaf(self.pin));
    }
}

fn taken(gpio: &Gpio, pin: u8) -> Result<gpio::Pin, Failure> {
    let target = pin.to_string();
    if pin > LAST_PIN {
        return Err(no_pin(&target, &gpio::Error::PinNotAvailable(pin)));
    }
    gpio.get(pin).map_err(|error| no_pin(&target, &error))
}

fn no_pin(target: &str, error: &gpio::Error) -> Failure {
    let words = match error {
        gpio::Error::UnknownModel => "unknown Raspberry Pi model".to_string(),
        gpio::Error::PinNotAvailable(_) => "not available".to_string(),
        gpio::Error::PinUsed(_) => "already in use".to_string(),
        gpio::Error::Io(error) => {
            return Failure::new(Op::Gpio, target, Errno::from_raw(error.raw_os_error().unwrap_or(0)));
        }
        other => other.to_string(),
    };
    Failure::new(Op::Gpio, target, Cause::Words(words))
}
// END SOLUTION
