//! A bad network in a box: a UDP relay that loses, doubles, reorders and damages datagrams, the same ones in every run.
//!
//! ```text
//! client ──▶ relay.addr() ─┬─ a socket for each client ──▶ server      so the server still sees different clients
//!        ◀─────────────────┴──────────────────────────────◀
//! ```

use crate::{
    escape::{quoted, size},
    loss::{BAD_LUCK, Direction, Fate, Loss},
    session::Session,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A datagram that is to be overtaken waits so long for another one. Much less than a client's patience, much more than a program's work.
const OVERTAKING: Duration = Duration::from_millis(20);
/// No datagram is longer.
const LONGEST: usize = 65_507;
const LANE: &str = "relay";

/// A UDP relay between clients and one server. Dropping it ends it.
pub struct Relay {
    addr: SocketAddr,
    tally: Arc<Mutex<Tally>>,
    /// Closing it ends the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

/// What a relay has done so far, in datagrams. A test whose relay did nothing has tested nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Came in, from either side.
    pub received: usize,
    /// Did not go on.
    pub lost: usize,
    /// Went on twice.
    pub doubled: usize,
    /// Were held back for the next one to overtake.
    pub overtaken: usize,
    /// Went on with a bit changed.
    pub corrupted: usize,
}

impl Relay {
    pub(crate) fn open(session: &Arc<Session>, to: SocketAddr, loss: Loss) -> Relay {
        session.step();
        let open = || -> io::Result<(UdpSocket, SocketAddr, UnixStream, UnixStream)> {
            let front = socket()?;
            let (stop, stopped) = UnixStream::pair()?;
            Ok((front.try_clone()?, front.local_addr()?, stop, stopped))
        };
        let (front, addr, stop, stopped) = open().unwrap_or_else(|e| panic!("a relay of the test: {e}"));
        session.listens(LANE, addr);
        session.transcript.note(
            LANE,
            format!("a network with seed {}: {}", loss.seed, percentages(&loss)),
        );
        let tally = Arc::default();
        let work = Work {
            session: session.clone(),
            to,
            loss,
            front,
            clients: Vec::new(),
            seen: HashMap::new(),
            tally: Arc::clone(&tally),
        };
        let thread = thread::spawn(move || work.run(&stopped));
        Relay {
            addr,
            tally,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where clients send to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done so far.
    pub fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn percentages(loss: &Loss) -> String {
    let parts = [
        (loss.loss, "lost"),
        (loss.duplicate, "doubled"),
        (loss.reorder, "overtaken"),
        (loss.corrupt, "corrupted"),
    ];
    let named: Vec<String> = parts
        .iter()
        .filter(|(percent, _)| *percent > 0)
        .map(|(percent, what)| format!("{percent} % {what}"))
        .collect();
    if named.is_empty() {
        "nothing happens".to_owned()
    } else {
        named.join(", ")
    }
}

/// The relay's thread.
struct Work {
    session: Arc<Session>,
    to: SocketAddr,
    loss: Loss,
    front: UdpSocket,
    clients: Vec<Client>,
    /// Of each client, direction and content: how many there were, and how many of the last ones did the receiver no good.
    seen: HashMap<(SocketAddr, Direction, Vec<u8>), (u32, u32)>,
    tally: Arc<Mutex<Tally>>,
}

struct Client {
    addr: SocketAddr,
    /// Bound for this client alone; connected to the server, so that nobody else can answer.
    back: UdpSocket,
    /// Datagrams that wait to be overtaken, one for each direction at most.
    held: HashMap<Direction, (Instant, Vec<u8>)>,
}

impl Work {
    fn run(mut self, stopped: &UnixStream) {
        while self.wait(stopped) {
            self.read_front();
            (0..self.clients.len()).for_each(|client| self.read_back(client));
            self.release(Instant::now());
        }
    }

    /// Waits until something can be read or a held datagram is due. False: the end.
    fn wait(&self, stopped: &UnixStream) -> bool {
        let due = self
            .clients
            .iter()
            .flat_map(|client| client.held.values().map(|(due, _)| *due))
            .min();
        let timeout = due.map_or(PollTimeout::NONE, |due| {
            let left = due.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO)
        });
        let backs = self.clients.iter().map(|client| client.back.as_fd());
        let mut all: Vec<PollFd> = [stopped.as_fd(), self.front.as_fd()]
            .into_iter()
            .chain(backs)
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let _ = poll(&mut all, timeout);
        all[0].revents().is_none_or(|events| events.is_empty())
    }

    fn read_front(&mut self) {
        let mut buffer = vec![0; LONGEST];
        while let Some((n, from)) = next(|| self.front.recv_from(&mut buffer)) {
            let known = self.clients.iter().position(|client| client.addr == from);
            let Some(client) = known.or_else(|| self.admit(from)) else {
                continue;
            };
            self.decide(client, Direction::ToServer, buffer[..n].to_vec());
        }
    }

    fn read_back(&mut self, client: usize) {
        let mut buffer = vec![0; LONGEST];
        while let Some(n) = next(|| self.clients[client].back.recv(&mut buffer)) {
            self.decide(client, Direction::ToClient, buffer[..n].to_vec());
        }
    }

    fn admit(&mut self, addr: SocketAddr) -> Option<usize> {
        let back = socket().and_then(|back| back.connect(self.to).map(|()| back)).ok()?;
        self.session.saw_port(addr.port());
        back.local_addr()
            .into_iter()
            .for_each(|back| self.session.saw_port(back.port()));
        self.clients.push(Client {
            addr,
            back,
            held: HashMap::new(),
        });
        Some(self.clients.len() - 1)
    }

    fn decide(&mut self, client: usize, direction: Direction, payload: Vec<u8>) {
        let key = (self.clients[client].addr, direction, payload.clone());
        let (copies, in_a_row) = self.seen.entry(key).or_default();
        let mut fate = self.loss.fate(direction, &payload, *copies);
        *copies += 1;
        if fate.is_bad() && *in_a_row == BAD_LUCK {
            (fate.lost, fate.corrupt) = (false, None);
        }
        *in_a_row = if fate.is_bad() { *in_a_row + 1 } else { 0 };
        self.count(fate);
        self.tell(direction, &payload, fate);
        self.carry_out(client, direction, payload, fate);
    }

    fn carry_out(&mut self, client: usize, direction: Direction, mut payload: Vec<u8>, fate: Fate) {
        if fate.lost {
            return;
        }
        if let Some((byte, bit)) = fate.corrupt {
            payload[byte] ^= 1 << bit;
        }
        let waiting = self.clients[client].held.remove(&direction);
        if fate.overtaken && waiting.is_none() {
            self.clients[client]
                .held
                .insert(direction, (Instant::now() + OVERTAKING, payload));
            return;
        }
        for _ in 0..=usize::from(fate.doubled) {
            self.send(client, direction, &payload);
        }
        if let Some((_, waiting)) = waiting {
            self.send(client, direction, &waiting);
        }
    }

    /// Lets go what has waited long enough.
    fn release(&mut self, now: Instant) {
        for client in 0..self.clients.len() {
            for direction in [Direction::ToServer, Direction::ToClient] {
                let due = self.clients[client]
                    .held
                    .get(&direction)
                    .is_some_and(|(due, _)| *due <= now);
                if let Some((_, payload)) = due.then(|| self.clients[client].held.remove(&direction)).flatten() {
                    self.send(client, direction, &payload);
                }
            }
        }
    }

    /// A network does not tell when it could not deliver.
    fn send(&self, client: usize, direction: Direction, payload: &[u8]) {
        let client = &self.clients[client];
        let _ = match direction {
            Direction::ToServer => client.back.send(payload),
            Direction::ToClient => self.front.send_to(payload, client.addr),
        };
    }

    fn count(&self, fate: Fate) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.received += 1;
        tally.lost += usize::from(fate.lost);
        tally.doubled += usize::from(fate.doubled && !fate.lost);
        tally.overtaken += usize::from(fate.overtaken && !fate.lost);
        tally.corrupted += usize::from(fate.corrupt.is_some() && !fate.lost);
    }

    fn tell(&self, direction: Direction, payload: &[u8], fate: Fate) {
        let accidents = [
            (fate.lost, "loses"),
            (!fate.lost && fate.corrupt.is_some(), "damages"),
            (!fate.lost && fate.doubled, "doubles"),
            (!fate.lost && fate.overtaken, "holds back"),
        ];
        let done: Vec<&str> = accidents
            .iter()
            .filter(|(happened, _)| *happened)
            .map(|(_, what)| *what)
            .collect();
        let whose = if direction == Direction::ToServer {
            "for the server"
        } else {
            "for the client"
        };
        if !done.is_empty() {
            let text = format!(
                "{} {} {whose}: {}",
                done.join(" and "),
                size(payload.len()),
                quoted(payload, 60)
            );
            self.session.transcript.note(LANE, text);
        }
    }
}

/// One more datagram, if there is one. Errors of earlier sends (nobody there) are no datagrams.
fn next<T>(mut receive: impl FnMut() -> io::Result<T>) -> Option<T> {
    loop {
        match receive() {
            Ok(datagram) => return Some(datagram),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionRefused) => {}
            Err(_) => return None,
        }
    }
}
