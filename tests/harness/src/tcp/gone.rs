//! The end of a connection, whichever way it comes.

use super::{MOST, Stop, TcpPeer};

impl TcpPeer {
    /// Reads what still comes, until the other side has closed the connection or torn it down; gives all that came. Fails if neither happens.
    pub fn expect_gone(&mut self, doing: &str) -> Vec<u8> {
        self.session.step();
        let (bytes, stop) = self.read(MOST, |_| false);
        match stop {
            Some(Stop::EndOfStream | Stop::Reset(_)) => bytes,
            stop => self.fail_reading(doing, "the other side ends the connection", &bytes, stop),
        }
    }
}
