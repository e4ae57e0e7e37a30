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

const MONTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

pub fn daytime(epoch: u64) -> String {
    let mut days = epoch / 86400;
    let mut year = 1970;
    while days >= 365 {
        days -= 365;
        if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) {
            days -= 1;
        }
        year += 1;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut month = 0;
    // TODO february??
    while days >= MONTHS[month] + (if leap && month == 1 { 1 } else { 0 }) {
        days -= MONTHS[month] + (if leap && month == 1 { 1 } else { 0 });
        month += 1;
    }
    let t = epoch % 86400;
    format!("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month + 1, days + 1, t / 3600, t % 3600 / 60, t % 60)
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
    let mut i = 0;
    while service.count.is_none() || i < service.count.unwrap() {
        i += 1;
        let (fd, addr) = accept_one(listener.as_fd()).unwrap();
        event(format!("client {} from {}", i, addr.unwrap()));
        if service.table {
            event(descriptor_line(fd.as_fd()).unwrap());
        }
        send(fd.as_raw_fd(), format!("{}\r\n", daytime(service.time())).as_bytes(), MsgFlags::empty()).unwrap();
    }
    Ok(())
}
