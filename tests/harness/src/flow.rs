//! Who is at the other end of a descriptor, told from the calls alone: connections are accepted in the order in which they were made, and
//! datagrams carry addresses. So calls between two traced programs get arrows, although the test held neither end.

use crate::{
    escape::size,
    trace::{Address, Call, Decoded, Event},
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
};

/// `SHUT_RD` of every system we know: nothing of it reaches the other end.
const SHUT_RD: i32 = 0;

/// An arrow from the lane that made a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub to: String,
    pub label: String,
}

/// What is known so far, while one goes through the events in the order of time.
pub(crate) struct Flow<'a> {
    traced: HashSet<&'a str>,
    known: &'a dyn Fn(SocketAddr) -> Option<String>,
    /// The lane behind a descriptor of a lane.
    ends: HashMap<(String, i32), String>,
    /// By server: the clients that have connected and are not accepted yet.
    queues: HashMap<String, VecDeque<String>>,
    /// By server: the clients that have sent it a datagram from a port that nobody knows yet.
    strangers: HashMap<String, VecDeque<String>>,
    learned: HashMap<SocketAddr, String>,
    /// The processes of each lane: with more than one, a close need not be the end of a connection.
    processes: HashMap<String, HashSet<i32>>,
}

impl<'a> Flow<'a> {
    pub fn new(traced: impl Iterator<Item = &'a str>, known: &'a dyn Fn(SocketAddr) -> Option<String>) -> Flow<'a> {
        Flow {
            traced: traced.collect(),
            known,
            ends: HashMap::new(),
            queues: HashMap::new(),
            strangers: HashMap::new(),
            learned: HashMap::new(),
            processes: HashMap::new(),
        }
    }

    /// A client of the test has connected.
    pub fn connected(&mut self, client: &str, server: &str) {
        self.queues
            .entry(server.to_owned())
            .or_default()
            .push_back(client.to_owned());
    }

    /// The arrow for a call, if it goes to a traced program; and what can be learned from it.
    pub fn follow(&mut self, lane: &str, event: &Event) -> Option<Arrow> {
        self.processes.entry(lane.to_owned()).or_default().insert(event.process);
        let result = event.returned()?;
        let fd = event.fd.unwrap_or(-1);
        let (to, label) = match event.call.plain() {
            Call::Connect => (self.connects(lane, fd, event)?, "connects".to_owned()),
            Call::Accept => return self.accepts(lane, result as i32, event),
            Call::Sendto if event.on_socket => (self.sends(lane, fd, event)?, size(result as usize)),
            Call::Recvfrom => return self.receives(lane, event),
            Call::Shutdown if event.args != Decoded::How(SHUT_RD) => {
                (self.ends.get(&(lane.to_owned(), fd))?.clone(), "half-close".to_owned())
            }
            Call::Close => (self.closes(lane, fd)?, "closes".to_owned()),
            Call::Dup => return self.duplicates(lane, fd, result as i32),
            _ => return None,
        };
        self.traced.contains(to.as_str()).then_some(Arrow { to, label })
    }

    fn lane_at(&self, address: Option<&Address>) -> Option<String> {
        let address = address?.ip()?;
        (self.known)(address).or_else(|| self.learned.get(&address).cloned())
    }

    fn connects(&mut self, lane: &str, fd: i32, event: &Event) -> Option<String> {
        let to = self.lane_at(event.address())?;
        self.ends.insert((lane.to_owned(), fd), to.clone());
        self.connected(lane, &to);
        Some(to)
    }

    fn accepts(&mut self, lane: &str, fd: i32, event: &Event) -> Option<Arrow> {
        let from = self.lane_at(event.address());
        let queue = self.queues.entry(lane.to_owned()).or_default();
        let at = from
            .and_then(|from| queue.iter().position(|client| *client == from))
            .unwrap_or(0);
        if let Some(client) = queue.remove(at) {
            self.ends.insert((lane.to_owned(), fd), client);
        }
        None
    }

    fn sends(&mut self, lane: &str, fd: i32, event: &Event) -> Option<String> {
        if event.address().is_none() {
            return self.ends.get(&(lane.to_owned(), fd)).cloned();
        }
        let to = self.lane_at(event.address())?;
        let strangers = self.strangers.entry(to.clone()).or_default();
        if !strangers.iter().any(|known| known == lane) {
            strangers.push_back(lane.to_owned());
        }
        Some(to)
    }

    /// A datagram from an unknown port comes from whoever has sent one first and was not recognised yet.
    fn receives(&mut self, lane: &str, event: &Event) -> Option<Arrow> {
        let address = event.address()?.ip()?;
        if self.lane_at(event.address()).is_none() {
            let stranger = self.strangers.get_mut(lane)?.pop_front()?;
            self.learned.insert(address, stranger);
        }
        None
    }

    fn closes(&mut self, lane: &str, fd: i32) -> Option<String> {
        let only_one = self.processes.get(lane).is_some_and(|processes| processes.len() == 1);
        self.ends.remove(&(lane.to_owned(), fd)).filter(|_| only_one)
    }

    fn duplicates(&mut self, lane: &str, fd: i32, copy: i32) -> Option<Arrow> {
        let end = self.ends.get(&(lane.to_owned(), fd))?.clone();
        self.ends.insert((lane.to_owned(), copy), end);
        None
    }
}
