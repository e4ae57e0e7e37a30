//! Exercise 6: an echo server and its client without a connection. UDP carries datagrams: each arrives whole or not at
//! all, and each has its own sender.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the socket, and prints
//! what the client received.
//!
//! You need two calls only: [`UdpSocket::recv_from`], which is `recvfrom(2)`, and [`UdpSocket::send_to`], `sendto(2)`; and
//! [`UdpSocket::set_read_timeout`] for a client that does not wait for ever.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use netlab::{Failure, Op, event, report};

/// The longest datagram that the server echoes, in bytes.
pub const MAX: usize = 1024;

/// What the server did with a datagram. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Sent it back.
    Echoed {
        /// How many bytes it had.
        n: usize,
        /// Who sent it.
        from: SocketAddr,
    },
    /// Dropped it: it had more than [`MAX`] bytes.
    TooBig {
        /// Who sent it.
        from: SocketAddr,
    },
}

/// Receives one datagram and sends it back to where it came from.
///
/// One that is longer than [`MAX`] bytes is dropped, and nobody is answered. (The kernel cuts a datagram that is longer
/// than your buffer and does not tell; so how would you notice?) One of 0 bytes is a datagram like any other.
///
/// # Errors
/// Those of `recv_from` and `send_to`, except `ErrorKind::Interrupted`: ask again.
pub fn serve_one(socket: &UdpSocket) -> io::Result<Served> {
    todo!("serve_one: receive a datagram, see how long it is and who sent it, send it back")
}

/// Serves one datagram after the other, for ever: `!` says that this function never returns.
///
/// Prints with [`event()`] what it did with each, `12 bytes from 127.0.0.1:40001` or
/// `dropped >1024 bytes from 127.0.0.1:40001`. What goes wrong is printed with [`report`], as the failure that
/// `failed(error)` below makes, and the next datagram is served: an error is about one datagram or one peer.
pub fn serve(socket: &UdpSocket) -> ! {
    let here = socket
        .local_addr()
        .map_or("?".to_string(), |address| address.to_string());
    let failed = |error: io::Error| Failure::new(Op::Recv, &here, error);
    todo!("serve: serve datagrams and print what was done, for ever")
}

/// Why there is no reply. Given.
#[derive(Debug)]
pub enum ReqError {
    /// The time was up.
    TimedOut,
    /// The message could not be sent.
    Send(io::Error),
    /// Receiving failed, with an error that is neither `ErrorKind::Interrupted` nor a time-out.
    Recv(io::Error),
}

/// Whether a datagram that came in is the answer to `message`, which was sent to `server`.
///
/// It is, if it is the echo of this message and comes from the very address to which the message went. Everybody may send
/// to your socket, and what they send may come late or twice.
pub fn is_answer(message: &[u8], server: SocketAddr, datagram: &[u8], from: SocketAddr) -> bool {
    todo!("is_answer: from that server, and about this message")
}

/// Sends `message` to `server`, once, and waits for its answer: the first datagram that [`is_answer`]. Returns its bytes.
///
/// All others are ignored. When `timeout` has passed since the call began, it gives up, whatever has come in or
/// interrupted it in the meantime. (A `read_timeout` holds for one `recv_from`; and one of zero is refused.)
///
/// # Errors
/// A [`ReqError`].
pub fn request(socket: &UdpSocket, server: SocketAddr, message: &[u8], timeout: Duration) -> Result<Vec<u8>, ReqError> {
    todo!("request: send the message, and receive until the answer is there or the time is up")
}
