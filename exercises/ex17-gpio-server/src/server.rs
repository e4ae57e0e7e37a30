//! The select loop: the only thread that has sockets. It waits in one place, and asks the [`Core`] what follows from what came.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use netlab::failure::Cause;
use netlab::{During, Failure, Op, event, signals};
use nix::errno::Errno;
use nix::sys::select::{FdSet, select};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::board::Board;
use crate::messages::{Action, ConnId, Report};
use crate::parser::{self, Parser};
use crate::protocol::Core;

/// What may wait for a client, in bytes, before it is dropped.
pub const MAX_OUTBUF: usize = 16 * 1024;

/// The sockets of a server, both on one port.
#[derive(Debug)]
pub struct Sockets {
    /// Where TCP clients come in.
    pub listener: TcpListener,
    /// Where datagrams come in.
    pub udp: UdpSocket,
}

/// Serves until SIGTERM or SIGINT (see [`signals::term_fd`]), or until the board fails.
///
/// - No call waits but `select`, and that not longer than to the end of the next lease. (When nothing is locked, it has no time-out.)
/// - What a client does is an event of that client only: an error of its connection ends the connection.
/// - A client is read from once for each time that it is ready, so that none can keep the others from their turn.
/// - A client that has ended its direction of the stream gets what waits for it, and is closed then.
/// - If more than [`MAX_OUTBUF`] bytes wait for a client after its socket has taken what it takes now, it is dropped, and the log says
///   `dropped c0ffee01: too slow`, printed with [`event`] (`dropped ?: too slow` before its HELLO).
/// - The end, in this order: the board is stopped, so that all LEDs are low and all pins are inputs; every client is told `! bye`, as far
///   as its socket takes it now; the connections are closed.
///
/// # Errors
/// - `wait gpio: …` ([`Op::Wait`]): the board has failed. This, too, is an orderly end.
/// - That of `select` or `accept`.
pub fn serve(sockets: Sockets, mut board: Board, core: Core) -> Result<(), Failure> {
    todo!("serve: wait, do what can be done, and again; in the end, leave everything safe")
}

/// A TCP client's socket, what it has said, and what it has not taken yet. Nothing here ever waits.
#[derive(Debug)]
pub struct Conn {
    /// Non-blocking.
    pub socket: TcpStream,
    // a parser, what is to be sent, and whether the connection ends after that
}
