//! Exercise 13: a chat server. One process, one thread, and as many clients as `select(2)` can watch.
//!
//! ```text
//!                   bytes                     messages                        bytes
//! sockets ──read──▶ Lines ──▶ Hub::input ──▶ (to whom, what) ──▶ Conn::queue ──write──▶ sockets
//!            ▲                                                                   ▲
//!            └────────────────────────── wait: select ───────────────────────────┘
//! ```
//!
//! [`Lines`] and [`Hub`] know the protocol and have never seen a socket, so you can try them with `ex13 probe`. A [`Conn`] is
//! one client's socket and what it has not taken yet. [`wait`] is `select`, and [`run`] the loop around all of it.
//! `src/main.rs` is given: it reads the command line, makes the listening socket, and calls [`run`].
//!
//! The protocol, CHAT/1, is in `README.md`, under *What goes over the wire*.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

use netlab::event;
use nix::errno::Errno;
use nix::sys::select::{FdSet, select};
use nix::unistd::read;

/// The longest line, in bytes before its LF. What is longer is taken in pieces of this length.
pub const MAX_LINE: usize = 512;

/// A client, as [`Hub`] and [`run`] call it. Each connection gets a number of its own, and none gets the number of another one
/// that has gone.
pub type Id = usize;

/// Bytes for a client: to whom, and what, its LF included.
pub type Message = (Id, Vec<u8>);

/// Turns the bytes of a stream into lines, however the stream is cut into pieces. One for each stream.
#[derive(Debug, Default)]
pub struct Lines {
    // what has arrived and is not a whole line yet
}

impl Lines {
    /// Takes the next bytes of the stream, as many as happened to arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        todo!("Lines::push: keep the bytes behind those that are still waiting")
    }

    /// The next line, if all of it has arrived: without its LF, and without a CR directly before that.
    ///
    /// Of a line with more than [`MAX_LINE`] bytes before the LF (or so many and no LF yet) the first [`MAX_LINE`] are given as a
    /// line, and what follows them as the next. So the memory for one stream is bounded, whatever its writer does.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        todo!("Lines::next_line: take a line out of what was kept")
    }
}

/// Who is in the room, and who gets to hear what. Pure: bytes and ids in, messages out.
///
/// Put into it what it has to remember of each client.
#[derive(Debug, Default)]
pub struct Hub {
    // each client's unfinished line, and its name if it has one
}

impl Hub {
    /// A client has connected. Gives its id, and what it is told: `NAME?`.
    pub fn connect(&mut self) -> (Id, Vec<Message>) {
        todo!("Hub::connect: a new id, and the question for the name")
    }

    /// These bytes came from the client: perhaps half a line, perhaps three and a half. Gives all messages that follow from them,
    /// in order.
    ///
    /// - As long as the client has no name, its next line is one: 1 to 16 ASCII letters and digits that nobody in the room has.
    ///   All others who have a name are told `* alice joined`, and the client is told who is there, as if it had asked. Any other
    ///   line is answered `ERR name` and `NAME?`.
    /// - `/who` is answered `* alice bob`: the names of all, in alphabetical order (that of `sort`).
    /// - An empty line means nothing.
    /// - Every other line goes to all who have a name, the speaker excepted: `alice: text`. The text is bytes and stays as it is.
    pub fn input(&mut self, id: Id, bytes: &[u8]) -> Vec<Message> {
        todo!("Hub::input: what follows from each line that is complete now")
    }

    /// The client has gone: it ended its stream, it broke the connection, or it was dropped. If it had a name, all others who
    /// have one are told `* alice left`. A line that it had not finished was never said.
    pub fn disconnect(&mut self, id: Id) -> Vec<Message> {
        todo!("Hub::disconnect: forget the client, tell the others")
    }

    /// The client's name, for the log; `?` if it has none.
    pub fn name(&self, id: Id) -> &str {
        todo!("Hub::name: what the client calls itself")
    }
}

