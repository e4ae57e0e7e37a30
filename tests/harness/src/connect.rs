//! How a TCP connection of the test comes to be: at its own server, or as a client.

use crate::{TcpPeer, clue, session::Session, tcp::at_least_a_moment};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt},
};
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
    time::Instant,
};

/// Bytes; the system doubles it.
const NARROW: usize = 4096;
/// A program started meanwhile must not hold our end open. Elsewhere than on Linux the flag cannot be given to `socket`.
#[cfg(target_os = "linux")]
const CLOSED_IN_CHILDREN: SockFlag = SockFlag::SOCK_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSED_IN_CHILDREN: SockFlag = SockFlag::empty();

/// A TCP server of the test.
pub struct Listener {
    session: Arc<Session>,
    socket: TcpListener,
    who: String,
    addr: SocketAddr,
}

impl Listener {
    pub(crate) fn open(session: &Arc<Session>, who: &str) -> Listener {
        Listener::open_at(session, who, "127.0.0.1:0").unwrap_or_else(|e| panic!("a server of the test: {e}"))
    }

    /// On `[::1]`, which not every machine has.
    pub(crate) fn open_v6(session: &Arc<Session>, who: &str) -> io::Result<Listener> {
        Listener::open_at(session, who, "[::1]:0")
    }

    fn open_at(session: &Arc<Session>, who: &str, at: &str) -> io::Result<Listener> {
        session.step();
        let socket = TcpListener::bind(at)?;
        let addr = socket.local_addr()?;
        socket.set_nonblocking(true)?;
        session.listens(who, addr);
        Ok(Listener {
            session: session.clone(),
            socket,
            who: who.to_owned(),
            addr,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Gives the connections accepted from now on a small receive buffer: whoever does not read is soon felt by the sender.
    #[must_use]
    pub fn narrow(self) -> Listener {
        narrow(&self.socket);
        self
    }

    /// Whether one more client has connected by now, and would be accepted next.
    pub fn has_one_waiting(&self) -> bool {
        self.session.step();
        poll(
            &mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)],
            PollTimeout::ZERO,
        ) == Ok(1)
    }

    /// Waits for one client.
    pub fn accept(&self) -> TcpPeer {
        let (since, deadline) = (Instant::now(), self.session.step());
        loop {
            match self.socket.accept() {
                Ok((stream, from)) => {
                    let other = self.session.lane_from(from);
                    // A client of the test itself has said so when it connected.
                    if self.session.known_at(from).is_none() {
                        self.session.transcript.message(&other, &self.who, "connects", "");
                    }
                    stream
                        .set_nonblocking(false)
                        .unwrap_or_else(|e| panic!("a connection of the test: {e}"));
                    return TcpPeer::new(&self.session, stream, &self.who, &other, (self.addr, from));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("a server of the test: {error}"),
            }
            if !self.session.wait_readable(self.socket.as_fd(), deadline) {
                let doing = format!("waiting for a client to connect to {} ({})", self.who, self.addr);
                self.session
                    .fail_at(&self.who, &doing, "a connection", &self.session.waited(since));
            }
        }
    }
}

impl TcpPeer {
    pub(crate) fn connect(session: &Arc<Session>, who: &str, to: SocketAddr) -> TcpPeer {
        TcpPeer::connect_by(session, who, to, |deadline| {
            TcpStream::connect_timeout(&to, at_least_a_moment(deadline))
        })
    }

    /// With a small receive buffer, which has to be set before the connection exists.
    pub(crate) fn connect_narrow(session: &Arc<Session>, who: &str, to: SocketAddr) -> TcpPeer {
        TcpPeer::connect_by(session, who, to, |deadline| {
            let family = if to.is_ipv4() {
                AddressFamily::Inet
            } else {
                AddressFamily::Inet6
            };
            let stream = TcpStream::from(socket(family, SockType::Stream, CLOSED_IN_CHILDREN, None)?);
            narrow(&stream);
            // On Linux this limits connect too.
            stream.set_write_timeout(Some(at_least_a_moment(deadline)))?;
            connect(stream.as_raw_fd(), &SockaddrStorage::from(to))?;
            Ok(stream)
        })
    }

    fn connect_by(
        session: &Arc<Session>,
        who: &str,
        to: SocketAddr,
        connect: impl FnOnce(Instant) -> io::Result<TcpStream>,
    ) -> TcpPeer {
        let (since, deadline) = (Instant::now(), session.step());
        let other = session.lane_at(to);
        session.transcript.message(who, &other, "connects", "");
        let why = match connect(deadline).and_then(|stream| Ok((stream.local_addr()?, stream))) {
            Ok((local, stream)) => return TcpPeer::new(session, stream, who, &other, (local, to)),
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused => clue::below(
                    &format!("connection refused (ECONNREFUSED): nobody listens on {to}"),
                    session.why_refused(&other, to),
                ),
                ErrorKind::TimedOut => format!("{}; the queue of waiting clients may be full", session.waited(since)),
                _ => error.to_string(),
            },
        };
        session.fail_at(who, &format!("connecting to {to}"), "a connection", &why)
    }

    pub(crate) fn expect_refusal(session: &Arc<Session>, who: &str, to: SocketAddr) {
        let deadline = session.step();
        let received = match TcpStream::connect_timeout(&to, at_least_a_moment(deadline)) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                session
                    .transcript
                    .message(who, &session.lane_at(to), "connects", "is refused, as it should be");
                return;
            }
            Err(error) => error.to_string(),
            Ok(_) => format!("a connection: somebody listens on {to}"),
        };
        session.transcript.message(who, &session.lane_at(to), "connects", "");
        let doing = format!("connecting to {to}, where nobody should listen");
        session.fail_at(who, &doing, "connection refused (ECONNREFUSED)", &received);
    }
}

fn narrow(socket: &impl AsFd) {
    setsockopt(socket, sockopt::RcvBuf, &NARROW).unwrap_or_else(|e| panic!("SO_RCVBUF: {e}"));
}
