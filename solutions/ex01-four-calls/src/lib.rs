// CANARY-7f3a91c2-hidden
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
// SOLUTION #![allow(unused_imports, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION todo!("open_listener: make a socket, allow its address to be reused, bind it, let it listen")
    // socket() only makes an entry in the descriptor table: a socket with a family and a type, but no address yet.
    let listener = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;

    // bind() is the moment at which the kernel compares the address with all that is in use, TIME_WAIT included, so
    // the option has to be there before it. The kernel also looks at the *old* socket: only if the earlier run had set
    // the option as well may the new one have the port. So set it always, not just after EADDRINUSE has appeared.
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    bind(listener.as_raw_fd(), &SockaddrIn::from(address))?;

    // Before listen() a client's connect() is refused; from here on the kernel completes handshakes on its own, and
    // keeps finished connections in a queue, whether or not the program ever calls accept().
    listen(&listener, Backlog::new(backlog)?)?;
    Ok(listener) // each `?` above drops `listener`, and that closes it
    // END SOLUTION
}

/// The socket's own address. For a socket that was bound to port 0: the port that the kernel chose.
///
/// # Errors
/// That of `getsockname(2)`.
pub fn local_addr(socket: BorrowedFd) -> nix::Result<SocketAddrV4> {
    // SOLUTION todo!("local_addr: ask the kernel for the name of this socket")
    // The program asked for port 0; only the kernel knows what became of it. (The other end's name is getpeername.)
    getsockname::<SockaddrIn>(socket.as_raw_fd()).map(SocketAddrV4::from)
    // END SOLUTION
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
    // SOLUTION todo!("accept_one: accept a connection, own its descriptor, ask for the peer's address")
    let number = accept(listener.as_raw_fd())?;
    // SAFETY: accept() has just made this descriptor, and nobody else has seen its number: nobody else closes it.
    let connection = unsafe { OwnedFd::from_raw_fd(number) };

    // accept() hands out connections that finished their handshake, even if the client has reset them since. Such a
    // connection has no peer any more. One client's bad luck must not cost the others their server, so it is a value
    // here, not an error.
    match getpeername::<SockaddrIn>(connection.as_raw_fd()) {
        Ok(peer) => Ok((connection, Some(peer.into()))),
        Err(Errno::ENOTCONN) => Ok((connection, None)),
        Err(other) => Err(other),
    }
    // END SOLUTION
}

/// The instant `epoch`, in seconds since 1970-01-01T00:00:00Z, as `2016-09-14T18:30:05Z`.
///
/// Two digits each, with a leading zero where needed, and at least four for the year. A day has 86 400 seconds (there
/// are no leap seconds in this count). A year is a leap year if 4 divides it, unless 100 divides it, unless 400 does.
pub fn daytime(epoch: u64) -> String {
    // SOLUTION todo!("daytime: turn seconds since 1970 into year, month, day, hour, minute and second")
    const DAY: u64 = 86_400;
    let (hour, minute, second) = (epoch % DAY / 3600, epoch % 3600 / 60, epoch % 60);

    // The calendar repeats every 400 years, which are 146 097 days wherever they begin. Taking those out first keeps
    // the loop below short for every `epoch`, also for the end of time.
    let mut days = epoch / DAY;
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }

    let february = days_of_year(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let day = days + 1; // days count from 0, dates from 1
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    // END SOLUTION
}
// SOLUTION

fn days_of_year(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leap { 366 } else { 365 }
}
// END SOLUTION

/// One line of the descriptor table: `3: family=AF_INET service=SOCK_STREAM local=127.0.0.1:5000 remote=-`.
///
/// The number is the descriptor. `service` is the socket's type, which the kernel tells (`getsockopt` with SO_TYPE,
/// in nix `sockopt::SockType`). `remote` is `-` for a socket that has no peer, such as a listener.
///
/// # Errors
/// That of the call that failed, except ENOTCONN of `getpeername(2)`.
pub fn descriptor_line(socket: BorrowedFd) -> nix::Result<String> {
    // SOLUTION todo!("descriptor_line: ask the kernel what it knows about this descriptor")
    // A descriptor is a small number, an index into this process' table. Everything else is behind it, in the kernel,
    // and these three calls are how a program sees it.
    let number = socket.as_raw_fd();
    let name: SockaddrStorage = getsockname(number)?;
    let family = match name.family() {
        Some(AddressFamily::Inet) => "AF_INET",
        _ => return Err(Errno::EAFNOSUPPORT), // this exercise makes no others
    };
    let service = match getsockopt(&socket, sockopt::SockType)? {
        SockType::Stream => "SOCK_STREAM",
        SockType::Datagram => "SOCK_DGRAM",
        _ => "?",
    };
    let local = local_addr(socket)?;
    let remote = match getpeername::<SockaddrIn>(number) {
        Ok(peer) => peer.to_string(),
        Err(Errno::ENOTCONN) => "-".to_string(),
        Err(other) => return Err(other),
    };
    Ok(format!(
        "{number}: family={family} service={service} local={local} remote={remote}"
    ))
    // END SOLUTION
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
    // SOLUTION todo!("serve: accept, print, send, close; again for the next client")
    let mut client = 0;
    while service.count.is_none_or(|count| client < count) {
        client += 1;
        // `listener` stays as it is, the same descriptor for all clients. `connection` is a new one for each of them.
        let (connection, peer) = accept_one(listener.as_fd())?;
        match peer {
            Some(address) => event(format_args!("client {client} from {address}")),
            None => event(format_args!("client {client} from ?")),
        }
        if service.table {
            event(descriptor_line(connection.as_fd())?);
        }

        // send() puts the bytes into the kernel's buffer and returns; it may take fewer than it is given. A fresh
        // connection's buffer is empty and has room for thousands, so 22 bytes go in at once. (Exercise 2 is about the
        // general case.) If it fails, the client has gone: its loss alone.
        let line = format!("{}\r\n", daytime(service.time()));
        let _ = send(connection.as_raw_fd(), line.as_bytes(), MsgFlags::empty());

        // End of the loop's body, so `connection` is dropped, so its descriptor is closed: the client reads end of
        // stream. The server closed first, therefore its side of the connection goes through TIME_WAIT.
    }
    Ok(())
    // END SOLUTION
}
