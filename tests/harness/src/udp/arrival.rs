//! Datagrams with the time at which they came, by the kernel's clock: on a busy machine a test may look much later.

use super::{LONGEST, UdpPeer, is_silence};
use crate::escape::{quoted, size};
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd,
    time::{Duration, Instant, SystemTime},
};

/// A datagram that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// What was in it.
    pub bytes: Vec<u8>,
    /// Who sent it.
    pub from: SocketAddr,
    /// When the kernel put it into the socket's queue. On the loopback that is when it was sent.
    pub at: SystemTime,
}

impl Arrival {
    /// How long after the other one this one came; zero if it did not.
    pub fn since(&self, earlier: &Arrival) -> Duration {
        self.at.duration_since(earlier.at).unwrap_or_default()
    }
}

impl UdpPeer {
    /// Waits for one datagram, as [`receive`](UdpPeer::receive) does, and says when it came.
    pub fn receive_timed(&self, doing: &str) -> Arrival {
        let (since, deadline) = (Instant::now(), self.session.step());
        self.arrival(deadline).unwrap_or_else(|error| {
            let received = if is_silence(&error) {
                self.session.waited(since)
            } else {
                error.to_string()
            };
            self.session.fail_at(&self.who, doing, "a datagram", &received)
        })
    }

    /// One datagram, if one comes within this time. That none comes is an answer too.
    pub fn receive_within(&self, how_long: Duration) -> Option<Arrival> {
        self.session.step();
        self.arrival(self.session.deadline(how_long)).ok()
    }

    pub(super) fn arrival(&self, deadline: Instant) -> io::Result<Arrival> {
        let mut buffer = vec![0; LONGEST];
        loop {
            if !self.session.wait_readable(self.socket.as_fd(), deadline) {
                return Err(ErrorKind::TimedOut.into());
            }
            match stamped(&self.socket, &mut buffer) {
                // It was readable: a datagram that the kernel then found broken is none.
                Err(error) if error.kind() == ErrorKind::Interrupted || is_silence(&error) => {}
                // An earlier datagram of ours found nobody; that is no answer.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
                Ok((n, from, at)) => {
                    buffer.truncate(n);
                    let sender = self.session.lane_from(from);
                    // Whoever was heard from can be answered: the arrow back leads to the same column.
                    self.session.listens(&sender, from);
                    self.session
                        .transcript
                        .message(&sender, &self.who, size(n), quoted(&buffer, 120));
                    let bytes = buffer;
                    return Ok(Arrival { bytes, from, at });
                }
            }
        }
    }
}

/// Asks the kernel to stamp what comes from now on.
#[cfg(target_os = "linux")]
pub(super) fn stamp(socket: &UdpSocket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
    setsockopt(socket, ReceiveTimestampns, &true)?;
    STAMPS_ARE_ON.as_ref().map(drop).map_err(|error| error.kind().into())
}

/// The machine's first socket that asks for stamps switches them on, but the kernel does so a little later, and stamps what comes until then
/// when somebody looks at it. So one socket asks and waits for that, and stays open, because the last one to close switches them off.
#[cfg(target_os = "linux")]
static STAMPS_ARE_ON: std::sync::LazyLock<io::Result<UdpSocket>> = std::sync::LazyLock::new(|| {
    use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
    const LOOK: Duration = Duration::from_millis(1);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        socket.send_to(b"", socket.local_addr()?)?;
        let sent = SystemTime::now();
        while sent.elapsed().is_ok_and(|since| since < LOOK) {
            std::thread::yield_now();
        }
        let (_, _, at) = stamped(&socket, &mut [0])?;
        if at < sent + LOOK / 2 || Instant::now() > deadline {
            return Ok(socket);
        }
    }
});

#[cfg(target_os = "linux")]
fn stamped(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, SystemTime)> {
    use nix::sys::{
        socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg},
        time::TimeSpec,
    };
    use std::{io::IoSliceMut, os::fd::AsRawFd};

    let mut room = nix::cmsg_space!(TimeSpec);
    let mut pieces = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut pieces, Some(&mut room), MsgFlags::empty())?;
    let at = message.cmsgs()?.find_map(|one| match one {
        ControlMessageOwned::ScmTimestampns(at) => Some(SystemTime::UNIX_EPOCH + Duration::from(at)),
        _ => None,
    });
    let v4 = message
        .address
        .as_ref()
        .and_then(|from| from.as_sockaddr_in())
        .map(|from| SocketAddr::from(std::net::SocketAddrV4::from(*from)));
    let from = v4.ok_or_else(|| io::Error::other("a datagram of another family than the socket's"))?;
    Ok((message.bytes, from, at.unwrap_or_else(SystemTime::now)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn stamp(_: &UdpSocket) -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn stamped(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, SystemTime)> {
    let (n, from) = socket.recv_from(buffer)?;
    Ok((n, from, SystemTime::now()))
}
