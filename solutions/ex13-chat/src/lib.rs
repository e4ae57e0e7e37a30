// CANARY-7f3a91c2-hidden
//! Exercise 13: a chat server. One process, one thread, and as many clients as `select(2)` can watch.
//!
//! ```text
//!                   bytes                     messages                        bytes
//! sockets ──read──▶ Lines ──▶ Hub::input ──▶ (to whom, what) ──▶ Conn::queue ──write──▶ sockets
//!            ▲                                                                   ▲
//!            └────────────────────────── wait: select ───────────────────────────┘
//! ```
//!
//! [`Lines`] and [`Hub`] know the protocol and have never seen a socket, so you can try them with `ex13 probe`. A [`Conn`] is
//! one client's socket and what it has not taken yet. [`wait`] is `select`, and [`run`] the loop around all of it.
//! `src/main.rs` is given: it reads the command line, makes the listening socket, and calls [`run`].
//!
//! The protocol, CHAT/1, is in `README.md`, under *What goes over the wire*.
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

use netlab::event;
use nix::errno::Errno;
use nix::sys::select::{FdSet, select};
use nix::unistd::read;

/// The longest line, in bytes before its LF. What is longer is taken in pieces of this length.
pub const MAX_LINE: usize = 512;

/// A client, as [`Hub`] and [`run`] call it. Each connection gets a number of its own, and none gets the number of another one
/// that has gone.
pub type Id = usize;

/// Bytes for a client: to whom, and what, its LF included.
pub type Message = (Id, Vec<u8>);

/// Turns the bytes of a stream into lines, however the stream is cut into pieces. One for each stream.
#[derive(Debug, Default)]
pub struct Lines {
    // SOLUTION // what has arrived and is not a whole line yet
    /// What has arrived and was not given out.
    kept: Vec<u8>,
    // END SOLUTION
}

impl Lines {
    /// Takes the next bytes of the stream, as many as happened to arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        // SOLUTION todo!("Lines::push: keep the bytes behind those that are still waiting")
        self.kept.extend_from_slice(bytes);
        // END SOLUTION
    }

    /// The next line, if all of it has arrived: without its LF, and without a CR directly before that.
    ///
    /// Of a line with more than [`MAX_LINE`] bytes before the LF (or so many and no LF yet) the first [`MAX_LINE`] are given as a
    /// line, and what follows them as the next. So the memory for one stream is bounded, whatever its writer does.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        // SOLUTION todo!("Lines::next_line: take a line out of what was kept")
        let end = self.kept.iter().position(|&byte| byte == b'\n');
        if end.unwrap_or(self.kept.len()) > MAX_LINE {
            return Some(self.kept.drain(..MAX_LINE).collect());
        }
        let mut line: Vec<u8> = self.kept.drain(..=end?).collect();
        line.pop();
        line.pop_if(|last| *last == b'\r');
        Some(line)
        // END SOLUTION
    }
}

/// Who is in the room, and who gets to hear what. Pure: bytes and ids in, messages out.
///
/// Put into it what it has to remember of each client.
#[derive(Debug, Default)]
pub struct Hub {
    // SOLUTION // each client's unfinished line, and its name if it has one
    guests: BTreeMap<Id, Guest>,
    /// How many there have been: the next id.
    so_far: usize,
    // END SOLUTION
}

impl Hub {
    /// A client has connected. Gives its id, and what it is told: `NAME?`.
    pub fn connect(&mut self) -> (Id, Vec<Message>) {
        // SOLUTION todo!("Hub::connect: a new id, and the question for the name")
        let id = self.so_far;
        self.so_far += 1;
        self.guests.insert(id, Guest::default());
        (id, vec![(id, b"NAME?\n".to_vec())])
        // END SOLUTION
    }

