//! Bytes to requests: the syntax of GPIO/1, and nothing of its meaning.

use crate::messages::{ClientId, Datagram, Malformed, Request, Verb};

/// The longest line, in bytes before its LF.
pub const MAX_LINE: usize = 256;

/// Takes requests out of one stream, however the stream is cut into pieces.
#[derive(Debug, Default)]
pub struct Parser {
    // what has to be remembered between two pieces
}

impl Parser {
    /// Takes the next bytes of the stream, as many as happened to arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        todo!("Parser::push: keep the bytes behind those that are still waiting")
    }

    /// The next request, if all of its line has arrived. A CR directly before the LF does not count, and an empty line means nothing.
    ///
    /// A line with more than [`MAX_LINE`] bytes before its LF (or so many, and no LF yet) is malformed, with the number 0: it is given
    /// out once, as soon as that is known, and all of it up to its LF is forgotten. So the memory for one stream is bounded.
    // A method of this name belongs to iterators, but this is none: after `None` there may be more.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Request, Malformed>> {
        todo!("Parser::next: take a line out of what was kept, and read it")
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
    todo!("request: split the line into words, read the number, then the verb with its arguments")
}

/// Reads one datagram: `DISCOVER`, or `CID.SEQ VERB ARG…`, each perhaps with an LF at its end. By datagram there are only GET, SET and
/// TOGGLE; any other request is malformed, with its number.
///
/// `None`: it begins with neither, so nobody can be answered.
pub fn datagram(bytes: &[u8]) -> Option<Datagram> {
    todo!("datagram: DISCOVER, or an id, a dot and a request")
}
