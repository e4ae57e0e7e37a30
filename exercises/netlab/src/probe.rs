//! `exNN probe`: asks your functions single questions, without a network.
//!
//! One request line on stdin gets one answer line on stdout, at once:
//!
//! ```text
//! $ cargo run -q -p ex01 -- probe
//! daytime 1473877805
//! 2016-09-14T18:30:05Z
//! daytime yesterday
//! error: `yesterday` is not a number of seconds
//! ```
//!
//! The tests ask in the same way. They never run your code inside their own process.

use std::io::{BufRead, Write};
use std::str::FromStr;

/// Answers one request: the text of the answer, or what is wrong with the request.
pub type Answer = fn(&Request) -> Result<String, String>;

/// One request line: the name of a function and its arguments, with spaces between them.
pub struct Request<'a> {
    line: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Request<'a> {
    /// The request on this line.
    pub fn new(line: &'a str) -> Request<'a> {
        Request {
            line,
            words: line.split_whitespace().collect(),
        }
    }

    /// The function that the request asks for; empty if the line is.
    pub fn function(&self) -> &'a str {
        self.words.first().unwrap_or(&"")
    }

    /// The argument at `place` (the first one is 1), which the request's writer knows as `what`.
    ///
    /// # Errors
    /// A sentence for the answer: the argument is missing, or is not what it should be.
    pub fn argument<T: FromStr>(&self, place: usize, what: &str) -> Result<T, String> {
        let word = self
            .words
            .get(place)
            .ok_or_else(|| format!("{what} is missing after `{}`", self.function()))?;
        word.parse().map_err(|_| format!("`{word}` is not {what}"))
    }

    /// The bytes that the argument at `place` writes in hexadecimal; none, if there is no such argument.
    ///
    /// # Errors
    /// A sentence for the answer: the argument is not hexadecimal.
    pub fn bytes(&self, place: usize) -> Result<Vec<u8>, String> {
        let word = self.words.get(place).unwrap_or(&"");
        from_hex(word).ok_or_else(|| format!("`{word}` is not bytes in hexadecimal, such as 48656c6c6f"))
    }

    /// The bytes of everything behind the function's name and a space, cut where it has a `|`: `HELLO al|ice\n`.
    ///
    /// `\n`, `\r`, `\t`, `\\` and `\xff` mean what they mean in Rust; a `|` that is no cut is written `\x7c`.
    ///
    /// # Errors
    /// A sentence for the answer: a backslash with something else behind it.
    pub fn pieces(&self) -> Result<Vec<Vec<u8>>, String> {
        let text = self.line.trim_start().strip_prefix(self.function()).unwrap_or("");
        let text = text.strip_prefix(' ').unwrap_or(text);
        text.split('|').map(unescape).collect()
    }

    /// The answer to a request for a function that the probe does not have.
    ///
    /// # Errors
    /// Always.
    pub fn unknown(&self, known: &str) -> Result<String, String> {
        Err(format!("unknown request `{}`; try {known}", self.function()))
    }
}

/// Bytes in hexadecimal: `Hello` is `48656c6c6f`.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (byte, length) = escape(&rest[at..]).ok_or_else(|| {
            let start: String = rest[at..].chars().take(4).collect();
            format!("`{start}` is none of \\n \\r \\t \\\\ \\xff")
        })?;
        bytes.push(byte);
        rest = &rest[at + length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// The byte that the escape at the beginning of `text` means, and how long the escape is.
fn escape(text: &str) -> Option<(u8, usize)> {
    match text.as_bytes().get(1)? {
        b'n' => Some((b'\n', 2)),
        b'r' => Some((b'\r', 2)),
        b't' => Some((b'\t', 2)),
        b'x' => Some((*from_hex(text.get(2..4)?)?.first()?, 4)),
        same @ (b'\\' | b'\'' | b'"') => Some((*same, 2)),
        _ => None,
    }
}

/// Answers every line, until the input ends or nobody reads the answers.
pub(crate) fn serve(requests: impl BufRead, mut answers: impl Write, answer: Answer) {
    for line in requests.lines().map_while(Result::ok) {
        let text = answer(&Request::new(&line)).unwrap_or_else(|wrong| format!("error: {wrong}"));
        let text = text.replace('\n', "\\n"); // one request, one line
        if writeln!(answers, "{text}").and_then(|()| answers.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(request: &Request) -> Result<String, String> {
        match request.function() {
            "double" => Ok((2 * request.argument::<u32>(1, "a number")?).to_string()),
            "hex" => Ok(to_hex(&request.bytes(1)?)),
            _ => request.unknown("double N, hex BYTES"),
        }
    }

    #[test]
    fn text_has_escapes_and_cuts() {
        let pieces = |line| Request::new(line).pieces();
        assert_eq!(pieces("decode"), Ok(vec![vec![]]));
        assert_eq!(
            pieces(r"decode  a\r\n|\xff\\|"),
            Ok(vec![b" a\r\n".to_vec(), b"\xff\\".to_vec(), vec![]])
        );
        for wrong in [r"decode \q", r"decode \x4", r"decode a\", r"decode \xé"] {
            assert!(pieces(wrong).unwrap_err().contains("is none of"), "{wrong}");
        }
        let all: Vec<u8> = (0..=255).filter(|byte| *byte != b'|').collect();
        assert_eq!(pieces(&format!("decode {}", all.escape_ascii())), Ok(vec![all]));
    }

    #[test]
    fn one_line_in_one_line_out() {
        let requests = "double 21\ndouble\ndouble x\nhex 00fF\nhex\nhex 0\n\n";
        let mut answers = Vec::new();
        serve(requests.as_bytes(), &mut answers, double);
        let expected = [
            "42",
            "error: a number is missing after `double`",
            "error: `x` is not a number",
            "00ff",
            "",
            "error: `0` is not bytes in hexadecimal, such as 48656c6c6f",
            "error: unknown request ``; try double N, hex BYTES",
        ];
        assert_eq!(
            String::from_utf8(answers).unwrap().lines().collect::<Vec<_>>(),
            expected
        );
    }
}
