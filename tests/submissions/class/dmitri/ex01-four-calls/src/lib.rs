//! Exercise 1: a time-of-day server, made of the four calls socket, bind, listen and accept.
//!
//! Each function says what it has to do, which system calls it needs, and where they are documented (`man 2 bind`
//! in a terminal). `src/main.rs` is given: it reads the command line, calls [`open_listener`] and [`local_addr`],
//! prints `listening on IP:PORT`, and hands the listener to [`serve`].
//!
//! nix gives every system call a thin Rust function: the same name, the same arguments, and an error number
//! (`Errno`) instead of -1. A descriptor that is open is an [`OwnedFd`]; dropping it closes it. A [`BorrowedFd`] is
//! somebody else's descriptor, lent for a call. A few functions of nix want the bare number, a `RawFd`: that is what
//! `as_raw_fd()` gives.
#![allow(unused_imports, unused_variables)] // delete this line when you have written everything

use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use netlab::event;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrIn, SockaddrLike, SockaddrStorage, accept, bind,
    getpeername, getsockname, getsockopt, listen, send, setsockopt, socket, sockopt,
};

/// Makes a TCP socket (AF_INET, SOCK_STREAM) that listens on `address`.
///
/// Three calls make it: `socket(2)`, `bind(2)`, `listen(2)`. Port 0 in `address` lets the kernel choose a free port.
/// `backlog` is how many clients may wait until the server comes to accept them; it goes to `listen` unchanged.
///
/// The server has to be able to stop and to start again at once on the same port, although the kernel remembers its
/// old connections there for a minute (TIME_WAIT). Setting SO_REUSEADDR with `setsockopt(2)` allows that, if it is set
/// at the right moment: see SO_REUSEADDR in `man 7 socket`.
///
/// # Errors
/// The error of the call that failed. Then no descriptor stays open.
pub fn open_listener(address: SocketAddrV4, backlog: i32) -> nix::Result<OwnedFd> {
    todo!("open_listener: make a socket, allow its address to be reused, bind it, let it listen")
}

/// The socket's own address. For a socket that was bound to port 0: the port that the kernel chose.
///
/// # Errors
/// That of `getsockname(2)`.
pub fn local_addr(socket: BorrowedFd) -> nix::Result<SocketAddrV4> {
    todo!("local_addr: ask the kernel for the name of this socket")
}

/// Takes the next connection from the listener's queue, and waits for one if the queue is empty.
///
/// Gives the descriptor of the connection, a new one, and the client's address. The address is `None` if the client
/// has gone already (`getpeername(2)` says ENOTCONN): a client may give up while it waits in the queue, and that is
/// not an error of the server.
///
/// `accept(2)` of nix gives a bare number that nobody owns. Wrap it at once with `OwnedFd::from_raw_fd`, so that it is
/// closed when it is dropped. That function is `unsafe`: you promise that the number is an open descriptor which
/// nothing else closes. Write the reason why your promise holds in a comment `// SAFETY: …` above the block.
///
/// # Errors
/// That of `accept(2)`; that of `getpeername(2)` except ENOTCONN.
#[allow(unsafe_code)] // the only place in this exercise that needs it
pub fn accept_one(listener: BorrowedFd) -> nix::Result<(OwnedFd, Option<SocketAddrV4>)> {
    todo!("accept_one: accept a connection, own its descriptor, ask for the peer's address")
}

/// The instant `epoch`, in seconds since 1970-01-01T00:00:00Z, as `2016-09-14T18:30:05Z`.
///
/// Two digits each, with a leading zero where needed, and at least four for the year. A day has 86 400 seconds (there
/// are no leap seconds in this count). A year is a leap year if 4 divides it, unless 100 divides it, unless 400 does.
pub fn daytime(epoch: u64) -> String {
    todo!("daytime: turn seconds since 1970 into year, month, day, hour, minute and second")
}

/// One line of the descriptor table: `3: family=AF_INET service=SOCK_STREAM local=127.0.0.1:5000 remote=-`.
///
/// The number is the descriptor. `service` is the socket's type, which the kernel tells (`getsockopt` with SO_TYPE,
/// in nix `sockopt::SockType`). `remote` is `-` for a socket that has no peer, such as a listener.
///
/// # Errors
/// That of the call that failed, except ENOTCONN of `getpeername(2)`.
pub fn descriptor_line(socket: BorrowedFd) -> nix::Result<String> {
    todo!("descriptor_line: ask the kernel what it knows about this descriptor")
}

/// What the server was asked to do on its command line. Given.
pub struct Service {
    /// How many clients to serve; `None`: one after the other for ever.
    pub count: Option<u64>,
    /// The time to tell, in seconds since 1970; `None`: that of the clock.
    pub epoch: Option<u64>,
    /// Whether to print the line of every socket.
    pub table: bool,
}

impl Service {
    /// The time to tell the next client, in seconds since 1970. Given.
    pub fn time(&self) -> u64 {
        let clock = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs())
        };
        self.epoch.unwrap_or_else(clock)
    }
}

/// Serves one client after the other; the listener is already listening.
///
/// For each client, counted from 1:
/// 1. accepts its connection;
/// 2. prints `client 1 from 127.0.0.1:40000`, or `client 1 from ?` if it has gone already, with [`event()`];
/// 3. with [`Service::table`], prints the connection's [`descriptor_line`];
/// 4. sends the time ([`Service::time`], [`daytime`]) and `\r\n`, 22 bytes, with `send(2)`;
/// 5. closes the connection.
///
/// It never reads: connecting is the whole request. It returns after [`Service::count`] clients.
///
/// # Errors
/// Those of [`accept_one`] and [`descriptor_line`]. A client to which nothing can be sent is not an error: it has
/// left, and the next one is waiting.
pub fn serve(listener: OwnedFd, service: &Service) -> nix::Result<()> {
    todo!("serve: accept, print, send, close; again for the next client")
}
