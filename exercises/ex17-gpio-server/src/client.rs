//! The other end: a client that does one thing after the other, and asks again, with the same number, when a connection is lost.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use netlab::failure::Cause;
use netlab::{During, Failure, Op, event, resolve};
use nix::errno::Errno;

use crate::messages::ClientId;

/// Where a pin is: `gpio://HOST:PORT/PIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, or a number; one of IPv6 without its brackets.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The BCM number.
    pub pin: u8,
}

/// How often DISCOVER is sent before nobody is there.
pub const TRIES: u32 = 3;

/// Reads an address: `gpio://HOST:PORT/PIN`. An IPv6 number stands in brackets: `gpio://[::1]:5000/17`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn address(text: &str) -> Result<Address, String> {
    todo!("address: take the text apart at its punctuation")
}

/// The requests, without their numbers, that these words of the command line mean: `lock blink 3 200 unlock` for pin 17 is `LOCK 17`,
/// `BLINK 17 3 200`, `UNLOCK 17`.
///
/// The words: `get`, `set 0`, `set 1`, `toggle`, `blink COUNT PERIOD_MS`, `lock`, `unlock`, and `watch`, which is the last one.
///
/// # Errors
/// A word that is none of them, in words.
pub fn requests(pin: u8, words: &[String]) -> Result<Vec<String>, String> {
    todo!("requests: take one, two or three words at a time")
}

/// Connects, says HELLO as `cid`, sends the requests one after the other, and prints the reply to each with [`event`]: what stands behind
/// `OK`, or `ok` if nothing does. HELLO has the number 1, and the requests those from 2 on.
///
/// After the reply to `WATCH`, which is printed like any other, it prints every event, without its `! `, for ever. A `! bye` then is an
/// orderly end.
///
/// If the connection is lost while a request has no reply, or while events are awaited (its end, or an error of reading or writing), it
/// connects once more, says HELLO with the same id, and sends that request (or that `WATCH`) again, **with the same number**. This helps
/// once in a run; the next time it is an error. Events that come before a reply are left out.
///
/// # Errors
/// - `resolve`, `connect`: exit code 1.
/// - The server refused: `error: TOGGLE 17: locked somebody else has locked it`, exit code 3.
/// - `recv HOST:PORT: …`: the connection was lost again, the server said `! bye`, or a line is no reply: exit code 3.
/// - No reply for `patience`: exit code 4. While it watches, nothing is awaited.
pub fn converse(address: &Address, requests: &[String], cid: ClientId, patience: Duration) -> Result<(), Failure> {
    todo!("converse: ask one thing after the other; if the line breaks, once more with the same number")
}

/// Asks `to`, which may be everybody (a broadcast address), who is there, and prints the first answer: `gpio://127.0.0.1:5000/ lab`.
/// Sends DISCOVER [`TRIES`] times at most, and waits each time for a part of `patience`.
///
/// # Errors
/// - The socket: exit code 1.
/// - Nobody has answered: exit code 4.
pub fn discover(to: SocketAddr, patience: Duration) -> Result<(), Failure> {
    todo!("discover: ask, wait, and ask again")
}
