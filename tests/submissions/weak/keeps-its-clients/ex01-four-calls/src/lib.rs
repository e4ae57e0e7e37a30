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
    let sock = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let reuse = true;
    setsockopt(&sock, sockopt::ReuseAddr, &reuse)?;

    let addr: SockaddrIn = address.into();
    bind(sock.as_raw_fd(), &addr)?;

    let queue = Backlog::new(backlog)?;
    listen(&sock, queue)?;
    return Ok(sock);
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

fn is_leap(y: u64) -> bool {
    if y % 400 == 0 {
        true
    } else if y % 100 == 0 {
        false
    } else {
        y % 4 == 0
    }
}

pub fn daytime(epoch: u64) -> String {
    let mut rest = epoch;
    let mut y = 1970;
    loop {
        let len = if is_leap(y) { 366 * 86400 } else { 365 * 86400 };
        if rest < len {
            break;
        }
        rest = rest - len;
        y = y + 1;
    }
    let mut lens = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if is_leap(y) {
        lens[1] = 29;
    }
    let mut m = 0;
    while rest >= lens[m] * 86400 {
        rest = rest - lens[m] * 86400;
        m = m + 1;
    }
    let d = rest / 86400;
    let h = (rest / 3600) % 24;
    let min = (rest / 60) % 60;
    let s = rest % 60;
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", y, m + 1, d + 1, h, min, s)
}

pub fn descriptor_line(socket: BorrowedFd) -> nix::Result<String> {
    let fd = socket.as_raw_fd();
    let local = local_addr(socket)?;
    let mut remote = "-".to_string();
    let peer = getpeername::<SockaddrIn>(fd);
    if let Ok(p) = peer {
        remote = format!("{}:{}", p.ip(), p.port());
    } else if peer != Err(Errno::ENOTCONN) {
        return Err(peer.unwrap_err());
    }
    let service = if getsockopt(&socket, sockopt::SockType)? == SockType::Stream {
        "SOCK_STREAM"
    } else {
        "SOCK_DGRAM"
    };
    Ok(format!("{}: family=AF_INET service={} local={} remote={}", fd, service, local, remote))
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
    // the connections have to stay alive until the clients are done
    let mut clients: Vec<OwnedFd> = Vec::new();
    loop {
        if Some(clients.len() as u64) == service.count {
            return Ok(());
        }
        let (client, address) = accept_one(listener.as_fd())?;
        let address = match address {
            Some(a) => a.to_string(),
            None => "?".to_string(),
        };
        event(format!("client {} from {}", clients.len() + 1, address));
        if service.table {
            event(descriptor_line(client.as_fd())?);
        }
        let answer = format!("{}\r\n", daytime(service.time()));
        let _ = send(client.as_raw_fd(), answer.as_bytes(), MsgFlags::empty());
        clients.push(client);
    }
}
