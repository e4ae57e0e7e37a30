//! Draws a transcript as a message sequence chart in text: time runs down, one column per party, at most 78 characters wide.
//!
//! With more parties than fit, each line names them instead (`client 7 → ex01 server`).

use crate::transcript::{Entry, Recording, What};

const WIDTH: usize = 78;
/// A long recording is folded to its beginning and its end.
const FIRST: usize = 12;
const LAST: usize = 20;
/// Where the first column stands: after the time.
const LEFT: usize = 9;
const MOST_LANES: usize = 4;
/// A remark is wrapped to at most so many lines.
const MOST_LINES: usize = 3;

/// How the time column is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Seconds,
    /// `T` everywhere: for snapshots.
    Hidden,
}

/// The chart, one line after the other, each ended by a newline. Empty when nothing happened.
pub(crate) fn draw(recording: &Recording, times: Times) -> String {
    let (first, between, last) = recording.folded(FIRST, LAST);
    let chart = Chart::of(recording, &first, &last, times);
    let mut lines = chart.head();
    lines.extend(first.iter().flat_map(|entry| chart.entry(entry)));
    if between > 0 {
        lines.push(format!("{:LEFT$}… {between} more …", ""));
    }
    lines.extend(last.iter().flat_map(|entry| chart.entry(entry)));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

struct Chart {
    /// Names of the columns; none of them when there are too many.
    lanes: Vec<String>,
    gap: usize,
    times: Times,
}

impl Chart {
    fn of(recording: &Recording, first: &[&Entry], last: &[&Entry], times: Times) -> Chart {
        let shown: Vec<&Entry> = first.iter().chain(last).copied().collect();
        let mut lanes: Vec<String> = recording.peers.iter().chain(&recording.subjects).cloned().collect();
        lanes.retain(|lane| shown.iter().any(|entry| entry.touches(lane)));
        if lanes.len() > MOST_LANES {
            lanes.clear();
        }
        let gap = match lanes.len() {
            0..=1 => 40,
            2 => 20,
            3 => 16,
            _ => 13,
        };
        Chart { lanes, gap, times }
    }

    fn head(&self) -> Vec<String> {
        let mut line = format!("{:<LEFT$}", "time");
        for lane in &self.lanes {
            line += &format!("{:<gap$}", shortened(lane, self.gap - 2), gap = self.gap);
        }
        if self.lanes.is_empty() { vec![] } else { vec![line] }
    }

    fn entry(&self, entry: &Entry) -> Vec<String> {
        let time = match self.times {
            Times::Seconds => format!("{:<LEFT$.3}", entry.at.as_secs_f64()),
            Times::Hidden => format!("{:<LEFT$}", "T"),
        };
        if self.lanes.is_empty() {
            return with_remark(&format!("{time}{}", flat_start(entry)), "        ", &flat_remark(entry));
        }
        let (row, remark) = match &entry.what {
            What::Note(text) => (self.note(&entry.lane), text.clone()),
            What::Message { to, label, data } => (self.arrow(&entry.lane, to, label), data.clone()),
        };
        let blank = format!("{:LEFT$}{}", "", self.row());
        with_remark(&format!("{time}{row}"), &blank, &remark)
    }

    /// A line down for each party.
    fn row(&self) -> String {
        let mut row = vec![' '; self.end()];
        for at in 0..self.lanes.len() {
            row[at * self.gap] = '│';
        }
        row.into_iter().collect()
    }

    fn note(&self, lane: &str) -> String {
        if lane.is_empty() {
            return self.row();
        }
        let at = self.at(lane);
        self.row()
            .chars()
            .enumerate()
            .map(|(i, c)| if i == at { '●' } else { c })
            .collect()
    }

    fn arrow(&self, from: &str, to: &str, label: &str) -> String {
        let (from, to) = (self.at(from), self.at(to));
        let mut row: Vec<char> = self.row().chars().collect();
        let (left, right) = (from.min(to) + 1, from.max(to));
        if right <= left {
            return self.note(label);
        }
        for cell in &mut row[left..right] {
            *cell = if *cell == '│' { '┼' } else { '─' };
        }
        let head = if from < to { right - 1 } else { left };
        row[head] = if from < to { '▶' } else { '◀' };
        // The label next to the sender's column: on a long arrow it never covers a party in between.
        let words: Vec<char> = format!(" {} ", shortened(label, self.gap - 5)).chars().collect();
        let start = if from < to { left + 1 } else { right - 1 - words.len() };
        row[start..start + words.len()].copy_from_slice(&words);
        row.into_iter().collect()
    }

    fn at(&self, lane: &str) -> usize {
        self.lanes.iter().position(|l| l == lane).unwrap_or(0) * self.gap
    }

    fn end(&self) -> usize {
        (self.lanes.len().saturating_sub(1)) * self.gap + 1
    }
}

impl Entry {
    fn touches(&self, lane: &str) -> bool {
        self.lane == lane || matches!(&self.what, What::Message { to, .. } if to == lane)
    }
}

fn flat_start(entry: &Entry) -> String {
    match &entry.what {
        What::Note(_) => entry.lane.clone(),
        What::Message { to, label, .. } => format!("{} → {to}: {label}", entry.lane),
    }
}

fn flat_remark(entry: &Entry) -> String {
    match &entry.what {
        What::Note(text) => text.clone(),
        What::Message { data, .. } => data.clone(),
    }
}

/// Puts a remark to the right of a row, over several lines when it is long.
fn with_remark(row: &str, blank: &str, remark: &str) -> Vec<String> {
    let start = row.chars().count() + 2;
    let pieces = wrapped(remark, WIDTH.saturating_sub(start).max(16), MOST_LINES);
    let below = format!("{blank:<width$}", width = row.chars().count());
    let rows = std::iter::once(row).chain(std::iter::repeat(below.as_str()));
    if pieces.is_empty() {
        return vec![row.to_owned()];
    }
    rows.zip(pieces).map(|(row, piece)| format!("{row}  {piece}")).collect()
}

/// Cuts text into lines of at most `width` characters, at spaces where there are any.
pub(crate) fn wrapped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_inclusive(' ') {
        let fits = |line: &String| line.chars().count() + word.trim_end().chars().count() <= width;
        match lines.last_mut() {
            Some(line) if fits(line) => line.push_str(word),
            _ => lines.extend(chunks(word, width)),
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        let last = lines.pop().unwrap_or_default();
        lines.push(shortened(&format!("{last}…{}", " ".repeat(width)), width));
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

fn chunks(word: &str, width: usize) -> Vec<String> {
    word.chars()
        .collect::<Vec<_>>()
        .chunks(width)
        .map(|piece| piece.iter().collect())
        .collect()
}

fn shortened(text: &str, most: usize) -> String {
    if text.trim_end().chars().count() <= most {
        return text.trim_end().to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
