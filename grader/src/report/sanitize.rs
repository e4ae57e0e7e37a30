//! Text from programs and students, made fit to be shown: nothing in it moves a cursor, changes a colour, turns the
//! direction of a line around or fills a disk, and no path of this machine is left in it.

use std::path::Path;

/// Bytes that one text may have in a report.
pub const MAX_TEXT: usize = 64 * 1024;
/// How much of a longer text is shown from its end; the rest of the room goes to its beginning.
const TAIL: usize = 16 * 1024;

/// Text of several lines: escape sequences and control characters are gone, newline and tab stay, the length is capped.
pub fn text(raw: &str) -> String {
    let shortened = shorten(raw);
    let mut clean = String::with_capacity(shortened.len());
    let mut rest = shortened.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_to_final(&mut rest),
            '\n' | '\t' => clean.push(c),
            '\u{2028}' | '\u{2029}' => clean.push('\n'),
            _ if c.is_control() => {}
            _ if is_deceiving(c) => clean.push('\u{fffd}'),
            _ => clean.push(c),
        }
    }
    clean
}

/// The same on one line: newlines and tabs become spaces.
pub fn line(raw: &str) -> String {
    text(raw)
        .split(['\n', '\t'])
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Replaces each path where it stands as a whole path or as the beginning of one. Longer paths go first, so that a
/// folder inside another gets its own name.
pub fn scrub_paths(text: &str, paths: &[(&Path, &str)]) -> String {
    let mut paths: Vec<(String, &str)> = paths
        .iter()
        .map(|(path, name)| (path.to_string_lossy().trim_end_matches('/').to_string(), *name))
        .collect();
    paths.retain(|(path, _)| !path.is_empty());
    paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    paths
        .iter()
        .fold(text.to_string(), |text, (path, name)| replace_whole(&text, path, name))
}

/// `/tmp/a` is replaced in `/tmp/a/b`, but not in `/tmp/abc`.
fn replace_whole(text: &str, path: &str, name: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(path) {
        let after = &rest[at + path.len()..];
        let goes_on = after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
        replaced.push_str(&rest[..at]);
        replaced.push_str(if goes_on { path } else { name });
        rest = after;
    }
    replaced + rest
}

/// The beginning and the end of a text that is too long.
fn shorten(raw: &str) -> std::borrow::Cow<'_, str> {
    if raw.len() <= MAX_TEXT {
        return raw.into();
    }
    let head = char_boundary(raw, (0..=MAX_TEXT - TAIL - 64).rev());
    let tail = char_boundary(raw, raw.len() - TAIL..raw.len());
    format!("{}\n… {} bytes left out …\n{}", &raw[..head], tail - head, &raw[tail..]).into()
}

/// The first of these places where a character begins.
fn char_boundary(text: &str, mut places: impl Iterator<Item = usize>) -> usize {
    places.find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// What stands after an ESC: `[…m` and its like, `]…` up to BEL or ESC \, or one character.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars>) {
    match rest.next() {
        Some('[') => skip_to_final(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(rest),
        Some(c) if (' '..='/').contains(&c) => drop(rest.next()),
        _ => {}
    }
}

fn skip_to_final(rest: &mut std::iter::Peekable<std::str::Chars>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// A string sequence ends at its line at the latest: one without an end must not swallow the report.
fn skip_string(rest: &mut std::iter::Peekable<std::str::Chars>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        if c == '\u{7}' || c == '\u{9c}' {
            return;
        }
        if c == '\u{1b}' {
            rest.next_if_eq(&'\\');
            return;
        }
    }
}

/// Characters that make a text look like another one: direction marks, overrides and isolates, zero width, tags. And the two that are
/// none, which XML forbids.
fn is_deceiving(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}