/// A client's socket, and what the client has not taken yet. Nothing here ever waits.
#[derive(Debug)]
pub struct Conn {
    /// Non-blocking.
    pub socket: TcpStream,
    // the bytes that wait to be sent, in order
}

impl Conn {
    /// Takes charge of a socket that was just accepted, and makes it non-blocking.
    ///
    /// # Errors
    /// That of `set_nonblocking`.
    pub fn new(socket: TcpStream) -> io::Result<Conn> {
        todo!("Conn::new: a non-blocking socket, and nothing to send yet")
    }

    /// These bytes are for the client. They are sent by [`flush`](Conn::flush), behind those that still wait.
    pub fn queue(&mut self, bytes: &[u8]) {
        todo!("Conn::queue: put the bytes behind those that wait")
    }

    /// How many bytes wait to be sent.
    pub fn waiting(&self) -> usize {
        todo!("Conn::waiting: how many bytes were queued and not sent?")
    }

    /// Whether it is worth knowing when the socket can take bytes.
    pub fn wants_write(&self) -> bool {
        todo!("Conn::wants_write: what would you do if the socket could take bytes?")
    }

    /// Sends of what waits as much as the socket takes now, perhaps nothing. What it does not take goes on waiting.
    ///
    /// # Errors
    /// That of the write, if the connection is broken. Neither EAGAIN nor EINTR is an error here.
    pub fn flush(&mut self) -> io::Result<()> {
        todo!("Conn::flush: write, and forget what was taken, until the socket is full or nothing waits")
    }
}

/// What `select` has found ready.
#[derive(Debug, Default)]
pub struct Ready {
    /// stdin can be read.
    pub stdin: bool,
    /// Somebody has connected.
    pub listener: bool,
    /// These clients' sockets can be read. (Who can take bytes has no list: sending is tried after each wait, and whoever has
    /// nothing to send costs no call.)
    pub readable: Vec<Id>,
}

/// Waits with `select(2)` until something can be done, for ever if need be, and says what.
///
/// Worth waiting for are: the listener; stdin, if `stdin` says so; reading from each client; writing to those that
/// [want it](Conn::wants_write).
///
/// # Errors
/// That of `select(2)`, except EINTR: a signal came and nothing else did, so look again.
pub fn wait(listener: &TcpListener, stdin: bool, conns: &BTreeMap<Id, Conn>) -> nix::Result<Ready> {
    todo!("wait: fill the sets, call select, look what is left in them")
}

/// The server: waits, does what can be done, and waits again, until somebody types `quit`.
///
/// - **stdin**: the line `quit` ends the server at once. Other lines mean nothing, and the end of stdin means that nobody will type
///   any more; the server goes on. Read it with [`read`] (`read(2)`), never through a buffer of std.
/// - **The listener** is non-blocking: whoever `select` saw may be gone when `accept` looks. EAGAIN, EINTR and ECONNABORTED mean
///   that nobody is there after all. A client for whom there is no place is told `* full` and closed: there are `max_clients`
///   already, or its descriptor is one that a set cannot hold (0 to 1023 it can, see FD_SETSIZE in `man 2 select`).
/// - **A client** whose read gives 0 has gone, and so has one whose read or write gives an error other than EAGAIN and EINTR.
///   It is closed, and the others are told. Nothing else comes of it: an error of one connection is no error of the server.
/// - **A client who does not read**: if more than `max_outbuf` bytes wait for it after its socket has taken what it takes now, it
///   is dropped (closed, and the others told), and the log says so: `dropped alice: too slow`, printed with [`event`].
///
/// No call but [`wait`] waits.
///
/// # Errors
/// That of `select`, of `accept`, or of reading stdin.
pub fn run(listener: TcpListener, max_clients: usize, max_outbuf: usize) -> io::Result<()> {
    todo!("run: wait, do what is ready, and again")
}
