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
    // both channels, the descriptor that wakes up, and the thread
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
        todo!("Board::open: take the pins, make the channels, start the thread")
    }

    /// Hands an order to the thread, and does not wait for it.
    pub fn order(&self, order: Order) {
        todo!("Board::order: put it into the channel")
    }

    /// Becomes readable when there are reports, or when the thread has ended.
    pub fn wake_up(&self) -> BorrowedFd<'_> {
        todo!("Board::wake_up: the end of the pair that the loop has")
    }

    /// All reports that have come, without waiting; [`wake_up`](Board::wake_up) is readable no longer. If the thread has ended without
    /// saying why, the last report is [`Report::Failed`].
    pub fn reports(&mut self) -> Vec<Report> {
        todo!("Board::reports: empty the descriptor first, then the queue. Why not the other way round?")
    }

    /// Ends the thread and waits for it: all LEDs are low and all pins inputs when this returns. Nothing happens the second time.
    pub fn stop(&mut self) {
        todo!("Board::stop: tell the thread, and wait until it has ended")
    }
}

impl Drop for Board {
    /// Whatever way the program ends, the pins are safe.
    fn drop(&mut self) {
        self.stop();
    }
}
