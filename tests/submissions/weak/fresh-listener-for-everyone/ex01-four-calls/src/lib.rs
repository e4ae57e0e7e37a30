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
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(address))?;
    listen(&fd, Backlog::new(backlog)?)?;
    Ok(fd)
}

pub fn local_addr(socket: BorrowedFd) -> nix::Result<SocketAddrV4> {
    let name: SockaddrIn = getsockname(socket.as_raw_fd())?;
    Ok(name.into())
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
    // Years that begin in March: then the odd day of February is the last one of the year and disturbs nothing.
    let days = epoch / 86_400 + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year_in_cycle = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_in_year = day - (365 * year_in_cycle + year_in_cycle / 4 - year_in_cycle / 100);
    let march_month = (5 * day_in_year + 2) / 153;
    let d = day_in_year - (153 * march_month + 2) / 5 + 1;
    let m = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let y = cycle * 400 + year_in_cycle + if m <= 2 { 1 } else { 0 };
    let s = epoch % 86_400;
    format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}Z", s / 3600, s / 60 % 60, s % 60)
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
    let here = local_addr(listener.as_fd())?;
    let mut current = Some(listener);
    let mut number = 0;
    while service.count != Some(number) {
        number += 1;
        let door = match current.take() {
            Some(first) => first,
            None => open_listener(here, 5)?,
        };
        let (conn, peer) = accept_one(door.as_fd())?;
        drop(door); // used
        let peer = peer.map_or("?".to_string(), |p| p.to_string());
        event(format!("client {number} from {peer}"));
        if service.table {
            event(descriptor_line(conn.as_fd())?);
        }
        let text = daytime(service.time()) + "\r\n";
        let _ = send(conn.as_raw_fd(), text.as_bytes(), MsgFlags::empty());
    }
    Ok(())
}
