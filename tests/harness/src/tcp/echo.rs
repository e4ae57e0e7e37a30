//! A peer that echoes.

use super::{MOST, Stop, TcpPeer};
use crate::escape::size;

impl TcpPeer {
    /// Sends back what comes, at most `at_once` bytes at a time, until the other side has said everything; gives all that came. As long as
    /// an echo is not taken nothing more is read: that is how simple servers are.
    pub fn echo(&mut self, at_once: usize, doing: &str) -> Vec<u8> {
        self.session.step();
        let mut bytes = Vec::new();
        let mut buffer = vec![0; at_once];
        let stop = loop {
            let got = match self.read_once(&mut buffer) {
                Ok(_) if bytes.len() >= MOST => break Stop::TooMuch(MOST),
                Ok(got) => got,
                Err(stop) => break stop,
            };
            if let Err(unsent) = self.write(&buffer[..got]) {
                self.note_read(&bytes, None);
                self.note_sent(&bytes, ", the echo");
                let received = format!("after {}: {}", size(bytes.len() + unsent.sent), unsent.why);
                let expected = "the other side takes every echo";
                self.session.fail_at(&self.who, doing, expected, &received);
            }
            bytes.extend(&buffer[..got]);
        };
        self.note_read(&bytes, Some(&stop));
        self.note_sent(&bytes, ", the echo");
        match stop {
            Stop::EndOfStream => bytes,
            stop => self.fail_reading(doing, "bytes and then the end of the stream", &bytes, Some(stop)),
        }
    }
}
