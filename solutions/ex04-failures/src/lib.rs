// CANARY-7f3a91c2-hidden
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
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
        // SOLUTION todo!("Cause::from: look at the error's kind, then at its number, then take its words")
        match (error.kind(), error.raw_os_error()) {
            // `connect_timeout` keeps its own clock, so its time-out is a kind without a number. For a socket with
            // SO_RCVTIMEO the kernel keeps the clock, and says EAGAIN: for it, "not now" and "not in time" are one.
            // A user who reads EAGAIN learns nothing; and a program that reads it may think of trying again.
            (ErrorKind::TimedOut | ErrorKind::WouldBlock, _) => Cause::TimedOut,
            (_, Some(number)) => Cause::Errno(Errno::from_raw(number)),
            (_, None) => Cause::Words(error.to_string()),
        }
        // END SOLUTION
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
        // SOLUTION todo!("NetError::exit_code: 4 if the time was up, else 1 or 3")
        // Whoever calls the program cannot read its error line, but can act on these: wait and try again (4), look at
        // the command line (1), ask who runs the server (3).
        match (&self.cause, self.op) {
            (Cause::TimedOut, _) => 4,
            (_, Op::Resolve | Op::Socket | Op::Bind | Op::Listen | Op::Connect) => 1,
            (_, Op::Accept | Op::Send | Op::Recv) => 3,
        }
        // END SOLUTION
    }
    // SOLUTION

    /// The system's error number, if it is one.
    fn errno(&self) -> Option<Errno> {
        match self.cause {
            Cause::Errno(errno) => Some(errno),
            _ => None,
        }
    }
    // END SOLUTION
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
        // SOLUTION todo!("Display for NetError: the operation's name, the target if there is one, the cause")
        // Which call, on what, and why: leave one out, and the reader has to guess it.
        out.write_str(self.op.name())?;
        if !self.target.is_empty() {
            write!(out, " {}", self.target)?;
        }
        match &self.cause {
            Cause::Errno(errno) => write!(out, ": {errno}"),
            Cause::TimedOut => out.write_str(": timed out"),
            Cause::ClosedEarly { received, expected } => {
                write!(out, ": connection closed after {received} of {expected} bytes")
            }
            Cause::Words(words) => write!(out, ": {words}"),
        }
        // END SOLUTION
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
    // SOLUTION todo!("classify_accept: whose problem is it, and will it go away by itself?")
    match errno {
        // One client's problem. accept has used up what was wrong: the next call looks at the next client.
        Errno::ECONNABORTED | Errno::EPROTO | Errno::EINTR => AcceptAction::Retry,
        // Linux hands errors of the network that wait on the new connection to accept. The manual page asks to treat
        // them in the same way.
        Errno::ENETDOWN
        | Errno::ENETUNREACH
        | Errno::EHOSTDOWN
        | Errno::EHOSTUNREACH
        | Errno::ENOPROTOOPT
        | Errno::EOPNOTSUPP => AcceptAction::Retry,
        // Everybody's problem, for a while. The client stays in the queue, so accept would fail again at once, as fast
        // as a processor can call it.
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => AcceptAction::Backoff,
        // Our own fault: EBADF, EINVAL, ENOTSOCK. No time and no client will repair it.
        _ => AcceptAction::Fatal,
    }
    // END SOLUTION
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
    // SOLUTION todo!("classify_io: has nothing happened, is the peer gone, or is the call wrong?")
    match errno {
        Errno::EINTR => IoAction::Retry,
        // ECONNRESET: the peer's kernel says that there is no such connection (any more). EPIPE: we know already, and
        // write nevertheless. The others: nobody has answered for many minutes, or a router says there is no way.
        Errno::ECONNRESET | Errno::EPIPE | Errno::ETIMEDOUT | Errno::EHOSTUNREACH | Errno::ENETUNREACH => {
            IoAction::PeerGone
        }
        _ => IoAction::Fatal,
    }
    // END SOLUTION
}

