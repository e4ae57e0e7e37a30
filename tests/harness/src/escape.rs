//! Bytes as people can read them: quoted, escaped, and cut to a length that fits a line.

/// Quotes and escapes `bytes`, showing at most `most` characters between the quotes.
pub(crate) fn quoted(bytes: &[u8], most: usize) -> String {
    let mut text = String::from("\"");
    let mut shown = 0;
    for &byte in bytes {
        let piece = escaped(byte);
        if shown + piece.len() > most {
            return text + "…\"";
        }
        shown += piece.len();
        text += &piece;
    }
    text + "\""
}

/// The beginning of a text that is too long to be read, and how much was left out.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}… ({} more)", &text[..end], size(text.len() - end)),
        None => text.to_owned(),
    }
}

/// A whole text with everything invisible made visible, except the ends of lines.
pub(crate) fn visible_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines()
        .map(|line| line.chars().flat_map(visible).collect())
        .collect()
}

/// `n bytes`, or a larger unit when the number would not fit a narrow column.
pub(crate) fn size(n: usize) -> String {
    match n {
        1 => "1 byte".to_owned(),
        0..=99_999 => format!("{n} bytes"),
        100_000..=9_999_999 => format!("{} KiB", n / 1024),
        _ => format!("{} MiB", n / 1024 / 1024),
    }
}

/// Seconds with one decimal: what people compare.
pub(crate) fn seconds(time: std::time::Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn escaped(byte: u8) -> String {
    match byte {
        b'"' => "\\\"".to_owned(),
        b'\'' => "'".to_owned(),
        _ => std::ascii::escape_default(byte).to_string(),
    }
}

fn visible(c: char) -> Vec<char> {
    if c.is_control() {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}
