//! A recording as an SVG: a figure for the book or a report. Light and dark by the reader's preference, no script, no font from elsewhere.
//!
//! Time runs down. A lane with remarks gets a wide column, with the words to the right of its line; one that only sends and receives gets a
//! narrow one. All words come from programs under test, so all of them are escaped.

mod page;
mod words;

use harness::recording::{Entry, Recording, Turn, What};

use page::Page;
use words::{Span, width, wrap};

/// The width of the book's text, in pixels; wider only when there are too many lanes.
const WIDTH: f64 = 720.0;
/// Where the columns begin: to the left stand the times.
const LEFT: f64 = 68.0;
const MARGIN: f64 = 14.0;
/// What a lane with remarks needs at least for them.
const FOR_REMARKS: f64 = 250.0;
/// Between a lane's line and its remarks.
const APART: f64 = 13.0;
/// From one line of words to the next.
const LINE: f64 = 17.0;
/// Between two entries.
const BETWEEN: f64 = 8.0;

/// The figure.
pub fn draw(recording: &Recording, title: &str, below: &[String]) -> String {
    let columns = Columns::of(recording);
    let mut page = Page::new(columns.width);
    page.text("ink title", MARGIN, 30.0, title);
    columns.head(&mut page);
    let mut y = 88.0;
    let mut group = None;
    for entry in &recording.entries {
        y = columns.entry(&mut page, entry, y, &mut group);
    }
    let end = y + 6.0;
    for words in below {
        let room = ((columns.width - 2.0 * MARGIN) / width(1)) as usize;
        for line in wrap(&[Span::new("small soft", words)], room) {
            y += LINE;
            page.spans(MARGIN, y + 14.0, &line);
        }
    }
    columns.lines(&mut page, end);
    page.finish(y + 24.0, title, &description(recording))
}

/// Where each lane stands.
struct Columns {
    names: Vec<String>,
    subject: Vec<bool>,
    /// The lane's line.
    at: Vec<f64>,
    /// The right end of what is its own.
    right: Vec<f64>,
    width: f64,
}

impl Columns {
    fn of(recording: &Recording) -> Columns {
        let lanes: Vec<_> = recording
            .lanes
            .iter()
            .filter(|lane| recording.entries.iter().any(|entry| entry.touches(&lane.name)))
            .collect();
        let speaks = |name: &str| {
            let speaks = |entry: &Entry| entry.lane == name && entry.to().is_none();
            recording.entries.iter().any(speaks)
        };
        let wide: Vec<bool> = lanes.iter().map(|lane| lane.subject || speaks(&lane.name)).collect();
        let heads: Vec<f64> = lanes.iter().map(|lane| head_width(&lane.name)).collect();
        let needed: f64 = heads.iter().map(|head| head + 12.0).sum::<f64>() + LEFT + MARGIN;
        let many = wide.iter().filter(|wide| **wide).count().max(1) as f64;
        // A head reaches to both sides of its line, and only its left half is lost to the remarks.
        let spare = (WIDTH - needed).max(many * (FOR_REMARKS - 60.0));
        let (mut x, mut at, mut right) = (LEFT, Vec::new(), Vec::new());
        for (head, wide) in heads.iter().zip(&wide) {
            at.push(x + head / 2.0 + 4.0);
            x += head + 12.0 + if *wide { spare / many } else { 0.0 };
            right.push(x);
        }
        Columns {
            names: lanes.iter().map(|lane| lane.name.clone()).collect(),
            subject: lanes.iter().map(|lane| lane.subject).collect(),
            at,
            right,
            width: (x + MARGIN).max(WIDTH),
        }
    }

    fn head(&self, page: &mut Page) {
        page.text("soft small end", LEFT - 14.0, 67.0, "ms");
        for (lane, name) in self.names.iter().enumerate() {
            let (class, head) = (if self.subject[lane] { "program" } else { "box" }, head_width(name));
            page.rect(class, self.at[lane] - head / 2.0, 46.0, head, 30.0);
            page.text("ink head middle", self.at[lane], 66.0, &words::cut(name, LONGEST_NAME));
        }
    }

    /// The lanes' own lines, under everything else.
    fn lines(&self, page: &mut Page, end: f64) {
        for at in &self.at {
            page.behind(&format!("<path class=\"life\" d=\"M{at:.1} 76 V{end:.1}\"/>"));
        }
    }

    /// Draws an entry below `y`; answers where the next one may begin. `group` is where the group that it belongs to began.
    fn entry(&self, page: &mut Page, entry: &Entry, y: f64, group: &mut Option<f64>) -> f64 {
        let lane = self.names.iter().position(|name| *name == entry.lane);
        let to = entry.to().and_then(|to| self.names.iter().position(|name| name == to));
        let (baseline, end) = match (lane, to, &entry.what) {
            (_, _, What::Gap(_)) | (None, ..) => self.aside(page, entry, y),
            (Some(lane), Some(to), _) if lane != to => self.arrow(page, entry, (lane, to), y),
            (Some(lane), ..) => self.remark(page, entry, lane, y),
        };
        if !matches!(entry.what, What::Gap(_)) {
            let ms = entry.at.as_secs_f64() * 1000.0;
            page.text("soft mono tiny end", LEFT - 14.0, baseline, &format!("{ms:.2}"));
        }
        if let Some(lane) = lane {
            bracket(page, entry, self.at[lane] + 8.0, (y, end), group);
        }
        end + BETWEEN
    }

