//! The one sentence that names what to repair, where what came differs from what should have come in a way that many people's programs do.
//!
//! It is a remark about bytes, not about a program: nobody is told what they believe. A report shows it first; without a pattern there is none.

/// Stands in front of a clue, in a line of its own below what was received.
pub const MARK: &str = "→ ";
/// Below so many bytes, being alike is chance.
const TELLING: usize = 3;
/// The rest of a panic's words stands in what was received.
const LONGEST_PANIC: usize = 130;

/// The clue in what a check received, if there is one, and the rest.
pub fn taken_out(received: &str) -> (Option<String>, String) {
    let (clues, rest): (Vec<&str>, Vec<&str>) = received.lines().partition(|line| line.starts_with(MARK));
    let clue = clues.first().map(|line| line[MARK.len()..].to_owned());
    (clue, rest.join("\n"))
}

/// What was received, with its clue below it.
pub(crate) fn below(received: &str, clue: Option<String>) -> String {
    match clue {
        Some(clue) => format!("{received}\n{MARK}{clue}"),
        None => received.to_owned(),
    }
}

/// What distinguishes these bytes from those that were expected.
pub(crate) fn of_bytes(expected: &[u8], received: &[u8]) -> Option<String> {
    end_of_line(expected, received)
        .or_else(|| rest_of_a_buffer(expected, received))
        .or_else(|| begins_again(expected, received))
        .or_else(|| missing_part(expected, received))
        .or_else(|| reversed(expected, received))
        .or_else(|| letters(expected, received))
        .or_else(|| numbers(expected, received))
}

/// The same of two texts. Where only their last words differ and those are bytes in hexadecimal, it is about the bytes.
pub(crate) fn of_texts(expected: &str, received: &str) -> Option<String> {
    let apart = |text: &str| {
        text.rsplit_once(' ')
            .map(|(before, last)| (before.to_owned(), last.to_owned()))
    };
    if let (Some((before, wanted)), Some((also, found))) = (apart(expected), apart(received))
        && before == also
        && let (Some(wanted), Some(found)) = (from_hex(&wanted), from_hex(&found))
    {
        return of_bytes(&wanted, &found);
    }
    if received.len() < TELLING || expected == received {
        return None;
    }
    if let Some(missing) = expected.strip_prefix(received) {
        return Some(format!(
            "It is right as far as it goes; {missing:?} is missing behind it."
        ));
    }
    of_bytes(expected.as_bytes(), received.as_bytes()).or_else(|| first_item(expected, received))
}

/// The first of several items that differs, where that is by one character.
fn first_item(expected: &str, received: &str) -> Option<String> {
    let (wanted, found) = expected.split(", ").zip(received.split(", ")).find(|(a, b)| a != b)?;
    let one_more = |long: &str, short: &str| {
        let at = same_beginning(short.as_bytes(), long.as_bytes());
        let rest = long.get(at..)?;
        let extra = rest.chars().next().filter(|extra| extra.is_alphanumeric())?;
        (short.get(at..)? == &rest[extra.len_utf8()..] && at > 0).then_some(extra)
    };
    let (way, extra) = one_more(found, wanted)
        .map(|extra| ("many", extra))
        .or_else(|| one_more(wanted, found).map(|extra| ("few", extra)))?;
    Some(format!(
        "{found} should be {wanted}: one character too {way}, {extra:?}."
    ))
}

fn from_hex(word: &str) -> Option<Vec<u8>> {
    let digits = word.len() >= 2 && word.len().is_multiple_of(2) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(&word[at..at + 2], 16).ok();
    digits.then(|| (0..word.len()).step_by(2).map_while(byte).collect())
}

fn end_of_line(expected: &[u8], received: &[u8]) -> Option<String> {
    let body = |bytes: &[u8]| bytes.trim_ascii_end().to_vec();
    if body(expected) != body(received) || expected == received {
        return None;
    }
    let end = |bytes: &[u8]| match &bytes[bytes.trim_ascii_end().len()..] {
        b"" => "nothing".to_owned(),
        end => end.escape_ascii().to_string(),
    };
    let (wanted, found) = (end(expected), end(received));
    Some(format!(
        "Only the end of the line differs: {found} where {wanted} belongs."
    ))
}

fn rest_of_a_buffer(expected: &[u8], received: &[u8]) -> Option<String> {
    let rest = received.strip_prefix(expected).filter(|rest| rest.len() >= TELLING)?;
    let zeros = rest.iter().all(|byte| *byte == 0);
    zeros.then(|| {
        format!(
            "The {} bytes are right, and {} zero bytes follow: a whole buffer went out, not only what is in it.",
            expected.len(),
            rest.len()
        )
    })
}

