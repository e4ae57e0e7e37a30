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
    let raw = accept(listener.as_raw_fd())?;
    // SAFETY: raw is fresh from accept, nobody else knows it
    let conn = unsafe { OwnedFd::from_raw_fd(raw) };
    let peer = match getpeername::<SockaddrIn>(raw) {
        Ok(name) => Some(SocketAddrV4::from(name)),
        Err(Errno::ENOTCONN) => None,
        Err(e) => return Err(e),
    };
    Ok((conn, peer))
}

pub fn daytime(epoch: u64) -> String {
    let leap = |y: u64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    let mut d = epoch / 86400;
    let mut y = 1970;
    while d >= if leap(y) { 366 } else { 365 } {
        d -= if leap(y) { 366 } else { 365 };
        y += 1;
    }
    let table = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let start = |m: usize| table[m - 1] + if m > 2 && leap(y) { 1 } else { 0 };
    let mut m = 12;
    while start(m) > d {
        m -= 1;
    }
    let s = epoch % 86400;
    let mut text = format!("{}-{}-{}", y, m, d - start(m) + 1);
    text += &format!("T{}:{}:{}Z", s / 3600, s / 60 % 60, s % 60);
    text
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
    let last = service.count.unwrap_or(u64::MAX);
    for n in 1..=last {
        let (conn, peer) = accept_one(listener.as_fd())?;
        let peer = peer.map_or("?".to_string(), |p| p.to_string());
        event(format!("client {n} from {peer}"));
        if service.table {
            event(descriptor_line(conn.as_fd())?);
        }
        let mut text = daytime(service.time());
        text.push_str("\r\n");
        tell(&conn, text.as_bytes());
    }
    Ok(())
}

// 22 bytes always fit, but who knows
fn tell(conn: &OwnedFd, text: &[u8]) {
    let mut sent = 0;
    while sent < text.len() {
        match send(conn.as_raw_fd(), &text[sent..], MsgFlags::empty()) {
            Ok(n) => sent += n,
            Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
