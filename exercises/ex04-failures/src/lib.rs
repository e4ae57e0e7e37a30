//! Exercise 4: an echo server and its client that know what to do when a call fails.
//!
//! Until now the given crate `netlab` made the error lines and the exit codes for you. Here you make them yourself, so
//! this exercise uses neither `netlab::Failure` nor `netlab::Op`.
//!
//! The functions at the beginning say `todo!`. The last three, [`serve`], [`echo`] and [`converse`], are there already,
//! and they are fragile: right as long as nothing goes wrong. Make them keep what their comments promise.
//!
//! `src/main.rs` is given: it reads the command line, calls your functions, and prints an error that they return with
//! [`report`]. The program's exit code is what your [`NetError::exit_code`] says.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use netlab::event;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket, sockopt,
};

/// How many clients may wait in the server's queue.
pub const BACKLOG: i32 = 128;

/// What the program was doing when it failed. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Looking up the addresses of a name (getaddrinfo).
    Resolve,
    /// `socket(2)`
    Socket,
    /// `bind(2)`
    Bind,
    /// `listen(2)`
    Listen,
    /// `connect(2)`
    Connect,
    /// `accept(2)`
    Accept,
    /// `send(2)`, or `write`, or `shutdown`
    Send,
    /// `recv(2)`, or `read`
    Recv,
}

impl Op {
    /// Its name in an error line. Given.
    pub fn name(self) -> &'static str {
        match self {
            Op::Resolve => "resolve",
            Op::Socket => "socket",
            Op::Bind => "bind",
            Op::Listen => "listen",
            Op::Connect => "connect",
            Op::Accept => "accept",
            Op::Send => "send",
            Op::Recv => "recv",
        }
    }
}

/// Why it failed. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The system says so, with this error number.
    Errno(Errno),
    /// Nothing happened for as long as we were ready to wait.
    TimedOut,
    /// The stream ended after `received` bytes, and `expected` should have come.
    ClosedEarly {
        /// Bytes that came.
        received: usize,
        /// Bytes that should have come.
        expected: usize,
    },
    /// Something else, in words. (Looking up a name fails without an error number.)
    Words(String),
}

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Cause {
        Cause::Errno(errno)
    }
}

impl From<io::Error> for Cause {
    /// What an error of the standard library means.
    ///
    /// - `TimedOut`, if its [`kind`](io::Error::kind) says that the time was up. There are two such kinds:
    ///   `ErrorKind::TimedOut`, and `ErrorKind::WouldBlock`, which is what a read or a write gives on a socket with a
    ///   time-out (SO_RCVTIMEO, SO_SNDTIMEO: the system reports it as EAGAIN).
    /// - `Errno`, if a system call failed: [`raw_os_error`](io::Error::raw_os_error) is its number, and `Errno::from_raw`
    ///   gives the number its name.
    /// - `Words` otherwise: the error's own text.
    fn from(error: io::Error) -> Cause {
        todo!("Cause::from: look at the error's kind, then at its number, then take its words")
    }
}

/// A failed operation: what was done, to what, and why it failed. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetError {
    /// What the program was doing.
    pub op: Op,
    /// To what: an address or a host's name; empty if there is only one thing that it can be.
    pub target: String,
    /// Why it failed.
    pub cause: Cause,
}

impl NetError {
    /// `op` on `target` failed because of `cause`, an [`Errno`], an [`io::Error`] or a [`Cause`]. Given.
    pub fn new(op: Op, target: impl Display, cause: impl Into<Cause>) -> NetError {
        NetError {
            op,
            target: target.to_string(),
            cause: cause.into(),
        }
    }

    /// The exit code of a program that ends because of this error.
    ///
    /// 4 if the time was up, whatever the program was doing. Otherwise it depends on that: 1 if it could not open a
    /// socket (everything up to connect), 3 if a conversation broke (accept, send, recv).
    pub fn exit_code(&self) -> u8 {
        todo!("NetError::exit_code: 4 if the time was up, else 1 or 3")
    }
}

impl Display for NetError {
    /// One line, without its end: `bind 127.0.0.1:80: EACCES: Permission denied`, or without a target `recv: timed out`.
    ///
    /// | cause | text |
    /// |---|---|
    /// | `Errno` | name and meaning, as nix displays an [`Errno`]: `EACCES: Permission denied` |
    /// | `TimedOut` | `timed out` |
    /// | `ClosedEarly` | `connection closed after 5 of 12 bytes` |
    /// | `Words` | the words |
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        todo!("Display for NetError: the operation's name, the target if there is one, the cause")
    }
}

/// Prints an error on stderr, as one line. Given.
pub fn report(error: &NetError) {
    // Not `eprintln!`, which panics if nobody reads stderr any more.
    let _ = writeln!(io::stderr().lock(), "error: {error}");
}

/// What a server does after `accept(2)` has failed. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptAction {
    /// Nothing is wrong with the listener, and the cause is gone: accept again, at once.
    Retry,
    /// Something has run out. The next accept fails too, until somebody gives some back: wait a little, then try again.
    Backoff,
    /// It will fail for ever: the listener is not what we take it for. Give up.
    Fatal,
}