/// What has gone out already goes out once more.
fn begins_again(expected: &[u8], received: &[u8]) -> Option<String> {
    let right = same_beginning(expected, received);
    let again = same_beginning(expected, &received[right..]);
    (right > 0 && again >= 2).then(|| {
        format!(
            "After {} the beginning comes again: what has gone out already goes out once more.",
            bytes(right)
        )
    })
}

fn missing_part(expected: &[u8], received: &[u8]) -> Option<String> {
    let missing = expected
        .len()
        .checked_sub(received.len())
        .filter(|missing| *missing > 0)?;
    if received.is_empty() {
        return None;
    }
    if expected.starts_with(received) {
        return Some(format!(
            "The first {} of {} are right; the {missing} behind them never come.",
            received.len(),
            bytes(expected.len())
        ));
    }
    let cut = received.len() >= TELLING && expected.ends_with(received);
    cut.then(|| format!("The first {} are missing; the rest is right.", bytes(missing)))
}

/// Two, four or eight neighbours in the opposite order: the order of bytes in a number.
fn reversed(expected: &[u8], received: &[u8]) -> Option<String> {
    if expected.len() != received.len() || expected == received {
        return None;
    }
    let at = same_beginning(expected, received);
    let turned = |width: &usize| {
        // The number may begin before the first difference: 0x0100 and 0x0001 have a zero in common.
        (at.saturating_sub(width - 1)..=at).any(|from| {
            let mut copy = received.to_vec();
            copy.get_mut(from..from + width).is_some_and(|part| {
                part.reverse();
                true
            }) && copy == expected
        })
    };
    let binary = received
        .iter()
        .any(|byte| !byte.is_ascii_graphic() && !byte.is_ascii_whitespace());
    let width = [2, 4, 8].into_iter().find(turned).filter(|_| binary)?;
    Some(format!(
        "{width} bytes stand in the opposite order: on the network the most significant byte of a number comes first."
    ))
}

fn letters(expected: &[u8], received: &[u8]) -> Option<String> {
    let alike = expected != received && expected.eq_ignore_ascii_case(received);
    alike.then(|| "Only capital and small letters differ.".to_owned())
}

/// Two texts that differ in numbers only.
fn numbers(expected: &[u8], received: &[u8]) -> Option<String> {
    let (expected, received) = (str::from_utf8(expected).ok()?, str::from_utf8(received).ok()?);
    let (wanted, found) = (pieces(expected), pieces(received));
    if wanted.len() != found.len() {
        return None;
    }
    let different = wanted.iter().zip(&found).filter(|(wanted, found)| wanted != found);
    let different: Option<Vec<(u64, u64)>> = different
        .map(|(wanted, found)| Some((wanted.parse().ok()?, found.parse().ok()?)))
        .collect();
    let different = different.filter(|all| !all.is_empty())?;
    if different.iter().all(|(wanted, found)| wanted == found) {
        return Some("The numbers are right; they have another count of digits (leading zeros).".to_owned());
    }
    match different[..] {
        [(wanted, found)] => one_number(wanted, found),
        _ => None,
    }
}

fn one_number(wanted: u64, found: u64) -> Option<String> {
    if let (Ok(wanted), Ok(found)) = (u16::try_from(wanted), u16::try_from(found))
        && wanted == found.swap_bytes()
    {
        return Some(byte_swapped(found, wanted));
    }
    (wanted.abs_diff(found) == 1).then(|| {
        let way = if found < wanted { "few" } else { "many" };
        format!("{found} should be {wanted}: one too {way}.")
    })
}

/// A port whose two bytes are in the wrong order.
pub(crate) fn byte_swapped(found: u16, wanted: u16) -> String {
    format!(
        "{found} is {wanted} with its two bytes in the opposite order: a port is converted between network and host byte order once too often \
         or not at all."
    )
}

/// Puts the reason first for which a program ended that should not have. Where a failure of it was asked for, its error line means what it
/// should.
pub(crate) fn with_end_explained(expected: &str, received: String) -> String {
    if taken_out(&received).0.is_some() {
        return received;
    }
    let is_asked_for = expected.starts_with("exit code") && expected != "exit code 0";
    let ended = !is_asked_for && received.contains("` exited with code ");
    let error = || ended.then(|| of_error_line(&received)).flatten().map(str::to_owned);
    below(&received, of_panic(&received).or_else(error))
}

/// Where a program panicked, and why, in one sentence.
pub(crate) fn of_panic(said: &str) -> Option<String> {
    let (_, rest) = said.split_once(": it panicked at ")?;
    let why: String = rest.lines().next()?.chars().take(LONGEST_PANIC).collect();
    Some(format!("A panic ended the program, at {why}"))
}

