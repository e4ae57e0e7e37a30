// CANARY-7f3a91c2-hidden
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
    // SOLUTION todo!("serve: wait, do what can be done, and again; in the end, leave everything safe")
    sockets.listener.set_nonblocking(true).during(Op::Socket, "listener")?;
    sockets.udp.set_nonblocking(true).during(Op::Socket, "udp")?;
    let mut server = Server {
        core,
        conns: BTreeMap::new(),
        so_far: 0,
        started: Instant::now(),
    };
    let ended = server.run(&sockets, &mut board);
    board.stop();
    server.farewell();
    ended
    // END SOLUTION
}

/// A TCP client's socket, what it has said, and what it has not taken yet. Nothing here ever waits.
#[derive(Debug)]
pub struct Conn {
    /// Non-blocking.
    pub socket: TcpStream,
    // SOLUTION // a parser, what is to be sent, and whether the connection ends after that
    parser: Parser,
    outbuf: VecDeque<u8>,
    /// Nothing more is read, and when all is sent, it is closed.
    ending: bool,
    // END SOLUTION
}
// SOLUTION

impl Conn {
    fn new(socket: TcpStream) -> io::Result<Conn> {
        socket.set_nonblocking(true)?;
        // Replies are short and wanted at once.
        socket.set_nodelay(true)?;
        Ok(Conn {
            socket,
            parser: Parser::default(),
            outbuf: VecDeque::new(),
            ending: false,
        })
    }

