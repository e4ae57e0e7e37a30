use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use netlab::event;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrIn, SockaddrLike, SockaddrStorage, accept, bind,
    getpeername, getsockname, getsockopt, listen, send, setsockopt, socket, sockopt,
};

pub fn open_listener(address: SocketAddrV4, backlog: i32) -> nix::Result<OwnedFd> {
    // 1. socket
    let listener = match socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None) {
        Ok(l) => l,
        Err(e) => return Err(e),
    };
    // 2. option
    if let Err(e) = setsockopt(&listener, sockopt::ReuseAddr, &true) {
        return Err(e);
    }
    // 3. bind
    let ip = address.ip().octets();
    if let Err(e) = bind(listener.as_raw_fd(), &SockaddrIn::new(ip[0], ip[1], ip[2], ip[3], address.port())) {
        return Err(e);
    }
    // 4. listen
    if let Err(e) = listen(&listener, Backlog::new(backlog)?) {
        return Err(e);
    }
    Ok(listener)
}

pub fn local_addr(socket: BorrowedFd) -> nix::Result<SocketAddrV4> {
    let name = getsockname::<SockaddrIn>(socket.as_raw_fd())?;
    return Ok(SocketAddrV4::new(name.ip(), name.port()));
}

#[allow(unsafe_code)] // the only place in this exercise that needs it
pub fn accept_one(listener: BorrowedFd) -> nix::Result<(OwnedFd, Option<SocketAddrV4>)> {
    let number = accept(listener.as_raw_fd())?;
    // SAFETY: accept gave it to us
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    let who: nix::Result<SockaddrIn> = getpeername(fd.as_raw_fd());
    if who == Err(Errno::ENOTCONN) {
        return Ok((fd, None));
    }
    let who = who?;
    return Ok((fd, Some(SocketAddrV4::new(who.ip(), who.port()))));
}

fn month_length(month: u32, year: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && year % 100 != 0 || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

pub fn daytime(epoch: u64) -> String {
    let clock = epoch % 86400;
    let mut day = epoch / 86400 + 1;
    let mut month = 1;
    let mut year = 1970;
    while day > month_length(month, year) {
        day -= month_length(month, year);
        if month == 12 {
            month = 1;
            year += 1;
        } else {
            month += 1;
        }
    }
    let hour = clock / 3600;
    let minute = (clock - hour * 3600) / 60;
    let second = clock - hour * 3600 - minute * 60;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

pub fn descriptor_line(socket: BorrowedFd) -> nix::Result<String> {
    let fd = socket.as_raw_fd();
    let kind = match getsockopt(&socket, sockopt::SockType)? {
        SockType::Stream => "SOCK_STREAM",
        SockType::Datagram => "SOCK_DGRAM",
        _ => "SOCK_OTHER",
    };
    let remote = match getpeername::<SockaddrIn>(fd) {
        Ok(name) => name.to_string(),
        Err(Errno::ENOTCONN) => String::from("-"),
        Err(e) => return Err(e),
    };
    let local = local_addr(socket)?;
    Ok(format!("{fd}: family=AF_INET service={kind} local={local} remote={remote}"))
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

pub fn serve(listener: OwnedFd, service: &Service) -> nix::Result<()> {
    let (conn, peer) = accept_one(listener.as_fd())?;
    let peer = peer.map(|p| p.to_string()).unwrap_or("?".into());
    // service loop
    for client in 1..=service.count.unwrap_or(1_000_000) {
        event(format!("client {client} from {peer}"));
        if service.table {
            event(descriptor_line(conn.as_fd())?);
        }
        let line = daytime(service.time()) + "\r\n";
        if send(conn.as_raw_fd(), line.as_bytes(), MsgFlags::MSG_NOSIGNAL).is_err() {
            break;
        }
    }
    Ok(())
}