    /// What concerns nobody alone.
    fn aside(&self, page: &mut Page, entry: &Entry, y: f64) -> (f64, f64) {
        page.text(
            "soft small",
            self.at.first().map_or(LEFT, |at| at + APART),
            y + 13.0,
            &entry.remark(),
        );
        (y + 13.0, y + LINE)
    }

    /// A mark on the lane's line, and words to its right.
    fn remark(&self, page: &mut Page, entry: &Entry, lane: usize, y: f64) -> (f64, f64) {
        let x = self.at[lane];
        let class = match &entry.what {
            What::Note(text) if text.starts_with('✗') => "wrong",
            What::Call { .. } => "call",
            _ => "note",
        };
        page.mark(if entry.is_faulty() { "fault" } else { class }, x, y + 9.0);
        let shift = if entry.turn == Turn::Alone { 0.0 } else { 6.0 };
        let room = self.right[lane] - x - APART - shift - 6.0;
        let end = self.paragraph(page, &words::spans(entry), x + APART + shift, y + 13.0, room);
        (y + 13.0, end)
    }

    /// An arrow, with words over it. What a message carried stands beside it, to the right of both lanes.
    fn arrow(&self, page: &mut Page, entry: &Entry, (from, to): (usize, usize), y: f64) -> (f64, f64) {
        let (start, end) = (self.at[from], self.at[to]);
        let right = to > from;
        let mut line_at = y + LINE + 2.0;
        if entry.is_call() {
            // The whole call, between the two lines.
            let span = (end - start).abs() - 2.0 * APART;
            let lines = wrap(&words::spans(entry), (span / width(1)) as usize);
            let x = start.min(end) + APART;
            for (number, line) in lines.iter().enumerate() {
                page.spans(x, y + 13.0 + number as f64 * LINE, line);
            }
            line_at = y + lines.len() as f64 * LINE + 2.0;
        } else if right {
            page.text("ink small", start + 10.0, y + 13.0, entry.label());
        } else {
            page.text("ink small end", start - 10.0, y + 13.0, entry.label());
        }
        let tip = if right { end - 2.0 } else { end + 2.0 };
        let class = if entry.is_faulty() { "arrow wronged" } else { "arrow" };
        page.arrow(class, start, tip, line_at);
        if entry.is_call() {
            page.mark(if entry.is_faulty() { "fault" } else { "call" }, start, line_at);
            return (line_at + 4.0, line_at + 6.0);
        }
        let beside = from.max(to);
        let (x, room) = (
            self.at[beside] + APART,
            self.right[beside] - self.at[beside] - APART - 6.0,
        );
        let below = self.paragraph(page, &words::spans(entry), x, line_at + 4.0, room);
        (line_at + 4.0, below.max(line_at + 6.0))
    }

    /// Words over as many lines as they need; answers where they end.
    fn paragraph(&self, page: &mut Page, spans: &[Span], x: f64, y: f64, room: f64) -> f64 {
        let lines = wrap(spans, (room / width(1)) as usize);
        for (number, line) in lines.iter().enumerate() {
            page.spans(x, y + number as f64 * LINE, line);
        }
        y + (lines.len().max(1) - 1) as f64 * LINE + 4.0
    }
}

/// A bracket to the left of entries that came in turn.
fn bracket(page: &mut Page, entry: &Entry, x: f64, (top, bottom): (f64, f64), group: &mut Option<f64>) {
    match entry.turn {
        Turn::First => *group = Some(top),
        Turn::Last => {
            if let Some(top) = group.take() {
                page.path("line", &format!("M{:.1} {top:.1} h-4 V{bottom:.1} h4", x + 4.0));
            }
        }
        Turn::Alone | Turn::Middle => {}
    }
}

/// A head's words are cut after so many characters.
const LONGEST_NAME: usize = 20;

fn head_width(name: &str) -> f64 {
    name.chars().count().min(LONGEST_NAME) as f64 * 7.6 + 20.0
}

/// The whole figure in words, for those who do not see it.
fn description(recording: &Recording) -> String {
    const MOST: usize = 60;
    let sentence = |entry: &Entry| match entry.to() {
        Some(to) => format!("{} to {to}: {} {}", entry.lane, entry.label(), entry.remark()),
        None => format!("{} {}", entry.lane, entry.remark()),
    };
    let mut sentences: Vec<String> = recording.entries.iter().take(MOST).map(sentence).collect();
    let rest = recording.entries.len().saturating_sub(MOST);
    if rest > 0 {
        sentences.push(format!("and {rest} more"));
    }
    let sentences: Vec<&str> = sentences.iter().map(|sentence| sentence.trim()).collect();
    format!("A sequence chart. {}.", sentences.join("; "))
}