    /// These bytes came from the client: perhaps half a line, perhaps three and a half. Gives all messages that follow from them,
    /// in order.
    ///
    /// - As long as the client has no name, its next line is one: 1 to 16 ASCII letters and digits that nobody in the room has.
    ///   All others who have a name are told `* alice joined`, and the client is told who is there, as if it had asked. Any other
    ///   line is answered `ERR name` and `NAME?`.
    /// - `/who` is answered `* alice bob`: the names of all, in alphabetical order (that of `sort`).
    /// - An empty line means nothing.
    /// - Every other line goes to all who have a name, the speaker excepted: `alice: text`. The text is bytes and stays as it is.
    pub fn input(&mut self, id: Id, bytes: &[u8]) -> Vec<Message> {
        // SOLUTION todo!("Hub::input: what follows from each line that is complete now")
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.lines.push(bytes);
        }
        let mut messages = Vec::new();
        while let Some(line) = self.guests.get_mut(&id).and_then(|guest| guest.lines.next_line()) {
            messages.extend(self.line(id, line));
        }
        messages
        // END SOLUTION
    }

    /// The client has gone: it ended its stream, it broke the connection, or it was dropped. If it had a name, all others who
    /// have one are told `* alice left`. A line that it had not finished was never said.
    pub fn disconnect(&mut self, id: Id) -> Vec<Message> {
        // SOLUTION todo!("Hub::disconnect: forget the client, tell the others")
        match self.guests.remove(&id) {
            Some(Guest { name: Some(name), .. }) => self.tell_others(id, format!("* {name} left\n").as_bytes()),
            _ => Vec::new(),
        }
        // END SOLUTION
    }

    /// The client's name, for the log; `?` if it has none.
    pub fn name(&self, id: Id) -> &str {
        // SOLUTION todo!("Hub::name: what the client calls itself")
        self.guests
            .get(&id)
            .and_then(|guest| guest.name.as_deref())
            .unwrap_or("?")
        // END SOLUTION
    }
    // SOLUTION

    fn line(&mut self, id: Id, line: Vec<u8>) -> Vec<Message> {
        let Some(guest) = self.guests.get(&id) else {
            return Vec::new();
        };
        match (&guest.name, line.as_slice()) {
            (None, name) => self.join(id, name),
            (Some(_), b"") => Vec::new(),
            (Some(_), b"/who") => vec![self.who(id)],
            (Some(name), text) => {
                let said = [name.as_bytes(), b": ", text, b"\n"].concat();
                self.tell_others(id, &said)
            }
        }
    }

    fn join(&mut self, id: Id, name: &[u8]) -> Vec<Message> {
        let valid = (1..=16).contains(&name.len()) && name.iter().all(u8::is_ascii_alphanumeric);
        // Bytes of ASCII letters and digits are text, each byte a character.
        let name = String::from_utf8_lossy(name).into_owned();
        if !valid || self.guests.values().any(|guest| guest.name.as_ref() == Some(&name)) {
            return vec![(id, b"ERR name\nNAME?\n".to_vec())];
        }
        let mut messages = self.tell_others(id, format!("* {name} joined\n").as_bytes());
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.name = Some(name);
        }
        messages.push(self.who(id));
        messages
    }

    fn who(&self, asks: Id) -> Message {
        (asks, format!("* {}\n", self.names().join(" ")).into_bytes())
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.guests.values().filter_map(|guest| guest.name.as_deref()).collect();
        names.sort_unstable();
        names
    }

    /// The same bytes for everybody who has a name, except this one.
    fn tell_others(&self, speaker: Id, bytes: &[u8]) -> Vec<Message> {
        let others = self
            .guests
            .iter()
            .filter(|(id, guest)| **id != speaker && guest.name.is_some());
        others.map(|(id, _)| (*id, bytes.to_vec())).collect()
    }
    // END SOLUTION
}
// SOLUTION

/// What the hub remembers of a client.
#[derive(Debug, Default)]
struct Guest {
    name: Option<String>,
    lines: Lines,
}
// END SOLUTION

/// A client's socket, and what the client has not taken yet. Nothing here ever waits.
#[derive(Debug)]
pub struct Conn {
    /// Non-blocking.
    pub socket: TcpStream,
    // SOLUTION // the bytes that wait to be sent, in order
    /// A `Vec` would do, but taking a little from the front of 16 MiB moves all the rest, each time; a ring moves nothing.
    outbuf: VecDeque<u8>,
    // END SOLUTION
}

impl Conn {
    /// Takes charge of a socket that was just accepted, and makes it non-blocking.
    ///
    /// # Errors
    /// That of `set_nonblocking`.
    pub fn new(socket: TcpStream) -> io::Result<Conn> {
        // SOLUTION todo!("Conn::new: a non-blocking socket, and nothing to send yet")
        // "Writable" means room for some bytes. A blocking write of more would wait for the slowest reader of all.
        socket.set_nonblocking(true)?;
        Ok(Conn {
            socket,
            outbuf: VecDeque::new(),
        })
        // END SOLUTION
    }

