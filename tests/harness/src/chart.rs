//! Draws a recording as a message sequence chart in text: time runs down, one column per party.
//!
//! With more parties than fit, each line names them instead (`client 7 → ex01 server`).

use crate::recording::{Entry, Recording, What};

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Most characters in a line; below 60 nothing would fit.
    pub width: usize,
    /// The time column.
    pub times: Times,
    /// A longer recording is folded to so many entries at its beginning and at its end.
    pub most: (usize, usize),
}

/// How the time column is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Seconds since the beginning.
    Seconds,
    /// Milliseconds, for a conversation that does not wait for anything.
    Milliseconds,
    /// `T` everywhere: for snapshots.
    Hidden,
}

/// As it stands in a report.
pub(crate) const IN_REPORT: Style = Style {
    width: 78,
    times: Times::Seconds,
    most: (12, 20),
};
/// Where the first column stands: after the time.
const LEFT: usize = 9;
/// Columns that stand too close have no room for the words on their arrows, and remarks need some at the right.
const NARROWEST: usize = 13;
const FOR_REMARKS: usize = 30;
/// A remark of any length is wrapped to at most so many lines. Calls are of a bounded length and stand in full.
const MOST_LINES: usize = 3;

/// The chart, one line after the other, each ended by a newline. Empty when nothing happened.
pub fn draw(recording: &Recording, style: Style) -> String {
    let recording = recording.clone().shortened(style.most.0, style.most.1);
    let chart = Chart::of(&recording, style);
    let mut lines = chart.head();
    lines.extend(recording.entries.iter().flat_map(|entry| chart.entry(entry)));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Our own words, cut into lines of at most so many characters.
pub fn paragraph(text: &str, width: usize) -> String {
    wrapped(text, width, usize::MAX).join("\n")
}

struct Chart {
    /// Names of the columns; none of them when there are too many.
    lanes: Vec<String>,
    gap: usize,
    style: Style,
}

impl Chart {
    fn of(recording: &Recording, style: Style) -> Chart {
        let all = recording.lanes.iter().map(|lane| lane.name.clone());
        let mut lanes: Vec<String> = all
            .filter(|lane| recording.entries.iter().any(|entry| entry.touches(lane)))
            .collect();
        let room = style.width.saturating_sub(LEFT + FOR_REMARKS);
        if lanes.len() > room / NARROWEST + 1 {
            lanes.clear();
        }
        let gap = match lanes.len() {
            0..=1 => 40,
            2 => 20,
            3 => 16,
            _ => NARROWEST,
        };
        let gap = match lanes.len() {
            many @ 2.. => gap.min(room / (many - 1)) + style.width.saturating_sub(IN_REPORT.width) / (many + 2),
            _ => gap,
        };
        Chart { lanes, gap, style }
    }

    fn head(&self) -> Vec<String> {
        let unit = if self.style.times == Times::Milliseconds {
            "ms"
        } else {
            "time"
        };
        let mut line = format!("{unit:<LEFT$}");
        for lane in &self.lanes {
            line += &format!("{:<gap$}", shortened(lane, self.gap - 2), gap = self.gap);
        }
        if self.lanes.is_empty() { vec![] } else { vec![line] }
    }

    fn entry(&self, entry: &Entry) -> Vec<String> {
        let time = match self.style.times {
            Times::Seconds => format!("{:<LEFT$.3}", entry.at.as_secs_f64()),
            Times::Milliseconds => format!("{:<LEFT$.2}", entry.at.as_secs_f64() * 1000.0),
            Times::Hidden => format!("{:<LEFT$}", "T"),
        };
        let most = match entry.what {
            What::Call { .. } => usize::MAX,
            What::Gap(_) => return vec![format!("{:LEFT$}{}", "", entry.remark())],
            _ => MOST_LINES,
        };
        if self.lanes.is_empty() {
            let row = format!("{time}{}", flat_start(entry));
            return self.with_remark(&row, "        ", &entry.remark(), most);
        }
        let row = match entry.to() {
            Some(to) => self.arrow(&entry.lane, to, entry.label()),
            None => self.mark(&entry.lane, if entry.is_faulty() { '◆' } else { '●' }),
        };
        let blank = format!("{:LEFT$}{}", "", self.row());
        self.with_remark(&format!("{time}{row}"), &blank, &entry.remark(), most)
    }

    /// Puts a remark to the right of a row, over several lines when it is long.
    fn with_remark(&self, row: &str, blank: &str, remark: &str, most: usize) -> Vec<String> {
        let start = row.chars().count() + 2;
        // A result belongs to its call.
        let joined = remark.replace(") = ", ")\u{a0}=\u{a0}");
        let pieces = wrapped(&joined, self.style.width.saturating_sub(start).max(16), most);
        let pieces: Vec<String> = pieces.iter().map(|piece| piece.replace('\u{a0}', " ")).collect();
        let below = format!("{blank:<width$}", width = row.chars().count());
        let rows = std::iter::once(row).chain(std::iter::repeat(below.as_str()));
        if pieces.is_empty() {
            return vec![row.to_owned()];
        }
        rows.zip(pieces).map(|(row, piece)| format!("{row}  {piece}")).collect()
    }

    /// A line down for each party.
    fn row(&self) -> String {
        let mut row = vec![' '; self.end()];
        for at in 0..self.lanes.len() {
            row[at * self.gap] = '│';
        }
        row.into_iter().collect()
    }

    fn mark(&self, lane: &str, mark: char) -> String {
        if lane.is_empty() {
            return self.row();
        }
        let at = self.at(lane);
        self.row()
            .chars()
            .enumerate()
            .map(|(i, c)| if i == at { mark } else { c })
            .collect()
    }

    fn arrow(&self, from: &str, to: &str, label: &str) -> String {
        let (from, to) = (self.at(from), self.at(to));
        let mut row: Vec<char> = self.row().chars().collect();
        let (left, right) = (from.min(to) + 1, from.max(to));
        if right <= left {
            return self.mark(label, '●');
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

fn flat_start(entry: &Entry) -> String {
    match entry.to() {
        None => entry.lane.clone(),
        Some(to) => format!("{} → {to}: {}", entry.lane, entry.label()),
    }
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
