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
