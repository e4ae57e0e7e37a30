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
    words: Vec<&'a str>,
}

impl<'a> Request<'a> {
    /// The request on this line.
    pub fn new(line: &'a str) -> Request<'a> {
        Request {
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
