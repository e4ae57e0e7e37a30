//! A program that runs on a board: started, looked at again and again, ended.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use harness::pi::{Clock, Event, Kind, Live, Pi};
use nix::sys::signal::Signal;

use super::pins::Pins;
use super::script::Script;

/// How long a program that is asked to end may take, once nobody looks at it any more.
const GRACE: Duration = Duration::from_secs(2);

/// A running program, and what is known about it.
pub struct Running {
    live: Live,
    /// What it printed on stderr; stdout is among the events.
    complaints: Receiver<String>,
    /// How many of the Pi's events have been seen.
    seen: usize,
    /// What they say.
    pub pins: Pins,
    /// The Pi's time when it was last looked at.
    pub until: Duration,
}

impl Running {
    /// Starts the program: with a script in a time that jumps from event to event, otherwise in real time.
    ///
    /// # Errors
    /// It cannot be started, or there can be no Pi.
    pub fn start(program: &Path, arguments: &[OsString], folder: PathBuf, script: Option<&Script>) -> Result<Running> {
        let pi = Pi::alone();
        match script {
            Some(script) => script.give_to(&pi),
            None => pi.set_clock(Clock::Real),
        }
        let mut live = Live::start(&pi, program, arguments, folder).map_err(|why| anyhow!("{why}"))?;
        drop(live.stdin.take()); // it reads the end of its input
        if let Some(stdout) = live.stdout.take() {
            drain(stdout);
        }
        let complaints = live.stderr.take().map_or_else(|| mpsc::channel().1, lines);
        Ok(Running {
            live,
            complaints,
            seen: 0,
            pins: Pins::default(),
            until: Duration::ZERO,
        })
    }

    /// The board.
    pub fn pi(&self) -> &Pi {
        &self.live.pi
    }

    /// Takes in what is new; answers with those events that are worth a line.
    pub fn look(&mut self) -> Vec<Event> {
        let told = self.pins.told.len();
        let events = self.live.pi.events_since(self.seen);
        self.seen += events.len();
        self.until = self.live.pi.now().max(self.pins.last());
        let end = events.iter().position(|event| matches!(event.kind, Kind::Ended(_)));
        let (before, end) = events.split_at(end.unwrap_or(events.len()));
        self.pins.feed(before);
        // Its last words come before its end, although a pipe may be slower than the Pi.
        let complaints = self.complaints(if end.is_empty() { Duration::ZERO } else { GRACE });
        self.pins.feed(&complaints);
        self.pins.feed(end);
        self.pins.told[told..].to_vec()
    }

    /// What has come on stderr. With a patience: all of it, until the program has closed it.
    fn complaints(&self, patience: Duration) -> Vec<Event> {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        let lines = std::iter::from_fn(|| self.complaints.recv_timeout(left()).ok());
        let event = |line: String| Event {
            at: self.until,
            thread: 0,
            kind: Kind::Printed(format!("stderr: {line}")),
        };
        lines.map(event).collect()
    }

    /// Sends the program a signal now.
    pub fn signal(&self, signal: Signal) {
        self.live.pi.signal(self.live.pi.now(), signal);
    }

    /// Asks the program to end, and waits a moment for it. Whoever does not, is ended when this value is dropped.
    pub fn ask_to_end(&mut self) {
        self.signal(Signal::SIGTERM);
        self.live.wait_until(Instant::now() + GRACE);
        self.look();
    }
}

/// Reads a stream to its end and forgets it, so that nobody waits for room in it.
fn drain(stream: OwnedFd) {
    thread::spawn(move || {
        let mut stream = std::fs::File::from(stream);
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
    });
}

/// The lines of a stream, as they come.
fn lines(stream: OwnedFd) -> Receiver<String> {
    let (tell, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = BufReader::new(std::fs::File::from(stream));
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let _ = tell.send(String::from_utf8_lossy(&line).trim_end().to_string());
            line.clear();
        }
    });
    lines
}
