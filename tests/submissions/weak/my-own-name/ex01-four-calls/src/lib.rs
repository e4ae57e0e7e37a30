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
    // SAFETY: accept returns a new fd that nobody else has
    let client = unsafe { OwnedFd::from_raw_fd(accept(listener.as_raw_fd())?) };
    let address = local_addr(client.as_fd())?;
    Ok((client, Some(address)))
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
    loop {
        if let Some(max) = service.count {
            if i >= max {
                return Ok(());
            }
        }
        let (fd, addr) = accept_one(listener.as_fd())?;
        i += 1;
        if addr.is_some() {
            event(format!("client {} from {}", i, addr.unwrap()));
        } else {
            event(format!("client {} from ?", i));
        }
        if service.table {
            event(descriptor_line(fd.as_fd())?);
        }
        let msg = daytime(service.time()) + "\r\n";
        // error = client gone
        let _ = send(fd.as_raw_fd(), msg.as_bytes(), MsgFlags::empty());
        drop(fd);
    }
}
