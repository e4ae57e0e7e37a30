//! What `grader watch` shows: the check to begin with on top, the list below it, or a page that was asked for. Text in, lines out.

use crossterm::style::{StyledContent, Stylize};
use harness::words;

use crate::course::Exercise;
use crate::grade::{Build, Grade};
use crate::report::text;
use crate::terminal::Line;

/// What there is to see.
#[derive(Debug, Default)]
pub struct View {
    /// The newest grade, as far as it is known.
    pub grade: Option<Grade>,
    /// What goes on, e.g. `running p3`.
    pub doing: String,
    /// A page that was asked for, above everything else: title and text.
    pub page: Option<(String, String)>,
    /// A question or a remark in the last line but one.
    pub notice: String,
    /// What is said below a report with all points.
    pub well_done: String,
    /// First line of the body that is shown.
    pub top: usize,
}

/// What the keys do, in as many words as fit.
const KEYS: [&str; 3] = [
    "h hint  t trace  b book  l list  n next  r reset  Enter again  ↑↓ scroll  q quit",
    "h hint  t trace  b book  n next  q quit",
    "h t b l n r  q quit",
];

impl View {
    /// The text of the body: a page, or how the checks ended.
    pub fn body(&self) -> String {
        match (&self.page, &self.grade) {
            (Some((title, text)), _) => format!("{title}\n\n{text}"),
            (None, Some(grade)) => self.checks(grade),
            (None, None) => String::new(),
        }
    }

    fn checks(&self, grade: &Grade) -> String {
        let Build::Built { .. } = grade.build else {
            return text::own_exercise(grade);
        };
        let first = text::first_to_fix(grade);
        let list = text::own_exercise(&Grade {
            diagnoses: Vec::new(),
            ..grade.clone()
        });
        // The list only: its text ends where the first failure begins.
        let list: Vec<&str> = list.lines().skip(1).take(grade.checks.len()).collect();
        let first = first.trim_start_matches('\n');
        let gap = if first.is_empty() { "" } else { "\n" };
        format!("{first}{gap}{}\n{}", list.join("\n"), self.well_done)
    }

    /// The whole screen.
    pub fn lines(&mut self, exercise: &Exercise, columns: usize, rows: usize) -> Vec<Line> {
        let body = fitted(&self.body(), columns);
        let room = rows.saturating_sub(5).max(1);
        self.top = self.top.min(body.len().saturating_sub(room));
        let more = body.len().saturating_sub(self.top + room);
        let mut lines = vec![
            Line::from(self.heading(exercise, columns).bold()),
            Line::plain(self.doing.clone()),
            Line::from("─".repeat(columns).dim()),
        ];
        lines.extend(body.iter().skip(self.top).take(room).map(|line| styled(line)));
        lines.resize_with(3 + room, Line::default);
        lines.push(match (self.notice.as_str(), more) {
            ("", 0) => Line::from("─".repeat(columns).dim()),
            ("", more) => Line::from(format!("── {more} more lines: ↓ ").dim()),
            (notice, 0) => Line::from(notice.to_string().yellow()),
            (notice, more) => Line::from(format!("{more} more lines: ↓  {notice}").yellow()),
        });
        let fits = |keys: &&&str| keys.chars().count() <= columns;
        let keys = KEYS.iter().find(fits).unwrap_or(&KEYS[KEYS.len() - 1]);
        lines.push(Line::from((*keys).to_string().dim()));
        lines
    }

    fn heading(&self, exercise: &Exercise, columns: usize) -> String {
        let left = format!("{}  {}", exercise.name, exercise.rubric.title);
        let right = match &self.grade {
            Some(grade) => format!("{} of {} points", grade.points(), points_of(exercise)),
            None => String::new(),
        };
        // The title gives way: the points can always be read.
        let room = columns.saturating_sub(right.chars().count() + 2);
        let left = match left.chars().count() > room {
            true => left.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
            false => left,
        };
        let gap = columns.saturating_sub(left.chars().count() + right.chars().count());
        format!("{left}{}{right}", " ".repeat(gap))
    }
}

/// What can be earned here, also before every check has run.
fn points_of(exercise: &Exercise) -> u32 {
    exercise.available_checks().iter().map(|check| check.points).sum()
}

/// Lines that fit; what is too long goes on below, indented like its beginning. A line of a chart is cut by the screen's edge.
fn fitted(text: &str, columns: usize) -> Vec<String> {
    let mut fitted = Vec::new();
    for line in text.lines() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let is_chart = line.contains(['│', '●', '─']);
        if line.chars().count() <= columns || is_chart || indent.len() * 2 > columns {
            fitted.push(line.to_string());
        } else {
            let pieces = words::wrapped(line, columns - indent.len());
            fitted.extend(pieces.iter().map(|piece| format!("{indent}{piece}")));
        }
    }
    fitted
}

fn styled(line: &str) -> Line {
    let begins = |sign: &str| line.trim_start().starts_with(sign);
    let text = line.to_string();
    let styled: StyledContent<String> = match () {
        () if begins("✔") => text.green(),
        () if begins("✘") => text.red(),
        () if begins("First to fix") || begins("Next to write") || begins("This looks like") => text.bold(),
        () if begins("Expected") => text.green(),
        () if begins("Received") => text.red(),
        () => return Line::plain(text),
    };
    Line::from(styled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below_and_charts_are_left_alone() {
        let fitted = fitted("  one two three\n  │ a chart that is long\nshort", 10);
        assert_eq!(fitted, ["  one two", "  three", "  │ a chart that is long", "short"]);
    }
}
