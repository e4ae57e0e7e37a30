//! A recording as an SVG: a figure for the book or a report. Light and dark by the reader's preference, no script, no font from elsewhere.
//!
//! Time runs down. Words stand to the right of their lane's line, so a lane that only sends and receives needs little room. All words come from programs under test, so all of them are escaped.

pub(crate) mod page;
mod words;

use harness::recording::{Entry, Recording, Turn, What};

use page::Page;
use words::{Span, width, wrap};

/// The width of the book's text, in pixels; wider only when there are too many lanes.
const WIDTH: f64 = 720.0;
/// Where the columns begin: to the left stand the times.
const LEFT: f64 = 62.0;
const MARGIN: f64 = 14.0;
/// What a lane with remarks gets at least for them, if they are that long.
const FOR_REMARKS: f64 = 240.0;
/// What is no call may be wrapped into lines of so many characters.
const READABLE: usize = 30;
/// More than this between two lines looks empty.
const ROOMY: f64 = 170.0;
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
            page.spans("", MARGIN, y + 14.0, &line);
        }
    }
    columns.lines(&mut page, end);
    page.finish(y + 32.0, title, &description(recording))
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
        let names: Vec<String> = lanes.iter().map(|lane| lane.name.clone()).collect();
        let steps = steps(recording, &names);
        let mut x = LEFT + names.first().map_or(0.0, |name| head_width(name) / 2.0);
        let (mut at, mut right) = (Vec::new(), Vec::new());
        for step in steps {
            at.push(x);
            x += step;
            right.push(x - 10.0);
        }
        Columns {
            names,
            subject: lanes.iter().map(|lane| lane.subject).collect(),
            at,
            right,
            width: x.max(WIDTH),
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
            page.text(
                "soft mono tiny end",
                LEFT - 14.0,
                baseline,
                &format!("{ms:.0$}", if ms < 1000.0 { 2 } else { 0 }),
            );
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
        let room = self.right[lane] - x - APART - shift;
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
            let span = (end - start).abs() - 2.0 * APART + 2.0;
            let lines = wrap(&words::spans(entry), (span / width(1)) as usize);
            let (side, x) = if right {
                ("", start + APART)
            } else {
                ("end", start - APART)
            };
            for (number, line) in lines.iter().enumerate() {
                page.spans(side, x, y + 13.0 + number as f64 * LINE, line);
            }
            line_at = y + lines.len() as f64 * LINE + 2.0;
        } else if right {
            page.text("halo ink small", start + 10.0, y + 13.0, entry.label());
        } else {
            page.text("halo ink small end", start - 10.0, y + 13.0, entry.label());
        }
        let tip = if right { end - 2.0 } else { end + 2.0 };
        page.arrow(entry.is_faulty(), start, tip, line_at);
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
            page.spans("", x, y + number as f64 * LINE, line);
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

/// From each lane's line to the next, from the last one's to the margin: what the words in between need, as far as there is room.
fn steps(recording: &Recording, names: &[String]) -> Vec<f64> {
    let heads: Vec<f64> = names.iter().map(|name| head_width(name)).collect();
    let least = |lane: usize| match heads.get(lane + 1) {
        Some(next) => (heads[lane] + next) / 2.0 + 12.0,
        None => heads[lane] / 2.0 + MARGIN,
    };
    let mut steps: Vec<f64> = (0..names.len()).map(least).collect();
    let wanted: Vec<f64> = (0..names.len())
        .map(|lane| words_beside(recording, names, lane))
        .collect();
    let room = (WIDTH - LEFT - heads.first().map_or(0.0, |head| head / 2.0)).max(steps.iter().sum());
    let lacks = |steps: &[f64]| -> Vec<f64> {
        steps
            .iter()
            .zip(&wanted)
            .map(|(has, want)| (want - has).max(0.0))
            .collect()
    };
    let lacking = lacks(&steps);
    let all: f64 = lacking.iter().sum();
    let spare = room - steps.iter().sum::<f64>();
    // Where not all can have what they want, each gets the same share of it, but not less than is readable.
    let share = if all > 0.0 { (spare / all).min(1.0) } else { 0.0 };
    for (lane, step) in steps.iter_mut().enumerate() {
        let enough = wanted[lane].min(FOR_REMARKS);
        *step = (*step + lacking[lane] * share).max(enough);
    }
    // What is left over sets the lines apart.
    let gaps = names.len().saturating_sub(1);
    let spare = (room - steps.iter().sum::<f64>()).max(0.0);
    for step in steps.iter_mut().take(gaps) {
        *step += (spare / gaps as f64).min((ROOMY - *step).max(0.0));
    }
    steps
}

/// What the longest words between a lane's line and the next need, in pixels.
fn words_beside(recording: &Recording, names: &[String], lane: usize) -> f64 {
    let name = &names[lane];
    let between = |entry: &&Entry| match entry.to() {
        None => entry.lane == *name,
        // A call's words stand over its arrow, a message's to the right of both ends.
        Some(to) if entry.is_call() => names.iter().position(|n| n == to || *n == entry.lane) == Some(lane),
        Some(to) => names.iter().rposition(|n| n == to || *n == entry.lane) == Some(lane),
    };
    let words = |entry: &Entry| {
        let all = words::spans(entry).iter().map(|span| span.text.chars().count()).sum();
        // Calls are hard to read in two lines, the rest is not.
        if entry.is_call() { all } else { READABLE.min(all) }
    };
    let longest = recording.entries.iter().filter(between).map(words).max().unwrap_or(0);
    if longest == 0 {
        0.0
    } else {
        width(longest) + 2.0 * APART + 2.0
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