/// What an error line `error: bind 127.0.0.1:0: EADDRNOTAVAIL: …` means for whoever wrote the call.
pub(crate) fn of_error_line(said: &str) -> Option<&'static str> {
    let (_, line) = said.split_once("error: ")?;
    let call = line.split(' ').next()?;
    let has = |errno: &str| line.contains(&format!(": {errno}: "));
    Some(match call {
        "bind" if has("EADDRNOTAVAIL") => {
            "This machine has no such address: was bind given the one that was asked for, with its bytes in the right order?"
        }
        "bind" if has("EADDRINUSE") => {
            "Another socket has this port: is it bound twice, or still by a socket that nobody closed?"
        }
        "accept" if has("EINVAL") => "accept was given a socket that does not listen: listen() comes before it.",
        _ if has("ENOTCONN") => "This socket has no other end: is it the listener, where a connection belongs?",
        _ if has("EBADF") => "This descriptor was closed before the call: its owner was dropped too early.",
        _ if has("ENOTSOCK") => "This descriptor is no socket: was its number taken from something else?",
        _ => return None,
    })
}

/// Digits and what stands between them, in turn.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digit = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(rest.len());
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces
}

fn same_beginning(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

fn bytes(n: usize) -> String {
    crate::escape::size(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_has_its_sentence() {
        for (expected, received, says) in [
            (&b"12:00\r\n"[..], &b"12:00\n"[..], r"\n where \r\n belongs"),
            (b"OK\n", b"OK", r"nothing where \n belongs"),
            (b"abc", b"abc\0\0\0\0\0", "5 zero bytes follow"),
            (b"0123456789", b"0123", "first 4 of 10 bytes are right; the 6 behind"),
            (b"0123456789", b"3456789", "first 3 bytes are missing"),
            (
                b"0123456789",
                b"0010120123456789",
                "After 1 byte the beginning comes again",
            ),
            (b"\x13\x88x", b"\x88\x13x", "2 bytes stand in the opposite order"),
            (b"\0\x01", b"\x01\0", "2 bytes stand in the opposite order"),
            (b"Hello", b"HELLO", "capital and small"),
            (b"2016-09-14", b"2016-08-14", "8 should be 9: one too few"),
            (b"at 05:07", b"at 5:7", "leading zeros"),
            (b"port 5000", b"port 34835", "34835 is 5000 with its two bytes"),
        ] {
            let clue = of_bytes(expected, received).unwrap_or_default();
            assert!(clue.contains(says), "{says}: {clue}");
        }
    }

    #[test]
    fn bytes_in_hexadecimal_are_bytes() {
        let clue = of_texts("ok, wrote 30313233", "ok, wrote 30").unwrap_or_default();
        assert!(clue.contains("first 1 of 4 bytes"), "{clue}");
        let clue = of_texts("ok, wrote 30313233", "ok, wrote 303031303132").unwrap_or_default();
        assert!(clue.contains("the beginning comes again"), "{clue}");
        let clue =
            of_texts("Hello, Append \"hello\", Time", "Hello, Append \"helloT\", BadRequest").unwrap_or_default();
        assert!(clue.contains("one character too many, 'T'"), "{clue}");
        let clue = of_texts("Hello alice, Time", "Hello alice").unwrap_or_default();
        assert!(clue.contains("\", Time\" is missing"), "{clue}");
    }

    #[test]
    fn nothing_is_said_about_what_differs_in_no_known_way() {
        for (expected, received) in [
            ("abc", ""),
            ("abc", "xyz"),
            ("12 34", "13 35"),
            ("ab", "ba"),
            ("a", "a"),
        ] {
            assert_eq!(of_texts(expected, received), None, "{expected} {received}");
        }
    }

    #[test]
    fn an_error_line_is_read() {
        let clue = of_error_line("code 3: \"error: accept 127.0.0.1:5000: EINVAL: Invalid argument\"");
        assert!(clue.unwrap_or_default().contains("listen() comes before"), "{clue:?}");
        assert_eq!(
            of_error_line("error: connect 127.0.0.1:5000: EINVAL: Invalid argument"),
            None
        );
        assert_eq!(of_error_line("all is well"), None);
        let clue = of_panic("`ex03 server` exited with code 101: it panicked at src/lib.rs:3:5: attempt to subtract");
        assert_eq!(
            clue.unwrap_or_default(),
            "A panic ended the program, at src/lib.rs:3:5: attempt to subtract"
        );
    }

    #[test]
    fn a_clue_is_found_again() {
        let received = below("3 bytes\nand an end", Some("It is this.".to_owned()));
        let rest = "3 bytes\nand an end".to_owned();
        assert_eq!(taken_out(&received), (Some("It is this.".to_owned()), rest.clone()));
        assert_eq!(taken_out(&rest), (None, rest.clone()));
    }
}
