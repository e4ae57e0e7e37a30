//! Words in a figure: coloured by what they say, cut into lines that fit.

use harness::recording::{Entry, Turn, What};

/// Width of so many characters, in pixels: the font is monospaced, and common ones have 0.6 em.
pub fn width(characters: usize) -> f64 {
    characters as f64 * 7.25
}

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub class: &'static str,
    pub text: String,
}

impl Span {
    pub fn new(class: &'static str, text: &str) -> Span {
        Span {
            class,
            text: text.to_owned(),
        }
    }
}

/// What stands beside an entry.
pub fn spans(entry: &Entry) -> Vec<Span> {
    let mut spans = match &entry.what {
        What::Note(text) => note(text),
        What::Message { data, .. } => vec![Span::new("soft mono", data)],
        What::Call { text, fault, .. } => call(text, fault),
        What::Gap(_) => vec![Span::new("soft", &entry.remark())],
    };
    if entry.times > 1 && matches!(entry.turn, Turn::Alone | Turn::Last) {
        spans.push(Span::new("blueink mono bold", &format!("  ×{}", entry.times)));
    }
    spans.retain(|span| !span.text.is_empty());
    spans
}

/// Our own words in the text's font, what a program printed in that of programs.
fn note(text: &str) -> Vec<Span> {
    if text.starts_with('✗') {
        return vec![Span::new("redink small", text)];
    }
    match text.find(['"', ':']).map(|at| text.split_at(at)) {
        Some((words, printed)) if printed.starts_with('"') => {
            vec![Span::new("soft small", words), Span::new("ink mono", printed)]
        }
        Some((words, rest)) => vec![
            Span::new("soft small", words),
            Span::new("soft small", ":"),
            Span::new("ink mono", &rest[1..]),
        ],
        None => vec![Span::new("soft small", text)],
    }
}

/// The name stands out, and so does an error.
fn call(text: &str, fault: &str) -> Vec<Span> {
    let (before, rest) = text.split_at(text.find('(').unwrap_or(0));
    let (who, name) = before.rsplit_once(' ').map_or(("", before), |(who, name)| (who, name));
    let (arguments, answer) = rest.split_at(rest.rfind(") = ").map_or(rest.len(), |at| at + 1));
    let failed = answer.starts_with(" = E");
    let mut spans = vec![
        Span::new("soft mono", who),
        Span::new("soft mono", if who.is_empty() { "" } else { " " }),
        Span::new("blueink mono bold", name),
        Span::new("ink mono", arguments),
        // An answer belongs to its call, also where a line ends.
        Span::new(
            if failed { "redink mono" } else { "ink mono" },
            &answer.replacen(" = ", "\u{a0}=\u{a0}", 1),
        ),
    ];
    if !fault.is_empty() {
        spans.push(Span::new("redink mono", &format!(" [{fault}]")));
    }
    spans
}

/// Lines of at most `room` characters, cut at spaces where there are any.
pub fn wrap(spans: &[Span], room: usize) -> Vec<Vec<Span>> {
    let room = room.max(12);
    let mut lines: Vec<Vec<Span>> = vec![Vec::new()];
    let mut used = 0;
    for span in spans {
        for word in span.text.split_inclusive(' ') {
            let mut rest: Vec<char> = word.chars().collect();
            while !rest.is_empty() {
                let visible = rest.iter().rposition(|c| *c != ' ').map_or(0, |at| at + 1);
                let breaks = used > 0 && used + visible > room && (used > room / 2 || visible <= room);
                if breaks {
                    lines.push(Vec::new());
                    used = 0;
                }
                let taken: String = rest.drain(..rest.len().min(room - used.min(room - 1))).collect();
                used += taken.chars().count();
                push(lines.last_mut(), span.class, &taken);
                if !rest.is_empty() {
                    lines.push(Vec::new());
                    used = 0;
                }
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    for first in lines.iter_mut().skip(1).filter_map(|line| line.first_mut()) {
        first.text = first.text.trim_start_matches([' ', '\u{a0}']).to_owned();
    }
    for last in lines.iter_mut().filter_map(|line| line.last_mut()) {
        last.text.truncate(last.text.trim_end_matches(' ').len());
    }
    lines
}

fn push(line: Option<&mut Vec<Span>>, class: &'static str, text: &str) {
    let Some(line) = line else { return };
    match line.last_mut().filter(|last| last.class == class) {
        Some(last) => last.text.push_str(text),
        None => line.push(Span::new(class, text)),
    }
}

/// At most so many characters.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{Span, call, wrap};

    fn plain(lines: &[Vec<Span>]) -> Vec<String> {
        let text = |line: &Vec<Span>| line.iter().map(|span| span.text.as_str()).collect();
        lines.iter().map(text).collect()
    }

    #[test]
    fn lines_are_cut_at_spaces_and_long_words_anywhere() {
        let spans = [Span::new("a", "one two three"), Span::new("b", " four")];
        assert_eq!(plain(&wrap(&spans, 12)), ["one two", "three four"]);
        let long = [Span::new("a", "0123456789abcdefghij")];
        assert_eq!(plain(&wrap(&long, 12)), ["0123456789ab", "cdefghij"]);
        assert!(wrap(&[], 12).is_empty());
    }

    #[test]
    fn an_error_is_its_own_piece() {
        let texts: Vec<String> = call("child 1: bind(3, \"/a) = b\") = EACCES", "")
            .into_iter()
            .map(|s| s.text)
            .collect();
        assert_eq!(
            texts,
            ["child 1:", " ", "bind", "(3, \"/a) = b\")", "\u{a0}=\u{a0}EACCES"]
        );
    }
}