    /// These bytes are for the client. They are sent by [`flush`](Conn::flush), behind those that still wait.
    pub fn queue(&mut self, bytes: &[u8]) {
        // SOLUTION todo!("Conn::queue: put the bytes behind those that wait")
        self.outbuf.extend(bytes);
        // END SOLUTION
    }

    /// How many bytes wait to be sent.
    pub fn waiting(&self) -> usize {
        // SOLUTION todo!("Conn::waiting: how many bytes were queued and not sent?")
        self.outbuf.len()
        // END SOLUTION
    }

    /// Whether it is worth knowing when the socket can take bytes.
    pub fn wants_write(&self) -> bool {
        // SOLUTION todo!("Conn::wants_write: what would you do if the socket could take bytes?")
        // A socket can take bytes nearly always. Asking when there are none to send is asking to be woken at once.
        !self.outbuf.is_empty()
        // END SOLUTION
    }

    /// Sends of what waits as much as the socket takes now, perhaps nothing. What it does not take goes on waiting.
    ///
    /// # Errors
    /// That of the write, if the connection is broken. Neither EAGAIN nor EINTR is an error here.
    pub fn flush(&mut self) -> io::Result<()> {
        // SOLUTION todo!("Conn::flush: write, and forget what was taken, until the socket is full or nothing waits")
        while self.wants_write() {
            // A ring is one slice, or two when it goes round its end.
            match self.socket.write(self.outbuf.as_slices().0) {
                Ok(taken) => drop(self.outbuf.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
        // END SOLUTION
    }
}

/// What `select` has found ready.
#[derive(Debug, Default)]
pub struct Ready {
    /// stdin can be read.
    pub stdin: bool,
    /// Somebody has connected.
    pub listener: bool,
    /// These clients' sockets can be read. (Who can take bytes has no list: sending is tried after each wait, and whoever has
    /// nothing to send costs no call.)
    pub readable: Vec<Id>,
}

/// Waits with `select(2)` until something can be done, for ever if need be, and says what.
///
/// Worth waiting for are: the listener; stdin, if `stdin` says so; reading from each client; writing to those that
/// [want it](Conn::wants_write).
///
/// # Errors
/// That of `select(2)`, except EINTR: a signal came and nothing else did, so look again.
pub fn wait(listener: &TcpListener, stdin: bool, conns: &BTreeMap<Id, Conn>) -> nix::Result<Ready> {
    // SOLUTION todo!("wait: fill the sets, call select, look what is left in them")
    let keyboard = io::stdin(); // for its descriptor only; its buffer is never used
    loop {
        let (mut readable, mut writable) = (FdSet::new(), FdSet::new());
        readable.insert(listener.as_fd());
        if stdin {
            readable.insert(keyboard.as_fd());
        }
        for conn in conns.values() {
            readable.insert(conn.socket.as_fd());
            if conn.wants_write() {
                writable.insert(conn.socket.as_fd());
            }
        }
        match select(None, &mut readable, &mut writable, None, None) {
            Err(Errno::EINTR) => {}
            Err(other) => return Err(other),
            Ok(_) => {
                let ready = conns.iter().filter(|(_, conn)| readable.contains(conn.socket.as_fd()));
                return Ok(Ready {
                    stdin: readable.contains(keyboard.as_fd()),
                    listener: readable.contains(listener.as_fd()),
                    readable: ready.map(|(id, _)| *id).collect(),
                });
            }
        }
    }
    // END SOLUTION
}

/// The server: waits, does what can be done, and waits again, until somebody types `quit`.
///
/// - **stdin**: the line `quit` ends the server at once. Other lines mean nothing, and the end of stdin means that nobody will type
///   any more; the server goes on. Read it with [`read`] (`read(2)`), never through a buffer of std.
/// - **The listener** is non-blocking: whoever `select` saw may be gone when `accept` looks. EAGAIN, EINTR and ECONNABORTED mean
///   that nobody is there after all. A client for whom there is no place is told `* full` and closed: there are `max_clients`
///   already, or its descriptor is one that a set cannot hold (0 to 1023 it can, see FD_SETSIZE in `man 2 select`).
/// - **A client** whose read gives 0 has gone, and so has one whose read or write gives an error other than EAGAIN and EINTR.
///   It is closed, and the others are told. Nothing else comes of it: an error of one connection is no error of the server.
/// - **A client who does not read**: if more than `max_outbuf` bytes wait for it after its socket has taken what it takes now, it
///   is dropped (closed, and the others told), and the log says so: `dropped alice: too slow`, printed with [`event`].
///
/// No call but [`wait`] waits.
///
/// # Errors
/// That of `select`, of `accept`, or of reading stdin.
pub fn run(listener: TcpListener, max_clients: usize, max_outbuf: usize) -> io::Result<()> {
    // SOLUTION todo!("run: wait, do what is ready, and again")
    listener.set_nonblocking(true)?;
    let mut room = Room::new(max_clients, max_outbuf);
    let (mut orders, mut stdin_is_open) = (Lines::default(), true);
    loop {
        let ready = wait(&listener, stdin_is_open, &room.conns)?;
        if ready.stdin {
            let mut buffer = [0; 512];
            match read(io::stdin(), &mut buffer) {
                // Left in the set, a stdin that has ended would wake us at once, for ever.
                Ok(0) => stdin_is_open = false,
                Ok(typed) => orders.push(&buffer[..typed]),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(other) => return Err(other.into()),
            }
            while let Some(order) = orders.next_line() {
                if order == b"quit" {
                    return Ok(());
                }
            }
        }
        if ready.listener {
            room.accept(&listener)?;
        }
        for id in ready.readable {
            room.receive(id);
        }
        room.send();
    }
    // END SOLUTION
}
// SOLUTION

/// The hub and the connections that it is heard through.
struct Room {
    hub: Hub,
    conns: BTreeMap<Id, Conn>,
    max_clients: usize,
    max_outbuf: usize,
}

impl Room {
    fn new(max_clients: usize, max_outbuf: usize) -> Room {
        Room {
            hub: Hub::default(),
            conns: BTreeMap::new(),
            max_clients,
            max_outbuf,
        }
    }

    /// One client for each time that select has seen one. If there are more, select will say so again.
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        use ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted) => return Ok(()),
            Err(error) => return Err(error),
        };
        // Descriptor 1024 is bit 1024 of a set that has bits 0 to 1023: nix would panic, C would write somewhere else.
        let watchable = usize::try_from(socket.as_raw_fd()).is_ok_and(|fd| fd < nix::sys::select::FD_SETSIZE);
        if self.conns.len() >= self.max_clients || !watchable {
            // A new socket has room for seven bytes. If not, the client will see the end all the same.
            let _ = socket
                .set_nonblocking(true)
                .and_then(|()| socket.write_all(b"* full\n"));
            return Ok(());
        }
        let conn = Conn::new(socket)?;
        let (id, messages) = self.hub.connect();
        self.conns.insert(id, conn);
        self.queue(messages);
        Ok(())
    }

