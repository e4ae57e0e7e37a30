//! The test's own UDP socket.

mod arrival;

pub use arrival::Arrival;

use crate::{
    escape::{quoted, size},
    session::Session,
};
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

/// No datagram is longer: 65 535 less the two headers.
const LONGEST: usize = 65_507;

/// A UDP socket of the test, bound to a port of its own and connected to nobody.
pub struct UdpPeer {
    session: Arc<Session>,
    socket: UdpSocket,
    who: String,
    addr: SocketAddr,
}

impl UdpPeer {
    pub(crate) fn open(session: &Arc<Session>, who: &str) -> UdpPeer {
        session.step();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("a UDP socket of the test: {e}"));
        socket
            .set_read_timeout(Some(Duration::from_millis(1)))
            .and_then(|()| arrival::stamp(&socket))
            .unwrap_or_else(|e| panic!("a UDP socket of the test: {e}"));
        let addr = socket
            .local_addr()
            .unwrap_or_else(|e| panic!("a UDP socket of the test: {e}"));
        session.listens(who, addr);
        UdpPeer {
            session: session.clone(),
            socket,
            who: who.to_owned(),
            addr,
        }
    }

    /// Sends one datagram.
    pub fn send_to(&self, bytes: &[u8], to: SocketAddr) {
        self.session.step();
        self.session.transcript.message(
            &self.who,
            &self.session.lane_at(to),
            size(bytes.len()),
            quoted(bytes, 120),
        );
        if let Err(error) = self.socket.send_to(bytes, to) {
            self.session.fail(
                &format!("sending a datagram to {to}"),
                "it goes out",
                &error.to_string(),
            );
        }
    }

    /// Waits for one datagram: its bytes and its sender.
    pub fn receive(&self, doing: &str) -> (Vec<u8>, SocketAddr) {
        let (since, deadline) = (Instant::now(), self.session.step());
        match self.next(deadline) {
            Ok(datagram) => datagram,
            Err(error) if is_silence(&error) => {
                self.session
                    .fail_at(&self.who, doing, "a datagram", &self.session.waited(since))
            }
            Err(error) => self.session.fail_at(&self.who, doing, "a datagram", &error.to_string()),
        }
    }

    /// The next datagram, if one comes within this time.
    pub(crate) fn within(&self, how_long: Duration) -> Option<(Vec<u8>, SocketAddr)> {
        self.receive_within(how_long)
            .map(|arrival| (arrival.bytes, arrival.from))
    }

    /// Fails when a datagram arrives within this time.
    pub fn expect_silence(&self, how_long: Duration) {
        self.session.step();
        let within = crate::escape::seconds(how_long);
        if let Ok((bytes, from)) = self.next(self.session.deadline(how_long)) {
            let received = format!("{} from {from}: {}", size(bytes.len()), quoted(&bytes, 120));
            let doing = format!("making sure that nothing arrives within {within}");
            self.session.fail_at(&self.who, &doing, "no datagram", &received);
        }
        self.session
            .transcript
            .note(&self.who, format!("nothing came for {within}, as it should be"));
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn next(&self, deadline: Instant) -> io::Result<(Vec<u8>, SocketAddr)> {
        self.arrival(deadline).map(|arrival| (arrival.bytes, arrival.from))
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