/// Makes a TCP socket that listens on `address` with [`BACKLOG`]: `socket(2)`, `bind(2)`, `listen(2)`.
///
/// `address` may be IPv4 or IPv6. SO_REUSEADDR is set before bind, as in exercise 1.
///
/// # Errors
/// A [`NetError`] that names the call that failed, with `address` as its target. (A failed `setsockopt(2)` counts as
/// bind, for which it prepares.) Then no descriptor stays open.
pub fn open_server(address: SocketAddr) -> Result<OwnedFd, NetError> {
    // SOLUTION todo!("open_server: socket, setsockopt, bind, listen; each with its own name if it fails")
    let during = |op| move |errno: Errno| NetError::new(op, address, errno);
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    // If this one fails, `?` leaves the function before there is any variable for a socket, so nothing below and no
    // cleaning up can use a socket that was never made. (In the lecture's Python the handler does exactly that.)
    let listener = socket(family, SockType::Stream, SockFlag::empty(), None).map_err(during(Op::Socket))?;
    setsockopt(&listener, sockopt::ReuseAddr, &true).map_err(during(Op::Bind))?;
    bind(listener.as_raw_fd(), &SockaddrStorage::from(address)).map_err(during(Op::Bind))?;
    let backlog = Backlog::new(BACKLOG).map_err(during(Op::Listen))?;
    listen(&listener, backlog).map_err(during(Op::Listen))?;
    Ok(listener) // each `?` after the first drops `listener`, and that closes it
    // END SOLUTION
}

/// The addresses of `host` with this port. `host` is a name, or an address as text.
///
/// The standard library asks the system's resolver: `(host, port).to_socket_addrs()`.
///
/// # Errors
/// A [`NetError`] of [`Op::Resolve`] with `host` as its target.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, NetError> {
    // SOLUTION todo!("resolve: ask for the addresses of the host")
    let found = (host, port).to_socket_addrs();
    // A name that does not exist is not an error number: the resolver is a library that asks other machines, and its
    // errors are words.
    let found = found.map_err(|error| NetError::new(Op::Resolve, host, error))?;
    Ok(found.collect())
    // END SOLUTION
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
    // SOLUTION todo!("connect_within: try one address after the other, and look at the clock")
    // A moment, not a duration: durations that are handed on from call to call add up, and a moment does not move.
    let deadline = Instant::now() + timeout;
    let mut failed = NetError::new(Op::Connect, "", Cause::Words("no address to connect to".to_string()));
    for (address, others) in addresses.iter().zip((0..addresses.len() as u32).rev()) {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / (others + 1);
        let tried = if share.is_zero() {
            Err(ErrorKind::TimedOut.into()) // `connect_timeout` does not take a zero
        } else {
            TcpStream::connect_timeout(address, share)
        };
        match tried {
            Ok(stream) => return Ok(stream),
            // Refused means: that machine is there, and nobody listens. Asking again gets the same answer.
            Err(error) => failed = NetError::new(Op::Connect, address, error),
        }
    }
    Err(failed)
    // END SOLUTION
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
    // SOLUTION let mut clients = 0;
    // STUB loop {
    // STUB     let (mut stream, peer) = listener.accept().unwrap();
    // STUB     clients += 1;
    // STUB     let bytes = echo(&mut stream, peer)?;
    // STUB     event(format_args!("client {clients}: {bytes} bytes"));
    // STUB }
    let address = listener.local_addr();
    let address = address.map_or("?".to_string(), |address| address.to_string());
    let mut clients = 0;
    loop {
        let (mut stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                give_up_or_wait(NetError::new(Op::Accept, &address, error))?;
                continue;
            }
        };
        clients += 1;
        // No `?` behind the echo: it would end the service for everybody because of one client.
        match echo(&mut stream, peer) {
            Ok(bytes) => event(format_args!("client {clients}: {bytes} bytes")),
            Err(error) if error.errno().map(classify_io) == Some(IoAction::Fatal) => return Err(error),
            Err(error) => report(&error),
        }
    }
    // END SOLUTION
}
// SOLUTION

