//! The select stepper: a server's loop, turn by turn, right and with the classic mistakes. A small model of sockets and `select`; what each
//! mistake leads to is asserted.

use std::collections::{BTreeMap, BTreeSet};

use bookkit::widget::{Frame, Widget};

use super::{frame, holds, setting, table};

const LISTENER: usize = 3;
const ANN: usize = 4;
const BEN: usize = 5;
/// Turns that bring nothing, after which everybody has seen it.
const ENOUGH: usize = 3;

#[derive(Clone, Copy, PartialEq)]
enum Bug {
    None,
    WriteSet,
    OldSet,
    KeepsDead,
    WholeLine,
}

const BUGS: [(Bug, &str, &str); 5] = [
    (Bug::None, "none", "none"),
    (Bug::WriteSet, "write", "asks for writing all the time"),
    (Bug::OldSet, "old", "asks with the set of the last turn"),
    (Bug::KeepsDead, "dead", "keeps clients that have gone"),
    (Bug::WholeLine, "line", "reads a whole line at once"),
];

/// What the outside world does while the server sleeps in `select`.
#[derive(Clone, Copy)]
enum Outside {
    Connects(usize),
    Sends(usize, &'static str),
    Closes(usize),
}

use Outside::{Closes, Connects, Sends};

const STORY: [&[Outside]; 6] = [
    &[Connects(ANN)],
    &[Connects(BEN), Sends(ANN, "hi⏎")],
    &[Sends(BEN, "yo")],
    &[Sends(ANN, "ok⏎")],
    &[Closes(ANN)],
    &[Sends(BEN, "!⏎")],
];

/// One connection: what waits in the kernel, and what the server has of an unfinished line.
#[derive(Clone, Default)]
struct Socket {
    buffer: String,
    ended: bool,
    kept: String,
}

/// How a run ended.
#[derive(Debug, PartialEq)]
enum End {
    Served,
    Spins,
    Starves,
}

#[test]
fn select() {
    let mut runs = BTreeMap::new();
    let mut ends = Vec::new();
    for (bug, value, _) in BUGS {
        let (frames, end, lines) = Server::new(bug).run();
        runs.insert(value.to_string(), frames);
        ends.push((value, end, lines));
    }
    let expected = [
        ("none", End::Served, 3),
        ("write", End::Spins, 3),
        ("old", End::Starves, 0),
        ("dead", End::Spins, 2),
        ("line", End::Starves, 1),
    ];
    for ((value, end, lines), wanted) in ends.iter().zip(expected) {
        assert_eq!((*value, end, *lines), (wanted.0, &wanted.1, wanted.2));
    }
    let widget = Widget {
        title: "One loop, many descriptors".into(),
        lead: "Each step is one turn of a server's loop: what it asks for, what `select` says, what it does. Lines are answered; `⏎` ends one. *Add a mistake and see whether it spins or starves somebody.*".into(),
        settings: vec![setting("Mistake", &BUGS.map(|(_, value, words)| (value, words)))],
        ends: Vec::new(),
        first: "none".into(),
        runs,
        rules: serde_json::Value::Null,
    };
    holds("select", &widget);
}

struct Server {
    bug: Bug,
    story: std::slice::Iter<'static, &'static [Outside]>,
    queue: Vec<usize>,
    /// All connections that the kernel has, accepted or not.
    sockets: BTreeMap<usize, Socket>,
    clients: BTreeSet<usize>,
    old: Option<BTreeSet<usize>>,
    answered: usize,
}

impl Server {
    fn new(bug: Bug) -> Server {
        Server {
            bug,
            story: STORY.iter(),
            queue: Vec::new(),
            sockets: BTreeMap::new(),
            clients: BTreeSet::new(),
            old: None,
            answered: 0,
        }
    }

    fn run(mut self) -> (Vec<Frame>, End, usize) {
        let (mut frames, mut idle) = (Vec::new(), 0);
        loop {
            let asked = self.interest();
            let mut news = String::new();
            // The set for reading wakes it, or something to write, which is there at once.
            while self.readable(&asked).is_empty() && !self.asks_to_write() {
                match self.story.next() {
                    Some(events) => news.push_str(&self.happens(events)),
                    None => return self.ended(frames, news),
                }
            }
            // A loop that spins does not sleep; the world goes on all the same, after a turn for nothing.
            if self.asks_to_write()
                && idle == 1
                && let Some(events) = self.story.next()
            {
                news.push_str(&self.happens(events));
            }
            let ready = self.readable(&asked);
            let before = self.clone_sockets();
            let (did, blocked) = self.work(&ready);
            idle = if did.is_empty() { idle + 1 } else { 0 };
            let tired = idle == ENOUGH;
            let did = match (did.is_empty(), tired) {
                (true, false) => "There is nothing to do, and the loop goes round.".to_string(),
                (true, true) => {
                    "Again nothing. This goes on for ever: it spins, and takes a whole processor.".to_string()
                }
                (false, _) => did,
            };
            frames.push(self.shown(format!("{news}{did}"), &asked, &ready, &before));
            if tired {
                return (frames, End::Spins, self.answered);
            }
            if blocked {
                return (frames, End::Starves, self.answered);
            }
            self.old = Some(ready);
        }
    }

