//! Clues from what is known of both ends when nothing comes: of the test's connection, and of the program at its other end.

use crate::{
    clue,
    escape::size,
    meanwhile::{self, Socket, Waits},
    process::Exit,
    running::Running,
    session::Session,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// What the test's end of a connection has done so far.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    pub sent: AtomicUsize,
    pub received: AtomicUsize,
    /// It has said that it will send no more.
    pub has_ended: AtomicBool,
}

impl Talk {
    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
    fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }
    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }
}

impl Session {
    /// Nothing has come for so long from `lane`, at the other end of this connection.
    pub fn why_silent(
        &self,
        lane: &str,
        (local, remote): (SocketAddr, SocketAddr),
        talk: &Talk,
        waited: Duration,
        for_end: bool,
    ) -> Option<String> {
        let program = self.running_subject(lane)?;
        let waits = meanwhile::waits(program.process(), waited)?;
        let end = meanwhile::other_end(local, remote)?;
        Some(silence(lane, &waits, &end, talk, for_end))
    }

    /// `lane` has closed the connection, where more should have come.
    pub fn why_closed(&self, lane: &str, talk: &Talk) -> Option<String> {
        let program = self.subject(lane)?;
        match program.over(self.moment()) {
            Some(Exit::Code(0)) => {
                return Some(format!(
                    "`{lane}` has ended, with exit code 0: a server goes on, with this client and with the next one."
                ));
            }
            Some(_) => return None, // how it ended is said already
            None => {}
        }
        if talk.sent() > 0 && !talk.has_ended() {
            return Some(format!(
                "`{lane}` has closed the connection after {} of answer, but the client has not ended its side: no read has returned 0 yet.",
                size(talk.received())
            ));
        }
        (talk.received() == 0).then(|| format!("`{lane}` has closed the connection without sending anything."))
    }

    /// A connection to `to`, where `lane` said that it listens, was refused.
    pub fn why_refused(&self, lane: &str, to: SocketAddr) -> Option<String> {
        let program = self.subject(lane)?;
        if let Some(exit) = program.over(self.moment()) {
            let ended = (exit == Exit::Code(0)).then_some("with exit code 0")?;
            return Some(format!(
                "`{lane}` has ended, {ended}: nobody listens any more. Should it not go on?"
            ));
        }
        let sockets = meanwhile::sockets_of(program.process())?;
        let mut listens = sockets
            .iter()
            .filter(|socket| socket.listens)
            .map(|socket| socket.local);
        match listens.next() {
            None if meanwhile::has_a_socket(program.process()) => Some(format!(
                "`{lane}` has a socket, but none that listens: connections are refused until listen() is called."
            )),
            Some(at) if at != to => Some(elsewhere(lane, at, to)),
            _ => None,
        }
    }

    /// What a program does from which a line, or its end, was awaited for so long.
    pub fn why_idle(&self, program: &Running, waited: Duration, lacks: &str) -> Option<String> {
        let waits = program.subject.then(|| meanwhile::waits(program.process(), waited))??;
        let lane = &program.lane;
        if let Waits::Read(Some(socket)) = &waits
            && let Some(other) = self.known_at(socket.remote)
            && let Some(theirs) = self.running_subject(&other)
            && let Some(theirs) = meanwhile::waits(theirs.process(), waited)
        {
            return Some(one_for_the_other(lane, socket, &other, &theirs));
        }
        Some(format!("`{lane}` {}{lacks}", doing(&waits)))
    }

    /// A line that is missing where it was looked for may have gone to the program's other stream.
    pub fn printed_elsewhere(&self, line: &str) -> Option<String> {
        self.subjects().into_iter().find_map(|program| {
            let has = |text: String| self.redact(&text).lines().any(|printed| printed == line);
            let stream = match (has(program.stdout.text()), has(program.stderr.text())) {
                (true, false) => "stdout",
                (false, true) => "stderr",
                _ => return None,
            };
            Some(format!(
                "`{}` has printed this line to {stream}, where it is not looked for.",
                program.lane
            ))
        })
    }

    fn running_subject(&self, lane: &str) -> Option<Arc<Running>> {
        self.subject(lane)
            .filter(|program| program.over(Instant::now()).is_none())
    }
}

fn silence(lane: &str, waits: &Waits, end: &Socket, talk: &Talk, for_end: bool) -> String {
    let (sent, received) = (size(talk.sent()), size(talk.received()));
    let unread = match end.unread {
        0 => String::new(),
        unread => format!(
            " Of the {sent} that it was sent, {} are unread.",
            size(usize::try_from(unread).unwrap_or(usize::MAX))
        ),
    };
    let what = match waits {
        _ if !end.is_accepted() => format!("has not accepted this connection: it {}.", doing(waits)),
        Waits::Accept if for_end => {
            "has gone on to the next accept(), but this connection is still open: nobody has closed its descriptor."
                .to_owned()
        }
        Waits::Accept => {
            format!(
                "has gone on to the next accept(): it has sent {received} to this client, and has not closed the connection."
            )
        }
        Waits::Read(Some(socket)) if socket == end && talk.sent() == 0 => {
            "waits for this client to send something, and the client has nothing to send.".to_owned()
        }
        Waits::Read(Some(socket)) if socket == end && talk.received() == 0 => format!(
            "has read all {sent} of this client, has sent nothing, and waits for more. Is its answer in a buffer that nobody flushes, or \
             does it wait for an end that has not come?"
        ),
        Waits::Read(Some(socket)) if socket == end => {
            format!(
                "has read all {sent} of this client, has sent {received}, and waits for more. Is there something left in what it has read?"
            )
        }
        waits => format!("{}.", doing(waits)),
    };
    format!("`{lane}` {what}{unread}")
}

/// A program waits for another one that is tested, too.
fn one_for_the_other(lane: &str, socket: &Socket, other: &str, theirs: &Waits) -> String {
    match theirs {
        Waits::Read(Some(back)) if (back.local, back.remote) == (socket.remote, socket.local) => format!(
            "`{lane}` and `{other}` wait for each other: each has read all that the other has sent, and waits for more or for its end."
        ),
        theirs => format!("`{lane}` waits for `{other}`, which {}.", doing(theirs)),
    }
}

fn doing(waits: &Waits) -> String {
    match waits {
        Waits::Accept => "waits in accept() for the next client".to_owned(),
        Waits::Read(Some(socket)) => format!("waits for bytes from {}", socket.remote),
        Waits::Read(None) => "waits in read() for input".to_owned(),
        Waits::Write => "waits in send() or write(), because nobody takes its bytes".to_owned(),
        Waits::Call(call) => format!("waits {call}"),
        Waits::Never => "computes all the time, in a loop that waits for nothing".to_owned(),
    }
}

fn elsewhere(lane: &str, at: SocketAddr, to: SocketAddr) -> String {
    let swapped = at.port() != to.port() && at.port() == to.port().swap_bytes();
    let why = match swapped {
        true => format!(" {}", clue::byte_swapped(to.port(), at.port())),
        false => String::new(),
    };
    format!("`{lane}` listens on {at} and has printed {to}.{why}")
}
