//! Everything that happened in one test as the test itself sees it, in order, with times. [`merge`](crate::merge) adds what a tracer saw.
//!
//! Entries come from the test and from the threads that read a program's output. A program that prints without end must not fill the
//! memory: the beginning and the end are kept, the middle is counted.

use crate::{
    escape::quoted,
    recording::{Entry, Lane, What},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Of the entries, so many of the first and of the last ones are kept.
const KEPT: (usize, usize) = (64, 256);
/// The same where the recording is what the test is for.
const KEPT_OF_RECORDED: (usize, usize) = (2000, 2000);
/// Of lines printed in a row, so many have an entry each; the others are counted together.
const LINES_IN_A_ROW: usize = 6;

/// One entry, and where it is known how much of a program's stdout had been printed when it had printed this.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    pub entry: Entry,
    pub printed: Option<u64>,
}

/// The entries kept, and how many were not.
#[derive(Debug)]
struct Kept {
    first: Vec<Noted>,
    skipped: usize,
    last: VecDeque<Noted>,
    most: (usize, usize),
    /// Columns, in the order of appearance.
    peers: Vec<String>,
    subjects: Vec<String>,
    in_a_row: Option<InARow>,
    /// Programs whose printing is noted by somebody who knows better when it was.
    silent: Vec<String>,
    /// Bytes on the stdout of each lane.
    printed: HashMap<String, u64>,
}

/// The lines printed by one program since anything else happened.
#[derive(Debug, Clone)]
struct InARow {
    lane: String,
    verb: String,
    count: usize,
}

/// A recording in progress, shared by threads.
#[derive(Debug)]
pub(crate) struct Transcript {
    started: Instant,
    kept: Mutex<Kept>,
}

impl Transcript {
    pub fn new(started: Instant) -> Transcript {
        let kept = Kept {
            first: Vec::new(),
            skipped: 0,
            last: VecDeque::new(),
            most: KEPT,
            peers: Vec::new(),
            subjects: Vec::new(),
            in_a_row: None,
            silent: Vec::new(),
            printed: HashMap::new(),
        };
        Transcript {
            started,
            kept: Mutex::new(kept),
        }
    }

    /// Keeps much more from now on.
    pub fn keep_more(&self) {
        self.lock().most = KEPT_OF_RECORDED;
    }

    /// A program under test gets its column on the right, before it has done anything. A name that is taken gets a number.
    pub fn add_subject(&self, name: &str) -> String {
        let mut kept = self.lock();
        let taken = |name: &str| kept.subjects.iter().any(|s| s == name);
        let numbered = (2..).map(|n| format!("{name} ({n})"));
        let lane = std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default();
        kept.subjects.push(lane.clone());
        lane
    }

    /// What this program prints is noted by the caller from now on.
    pub fn leave_printing_to_me(&self, lane: &str) {
        self.lock().silent.push(lane.to_owned());
    }

    pub fn note(&self, lane: &str, text: impl Into<String>) {
        self.push(lane, What::Note(text.into()));
    }

    pub fn message(&self, from: &str, to: &str, label: impl Into<String>, data: impl Into<String>) {
        self.push(
            from,
            What::Message {
                to: to.to_owned(),
                label: label.into(),
                data: data.into(),
            },
        );
    }

    /// Lines on a program's stdout.
    pub fn printed<'a>(&self, lane: &str, lines: impl Iterator<Item = &'a [u8]>) {
        if !self.lock().silent.iter().any(|silent| silent == lane) {
            self.lines(lane, "prints", lines, true);
        }
    }

    /// Lines on a program's stderr.
    pub fn complained<'a>(&self, lane: &str, lines: impl Iterator<Item = &'a [u8]>) {
        self.lines(lane, "stderr:", lines, false);
    }

    /// Counting lines under one lock makes the entries independent of how a pipe cut them into pieces.
    fn lines<'a>(&self, lane: &str, verb: &str, lines: impl Iterator<Item = &'a [u8]>, on_stdout: bool) {
        let mut kept = self.lock();
        for line in lines {
            kept.see(lane);
            let before = kept.in_a_row.take().filter(|row| row.lane == lane && row.verb == verb);
            let count = before.map_or(1, |row| row.count + 1);
            let text = match count.checked_sub(LINES_IN_A_ROW) {
                None | Some(0) => format!("{verb} {}", quoted(line, 120)),
                Some(1) => format!("{verb} 1 more line"),
                Some(more) => format!("{verb} {more} more lines"),
            };
            let noted = Noted {
                entry: Entry::once(self.started.elapsed(), lane, What::Note(text)),
                printed: on_stdout.then(|| kept.on_stdout(lane, line.len() as u64 + 1)),
            };
            if count > LINES_IN_A_ROW + 1 {
                kept.replace_last(noted)
            } else {
                kept.keep(noted)
            }
            kept.in_a_row = Some(InARow {
                lane: lane.to_owned(),
                verb: verb.to_owned(),
                count,
            });
        }
    }

    /// Everything kept, with a gap for what was not.
    pub fn entries(&self) -> Vec<Noted> {
        let kept = self.lock();
        let mut entries = kept.first.clone();
        if let Some(next) = kept.last.front().filter(|_| kept.skipped > 0) {
            entries.push(Noted {
                entry: Entry::once(next.entry.at, "", What::Gap(kept.skipped)),
                printed: None,
            });
        }
        entries.extend(kept.last.iter().cloned());
        entries
    }

    /// The columns: those of the test on the left, the programs under test on the right.
    pub fn lanes(&self) -> Vec<Lane> {
        let kept = self.lock();
        let lane = |name: &String, subject| Lane {
            name: name.clone(),
            subject,
        };
        let peers = kept.peers.iter().map(|name| lane(name, false));
        peers.chain(kept.subjects.iter().map(|name| lane(name, true))).collect()
    }

    fn push(&self, lane: &str, what: What) {
        let mut kept = self.lock();
        kept.see(lane);
        if let What::Message { to, .. } = &what {
            kept.see(to);
        }
        kept.in_a_row = None;
        // The time is taken under the lock, so that the times in the recording never run backwards.
        kept.keep(Noted {
            entry: Entry::once(self.started.elapsed(), lane, what),
            printed: None,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn see(&mut self, lane: &str) {
        if !lane.is_empty() && !self.peers.iter().chain(&self.subjects).any(|known| known == lane) {
            self.peers.push(lane.to_owned());
        }
    }

    fn keep(&mut self, noted: Noted) {
        if self.first.len() < self.most.0 {
            self.first.push(noted);
            return;
        }
        self.last.push_back(noted);
        if self.last.len() > self.most.1 {
            self.last.pop_front();
            self.skipped += 1;
        }
    }

    fn replace_last(&mut self, noted: Noted) {
        if let Some(last) = self.last.back_mut().or(self.first.last_mut()) {
            *last = noted;
        }
    }

    /// How many bytes the lane has printed, with these.
    fn on_stdout(&mut self, lane: &str, bytes: u64) -> u64 {
        let printed = self.printed.entry(lane.to_owned()).or_default();
        *printed += bytes;
        *printed
    }
}

/// When a traced program had printed so many bytes, by the times of its own writes.
pub(crate) fn when_printed(writes: &[(Duration, u64)], bytes: u64) -> Option<Duration> {
    let at = writes.partition_point(|(_, so_far)| *so_far < bytes);
    writes.get(at).map(|(when, _)| *when)
}
