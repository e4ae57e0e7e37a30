//! TCP sockets as the kernel lists them in `/proc/net/tcp`, and sockets made call by call.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, sockopt};

/// How long anything is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often the kernel's list is looked at meanwhile: it tells nobody when it changes.
const PACE: Duration = Duration::from_millis(2);

/// A socket as the kernel lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub local: u16,
    pub remote: u16,
    /// As `ss` calls it.
    pub state: &'static str,
    /// For a listening socket: how many connections wait in its queue.
    pub waiting: usize,
    /// The socket's number; 0 when no process owns it.
    pub inode: u64,
}

/// All TCP sockets with this port at one end, in the order of states and ports.
pub fn listed(port: u16) -> Vec<Listed> {
    let text = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut listed: Vec<Listed> = text.lines().skip(1).map(parse).collect();
    listed.retain(|socket| socket.local == port || socket.remote == port);
    listed.sort_by_key(|socket| (socket.local != port, socket.state, socket.remote, socket.inode));
    // While a closed socket is made smaller, the kernel has it twice for a moment.
    listed.dedup_by_key(|socket| (socket.local, socket.remote, socket.state));
    listed
}

fn parse(line: &str) -> Listed {
    let words: Vec<&str> = line.split_whitespace().collect();
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next().unwrap(), 16).unwrap();
    Listed {
        local: port(words[1]),
        remote: port(words[2]),
        state: match words[3] {
            "01" => "ESTAB",
            "02" => "SYN-SENT",
            "03" => "SYN-RECV",
            "04" => "FIN-WAIT-1",
            "05" => "FIN-WAIT-2",
            "06" => "TIME-WAIT",
            "07" => "CLOSED",
            "08" => "CLOSE-WAIT",
            "09" => "LAST-ACK",
            "0A" => "LISTEN",
            "0B" => "CLOSING",
            other => panic!("an unknown state {other}: {line}"),
        },
        waiting: usize::from_str_radix(words[4].rsplit(':').next().unwrap(), 16).unwrap(),
        inode: words[9].parse().unwrap(),
    }
}

/// Waits until the kernel's list for `port` is as it should be, and gives it.
pub fn until(port: u16, what: &str, holds: impl Fn(&[Listed]) -> bool) -> Vec<Listed> {
    let began = Instant::now();
    loop {
        let now = listed(port);
        if holds(&now) {
            return now;
        }
        assert!(began.elapsed() < DEADLINE, "waiting for {what}: {now:#?}");
        std::thread::park_timeout(PACE);
    }
}

/// A TCP socket that is bound, with `SO_REUSEADDR` or without.
pub fn bound(port: u16, reuse: bool) -> Result<OwnedFd, Errno> {
    let fd = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    if reuse {
        socket::setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    }
    let address = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    socket::bind(fd.as_raw_fd(), &address)?;
    Ok(fd)
}

pub fn port(fd: &OwnedFd) -> u16 {
    socket::getsockname::<SockaddrIn>(fd.as_raw_fd()).unwrap().port()
}

pub fn listen(fd: &OwnedFd, backlog: i32) {
    socket::listen(fd, Backlog::new(backlog).unwrap()).unwrap();
}

/// A client whose `connect` returns at once, whether there is room or not.
pub fn calling(server: u16) -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket::socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
    let address = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, server));
    match socket::connect(fd.as_raw_fd(), &address) {
        Ok(()) | Err(Errno::EINPROGRESS) => fd,
        Err(error) => panic!("connect: {error}"),
    }
}
