// CANARY-7f3a91c2-hidden
//! Bytes to requests: the syntax of GPIO/1, and nothing of its meaning.

use crate::messages::{ClientId, Datagram, Malformed, Request, Verb};

/// The longest line, in bytes before its LF.
pub const MAX_LINE: usize = 256;

/// Takes requests out of one stream, however the stream is cut into pieces.
#[derive(Debug, Default)]
pub struct Parser {
    // SOLUTION // what has to be remembered between two pieces
    /// What has arrived and is not a whole line yet.
    kept: Vec<u8>,
    /// The line in progress was too long and has been answered; the rest of it is thrown away.
    skipping: bool,
    // END SOLUTION
}

impl Parser {
    /// Takes the next bytes of the stream, as many as happened to arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        // SOLUTION todo!("Parser::push: keep the bytes behind those that are still waiting")
        self.kept.extend_from_slice(bytes);
        // END SOLUTION
    }

    /// The next request, if all of its line has arrived. A CR directly before the LF does not count, and an empty line means nothing.
    ///
    /// A line with more than [`MAX_LINE`] bytes before its LF (or so many, and no LF yet) is malformed, with the number 0: it is given
    /// out once, as soon as that is known, and all of it up to its LF is forgotten. So the memory for one stream is bounded.
    // A method of this name belongs to iterators, but this is none: after `None` there may be more.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Request, Malformed>> {
        // SOLUTION todo!("Parser::next: take a line out of what was kept, and read it")
        loop {
            let end = self.kept.iter().position(|&byte| byte == b'\n');
            if self.skipping {
                self.kept.drain(..end.map_or(self.kept.len(), |end| end + 1));
                self.skipping = end.is_none();
                if self.skipping {
                    return None;
                }
                continue;
            }
            if end.unwrap_or(self.kept.len()) > MAX_LINE {
                self.skipping = true;
                return Some(Err(malformed(0, "a line has 256 bytes at most")));
            }
            let mut line: Vec<u8> = self.kept.drain(..=end?).collect();
            line.pop();
            line.pop_if(|last| *last == b'\r');
            if !line.is_empty() {
                return Some(request(&line));
            }
        }
        // END SOLUTION
    }
}

/// Reads one line: `SEQ VERB ARG…`, with single spaces between the words.
///
/// - `SEQ` and all other numbers are decimal digits and nothing else; `SEQ` is 1 to 4294967295.
/// - A client's id is 8 hexadecimal digits. A level is `0` or `1`.
/// - Verbs are upper case, and each has its number of arguments.
///
/// # Errors
/// Anything else; with the number of the request, if its first word is one.
pub fn request(line: &[u8]) -> Result<Request, Malformed> {
    // SOLUTION todo!("request: split the line into words, read the number, then the verb with its arguments")
    let text = str::from_utf8(line).map_err(|_| malformed(0, "a request is ASCII text"))?;
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let seq = number(first).filter(|seq| *seq > 0);
    let seq = seq.ok_or(malformed(0, "a request begins with its number, 1 or more"))?;
    match verb(&rest.split(' ').collect::<Vec<_>>()) {
        Some(verb) => Ok(Request { seq, verb }),
        None => Err(malformed(seq, "no such request")),
    }
    // END SOLUTION
}

/// Reads one datagram: `DISCOVER`, or `CID.SEQ VERB ARG…`, each perhaps with an LF at its end. By datagram there are only GET, SET and
/// TOGGLE; any other request is malformed, with its number.
///
/// `None`: it begins with neither, so nobody can be answered.
pub fn datagram(bytes: &[u8]) -> Option<Datagram> {
    // SOLUTION todo!("datagram: DISCOVER, or an id, a dot and a request")
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes == b"DISCOVER" {
        return Some(Datagram::Discover);
    }
    let dot = bytes.iter().position(|&byte| byte == b'.')?;
    let cid = client_id(str::from_utf8(&bytes[..dot]).ok()?)?;
    match request(&bytes[dot + 1..]) {
        Err(Malformed { seq: 0, .. }) => None,
        Ok(Request {
            verb: Verb::Get(_) | Verb::Set(..) | Verb::Toggle(_),
            ..
        }) => Some(Datagram::Request(cid, request(&bytes[dot + 1..]))),
        Ok(Request { seq, .. }) => Some(Datagram::Request(cid, Err(malformed(seq, "not by datagram")))),
        Err(wrong) => Some(Datagram::Request(cid, Err(wrong))),
    }
    // END SOLUTION
}
// SOLUTION

fn verb(words: &[&str]) -> Option<Verb> {
    Some(match words {
        ["HELLO", cid] => Verb::Hello(client_id(cid)?),
        ["PINS"] => Verb::Pins,
        ["GET", pin] => Verb::Get(pin_number(pin)?),
        ["SET", pin, "0"] => Verb::Set(pin_number(pin)?, false),
        ["SET", pin, "1"] => Verb::Set(pin_number(pin)?, true),
        ["TOGGLE", pin] => Verb::Toggle(pin_number(pin)?),
        ["BLINK", pin, count, period] => Verb::Blink {
            pin: pin_number(pin)?,
            count: number(count)?,
            period_ms: number(period)?,
        },
        ["WATCH", pin] => Verb::Watch(pin_number(pin)?),
        ["UNWATCH", pin] => Verb::Unwatch(pin_number(pin)?),
        ["LOCK", pin] => Verb::Lock(pin_number(pin)?),
        ["UNLOCK", pin] => Verb::Unlock(pin_number(pin)?),
        ["QUIT"] => Verb::Quit,
        _ => return None,
    })
}

/// `parse` alone would take `+5`, too.
fn number(word: &str) -> Option<u32> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_| digits)
}

/// A number that no pin can have is no pin's, but it is a number: the answer to it is `nopin`, not `proto`.
fn pin_number(word: &str) -> Option<u8> {
    number(word).map(|pin| u8::try_from(pin).unwrap_or(u8::MAX))
}

fn client_id(word: &str) -> Option<ClientId> {
    let hexadecimal = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    ClientId::from_str_radix(word, 16).ok().filter(|_| hexadecimal)
}

fn malformed(seq: u32, text: &'static str) -> Malformed {
    Malformed { seq, text }
}
// END SOLUTION
