//! Exercise 2: an echo server and its client. TCP carries a stream of bytes, not messages.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the server's
//! listener or connects the client, and prints what the client received.
//!
//! The first four functions work on anything that can be read or written ([`Read`], [`Write`]). In the program that
//! is a `TcpStream`, whose `read` is the system call `recv(2)` and whose `write` is `send(2)`. With `ex02 probe` it is a
//! pretended stream that you can tell to be as awkward as TCP is allowed to be.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

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
    todo!("send_all: write until every byte has been taken")
}

/// The lecture's server: receives once, at most `size` bytes, and sends those bytes back. Returns how many.
///
/// # Errors
/// Those of `read` (except `ErrorKind::Interrupted`: ask again) and of [`send_all`].
pub fn echo_once<S: Read + Write>(stream: &mut S, size: usize) -> io::Result<usize> {
    todo!("echo_once: read once, send back what was read")
}

/// Sends back every byte, piece by piece as they arrive, until the peer says that it will send no more.
///
/// The end of the stream is a `read` that returns 0. Returns how many bytes it sent back.
///
/// # Errors
/// As [`echo_once`].
pub fn echo_until_eof<S: Read + Write>(stream: &mut S) -> io::Result<u64> {
    todo!("echo_until_eof: echo until a read returns 0")
}

/// Receives everything until the end of the stream.
///
/// A reply may come in any number of pieces, whatever calls the peer made to send it. (The standard library has this
/// loop too, as `read_to_end`. Write it once yourself.)
///
/// # Errors
/// Those of `read`, except `ErrorKind::Interrupted`: ask again.
pub fn recv_to_eof<R: Read>(stream: &mut R) -> io::Result<Vec<u8>> {
    todo!("recv_to_eof: read until a read returns 0, and keep everything")
}

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
    todo!("converse: send all, half-close, receive to the end")
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
    todo!("serve: accept, echo, close, print; again for the next client")
}