/// After a failed accept: returns when it is time to accept again, or the error if that makes no sense.
fn give_up_or_wait(error: NetError) -> Result<(), NetError> {
    match error.errno().map_or(AcceptAction::Fatal, classify_accept) {
        AcceptAction::Retry => Ok(()),
        AcceptAction::Backoff => {
            report(&error);
            // The client is still in the queue and the listener still readable, so neither accept nor select would
            // wait for anything. A pause is all that is left: long enough to cost nothing, short enough to be no
            // burden to those in the queue.
            #[allow(clippy::disallowed_methods)] // to let time pass is the purpose
            thread::sleep(Duration::from_millis(50));
            Ok(())
        }
        AcceptAction::Fatal => Err(error),
    }
}
// END SOLUTION

/// Sends back what `peer` sends, until its end of stream. Returns how many bytes went back. Fragile.
///
/// # Errors
/// A [`NetError`] of [`Op::Recv`] or [`Op::Send`] with `peer` as its target, if the call failed and [`classify_io`] does
/// not say `Retry`.
pub fn echo(stream: &mut TcpStream, peer: SocketAddr) -> Result<u64, NetError> {
    // SOLUTION let mut buffer = [0; 1024];
    // STUB let mut echoed = 0;
    // STUB loop {
    // STUB     let received = stream.read(&mut buffer).unwrap();
    // STUB     if received == 0 {
    // STUB         return Ok(echoed);
    // STUB     }
    // STUB     stream.write_all(&buffer[..received]).unwrap();
    // STUB     echoed += received as u64;
    // STUB }
    let mut buffer = [0; 1024];
    let mut echoed = 0;
    loop {
        let received = retrying(|| stream.read(&mut buffer)).map_err(|error| NetError::new(Op::Recv, peer, error))?;
        if received == 0 {
            return Ok(echoed);
        }
        // `write_all` makes interrupted calls again by itself. It cannot fail because the peer has closed: closing says
        // "I send no more". The peer's kernel answers what comes nevertheless with a reset, and the next call finds it.
        let sent = stream.write_all(&buffer[..received]);
        sent.map_err(|error| NetError::new(Op::Send, peer, error))?;
        echoed += received as u64;
    }
    // END SOLUTION
}
// SOLUTION

/// Makes a call until it is not merely interrupted.
fn retrying<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        let outcome = call();
        let errno = outcome
            .as_ref()
            .err()
            .and_then(io::Error::raw_os_error)
            .map(Errno::from_raw);
        if errno.map(classify_io) != Some(IoAction::Retry) {
            return outcome;
        }
    }
}
// END SOLUTION

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
    // SOLUTION stream.write_all(text).unwrap();
    // STUB stream.shutdown(Shutdown::Write).unwrap();
    // STUB let mut echo = Vec::new();
    // STUB stream.read_to_end(&mut echo).unwrap();
    // STUB Ok(echo)
    let during = |op| move |error: io::Error| NetError::new(op, "", error);
    // From here on no call on this socket waits for longer. Without it, a server that has stopped, or a network that
    // has lost the connection, looks exactly like a server that is about to answer.
    stream.set_write_timeout(Some(timeout)).map_err(during(Op::Send))?;
    stream.set_read_timeout(Some(timeout)).map_err(during(Op::Recv))?;
    stream.write_all(text).map_err(during(Op::Send))?;
    stream.shutdown(Shutdown::Write).map_err(during(Op::Send))?;

    let mut echo = vec![0; text.len()];
    let mut received = 0;
    while received < echo.len() {
        match retrying(|| stream.read(&mut echo[received..])).map_err(during(Op::Recv))? {
            // The end of the stream looks the same after everything and after a part. Only who knows how much has to
            // come can tell them apart.
            0 => {
                let cause = Cause::ClosedEarly {
                    received,
                    expected: text.len(),
                };
                return Err(NetError::new(Op::Recv, "", cause));
            }
            more => received += more,
        }
    }
    Ok(echo)
    // END SOLUTION
}
