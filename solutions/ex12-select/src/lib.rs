// CANARY-7f3a91c2-hidden
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
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION // what was read from stdin and not sent, and whether more can come
    /// What was read from stdin and the server's socket has not taken yet.
    unsent: Vec<u8>,
    /// stdin has said that nothing will ever come again.
    input_ended: bool,
    // END SOLUTION
}

impl Relay {
    /// What is worth waiting for now. Asked anew before each [`wait`], because the answer changes with every event.
    ///
    /// - stdin: as long as it has not ended and fewer than [`LIMIT`] bytes wait to be sent;
    /// - receiving: always, since a server may speak whenever it likes;
    /// - sending: as long as there is something to send.
    pub fn interest(&self) -> Interest {
        // SOLUTION todo!("Relay::interest: what would the program do next, if it could?")
        Interest {
            // A stdin that has ended is readable for ever: each read returns 0 at once. Left in the set, it would make
            // select return at once for ever. And input that cannot be sent may as well wait where it is: a pipe that is
            // not read fills up and stops the program that writes into it. That is back-pressure, all the way through.
            stdin: !self.input_ended && self.unsent.len() < LIMIT,
            receive: true,
            // A socket can take bytes nearly always. Asking when there are none to send is asking to be woken at once.
            send: !self.unsent.is_empty(),
        }
        // END SOLUTION
    }

    /// These bytes came from stdin: to be sent behind those that still wait.
    pub fn on_stdin(&mut self, bytes: &[u8]) {
        // SOLUTION todo!("Relay::on_stdin: keep the bytes until the server takes them")
        self.unsent.extend_from_slice(bytes);
        // END SOLUTION
    }

    /// stdin has ended: a `read` returned 0.
    pub fn on_stdin_eof(&mut self) {
        // SOLUTION todo!("Relay::on_stdin_eof: remember that nothing more will come")
        self.input_ended = true;
        // END SOLUTION
    }

    /// The bytes that wait to be sent, in order.
    pub fn unsent(&self) -> &[u8] {
        // SOLUTION todo!("Relay::unsent: what came from stdin and was not sent yet")
        &self.unsent
        // END SOLUTION
    }

    /// The first `taken` bytes of [`unsent`](Relay::unsent) have been sent: what one `write` returned.
    pub fn on_sent(&mut self, taken: usize) {
        // SOLUTION todo!("Relay::on_sent: forget the bytes that were taken, and only those")
        self.unsent.drain(..taken);
        // END SOLUTION
    }

    /// Whether the client has nothing more to say: stdin has ended, and all of it has been sent.
    pub fn all_said(&self) -> bool {
        // SOLUTION todo!("Relay::all_said: two conditions")
        self.input_ended && self.unsent.is_empty()
        // END SOLUTION
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
    // SOLUTION todo!("wait: fill the sets, call select, look what is left in them")
    let stdin = io::stdin(); // for its descriptor only; its buffer is never used
    let end = time_out.map(|time_out| Instant::now() + time_out);
    loop {
        // What goes in is a question, what comes out in its place is the answer. An old answer is no question.
        let (mut readable, mut writable) = (FdSet::new(), FdSet::new());
        if interest.stdin {
            readable.insert(stdin.as_fd());
        }
        if interest.receive {
            readable.insert(server);
        }
        if interest.send {
            writable.insert(server);
        }
        let mut left = end.map(|end| {
            let left = end.saturating_duration_since(Instant::now());
            TimeVal::microseconds(left.as_micros() as i64)
        });
        // `None` for nfds: nix takes the highest descriptor plus one, which is what the kernel wants to know.
        match select(None, &mut readable, &mut writable, None, left.as_mut()) {
            Err(Errno::EINTR) => {}
            Err(other) => return Err(other),
            Ok(0) => return Ok(None),
            Ok(_) => {
                return Ok(Some(Interest {
                    stdin: readable.contains(stdin.as_fd()),
                    receive: readable.contains(server),
                    send: writable.contains(server),
                }));
            }
        }
    }
    // END SOLUTION
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
    // SOLUTION todo!("run: wait for whatever comes first, do it, and wait again")
    // "Writable" promises room for one byte, not for all that we have. A blocking write of more than fits would keep us
    // inside it until the server reads; and the server may be waiting for us to read first.
    let flags = OFlag::from_bits_retain(fcntl(&server, FcntlArg::F_GETFL)?);
    fcntl(&server, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;

    let mut relay = Relay::default();
    let mut half_closed = false;
    let mut buffer = [0; 16_384];
    loop {
        let Some(ready) = wait(relay.interest(), server.as_fd(), idle)? else {
            return Ok(Outcome::Idle);
        };
        // No `else` between these: all three may be ready at once, and none may keep another from its turn.
        if ready.receive {
            match moved(read(&server, &mut buffer))? {
                Some(0) if relay.all_said() => return Ok(Outcome::Complete),
                Some(0) => return Ok(Outcome::ServerClosed),
                Some(received) => print(&buffer[..received])?,
                None => {}
            }
        }
        if ready.stdin {
            match moved(read(io::stdin(), &mut buffer))? {
                Some(0) => relay.on_stdin_eof(),
                Some(typed) => relay.on_stdin(&buffer[..typed]),
                None => {}
            }
        }
        if ready.send {
            let taken = moved(write(&server, relay.unsent()))?;
            relay.on_sent(taken.unwrap_or(0));
        }
        // Not at the end of the input but when all of it is sent: nothing can be sent after this.
        if relay.all_said() && !half_closed {
            shutdown(server.as_raw_fd(), Shutdown::Write)?;
            half_closed = true;
        }
    }
    // END SOLUTION
}
// SOLUTION

/// How many bytes a call moved; `None`, if it could not after all. "Ready" was true when select looked. It is a hint, not a promise.
fn moved(outcome: nix::Result<usize>) -> nix::Result<Option<usize>> {
    match outcome {
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        other => other.map(Some),
    }
}
// END SOLUTION