/// What to do after accept has failed with `errno`.
///
/// `man 2 accept` says what they mean. Decide at least about ECONNABORTED, EPROTO, EINTR (a signal came, or one client
/// went away while it waited in the queue); EMFILE, ENFILE, ENOBUFS, ENOMEM (descriptors or memory have run out); EBADF,
/// EINVAL, ENOTSOCK (this is no listening socket). What you do not know is `Fatal`.
pub fn classify_accept(errno: Errno) -> AcceptAction {
    todo!("classify_accept: whose problem is it, and will it go away by itself?")
}

/// What a server does after a call on a client's connection has failed. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoAction {
    /// Nothing has happened: make the same call again.
    Retry,
    /// The other side or the way to it is gone: this conversation is over, the others are not.
    PeerGone,
    /// The call itself was wrong: a fault in this program.
    Fatal,
}

/// What to do after a read or a write on a connection has failed with `errno`.
///
/// `man 2 recv` and `man 2 send` say what they mean. Decide at least about EINTR; ECONNRESET, EPIPE, ETIMEDOUT,
/// EHOSTUNREACH, ENETUNREACH; EBADF, ENOTSOCK, EINVAL. What you do not know is `Fatal`.
pub fn classify_io(errno: Errno) -> IoAction {
    todo!("classify_io: has nothing happened, is the peer gone, or is the call wrong?")
}

/// Makes a TCP socket that listens on `address` with [`BACKLOG`]: `socket(2)`, `bind(2)`, `listen(2)`.
///
/// `address` may be IPv4 or IPv6. SO_REUSEADDR is set before bind, as in exercise 1.
///
/// # Errors
/// A [`NetError`] that names the call that failed, with `address` as its target. (A failed `setsockopt(2)` counts as
/// bind, for which it prepares.) Then no descriptor stays open.
pub fn open_server(address: SocketAddr) -> Result<OwnedFd, NetError> {
    todo!("open_server: socket, setsockopt, bind, listen; each with its own name if it fails")
}

/// The addresses of `host` with this port. `host` is a name, or an address as text.
///
/// The standard library asks the system's resolver: `(host, port).to_socket_addrs()`.
///
/// # Errors
/// A [`NetError`] of [`Op::Resolve`] with `host` as its target.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, NetError> {
    todo!("resolve: ask for the addresses of the host")
}

/// Connects to the first of these addresses that lets us in, and takes at most `timeout` for all of them together.
///
/// A server may have several addresses, and some of them may be dead. A dead address can say so at once (ECONNREFUSED)
/// or say nothing at all. In order that a silent one leaves time for those behind it, each gets an equal share of the
/// time that is left: of two, the first gets half. Nobody is asked twice. `TcpStream::connect_timeout` makes one attempt.
///
/// # Errors
/// A [`NetError`] of [`Op::Connect`]: the last address that was tried, and why it failed. If there is no address at all:
/// an empty target, and words.
pub fn connect_within(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, NetError> {
    todo!("connect_within: try one address after the other, and look at the clock")
}

/// Serves one client after the other: sends back what each of them sends, until its end of stream. Fragile.
///
/// For each client, counted from 1, it prints with [`event()`] how many bytes went back: `client 1: 12 bytes`. What
/// fails for one client is that client's problem: it is [`report`]ed, and the next client is served.
///
/// After accept has failed it does as [`classify_accept`] says. `Backoff` is reported; the wait is about 50 milliseconds
/// (`thread::sleep`).
///
/// # Errors
/// Returns only if it cannot go on: accept failed and that is `Fatal`, or a call on a connection failed and
/// [`classify_io`] calls that `Fatal`.
pub fn serve(listener: &TcpListener) -> Result<(), NetError> {
    let mut clients = 0;
    loop {
        let (mut stream, peer) = listener.accept().unwrap();
        clients += 1;
        let bytes = echo(&mut stream, peer)?;
        event(format_args!("client {clients}: {bytes} bytes"));
    }
}

/// Sends back what `peer` sends, until its end of stream. Returns how many bytes went back. Fragile.
///
/// # Errors
/// A [`NetError`] of [`Op::Recv`] or [`Op::Send`] with `peer` as its target, if the call failed and [`classify_io`] does
/// not say `Retry`.
pub fn echo(stream: &mut TcpStream, peer: SocketAddr) -> Result<u64, NetError> {
    let mut buffer = [0; 1024];
    let mut echoed = 0;
    loop {
        let received = stream.read(&mut buffer).unwrap();
        if received == 0 {
            return Ok(echoed);
        }
        stream.write_all(&buffer[..received]).unwrap();
        echoed += received as u64;
    }
}

/// The client's conversation: sends `text`, half-closes, and receives the echo. Returns the echo. Fragile.
///
/// The echo is as long as `text`. It waits at most `timeout` each time that it waits for the server: for the next bytes
/// of the echo, and for room for the bytes that it sends.
///
/// # Errors
/// A [`NetError`] of [`Op::Send`] or [`Op::Recv`] with an empty target, since this client talks to nobody else:
/// - the error of the call that failed;
/// - `TimedOut`, if the server let it wait for longer than `timeout`;
/// - `ClosedEarly`, if the stream ended before the whole echo had come.
pub fn converse(mut stream: TcpStream, text: &[u8], timeout: Duration) -> Result<Vec<u8>, NetError> {
    stream.write_all(text).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut echo = Vec::new();
    stream.read_to_end(&mut echo).unwrap();
    Ok(echo)
}