    /// Sends as much as the socket takes now.
    fn send_some(&mut self) -> io::Result<()> {
        while !self.outbuf.is_empty() {
            match self.socket.write(self.outbuf.as_slices().0) {
                Ok(taken) => drop(self.outbuf.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What select has found.
#[derive(Default)]
struct Ready {
    listener: bool,
    udp: bool,
    board: bool,
    term: bool,
    conns: Vec<ConnId>,
}

struct Server {
    core: Core,
    conns: BTreeMap<ConnId, Conn>,
    /// Connections there have been: the number of the next one.
    so_far: usize,
    started: Instant,
}

impl Server {
    fn run(&mut self, sockets: &Sockets, board: &mut Board) -> Result<(), Failure> {
        let term = signals::term_fd().during(Op::Socket, "signals")?;
        loop {
            let ready = self.wait(sockets, board, term)?;
            if ready.term {
                return Ok(());
            }
            // What has been done by the board is older than what is asked of it now.
            if ready.board {
                for report in board.reports() {
                    if let Report::Failed(why) = report {
                        return Err(Failure::new(Op::Wait, "gpio", Cause::Words(why)));
                    }
                    let actions = self.core.report(&report);
                    self.act(actions, board);
                }
            }
            let actions = self.core.expire(self.now());
            self.act(actions, board);
            if ready.udp {
                self.hear(&sockets.udp, board);
            }
            if ready.listener {
                self.accept(&sockets.listener, board)?;
            }
            for id in ready.conns {
                self.receive(id, board);
            }
            self.send();
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn wait(&self, sockets: &Sockets, board: &Board, term: BorrowedFd) -> Result<Ready, Failure> {
        loop {
            let (mut readable, mut writable) = (FdSet::new(), FdSet::new());
            for always in [sockets.listener.as_fd(), sockets.udp.as_fd(), board.wake_up(), term] {
                readable.insert(always);
            }
            for conn in self.conns.values() {
                if !conn.ending {
                    readable.insert(conn.socket.as_fd());
                }
                if !conn.outbuf.is_empty() {
                    writable.insert(conn.socket.as_fd());
                }
            }
            let mut time_out = self
                .core
                .next_expiry()
                .map(|at| microseconds(at.saturating_sub(self.now())));
            match select(None, &mut readable, &mut writable, None, time_out.as_mut()) {
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(Failure::new(Op::Wait, "select", errno)),
                Ok(_) => {}
            }
            let ready = self
                .conns
                .iter()
                .filter(|(_, conn)| readable.contains(conn.socket.as_fd()));
            return Ok(Ready {
                listener: readable.contains(sockets.listener.as_fd()),
                udp: readable.contains(sockets.udp.as_fd()),
                board: readable.contains(board.wake_up()),
                term: readable.contains(term),
                conns: ready.map(|(id, _)| *id).collect(),
            });
        }
    }

    fn act(&mut self, actions: Vec<Action>, board: &Board) {
        for action in actions {
            match action {
                Action::Send(to, line) => {
                    if let Some(conn) = self.conns.get_mut(&to) {
                        conn.outbuf.extend(line.as_bytes());
                    }
                }
                Action::Close(which) => {
                    if let Some(conn) = self.conns.get_mut(&which) {
                        conn.ending = true;
                    }
                }
                Action::Order(order) => board.order(order),
            }
        }
    }

    /// One client for each time that select has seen one. If there are more, select will say so again.
    fn accept(&mut self, listener: &TcpListener, board: &Board) -> Result<(), Failure> {
        use ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
        let conn = match listener.accept().and_then(|(socket, _)| Conn::new(socket)) {
            Ok(conn) => conn,
            // Whoever was seen is gone again.
            Err(error) if matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted) => return Ok(()),
            Err(error) => return Err(Failure::new(Op::Accept, "listener", error)),
        };
        let id = self.so_far;
        self.so_far += 1;
        self.conns.insert(id, conn);
        let actions = self.core.connect(id);
        self.act(actions, board);
        Ok(())
    }

    /// One read, and all the requests that are complete with it.
    fn receive(&mut self, id: ConnId, board: &Board) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        let mut buffer = [0; 4096];
        match conn.socket.read(&mut buffer) {
            Ok(received @ 1..) => conn.parser.push(&buffer[..received]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            Ok(0) => {
                // It says nothing more, but may well be listening: what waits for it is sent, and then it is closed.
                conn.ending = true;
                self.core.disconnect(id);
            }
            Err(_) => return self.lose(id),
        }
        // After QUIT, the rest is not looked at.
        while let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.ending) {
            let Some(line) = conn.parser.next() else {
                return;
            };
            let actions = self.core.line(self.now(), id, line);
            self.act(actions, board);
        }
    }

    /// One datagram, and its answer. An answer that cannot be sent is lost, as datagrams are.
    fn hear(&mut self, udp: &UdpSocket, board: &Board) {
        let mut buffer = [0; 2048];
        let Ok((length, from)) = udp.recv_from(&mut buffer) else {
            return;
        };
        if let Some(datagram) = parser::datagram(&buffer[..length]) {
            let (answer, actions) = self.core.datagram(self.now(), datagram);
            self.act(actions, board);
            if let Some(answer) = answer {
                let _ = udp.send_to(answer.as_bytes(), from);
            }
        }
    }

    /// Sends what the sockets take, and parts with those who are done, gone, or too slow.
    fn send(&mut self) {
        let mut gone = Vec::new();
        for (id, conn) in &mut self.conns {
            let broken = conn.send_some().is_err();
            let slow = conn.outbuf.len() > MAX_OUTBUF;
            if slow && !broken {
                let who = self.core.client_of(*id).map(|cid| format!("{cid:08x}"));
                event(format_args!("dropped {}: too slow", who.as_deref().unwrap_or("?")));
            }
            if broken || slow || conn.ending && conn.outbuf.is_empty() {
                gone.push(*id);
            }
        }
        gone.into_iter().for_each(|id| self.lose(id));
    }

    fn lose(&mut self, id: ConnId) {
        self.conns.remove(&id); // closes the socket
        self.core.disconnect(id);
    }

    fn farewell(&mut self) {
        for conn in self.conns.values_mut() {
            conn.outbuf.extend(b"! bye\n");
            let _ = conn.send_some();
        }
        self.conns.clear();
    }
}

/// Rounded up: a time-out that is over too early would be followed by another one of no time at all.
fn microseconds(time: Duration) -> TimeVal {
    let rounded_up = time.as_nanos().div_ceil(1000);
    TimeVal::microseconds(i64::try_from(rounded_up).unwrap_or(i64::MAX))
}
// END SOLUTION