    /// `select` sleeps, and nothing more will happen in this story.
    fn ended(self, mut frames: Vec<Frame>, news: String) -> (Vec<Frame>, End, usize) {
        let asked = self.interest();
        let missed = self
            .sockets
            .iter()
            .any(|(_, socket)| !socket.buffer.is_empty() || socket.ended)
            || !self.queue.is_empty();
        let (say, end) = match missed {
            true => (
                "select sleeps, for it was not asked about those who wait: they starve.",
                End::Starves,
            ),
            false => ("Everybody was served; select sleeps, and costs nothing.", End::Served),
        };
        let sockets = self.clone_sockets();
        frames.push(self.shown(format!("{news}{say}"), &asked, &BTreeSet::new(), &sockets));
        (frames, end, self.answered)
    }

    fn clone_sockets(&self) -> (BTreeMap<usize, Socket>, Vec<usize>) {
        (self.sockets.clone(), self.queue.clone())
    }

    fn happens(&mut self, events: &[Outside]) -> String {
        let mut said = String::new();
        for event in events {
            let socket = |fd: usize, server: &mut Server| server.sockets.entry(fd).or_default().clone();
            match *event {
                Connects(fd) => {
                    self.queue.push(fd);
                    let _ = socket(fd, self);
                    said.push_str(&format!("{} connects. ", name(fd)));
                }
                Sends(fd, text) => {
                    self.sockets.entry(fd).or_default().buffer.push_str(text);
                    said.push_str(&format!("{} sends {text}. ", name(fd)));
                }
                Closes(fd) => {
                    self.sockets.entry(fd).or_default().ended = true;
                    said.push_str(&format!("{} closes. ", name(fd)));
                }
            }
        }
        said
    }

    fn interest(&self) -> BTreeSet<usize> {
        match (&self.old, self.bug) {
            (Some(old), Bug::OldSet) => old.clone(),
            _ => self.clients.iter().copied().chain([LISTENER]).collect(),
        }
    }

    fn asks_to_write(&self) -> bool {
        self.bug == Bug::WriteSet && !self.clients.is_empty()
    }

    fn readable(&self, asked: &BTreeSet<usize>) -> BTreeSet<usize> {
        let ready = |fd: &usize| match *fd {
            LISTENER => !self.queue.is_empty(),
            fd => self
                .sockets
                .get(&fd)
                .is_some_and(|socket| !socket.buffer.is_empty() || socket.ended),
        };
        asked.iter().copied().filter(ready).collect()
    }

    /// Does what the ready descriptors ask for; and whether it hangs in a read now.
    fn work(&mut self, ready: &BTreeSet<usize>) -> (String, bool) {
        let mut did = String::new();
        for fd in ready {
            if *fd == LISTENER {
                let client = self.queue.remove(0);
                self.clients.insert(client);
                did.push_str(&format!("accept gives {client} for {}. ", name(client)));
                continue;
            }
            let socket = self.sockets.entry(*fd).or_default();
            if socket.buffer.is_empty() {
                did.push_str(&self.gone(*fd));
                continue;
            }
            socket.kept.push_str(&std::mem::take(&mut socket.buffer));
            if !socket.kept.ends_with('⏎') && self.bug == Bug::WholeLine {
                did.push_str(&format!("The server reads a line from {}, which is not there yet, and hangs: whoever else calls or sends starves until {} goes on.", name(*fd), name(*fd)));
                return (did, true);
            }
            if socket.kept.ends_with('⏎') {
                did.push_str(&format!(
                    "{}'s line {} is answered. ",
                    name(*fd),
                    std::mem::take(&mut socket.kept)
                ));
                self.answered += 1;
            } else {
                did.push_str(&format!(
                    "{} is kept until the rest of {}'s line comes. ",
                    socket.kept,
                    name(*fd)
                ));
            }
        }
        (did, false)
    }

    fn gone(&mut self, fd: usize) -> String {
        if self.bug == Bug::KeepsDead {
            // It reads 0 bytes, does nothing, and asks again.
            return String::new();
        }
        self.clients.remove(&fd);
        self.sockets.remove(&fd);
        format!("{} has gone: closed and forgotten. ", name(fd))
    }

    fn shown(
        &self,
        say: String,
        asked: &BTreeSet<usize>,
        ready: &BTreeSet<usize>,
        before: &(BTreeMap<usize, Socket>, Vec<usize>),
    ) -> Frame {
        let (sockets, queue) = before;
        let mark = |yes: bool| if yes { "1" } else { "0" }.to_string();
        let row = |fd: usize| {
            let waits = match fd {
                LISTENER => queue.iter().map(|fd| name(*fd)).collect::<Vec<_>>().join(", "),
                _ => sockets.get(&fd).map_or(String::new(), |socket| {
                    format!("{}{}", socket.buffer, if socket.ended { " (end)" } else { "" })
                }),
            };
            let mut row = vec![
                fd.to_string(),
                name(fd).to_string(),
                waits.trim().to_string(),
                mark(asked.contains(&fd)),
                mark(ready.contains(&fd)),
            ];
            if self.bug == Bug::WriteSet {
                let writes = fd != LISTENER && asked.contains(&fd);
                row.extend([mark(writes), mark(writes)]);
            }
            row
        };
        let mut head = vec!["fd", "who", "waits in the kernel", "read: asked", "ready"];
        if self.bug == Bug::WriteSet {
            head.extend(["write: asked", "ready"]);
        }
        let mut next = frame(say.trim());
        let mut sets = table("This turn", &head, [LISTENER, ANN, BEN].map(row).to_vec());
        let starved = |row: &Vec<String>| !row[2].is_empty() && row[4] == "0";
        sets.bad = sets
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| starved(row))
            .map(|(at, _)| at)
            .collect();
        next.tables.push(sets);
        next
    }
}

fn name(fd: usize) -> &'static str {
    match fd {
        LISTENER => "listener",
        ANN => "Ann",
        _ => "Ben",
    }
}
