// CANARY-7f3a91c2-hidden
//! Exercise 2: an echo server and its client. TCP carries a stream of bytes, not messages.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the server's
//! listener or connects the client, and prints what the client received.
//!
//! The first four functions work on anything that can be read or written ([`Read`], [`Write`]). In the program that
//! is a `TcpStream`, whose `read` is the system call `recv(2)` and whose `write` is `send(2)`. With `ex02 probe` it is a
//! pretended stream that you can tell to be as awkward as TCP is allowed to be.
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use netlab::{Failure, Op, event, report};

/// How many bytes the lecture's programs receive at most, in one call.
pub const SIZE: usize = 1024;

/// Sends all of `bytes`.
///
/// One `write` may take fewer bytes than it is given; it returns how many it took. Go on where it stopped. Write this
/// loop yourself: `write_all` is the very function that you are to write, and the tests' streams do not have it.
///
/// # Errors
/// - `ErrorKind::WriteZero`, if a `write` took no byte although there were some to take.
/// - Any error of `write`, except `ErrorKind::Interrupted` (EINTR): that one means that nothing has happened yet, and
///   that you may ask again.
pub fn send_all<W: Write>(stream: &mut W, bytes: &[u8]) -> io::Result<()> {
    // SOLUTION todo!("send_all: write until every byte has been taken")
    // `rest` always begins at the first byte that has not been taken. A socket takes what fits into its send buffer:
    // all, as long as the peer keeps reading, and fewer when it does not keep up.
    let mut rest = bytes;
    while !rest.is_empty() {
        match stream.write(rest) {
            // No error and no progress: without this line the loop would go round for ever.
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => rest = &rest[taken..],
            // A signal came while the call waited. The kernel has taken nothing, so the same call again is right.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
    // END SOLUTION
}

/// The lecture's server: receives once, at most `size` bytes, and sends those bytes back. Returns how many.
///
/// # Errors
/// Those of `read` (except `ErrorKind::Interrupted`: ask again) and of [`send_all`].
pub fn echo_once<S: Read + Write>(stream: &mut S, size: usize) -> io::Result<usize> {
    // SOLUTION todo!("echo_once: read once, send back what was read")
    let mut buffer = vec![0; size];
    let received = read_once(stream, &mut buffer)?;
    // The buffer has `size` bytes, but only the first `received` of them came from the peer.
    send_all(stream, &buffer[..received])?;
    Ok(received)
    // END SOLUTION
}

/// Sends back every byte, piece by piece as they arrive, until the peer says that it will send no more.
///
/// The end of the stream is a `read` that returns 0. Returns how many bytes it sent back.
///
/// # Errors
/// As [`echo_once`].
pub fn echo_until_eof<S: Read + Write>(stream: &mut S) -> io::Result<u64> {
    // SOLUTION todo!("echo_until_eof: echo until a read returns 0")
    // Each piece goes back before the next is read. Nothing accumulates, however long the conversation lasts; and if
    // the peer does not read its echo, this server stops reading too, which in the end stops the peer from sending.
    let mut echoed = 0;
    loop {
        match echo_once(stream, SIZE)? {
            0 => return Ok(echoed),
            received => echoed += received as u64,
        }
    }
    // END SOLUTION
}

/// Receives everything until the end of the stream.
///
/// A reply may come in any number of pieces, whatever calls the peer made to send it. (The standard library has this
/// loop too, as `read_to_end`. Write it once yourself.)
///
/// # Errors
/// Those of `read`, except `ErrorKind::Interrupted`: ask again.
pub fn recv_to_eof<R: Read>(stream: &mut R) -> io::Result<Vec<u8>> {
    // SOLUTION todo!("recv_to_eof: read until a read returns 0, and keep everything")
    let mut everything = Vec::new();
    let mut buffer = [0; SIZE];
    loop {
        match read_once(stream, &mut buffer)? {
            0 => return Ok(everything),
            received => everything.extend_from_slice(&buffer[..received]),
        }
    }
    // END SOLUTION
}
// SOLUTION

/// One `recv(2)`: waits until there is something, returns from 1 to `buffer.len()` bytes, or 0 at the end of the stream.
fn read_once(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
// END SOLUTION

/// The client's conversation: sends the whole `message`, says that it has no more to send, and receives the reply.
///
/// The server answers until it sees your end of stream, so you have to show it one without closing: a half-close,
/// `shutdown(2)` with SHUT_WR, in Rust [`TcpStream::shutdown`]. The reply ends where the server's stream ends.
///
/// # Errors
/// A [`Failure`] that names the operation, the server's address and the error: `failed(Op::Send, error)` below makes it.
pub fn converse(mut stream: TcpStream, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let server = stream
        .peer_addr()
        .map_or("?".to_string(), |address| address.to_string());
    let failed = |op: Op, error: io::Error| Failure::new(op, &server, error);
    // SOLUTION todo!("converse: send all, half-close, receive to the end")
    send_all(&mut stream, message).map_err(|error| failed(Op::Send, error))?;

    // "I have said everything": the server's next read returns 0. The other direction stays open. Without this, the
    // server waits for more from us while we wait for its end of stream: neither ever comes.
    stream
        .shutdown(Shutdown::Write)
        .map_err(|error| failed(Op::Send, error))?;
    recv_to_eof(&mut stream).map_err(|error| failed(Op::Recv, error))
    // END SOLUTION
}

/// How the server treats a client. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As in the lecture: one [`echo_once`] of [`SIZE`].
    Lecture,
    /// [`echo_until_eof`].
    Stream,
}

/// Serves one client after the other, as `mode` says, until `count` clients have been served (`None`: for ever).
///
/// For each client, counted from 1: accepts it, echoes, closes, and prints with [`event()`] how many bytes came back:
/// `client 1: 12 bytes`. If the conversation breaks, it prints the failure with [`report`] instead, and goes on with
/// the next client: `Failure::new(Op::Recv, peer, error)`.
///
/// # Errors
/// That of accepting a connection.
pub fn serve(listener: &TcpListener, mode: Mode, count: Option<u64>) -> io::Result<()> {
    // SOLUTION todo!("serve: accept, echo, close, print; again for the next client")
    let mut client = 0;
    while count.is_none_or(|count| client < count) {
        client += 1;
        let (mut stream, peer) = listener.accept()?;
        let echoed = match mode {
            Mode::Lecture => echo_once(&mut stream, SIZE).map(|bytes| bytes as u64),
            Mode::Stream => echo_until_eof(&mut stream),
        };
        // A `?` here would end the server because one client hung up. What goes wrong with a client stays with it.
        match echoed {
            Ok(bytes) => event(format_args!("client {client}: {bytes} bytes")),
            Err(error) => report(&Failure::new(Op::Recv, peer, error)),
        }
        // `stream` is dropped here, which closes the connection: the client's end of stream. In lecture mode there
        // may be bytes that nobody has read. Closing then sends a reset (RST) instead, and the client sees ECONNRESET.
    }
    Ok(())
    // END SOLUTION
}
