//! A TCP connection of the test: it says exactly what it sent and what came back, and it can misbehave on purpose.

use crate::{
    clue,
    escape::{quoted, size},
    explain::Talk,
    session::Session,
};
use nix::{
    libc,
    sys::socket::{setsockopt, sockopt},
};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

mod delay;
mod echo;
mod gone;

/// More than any exercise sends; a peer that never stops is cut off here.
const MOST: usize = 64 << 20;
/// A line longer than this is not waited for.
const LONGEST_LINE: usize = 64 << 10;
const SHOWN: usize = 120;
const LINE: &str = "a line, which ends with \\n";

/// One end of a TCP connection, held by the test.
pub struct TcpPeer {
    session: Arc<Session>,
    stream: TcpStream,
    who: String,
    other: String,
    local: SocketAddr,
    remote: SocketAddr,
    talk: Talk,
    /// Has said that it is done; its end is no news any more.
    done: bool,
}

/// Why no more bytes came.
enum Stop {
    EndOfStream,
    Reset(io::Error),
    Silence(String, Duration),
    /// So many bytes, and still no end.
    TooMuch(usize),
}

/// Why not everything could be sent.
struct Unsent {
    sent: usize,
    why: String,
    /// The other side has closed or reset the connection; it does not just take its time.
    gone: bool,
}

impl TcpPeer {
    pub(crate) fn new(
        session: &Arc<Session>,
        stream: TcpStream,
        who: &str,
        other: &str,
        ends: (SocketAddr, SocketAddr),
    ) -> TcpPeer {
        let (local, remote) = ends;
        session.listens(who, local);
        session.saw_port(remote.port());
        let (session, who, other) = (session.clone(), who.to_owned(), other.to_owned());
        TcpPeer {
            session,
            stream,
            who,
            other,
            local,
            remote,
            talk: Talk::default(),
            done: false,
        }
    }

    /// Sends all of `bytes`.
    pub fn send(&mut self, bytes: &[u8]) {
        self.session.step();
        self.note_sent(bytes, "");
        if let Err(unsent) = self.write(bytes) {
            self.fail_sending(bytes.len(), unsent.sent, &unsent.why);
        }
    }

    /// Sends as much of `bytes` as the other side takes, and says how much that was. That it closes the connection meanwhile is no failure;
    /// that it neither reads nor closes is one.
    pub fn pour(&mut self, bytes: &[u8]) -> usize {
        self.session.step();
        self.note_sent(bytes, ", as much as is taken");
        match self.write(bytes) {
            Ok(()) => bytes.len(),
            Err(unsent) if unsent.gone => unsent.sent,
            Err(unsent) => self.fail_sending(bytes.len(), unsent.sent, &unsent.why),
        }
    }

    /// Sends one byte at a time, each in a segment of its own, `each` apart: how a slow network delivers.
    #[allow(clippy::disallowed_methods)] // the pause between two bytes is what this peer is for
    pub fn drip(&mut self, each: Duration, bytes: &[u8]) {
        self.session.step();
        self.note_sent(bytes, &format!(" one byte every {} ms", each.as_millis()));
        let _ = self.stream.set_nodelay(true);
        for (sent, byte) in bytes.iter().enumerate() {
            if let Err(unsent) = self.write(std::slice::from_ref(byte)) {
                self.fail_sending(bytes.len(), sent, &unsent.why);
            }
            thread::sleep(each);
        }
    }

    /// Reads as many bytes as `expected` has, and fails unless they are the same.
    pub fn expect_bytes(&mut self, expected: &[u8], doing: &str) {
        let wanted = format!("{}: {}", size(expected.len()), quoted(expected, SHOWN));
        let received = self.read_until(expected.len(), |bytes| !expected.starts_with(bytes), doing, &wanted);
        if received != expected {
            let at = received.iter().zip(expected).take_while(|(a, b)| a == b).count();
            let words = format!("{}: {}", size(received.len()), quoted(&received, SHOWN));
            let difference = format!("the first difference is at byte {}", at + 1);
            let received = clue::below(&format!("{words}\n{difference}"), clue::of_bytes(expected, &received));
            self.session.fail_at(&self.who, doing, &wanted, &received);
        }
    }

    /// Reads exactly `n` bytes.
    pub fn read_exactly(&mut self, n: usize, doing: &str) -> Vec<u8> {
        self.read_until(n, |_| false, doing, &size(n))
    }

