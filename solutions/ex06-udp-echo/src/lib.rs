// CANARY-7f3a91c2-hidden
//! Exercise 6: an echo server and its client without a connection. UDP carries datagrams: each arrives whole or not at
//! all, and each has its own sender.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the socket, and prints
//! what the client received.
//!
//! You need two calls only: [`UdpSocket::recv_from`], which is `recvfrom(2)`, and [`UdpSocket::send_to`], `sendto(2)`; and
//! [`UdpSocket::set_read_timeout`] for a client that does not wait for ever.
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION todo!("serve_one: receive a datagram, see how long it is and who sent it, send it back")
    // One byte more than the longest that we echo. A longer datagram fills all of it, and then we know that it was
    // longer than MAX, without knowing how long: what did not fit is gone.
    let mut buffer = [0; MAX + 1];
    let (n, from) = uninterrupted(|| socket.recv_from(&mut buffer))?;
    if n > MAX {
        return Ok(Served::TooBig { from });
    }
    // The address came with the datagram and goes with the answer. The socket itself remembers nobody: that is how one
    // socket serves all clients, in any order. And `n == 0` is no end of anything, so there is nothing to ask about it.
    uninterrupted(|| socket.send_to(&buffer[..n], from))?;
    Ok(Served::Echoed { n, from })
    // END SOLUTION
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
    // SOLUTION todo!("serve: serve datagrams and print what was done, for ever")
    loop {
        match serve_one(socket) {
            Ok(Served::Echoed { n, from }) => event(format_args!("{n} bytes from {from}")),
            Ok(Served::TooBig { from }) => event(format_args!("dropped >{MAX} bytes from {from}")),
            // Often it is not even about this call. Some host answers an echo of ours, a while later, with "nobody is
            // listening here" (ICMP port unreachable), and the kernel hands that over with the next call on the socket.
            Err(error) => report(&failed(error)),
        }
    }
    // END SOLUTION
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
    // SOLUTION todo!("is_answer: from that server, and about this message")
    // The whole address: another port of the same machine is another program. The bytes: an echo carries no other sign
    // of which question it answers, and a late copy of the previous answer comes from the right address, too.
    from == server && datagram == message
    // END SOLUTION
}

/// Sends `message` to `server`, once, and waits for its answer: the first datagram that [`is_answer`]. Returns its bytes.
///
/// All others are ignored. When `timeout` has passed since the call began, it gives up, whatever has come in or
/// interrupted it in the meantime. (A `read_timeout` holds for one `recv_from`; and one of zero is refused.)
///
/// # Errors
/// A [`ReqError`].
pub fn request(socket: &UdpSocket, server: SocketAddr, message: &[u8], timeout: Duration) -> Result<Vec<u8>, ReqError> {
    // SOLUTION todo!("request: send the message, and receive until the answer is there or the time is up")
    // A moment, not a duration: however often the loop below goes round, this is when it ends.
    let deadline = Instant::now() + timeout;
    uninterrupted(|| socket.send_to(message, server)).map_err(ReqError::Send)?;

    // One byte more than the answer has, so that a longer datagram does not look like it once it is cut.
    let mut buffer = vec![0; message.len() + 1];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ReqError::TimedOut);
        }
        socket.set_read_timeout(Some(left)).map_err(ReqError::Recv)?;
        match socket.recv_from(&mut buffer) {
            Ok((n, from)) if is_answer(message, server, &buffer[..n], from) => return Ok(buffer[..n].to_vec()),
            Ok(_) => {} // somebody else's, or an answer to something else
            Err(error) => match error.kind() {
                // The time was up (EAGAIN, which std calls `WouldBlock`; `TimedOut` on some systems), or a signal came.
                // The clock decides which, in the next round. `uninterrupted` would be wrong: it waits as long again.
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => return Err(ReqError::Recv(error)),
            },
        }
    }
    // END SOLUTION
}
// SOLUTION

/// Makes a call again for as long as a signal interrupts it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
// END SOLUTION
