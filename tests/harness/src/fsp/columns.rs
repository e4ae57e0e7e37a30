//! A conversation as it should have gone and as it went, side by side.

/// One line of a conversation, as it should have been and as it was; an empty text where there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub expected: String,
    pub received: String,
    /// Whether the two say the same.
    pub same: bool,
}

/// Of each column, so many characters are shown: two of them and what is between fit into a report.
const WIDTH: usize = 36;

impl Line {
    /// What the test itself sent.
    pub fn sent(expected: &str, received: &str) -> Line {
        Line {
            expected: format!("> {expected}"),
            received: format!("> {received}"),
            same: true,
        }
    }
}

/// The columns, with a mark at each line that differs and a blank line at the end.
pub(super) fn drawn(lines: &[Line]) -> String {
    let heading = row(' ', "expected", "received");
    let rows = lines
        .iter()
        .map(|line| row(if line.same { ' ' } else { '✗' }, &line.expected, &line.received));
    let rule = format!("  {:-<WIDTH$} {:-<WIDTH$}", "", "");
    std::iter::once(heading)
        .chain([rule])
        .chain(rows)
        .chain([String::new()])
        .map(|row| row.trim_end().to_owned() + "\n")
        .collect()
}

fn row(mark: char, left: &str, right: &str) -> String {
    format!("{mark} {:<WIDTH$} {}", cut(left), cut(right))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        None => text.to_owned(),
        Some(_) => text.chars().take(WIDTH - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_columns_and_a_mark_where_they_part() {
        let reply = |expected: &str, received: &str| Line {
            expected: expected.to_owned(),
            received: received.to_owned(),
            same: expected == received,
        };
        let lines = [
            Line::sent("2 READ 32 200", "2 READ 32 200"),
            reply("< 2 OK 200  0000000..0000192", "< 2 OK 200  0000200..0000392"),
            reply("(silence)", &"<".repeat(40)),
        ];
        let expected = "  expected                             received\n  \
                        ------------------------------------ ------------------------------------\n  \
                        > 2 READ 32 200                      > 2 READ 32 200\n\
                        ✗ < 2 OK 200  0000000..0000192         < 2 OK 200  0000200..0000392\n\
                        ✗ (silence)                            <<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<…\n\n";
        assert_eq!(drawn(&lines), expected);
    }
}
