//! An address at which connections neither succeed nor fail: a listener whose queue is full, so that the kernel drops every further SYN.

use crate::session::Session;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, listen, socket},
};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
};

/// A connection that is not there after so many milliseconds will not come: on the loopback it takes microseconds.
const FULL_AFTER: u8 = 50;
/// More than any system's shortest queue.
const MOST: usize = 1000;

/// A listener that lets every client wait for ever. Dropping it turns the waiting into a refusal.
pub struct Blackhole {
    _listener: TcpListener,
    _fillers: Vec<TcpStream>,
    addr: SocketAddr,
}

impl Blackhole {
    pub(crate) fn open(session: &Arc<Session>, who: &str) -> Blackhole {
        session.step();
        let hole = dig().unwrap_or_else(|e| panic!("a blackhole of the test: {e}"));
        session.listens(who, hole.addr);
        hole
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn dig() -> io::Result<Blackhole> {
    let socket = tcp()?;
    bind(
        socket.as_raw_fd(),
        &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)),
    )?;
    listen(&socket, Backlog::new(0)?)?;
    let listener = TcpListener::from(socket);
    let addr = listener.local_addr()?;
    let mut fillers = Vec::new();
    while let Some(filler) = fill(addr)? {
        fillers.push(filler);
        if fillers.len() > MOST {
            return Err(io::Error::other("the queue never fills"));
        }
    }
    Ok(Blackhole {
        _listener: listener,
        _fillers: fillers,
        addr,
    })
}

/// One more connection in the queue; none when it is full.
fn fill(addr: SocketAddr) -> io::Result<Option<TcpStream>> {
    let SocketAddr::V4(to) = addr else { return Ok(None) };
    let stream = TcpStream::from(tcp()?);
    stream.set_nonblocking(true)?;
    // In progress, usually.
    let _ = connect(stream.as_raw_fd(), &SockaddrIn::from(to));
    let ready = poll(
        &mut [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)],
        PollTimeout::from(FULL_AFTER),
    )?;
    Ok((ready > 0 && stream.peer_addr().is_ok()).then_some(stream))
}

fn tcp() -> io::Result<std::os::fd::OwnedFd> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
    // Not every system can be asked for this in `socket` itself.
    nix::fcntl::fcntl(&socket, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    Ok(socket)
}
