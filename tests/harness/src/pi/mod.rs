//! A fake Raspberry Pi 3 B around a program that uses the real `rppal`: its board, its clock, and what it leaves behind.
//!
//! ```text
//! test thread              supervisor thread (one per program)        the program: real rppal, no Pi
//!   Pi::press, signal … ──▶ script ─┐
//!   Pi::run_until ────────▶ clock ──┼── ptrace: one thread of it runs at a time
//!   Pi::events, expect_… ◀─ board ──┘   opens, line requests      /dev/gpiomem, /dev/gpiochip0, /proc/cpuinfo are made up
//!                                       every load and store      the register page is closed to it: each access stops
//!                                       every look at the clock   time is the Pi's own; sleeping costs nothing
//! ```
//! The board is in the test's process. What the program says about its pins is never believed: an event exists because an instruction
//! of the program touched a register, or because the test wired something. [`start`](crate::Lab::pi) with `lab.pi()`:
//!
//! ```no_run
//! # use harness::{Lab, pi::{Clock, Level}};
//! # fn test(lab: Lab) {
//! # use std::time::Duration;
//! let Some(pi) = lab.pi() else { return }; // `not run here`
//! pi.press(Duration::from_millis(100), 27); // a button to ground at BCM 27
//! pi.release(Duration::from_millis(180), 27);
//! let lamp = lab.program(["lamp", "--presses", "1"]).on(&pi).run(b"");
//! lamp.expect_code(0);
//! pi.expect_timeline(17, &[(0, Level::Low), (100, Level::High)]);
//! # }
//! ```
//! Times are the Pi's: they count from the start of the program, and the same program meets the same times in every run, however busy the
//! machine is. What stands between two waits costs next to nothing: a look at the clock 1 µs, a register access 0.1 µs.
//!
//! What a student's program has for time goes by that clock: `Instant`, `SystemTime`, sleeping, time-outs of channels, condition variables,
//! `poll`, `select` and sockets (`SO_RCVTIMEO`), and the timers of `nix::sys::timerfd`. What does not:
//! - timers that send signals (`setitimer`, `timer_create`, `alarm`): refused, and named in the report;
//! - processor time, the times of files, the processor's own counter (`rdtsc`), and waiting to send (`SO_SNDTIMEO`): real. No library that
//!   the exercises' programs have uses the counter;
//! - a thread that is in a call which the supervisor does not know (`sigsuspend`, `flock`, a `write` for which there is no room) or computes:
//!   the watchdog finds it after some milliseconds, and the clock goes on without it. A held clock does not: there a program stands still only
//!   when all its threads wait in calls that are known.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "elsewhere there is no supervisor")
)]

mod board;
mod event;
mod expect;
mod header;
mod picture;
mod plug;
mod script;
mod shared;
#[cfg(target_os = "linux")]
mod supervisor;

pub use board::{Board, HEADER, PINS, Pin};
pub use event::{Access, Drive, Edges, Event, Kind, Level, Mode, Pull, millis};
pub(crate) use plug::spawn;
pub use plug::{Live, available};
pub use shared::{Clock, Pi};
