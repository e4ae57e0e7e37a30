//! Everything that happened in one test, in order, with times: the source of the chart that a failure shows.
//!
//! Entries come from the test, from the threads that read a program's output, and from the tracer. A program that prints without end must not
//! fill the memory: the beginning and the end are kept, the middle is counted.

use crate::escape::quoted;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

const KEPT_FIRST: usize = 64;
const KEPT_LAST: usize = 256;
/// Of lines printed in a row, so many have an entry each; the others are counted together.
const LINES_IN_A_ROW: usize = 6;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Since the test began.
    pub at: Duration,
    /// Whose column of the chart it belongs to; empty for what concerns nobody alone.
    pub lane: String,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Something that a lane did by itself: starts, prints, is frozen.
    Note(String),
    /// Something that went from this lane to another: a label for the arrow, and what it carried.
    Message { to: String, label: String, data: String },
}

/// The entries kept, and how many were not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recording {
    pub first: Vec<Entry>,
    pub skipped: usize,
    pub last: VecDeque<Entry>,
    /// Columns, in the order of appearance.
    pub peers: Vec<String>,
    pub subjects: Vec<String>,
    in_a_row: Option<InARow>,
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
    recording: Mutex<Recording>,
}

impl Transcript {
    pub fn new(started: Instant) -> Transcript {
        Transcript {
            started,
            recording: Mutex::default(),
        }
    }

    /// A program under test gets its column on the right, before it has done anything. A name that is taken gets a number.
    pub fn add_subject(&self, name: &str) -> String {
        let mut recording = self.lock();
        let taken = |name: &str| recording.subjects.iter().any(|s| s == name);
        let numbered = (2..).map(|n| format!("{name} ({n})"));
        let lane = std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default();
        recording.subjects.push(lane.clone());
        lane
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

    /// Lines that a program printed. Counting them under one lock makes the entries independent of how a pipe cut them into pieces.
    pub fn printed<'a>(&self, lane: &str, verb: &str, lines: impl Iterator<Item = &'a [u8]>) {
        let mut recording = self.lock();
        for line in lines {
            recording.see(lane);
            let before = recording
                .in_a_row
                .take()
                .filter(|row| row.lane == lane && row.verb == verb);
            let count = before.map_or(1, |row| row.count + 1);
            let text = match count.checked_sub(LINES_IN_A_ROW) {
                None | Some(0) => format!("{verb} {}", quoted(line, 120)),
                Some(1) => format!("{verb} 1 more line"),
                Some(more) => format!("{verb} {more} more lines"),
            };
            let entry = Entry {
                at: self.started.elapsed(),
                lane: lane.to_owned(),
                what: What::Note(text),
            };
            if count > LINES_IN_A_ROW + 1 {
                recording.replace_last(entry)
            } else {
                recording.keep(entry)
            }
            recording.in_a_row = Some(InARow {
                lane: lane.to_owned(),
                verb: verb.to_owned(),
                count,
            });
        }
    }

    pub fn recording(&self) -> Recording {
        self.lock().clone()
    }

    fn push(&self, lane: &str, what: What) {
        let mut recording = self.lock();
        recording.see(lane);
        if let What::Message { to, .. } = &what {
            recording.see(to);
        }
        recording.in_a_row = None;
        // Taken under the lock, so that the times in the recording never run backwards.
        recording.keep(Entry {
            at: self.started.elapsed(),
            lane: lane.to_owned(),
            what,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn see(&mut self, lane: &str) {
        if !lane.is_empty() && !self.peers.iter().chain(&self.subjects).any(|known| known == lane) {
            self.peers.push(lane.to_owned());
        }
    }

    fn keep(&mut self, entry: Entry) {
        if self.first.len() < KEPT_FIRST {
            self.first.push(entry);
            return;
        }
        self.last.push_back(entry);
        if self.last.len() > KEPT_LAST {
            self.last.pop_front();
            self.skipped += 1;
        }
    }

    fn replace_last(&mut self, entry: Entry) {
        if let Some(last) = self.last.back_mut().or(self.first.last_mut()) {
            *last = entry;
        }
    }

    /// The first and the last entries, and how many lie between.
    pub fn folded(&self, first: usize, last: usize) -> (Vec<&Entry>, usize, Vec<&Entry>) {
        let all: Vec<&Entry> = self.first.iter().chain(&self.last).collect();
        if self.skipped == 0 && all.len() <= first + last + 1 {
            return (all, 0, Vec::new());
        }
        let first = first.min(self.first.len());
        let tail = all.len().saturating_sub(last).max(first);
        let between = self.skipped + tail - first;
        (all[..first].to_vec(), between, all[tail..].to_vec())
    }
}