    /// Reads one line, and nothing of what follows it; answers it without its end.
    pub fn read_line(&mut self, doing: &str) -> String {
        self.session.step();
        let mut line = Vec::new();
        // One byte at a time: what comes after the line is for the steps that follow.
        let stop = loop {
            let mut byte = [0];
            match self.read_once(&mut byte) {
                Ok(_) if line.len() == LONGEST_LINE => break Some(Stop::TooMuch(LONGEST_LINE)),
                Ok(_) => line.extend(byte),
                Err(stop) => break Some(stop),
            }
            if line.ends_with(b"\n") {
                break None;
            }
        };
        self.note_read(&line, stop.as_ref());
        if let (Some(Stop::Silence(waited, _)), false) = (&stop, line.is_empty()) {
            let received = format!("{} {}, then {waited}", size(line.len()), quoted(&line, SHOWN));
            let clue = Some("The line has not ended: no \\n stands behind it.".to_owned());
            self.session
                .fail_at(&self.who, doing, LINE, &clue::below(&received, clue));
        }
        if stop.is_some() {
            self.fail_reading(doing, LINE, &line, stop);
        }
        line.pop();
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Reads up to the end of the stream.
    pub fn read_to_eof(&mut self, doing: &str) -> Vec<u8> {
        self.session.step();
        let (bytes, stop) = self.read(MOST, |_| false);
        match stop {
            Some(Stop::EndOfStream) => bytes,
            stop => self.fail_reading(doing, "bytes and then the end of the stream", &bytes, stop),
        }
    }

    /// Fails unless the other side has nothing more to say and closes.
    pub fn expect_eof(&mut self, doing: &str) {
        self.session.step();
        let (bytes, stop) = self.read(MOST, |bytes| !bytes.is_empty());
        if !matches!(stop, Some(Stop::EndOfStream)) {
            self.fail_reading(
                doing,
                "end of stream: the other side closes the connection",
                &bytes,
                stop,
            );
        }
    }

    /// Fails unless the connection is reset; what is read before is dropped.
    pub fn expect_reset(&mut self, doing: &str) {
        self.session.step();
        let (bytes, stop) = self.read(MOST, |_| false);
        if !matches!(stop, Some(Stop::Reset(_))) {
            self.fail_reading(doing, "the connection is reset (ECONNRESET)", &bytes, stop);
        }
    }

    /// Says that nothing more will be sent (`SHUT_WR`); goes on reading.
    pub fn half_close(&mut self) {
        self.session.step();
        self.session
            .transcript
            .message(&self.who, &self.other, "half-close", "");
        // ENOTCONN: the other side is gone already; the next read will tell.
        self.shut();
    }

    /// Ends the connection with a reset instead of a farewell (`SO_LINGER` 0).
    pub fn reset(mut self) {
        self.session.step();
        self.session.transcript.message(&self.who, &self.other, "reset", "");
        self.done = true;
        let at_once = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(&self.stream, sockopt::Linger, &at_once).unwrap_or_else(|e| panic!("SO_LINGER: {e}"));
    }

    /// Closes the connection.
    pub fn close(self) {
        self.session.step();
    }

    /// Sends `out`, half-closes, and reads to the end of the stream, all at once: an answer may begin before the question has ended, and
    /// whoever sends everything first can block for ever.
    pub fn exchange(&mut self, out: &[u8], doing: &str) -> Vec<u8> {
        self.session.step();
        self.note_sent(out, ", then half-close");
        let (bytes, stop, sent) = thread::scope(|scope| {
            let writer = scope.spawn(|| self.write(out).map(|()| self.shut()));
            let (bytes, stop) = self.read(MOST, |_| false);
            if !matches!(stop, Some(Stop::EndOfStream)) {
                // The writer must not sit out its own deadline on a connection that is given up.
                let _ = self.stream.shutdown(Shutdown::Both);
            }
            (
                bytes,
                stop,
                writer.join().unwrap_or(Err(Unsent {
                    sent: 0,
                    why: "the writer panicked".to_owned(),
                    gone: false,
                })),
            )
        });
        match (stop, sent) {
            (Some(Stop::EndOfStream), Ok(())) => bytes,
            (Some(Stop::EndOfStream), Err(unsent)) => self.fail_sending(out.len(), unsent.sent, &unsent.why),
            (stop, sent) => {
                let sent = sent.map_or_else(|unsent| unsent.sent, |()| out.len());
                let expected = format!(
                    "an answer and then the end of the stream ({} of {} sent)",
                    size(sent),
                    size(out.len())
                );
                self.fail_reading(doing, &expected, &bytes, stop)
            }
        }
    }

    /// The test's end.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The other end.
    pub fn peer_addr(&self) -> SocketAddr {
        self.remote
    }

    fn shut(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.talk.has_ended.store(true, Ordering::Relaxed);
    }

    fn note_sent(&self, bytes: &[u8], how: &str) {
        let data = format!("{}{how}", quoted(bytes, SHOWN));
        self.session
            .transcript
            .message(&self.who, &self.other, size(bytes.len()), data);
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Unsent> {
        let mut sent = 0;
        while sent < bytes.len() {
            let since = Instant::now();
            let _ = self
                .stream
                .set_write_timeout(Some(at_least_a_moment(self.session.patience())));
            match (&self.stream).write(&bytes[sent..]) {
                Ok(n) => {
                    sent += n;
                    self.talk.sent.fetch_add(n, Ordering::Relaxed);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_silence(&error) => {
                    let why = format!("{}: the other side does not read", self.session.waited(since));
                    return Err(Unsent { sent, why, gone: false });
                }
                Err(error) => {
                    let why = in_words(&error);
                    return Err(Unsent { sent, why, gone: true });
                }
            }
        }
        Ok(())
    }

    fn fail_sending(&self, all: usize, sent: usize, why: &str) -> ! {
        let doing = format!("sending {} to {}", size(all), self.other);
        let is_gone = ["(ECONNRESET)", "(EPIPE)"].iter().any(|name| why.contains(name));
        let closed = is_gone
            .then(|| self.session.why_closed(&self.other, &self.talk))
            .flatten();
        let received = clue::below(&format!("after {}: {why}", size(sent)), closed);
        self.session
            .fail_at(&self.who, &doing, "the other side takes them", &received)
    }

    fn read_until(&mut self, n: usize, enough: impl Fn(&[u8]) -> bool, doing: &str, expected: &str) -> Vec<u8> {
        self.session.step();
        let (bytes, stop) = self.read(n, enough);
        if stop.is_some() {
            self.fail_reading(doing, expected, &bytes, stop);
        }
        bytes
    }

    /// Reads `n` bytes, or until `enough`, or until nothing more comes. Each piece may take a whole step: what counts is that something moves.
    fn read(&self, n: usize, enough: impl Fn(&[u8]) -> bool) -> (Vec<u8>, Option<Stop>) {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; n.min(64 << 10)];
        let stop = loop {
            if bytes.len() == n || enough(&bytes) {
                break (n == MOST && bytes.len() == n).then_some(Stop::TooMuch(MOST));
            }
            let room = buffer.len().min(n - bytes.len());
            match self.read_once(&mut buffer[..room]) {
                Ok(got) => bytes.extend(&buffer[..got]),
                Err(stop) => break Some(stop),
            }
        };
        self.note_read(&bytes, stop.as_ref());
        (bytes, stop)
    }

    fn read_once(&self, buffer: &mut [u8]) -> Result<usize, Stop> {
        loop {
            let since = Instant::now();
            let _ = self
                .stream
                .set_read_timeout(Some(at_least_a_moment(self.session.patience())));
            match (&self.stream).read(buffer) {
                Ok(0) => return Err(Stop::EndOfStream),
                Ok(n) => {
                    self.talk.received.fetch_add(n, Ordering::Relaxed);
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_silence(&error) => {
                    return Err(Stop::Silence(self.session.waited(since), since.elapsed()));
                }
                Err(error) => return Err(Stop::Reset(error)),
            }
        }
    }

    /// One entry for all that a step read: how the network cut it into pieces differs from run to run.
    fn note_read(&self, bytes: &[u8], stop: Option<&Stop>) {
        let note = |label: &str, data: String| self.session.transcript.message(&self.other, &self.who, label, data);
        if !bytes.is_empty() {
            note(&size(bytes.len()), quoted(bytes, SHOWN));
        }
        match stop {
            Some(Stop::EndOfStream) => note("end", "end of stream".to_owned()),
            Some(Stop::Reset(error)) => note("reset", in_words(error)),
            _ => {}
        }
    }

    fn fail_reading(&self, doing: &str, expected: &str, bytes: &[u8], stop: Option<Stop>) -> ! {
        let why = stop.as_ref().and_then(|stop| self.why(stop, expected));
        let end = match stop {
            None => "the connection is still open".to_owned(),
            Some(Stop::EndOfStream) => "end of stream".to_owned(),
            Some(Stop::Reset(error)) => in_words(&error),
            Some(Stop::Silence(waited, _)) => format!("{waited}; the connection is still open"),
            Some(Stop::TooMuch(bytes)) => format!("no end after {}", size(bytes)),
        };
        let received = match bytes.len() {
            0 => end,
            n => format!("{} {}, then {end}", size(n), quoted(bytes, SHOWN)),
        };
        self.session
            .fail_at(&self.who, doing, expected, &clue::below(&received, why))
    }

    fn why(&self, stop: &Stop, expected: &str) -> Option<String> {
        let for_end = expected.starts_with("end of stream");
        match stop {
            Stop::EndOfStream | Stop::Reset(_) => self.session.why_closed(&self.other, &self.talk),
            Stop::Silence(_, waited) => {
                let ends = (self.local, self.remote);
                self.session.why_silent(&self.other, ends, &self.talk, *waited, for_end)
            }
            _ => None,
        }
    }
}

impl Drop for TcpPeer {
    fn drop(&mut self) {
        if !self.done && !thread::panicking() {
            self.session.transcript.message(&self.who, &self.other, "closes", "");
        }
    }
}

/// Zero would mean "for ever".
pub(crate) fn at_least_a_moment(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The names of the book for what the system says.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset => {
            "connection reset (ECONNRESET): it was closed with unread data, or torn down".to_owned()
        }
        ErrorKind::BrokenPipe => "broken pipe (EPIPE): the other side is gone".to_owned(),
        _ => error.to_string(),
    }
}
