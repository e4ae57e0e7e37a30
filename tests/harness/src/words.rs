//! How a failed check is put into words, for `cargo test` and for the grader's reports alike: the same labels, in the same order.
//!
//! Nothing here makes text safe to show: what a program wrote is cleaned by whoever passes it.

use crate::{clue, evidence::Failure};

/// Columns of a text report. Charts and programs' output may be wider; they are not wrapped.
pub const WIDTH: usize = 80;

/// What is said of a check whose undisturbed session failed already.
pub const NOT_RUN_CONTROL: &str =
    "Not run: this check repeats an ordinary session under worse conditions, and the ordinary one went wrong.";

/// Stands for a space at which [`paragraph`] does not break the line.
pub const FIXED_SPACE: char = '\u{a0}';

/// A test's name as a sentence: `prints_the_real_port` reads "prints the real port".
pub fn sentence(name: &str) -> String {
    name.replace('_', " ")
}

/// Two texts in one line, at its two ends; no newline.
pub fn at_both_ends(left: &str, right: &str) -> String {
    let gap = WIDTH
        .saturating_sub(left.chars().count() + right.chars().count())
        .max(2);
    format!("{left}{}{right}", " ".repeat(gap)).trim_end().to_owned()
}

/// One check in a list: how it ended, id (in a column of `ids` characters), name, and points or why there are none.
pub fn check_line(sign: char, id: &str, ids: usize, name: &str, right: &str) -> String {
    let left = format!("  {sign} {id:<ids$}  {}", sentence(name));
    at_both_ends(&left, right) + "\n"
}

/// The known misconceptions that explain what was lost: none, one, or two.
pub fn looks_like(sentences: &[String]) -> String {
    match sentences {
        [] => String::new(),
        [one] => format!("\n  This looks like a mistake that we know\n{}", paragraph("    ", one)),
        several => {
            let several = several
                .iter()
                .map(|one| paragraph("    - ", one).replace("\n    - ", "\n      "));
            format!(
                "\n  This looks like one of two mistakes that we know\n{}",
                several.collect::<String>()
            )
        }
    }
}

/// What stands above the check to begin with: something to repair, or something not written yet.
pub fn begin_with(failure: &Failure) -> &'static str {
    match is_unfinished(&failure.received) {
        true => "Next to write",
        false => "First to fix",
    }
}

/// Whether the program ran into a `todo!()`: it is not wrong, only not finished.
pub fn is_unfinished(received: &str) -> bool {
    received.contains("it reached the todo!()")
}

/// What went wrong in full: the step, the conversation, and what the program said meanwhile.
pub fn in_full(failure: &Failure) -> String {
    let (clue, received) = clue::taken_out(&failure.received);
    let mut text = clue.map_or_else(String::new, |clue| paragraph("    ", &clue) + "\n");
    text += &field("While", &failure.doing);
    text += &field("Expected", &failure.expected);
    text += &field("Received", &received);
    if !failure.chart.trim().is_empty() {
        let chart = indented("      ", failure.chart.trim_matches('\n'));
        text += &format!("\n    What happened\n{chart}");
    }
    if !failure.stderr.trim().is_empty() {
        text += &format!(
            "\n    What the program wrote to its standard error\n{}",
            quoted(&failure.stderr)
        );
    }
    text
}

/// The concept, the rubric's sentence, and where to read.
pub fn advice(concept: &str, feedback: &str, book: &str) -> String {
    let book = match book {
        "" => String::new(),
        book => format!("book/src/{book}"),
    };
    field("About", concept) + &field("Think", feedback) + &field("Read", &book)
}

/// Why a check was not run whose undisturbed session failed already.
pub fn not_run(fix_first: &str) -> String {
    paragraph(
        "    ",
        &format!("{NOT_RUN_CONTROL} Fix first: {}.", sentence(fix_first)),
    )
}

/// The same in one line, for what comes after the first failure.
pub fn not_run_in_short(fix_first: &str) -> String {
    format!("not run; fix “{}” first", sentence(fix_first))
}

/// What went wrong, in one line.
pub fn in_short(failure: &Failure) -> String {
    let short = |text: &str| {
        let line = text
            .split(['\n', '\t'])
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join(" ");
        match line.char_indices().nth(100) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None => line,
        }
    };
    if let (Some(clue), _) = clue::taken_out(&failure.received) {
        return clue;
    }
    let (expected, received) = (short(&failure.expected), short(&failure.received));
    format!("expected {expected}; received {received}")
}

/// A lost check in one line or two.
pub fn then(id: &str, name: &str, why: &str) -> String {
    let mut lines = wrapped(&format!("{id} {}: {why}", sentence(name)), WIDTH - 6).into_iter();
    let first = lines.next().unwrap_or_default();
    let more: String = lines.map(|line| format!("      {line}\n")).collect();
    format!("    {first}\n{more}")
}

/// Checks that were lost in the same way as the first; nothing when there are none.
pub fn the_same(ids: &[&str]) -> String {
    match ids {
        [] => String::new(),
        [one] => paragraph("    ", &format!("{one} ended in the same way.")),
        several => paragraph("    ", &format!("{} ended in the same way.", several.join(", "))),
    }
}

/// Whether two checks were lost to the same thing, as far as a reader can tell.
pub fn is_the_same(one: &Failure, other: &Failure) -> bool {
    (&one.expected, &one.received) == (&other.expected, &other.received)
}

/// `    Expected  end of stream`, wrapped below itself. Lines that are short enough stay as they are.
pub fn field(name: &str, value: &str) -> String {
    let room = WIDTH - 14;
    let fitting = |line: &str| match line.chars().count() <= room {
        true => vec![line.to_string()],
        false => wrapped(line, room).iter().flat_map(|line| cut(line, room)).collect(),
    };
    let mut text = String::new();
    let lines: Vec<String> = value.trim_end().lines().flat_map(fitting).collect();
    for (at, line) in lines.iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        text += format!("    {name:<8}  {line}").trim_end();
        text.push('\n');
    }
    text
}

/// Pieces of at most `room` characters: a quotation may be one long word.
fn cut(line: &str, room: usize) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    match characters.is_empty() {
        true => vec![String::new()],
        false => characters.chunks(room).map(String::from_iter).collect(),
    }
}

/// Text of a program, with a bar in front of every line: whatever it says, it is a quotation.
pub fn quoted(text: &str) -> String {
    indented("    │ ", text.trim_matches('\n'))
}

fn indented(by: &str, text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", format!("{by}{line}").trim_end()))
        .collect()
}

/// One paragraph, wrapped and indented.
pub fn paragraph(indent: &str, text: &str) -> String {
    wrapped(text, WIDTH - indent.chars().count())
        .iter()
        .map(|line| format!("{indent}{}\n", line.replace(FIXED_SPACE, " ")))
        .collect()
}

/// Words in lines of at most `width` characters; a longer word has a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}
