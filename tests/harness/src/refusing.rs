//! An address that refuses every connection, for as long as the test wants: a socket has the port, and does not listen on it.

use crate::session::Session;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};
use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
};

/// A port that nobody listens on and nobody else can take. (One that was free a moment ago may be anybody's by now.)
pub struct Refusing {
    _socket: OwnedFd,
    addr: SocketAddr,
}

impl Refusing {
    pub(crate) fn open(session: &Arc<Session>, who: &str) -> Refusing {
        session.step();
        let refusing = reserve().unwrap_or_else(|e| panic!("an address that refuses connections: {e}"));
        session.listens(who, refusing.addr);
        refusing
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn reserve() -> nix::Result<Refusing> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
    // Not every system can be asked for this in `socket` itself.
    nix::fcntl::fcntl(&socket, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    bind(
        socket.as_raw_fd(),
        &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)),
    )?;
    let name: SockaddrIn = getsockname(socket.as_raw_fd())?;
    Ok(Refusing {
        _socket: socket,
        addr: SocketAddr::from((Ipv4Addr::LOCALHOST, name.port())),
    })
}
