//! Exercise 3: a protocol of our own, OPS/1. Requests and replies are messages; TCP knows only bytes.
//!
//! ```text
//! bytes ──▶ Decoder ──▶ Request ──▶ Session::handle ──▶ Reply ──▶ encode ──▶ bytes
//!           framing, syntax          sequence, meaning             syntax
//! ```
//!
//! Each stage is a function that never sees a socket; only [`converse`] reads and writes. That is why you can try all
//! of them with `ex03 probe`, before there is any network. `src/main.rs` is given: it reads the command line, accepts
//! one client after the other, and calls [`converse`] with each of them.
//!
//! The whole protocol is in `README.md`, under *What goes over the wire*.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::io::{self, ErrorKind, Read, Write};

/// The longest line of a request: so many bytes before its LF, a CR included.
pub const MAX_LINE: usize = 512;

/// The longest body of an APPEND, in bytes.
pub const MAX_BODY: usize = 4096;

/// What a client can ask for. Given.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `HELLO name`: the client says who it is.
    Hello(String),
    /// `TIME`: the time of day.
    Time,
    /// `SQRT x`: the square root of a number that is finite and not negative.
    Sqrt(f64),
    /// `BALANCE`: how much there is.
    Balance,
    /// `DEDUCT amount`: take away so much.
    Deduct(u64),
    /// `APPEND length`, and behind that line the body: bytes to be added to the journal.
    Append(Vec<u8>),
    /// `QUIT`: the client is done.
    Quit,
}

/// Bytes that are not a request. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A line that is no request. The next line may be one.
    BadRequest,
    /// The length of an APPEND is above [`MAX_BODY`]. What follows is a body that nobody is going to read.
    BodyTooLarge,
    /// A line longer than [`MAX_LINE`]. Nobody knows where the next request begins.
    LineTooLong,
}

impl ProtocolError {
    /// What the client is told. Given.
    pub fn reply(self) -> Reply {
        match self {
            ProtocolError::BadRequest => Reply::Err(400, "bad request"),
            ProtocolError::BodyTooLarge => Reply::Err(413, "body too large"),
            ProtocolError::LineTooLong => Reply::Err(500, "line too long"),
        }
    }
}

/// What the server answers. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was done; perhaps with a text.
    Ok(String),
    /// The answer to QUIT. The server closes after it.
    Bye,
    /// It was not done: a code for programs, a text for people.
    Err(u16, &'static str),
}

/// What the server keeps for all its clients. Given.
pub struct Bank {
    /// How much there is.
    pub balance: u64,
    /// The bodies of all APPENDs, one behind the other.
    pub journal: Vec<u8>,
    clock: Box<dyn Fn() -> String>,
}

impl Bank {
    /// A bank with so much in it, an empty journal, and a clock on its wall.
    pub fn new(balance: u64, clock: impl Fn() -> String + 'static) -> Bank {
        Bank {
            balance,
            journal: Vec::new(),
            clock: Box::new(clock),
        }
    }

    /// The time of day, as TIME answers it: `2016-09-14T18:30:05Z`.
    pub fn time(&self) -> String {
        (self.clock)()
    }
}

/// Turns the bytes of a stream into requests, however the stream is cut into pieces. One for each connection.
///
/// Put into it what it has to remember from one [`push`](Decoder::push) to the next.
#[derive(Debug, Default)]
pub struct Decoder {
    // bytes that were not used yet, and what they are going to be
}

impl Decoder {
    /// Takes the next bytes of the stream, as many as happened to arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        todo!("Decoder::push: keep the bytes behind those that are still waiting")
    }

    /// The next request, if all of it has arrived; `None` if more bytes are needed.
    ///
    /// One piece may hold several requests, so callers ask again until they get `None`. What has been given is used
    /// up: bytes in front of it are gone, bytes behind it stay. Which requests come out must not depend on how the
    /// bytes were cut.
    ///
    /// A request is a line: a verb in capital letters and its arguments, with exactly one space before each, and then
    /// LF. A CR directly before the LF is ignored. The line has to be UTF-8; the body of an APPEND may be any bytes.
    /// An amount and a length are decimal digits and nothing else; what Rust's `parse::<f64>()` reads is a number for
    /// SQRT, if it is finite and not negative.
    ///
    /// # Errors
    /// - `BadRequest`: a line that is none of this. It is used up; the next call goes on behind it.
    /// - `BodyTooLarge`: an APPEND with a length above [`MAX_BODY`], however many digits it has.
    /// - `LineTooLong`: more than [`MAX_LINE`] bytes before the LF, or so many already and no LF yet.
    ///
    /// After the last two, the server closes: what further calls return does not matter.
    pub fn next_request(&mut self) -> Result<Option<Request>, ProtocolError> {
        todo!("Decoder::next_request: find the end of the line, or of the body; take it out of what was kept")
    }
}

/// What the server knows about one client, from HELLO to QUIT. One for each connection.
///
/// Put into it what it has to remember from one request to the next. (What outlives a connection is in the [`Bank`].)
#[derive(Debug, Default)]
pub struct Session {
    // where in the sequence of messages the client is
}

impl Session {
    /// Does what the request asks for, and says what to answer.
    ///
    /// | request | reply |
    /// |---|---|
    /// | HELLO name | `Ok("hello name")` |
    /// | TIME | `Ok` with [`Bank::time`] |
    /// | SQRT x | `Ok` with the root, six digits behind the point: `1.414214` |
    /// | BALANCE | `Ok` with the balance |
    /// | DEDUCT amount | `Ok` with the new balance; `Err(409, "insufficient funds")` if there is less than that |
    /// | APPEND body | `Ok` with the size of the whole journal, in bytes |
    /// | QUIT | `Bye` |
    ///
    /// Before HELLO, only HELLO is valid: everything else, also QUIT, gets `Err(503, "say HELLO first")`. After HELLO, a
    /// second one gets `Err(503, "HELLO was said")`. A request that is refused changes nothing.
    pub fn handle(&mut self, bank: &mut Bank, request: Request) -> Reply {
        todo!("Session::handle: look at the sequence first, then do what is asked")
    }
}

/// The bytes of a reply: `OK text` or, if there is no text, `OK`; `OK bye`; `ERR code text`. Each ends with LF.
pub fn encode(reply: &Reply) -> Vec<u8> {
    todo!("encode: write the reply as one line")
}

/// The server's side of a whole conversation with one client. Returns how many replies it has sent.
///
/// Reads what arrives, and answers every request as soon as it is complete, in the order in which they came. It ends
/// - after the reply to QUIT, and after those to `BodyTooLarge` and `LineTooLong` (but not to `BadRequest`);
/// - at the end of the stream. A request that is not complete by then was never made: no answer, no effect.
///
/// # Errors
/// Those of `read`, except `ErrorKind::Interrupted` (ask again), and of `write_all`.
pub fn converse<S: Read + Write>(stream: &mut S, bank: &mut Bank) -> io::Result<u64> {
    todo!("converse: read, push, answer all requests that are complete, read on")
}
