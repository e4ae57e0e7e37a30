//! Exercise 12: a client with two inputs, the keyboard and the server, and one call that waits for both: `select(2)`.
//!
//! ```text
//!   stdin ──read──▶ bytes not sent yet ──write──▶ server
//!  stdout ◀────────────────────────────── read ── server
//! ```
//!
//! [`Relay`] remembers how far the conversation has come and says what is worth waiting for. It reads and writes nothing, so
//! you can try it with `ex12 probe`. [`wait`] is `select`, and [`run`] the loop around it. `src/main.rs` is given: it reads
//! the command line, connects, calls [`run`], and says how the conversation ended.
//!
//! nix gives every system call a thin Rust function, and an error number (`Errno`) instead of -1. A descriptor in an
//! [`FdSet`] is borrowed (`server.as_fd()`, `io::stdin().as_fd()`), so it cannot be closed while it is in there.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::select::{FdSet, select};
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::{read, write};

/// As long as so many bytes wait to be sent, no more are read from stdin.
pub const LIMIT: usize = 65_536;

/// A choice among the three things that can happen: what to wait for, or what `select` has found ready. Given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Reading from stdin.
    pub stdin: bool,
    /// Reading from the server.
    pub receive: bool,
    /// Writing to the server.
    pub send: bool,
}

/// How a conversation can end. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The input ended, all of it was sent, and then the server had said everything too.
    Complete,
    /// The server closed the connection before that.
    ServerClosed,
    /// Nothing happened for as long as the user wanted to wait.
    Idle,
}

/// How far the conversation has come.
///
/// Put into it what [`interest`](Relay::interest) has to know. The server's bytes are printed at once; nothing has to be
/// remembered of them.
#[derive(Debug, Default)]
pub struct Relay {
    // what was read from stdin and not sent, and whether more can come
}

impl Relay {
    /// What is worth waiting for now. Asked anew before each [`wait`], because the answer changes with every event.
    ///
    /// - stdin: as long as it has not ended and fewer than [`LIMIT`] bytes wait to be sent;
    /// - receiving: always, since a server may speak whenever it likes;
    /// - sending: as long as there is something to send.
    pub fn interest(&self) -> Interest {
        todo!("Relay::interest: what would the program do next, if it could?")
    }

    /// These bytes came from stdin: to be sent behind those that still wait.
    pub fn on_stdin(&mut self, bytes: &[u8]) {
        todo!("Relay::on_stdin: keep the bytes until the server takes them")
    }

    /// stdin has ended: a `read` returned 0.
    pub fn on_stdin_eof(&mut self) {
        todo!("Relay::on_stdin_eof: remember that nothing more will come")
    }

    /// The bytes that wait to be sent, in order.
    pub fn unsent(&self) -> &[u8] {
        todo!("Relay::unsent: what came from stdin and was not sent yet")
    }

    /// The first `taken` bytes of [`unsent`](Relay::unsent) have been sent: what one `write` returned.
    pub fn on_sent(&mut self, taken: usize) {
        todo!("Relay::on_sent: forget the bytes that were taken, and only those")
    }

    /// Whether the client has nothing more to say: stdin has ended, and all of it has been sent.
    pub fn all_said(&self) -> bool {
        todo!("Relay::all_said: two conditions")
    }
}

/// Waits with `select(2)` until something of the `interest` is ready, and says what is. `None`: nothing was, for `time_out`.
///
/// Without a time-out it waits for ever, and the program uses no processor while it does. A signal may interrupt the wait
/// (EINTR). That is neither an event nor the time-out: look again, for as long as is left.
///
/// `select` changes what it is given, on Linux also the time. So it gets new sets and a new time for each call.
///
/// # Errors
/// That of `select(2)`, except EINTR.
pub fn wait(interest: Interest, server: BorrowedFd, time_out: Option<Duration>) -> nix::Result<Option<Interest>> {
    todo!("wait: fill the sets, call select, look what is left in them")
}

/// Prints bytes of the server on stdout, all of them and at once, whether or not they end a line. Given.
///
/// # Errors
/// That of writing to stdout.
pub fn print(bytes: &[u8]) -> nix::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| Errno::try_from(error).unwrap_or(Errno::EIO))
}

/// The whole conversation: passes stdin to the server and [`print`]s what the server says, both as soon as it comes.
///
/// Bytes are passed on as they are; lines mean nothing here. Read stdin with [`read`] (`read(2)`), never through a buffer of
/// std: `select` can see the kernel's buffers and no others. The socket is to be non-blocking (O_NONBLOCK, see `fcntl(2)`),
/// stdin is not: it may belong to others too.
///
/// When everything has been said ([`Relay::all_said`]), the server is told so, once: `shutdown(2)` with SHUT_WR. What it
/// still answers is printed. The conversation ends
/// - when the server ends its stream: `Complete`, if the client had said everything; else `ServerClosed`;
/// - when nothing happened for `idle`, counted anew after each event: `Idle`. (`None`: it may take for ever.)
///
/// # Errors
/// That of the call that failed. EINTR and EAGAIN are none: nothing was ready after all, so wait again.
pub fn run(server: OwnedFd, idle: Option<Duration>) -> nix::Result<Outcome> {
    todo!("run: wait for whatever comes first, do it, and wait again")
}