    /// One read, however much there is: nobody who talks without end can keep the others from their turn.
    fn receive(&mut self, id: Id) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        let mut buffer = [0; 16_384];
        let messages = match conn.socket.read(&mut buffer) {
            Ok(received @ 1..) => self.hub.input(id, &buffer[..received]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            // 0 is a farewell, and an error is none; either way, nothing will ever come again.
            Ok(0) | Err(_) => {
                self.conns.remove(&id); // closes the socket
                self.hub.disconnect(id)
            }
        };
        self.queue(messages);
    }

    fn queue(&mut self, messages: Vec<Message>) {
        for (to, bytes) in messages {
            if let Some(conn) = self.conns.get_mut(&to) {
                conn.queue(&bytes);
            }
        }
    }

    /// Sends what the sockets take, and parts with those whose connection is broken or whose reader is too slow.
    ///
    /// First send, then judge: one read of short lines can become more bytes than `max_outbuf`, and a client whose socket takes
    /// them all is not slow.
    fn send(&mut self) {
        loop {
            let mut gone = Vec::new();
            for (id, conn) in &mut self.conns {
                if conn.flush().is_err() {
                    gone.push(*id);
                } else if conn.waiting() > self.max_outbuf {
                    event(format_args!("dropped {}: too slow", self.hub.name(*id)));
                    gone.push(*id);
                }
            }
            // That they have left is news, and has to be sent as well. Each round there is one client less at least.
            if gone.is_empty() {
                return;
            }
            for id in gone {
                self.conns.remove(&id);
                let messages = self.hub.disconnect(id);
                self.queue(messages);
            }
        }
    }
}
// END SOLUTION
