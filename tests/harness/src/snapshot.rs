//! Inline insta snapshots whose failure reads like every other failure of a check.
//!
//! Comparing is done here; insta is asked only when a maintainer updates snapshots (`INSTA_UPDATE`, `cargo insta`). Where a suite is graded
//! there is no cargo workspace for insta to find, and its report would stand beside ours.

use crate::{Lab, clue, escape::quoted};

/// Compares text with an inline insta snapshot (`@"…"`), after replacing the ports and pids of this run.
#[macro_export]
macro_rules! assert_snapshot {
    ($lab:expr, $text:expr, @$snapshot:literal $(,)?) => {{
        let redacted = $lab.redact(::std::convert::AsRef::<str>::as_ref(&$text));
        if $crate::snapshot::updating() {
            $crate::write_snapshot!(redacted, @$snapshot);
        } else {
            $crate::snapshot::compare(&$lab, &redacted, $snapshot);
        }
    }};
}

/// Hands a text to insta, which writes it into the source.
#[cfg(feature = "insta")]
#[doc(hidden)]
#[macro_export]
macro_rules! write_snapshot {
    ($text:expr, @$snapshot:literal) => {
        $crate::insta::assert_snapshot!($text, @$snapshot)
    };
}

/// Students' test programs hold no insta: it would be a fifth of what they compile.
#[cfg(not(feature = "insta"))]
#[doc(hidden)]
#[macro_export]
macro_rules! write_snapshot {
    ($text:expr, @$snapshot:literal) => {
        panic!(
            "these tests hold no insta, so they cannot write the snapshot of {:?}: update it in `solutions/`, or with `--features harness/insta`",
            $text
        )
    };
}

/// Whether insta is to write new snapshots instead.
#[doc(hidden)]
pub fn updating() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|value| value != "no")
}

/// Fails with the first line that differs.
#[doc(hidden)]
pub fn compare(lab: &Lab, received: &str, snapshot: &str) {
    let (received, expected) = (lines(received), lines(snapshot));
    let longest = received.len().max(expected.len());
    let differs = (0..longest).find(|&at| received.get(at) != expected.get(at));
    let line = |of: &[String], at: usize| {
        of.get(at)
            .map_or("nothing more".to_owned(), |line| quoted(line.as_bytes(), 300))
    };
    let doing = "comparing what was printed with what is expected";
    let Some(at) = differs else {
        return lab.expect(doing, "the same", "the same", true);
    };
    let after = at
        .checked_sub(1)
        .map(|before| format!("\nafter {}", line(&received, before)))
        .unwrap_or_default();
    let wanted = expected.get(at).filter(|line| !received.contains(line));
    let elsewhere = wanted.and_then(|line| lab.session().printed_elsewhere(line));
    let pair = expected.get(at).zip(received.get(at));
    let clue = elsewhere.or_else(|| pair.and_then(|(wanted, found)| clue::of_texts(wanted, found)));
    lab.fail(
        &format!("{doing}, line {}", at + 1),
        line(&expected, at) + &after,
        clue::below(&line(&received, at), clue),
    )
}

/// Lines without their common indentation and without blank lines around them, as insta sees an inline snapshot.
fn lines(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .trim_end()
        .lines()
        .map(str::trim_end)
        .skip_while(|line| line.is_empty())
        .collect();
    let indentation = |line: &&str| line.len() - line.trim_start().len();
    let common = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(indentation)
        .min()
        .unwrap_or(0);
    lines
        .iter()
        .map(|line| line.get(common..).unwrap_or_default().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn indentation_of_the_source_does_not_count() {
        assert_eq!(lines("\n    a\n      b\n\n    c\n    "), lines("a\n  b\n\nc\n"));
        assert_ne!(lines("a\n b"), lines("a\nb"));
        assert_eq!(lines("one"), lines("one\n"));
    }
}
