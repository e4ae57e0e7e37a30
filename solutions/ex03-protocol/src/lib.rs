// CANARY-7f3a91c2-hidden
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
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION // bytes that were not used yet, and what they are going to be
    /// What has arrived and belongs to no request yet: at most one unfinished line or body, and what came with it in
    /// the last piece.
    buffer: Vec<u8>,
    /// The length of the body that comes next; `None`: a line comes next. These two are all the states there are.
    body: Option<usize>,
    // END SOLUTION
}

impl Decoder {
    /// Takes the next bytes of the stream, as many as happened to arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        // SOLUTION todo!("Decoder::push: keep the bytes behind those that are still waiting")
        self.buffer.extend_from_slice(bytes);
        // END SOLUTION
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
        // SOLUTION todo!("Decoder::next_request: find the end of the line, or of the body; take it out of what was kept")
        if self.body.is_none() {
            let Some(line) = self.take_line()? else {
                return Ok(None);
            };
            match parse(&line)? {
                Line::Complete(request) => return Ok(Some(request)),
                Line::BodyFollows(length) => self.body = Some(length),
            }
        }
        Ok(self.take_body().map(Request::Append))
        // END SOLUTION
    }
    // SOLUTION

    /// Takes a line out of the buffer, without LF and CR; `None` if it has not ended yet.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, ProtocolError> {
        let end = self.buffer.iter().position(|&byte| byte == b'\n');
        // Without an LF, all that has arrived is line. Looking at the limit here, at every call, is what keeps a client
        // that never sends an LF from filling the memory.
        if end.unwrap_or(self.buffer.len()) > MAX_LINE {
            return Err(ProtocolError::LineTooLong);
        }
        let Some(end) = end else {
            return Ok(None);
        };
        // `drain` takes this line and nothing else. Whatever came after it in the same piece moves to the front.
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        line.pop_if(|last| *last == b'\r');
        Ok(Some(line))
    }

    /// Takes a body out of the buffer, if one comes next and all of it is there.
    fn take_body(&mut self) -> Option<Vec<u8>> {
        let length = self.body.filter(|&length| length <= self.buffer.len())?;
        self.body = None;
        // Nobody looks at these bytes. They may hold an LF, a QUIT or no text at all: the length alone says what is body.
        Some(self.buffer.drain(..length).collect())
    }
    // END SOLUTION
}
// SOLUTION

/// What a line can be.
enum Line {
    Complete(Request),
    /// An APPEND, whose body has so many bytes.
    BodyFollows(usize),
}

/// Understands a line, given without its end.
fn parse(line: &[u8]) -> Result<Line, ProtocolError> {
    use ProtocolError::{BadRequest, BodyTooLarge};

    // Bytes from the network are text only if one has looked.
    let text = str::from_utf8(line).map_err(|_| BadRequest)?;
    let mut words = text.split(' ');
    let verb = words.next().unwrap_or_default();
    let arguments: Vec<&str> = words.collect();
    // One arm for each verb with the right number of arguments. Everything else falls through to the last one.
    let request = match (verb, &arguments[..]) {
        ("HELLO", [name]) if !name.is_empty() => Request::Hello(name.to_string()),
        ("TIME", []) => Request::Time,
        ("SQRT", [number]) => {
            let number = number.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 0.0);
            Request::Sqrt(number.ok_or(BadRequest)?)
        }
        ("BALANCE", []) => Request::Balance,
        ("DEDUCT", [amount]) => Request::Deduct(digits(amount)?.ok_or(BadRequest)?),
        ("APPEND", [length]) => {
            // Here is the only place where a client's number could become an allocation, so here it is checked. A number
            // with too many digits for a u64 is too large as well. If it were a bad request, the session would go on,
            // and take the body, which the client is going to send, for requests.
            let length = digits(length)?.and_then(|length| usize::try_from(length).ok());
            let length = length.filter(|&length| length <= MAX_BODY).ok_or(BodyTooLarge)?;
            return Ok(Line::BodyFollows(length));
        }
        ("QUIT", []) => Request::Quit,
        _ => return Err(BadRequest),
    };
    Ok(Line::Complete(request))
}

/// The number that these decimal digits write; `None`, if it is too large for a `u64`.
fn digits(word: &str) -> Result<Option<u64>, ProtocolError> {
    // `parse` alone would take `+5` too. Two programs that disagree about what is a number disagree about where the
    // next request begins.
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ProtocolError::BadRequest);
    }
    Ok(word.parse().ok())
}
// END SOLUTION

/// What the server knows about one client, from HELLO to QUIT. One for each connection.
///
/// Put into it what it has to remember from one request to the next. (What outlives a connection is in the [`Bank`].)
#[derive(Debug, Default)]
pub struct Session {
    // SOLUTION // where in the sequence of messages the client is
    /// HELLO has been said. The protocol has two states, so this is all.
    greeted: bool,
    // END SOLUTION
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
        // SOLUTION todo!("Session::handle: look at the sequence first, then do what is asked")
        // The sequence of messages is part of the protocol, like their syntax. It is checked in one place, before
        // anything is done, so no verb can be forgotten.
        match (self.greeted, &request) {
            (false, Request::Hello(_)) => self.greeted = true,
            (false, _) => return Reply::Err(503, "say HELLO first"),
            (true, Request::Hello(_)) => return Reply::Err(503, "HELLO was said"),
            (true, _) => {}
        }
        match request {
            Request::Hello(name) => Reply::Ok(format!("hello {name}")),
            Request::Time => Reply::Ok(bank.time()),
            Request::Sqrt(x) => Reply::Ok(format!("{:.6}", x.sqrt())),
            Request::Balance => Reply::Ok(bank.balance.to_string()),
            // Not idempotent: a client that asks twice pays twice. BALANCE can be repeated as often as one likes.
            Request::Deduct(amount) => match bank.balance.checked_sub(amount) {
                Some(rest) => {
                    bank.balance = rest;
                    Reply::Ok(rest.to_string())
                }
                None => Reply::Err(409, "insufficient funds"),
            },
            Request::Append(body) => {
                bank.journal.extend_from_slice(&body);
                Reply::Ok(bank.journal.len().to_string())
            }
            Request::Quit => Reply::Bye,
        }
        // END SOLUTION
    }
}

/// The bytes of a reply: `OK text` or, if there is no text, `OK`; `OK bye`; `ERR code text`. Each ends with LF.
pub fn encode(reply: &Reply) -> Vec<u8> {
    // SOLUTION todo!("encode: write the reply as one line")
    match reply {
        Reply::Ok(text) if text.is_empty() => b"OK\n".to_vec(),
        Reply::Ok(text) => format!("OK {text}\n").into_bytes(),
        Reply::Bye => b"OK bye\n".to_vec(),
        Reply::Err(code, text) => format!("ERR {code} {text}\n").into_bytes(),
    }
    // END SOLUTION
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
    // SOLUTION todo!("converse: read, push, answer all requests that are complete, read on")
    // One decoder for the whole connection: it holds what has been read and not used. (A new one for every request
    // would throw that away, and so would a new BufReader.)
    let mut decoder = Decoder::default();
    let mut session = Session::default();
    let mut buffer = [0; 4096];
    let mut replies = 0;
    loop {
        let received = match stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        };
        if received == 0 {
            return Ok(replies);
        }
        decoder.push(&buffer[..received]);
        // All that is complete, before the next read: the client may be waiting for these answers before it goes on.
        while let Some((reply, last)) = answer(&mut decoder, &mut session, bank) {
            stream.write_all(&encode(&reply))?;
            replies += 1;
            if last {
                return Ok(replies);
            }
        }
    }
    // END SOLUTION
}
// SOLUTION

/// The answer to the next request that is complete, and whether it is the last one of the conversation.
fn answer(decoder: &mut Decoder, session: &mut Session, bank: &mut Bank) -> Option<(Reply, bool)> {
    match decoder.next_request() {
        Ok(request) => {
            let reply = session.handle(bank, request?);
            let last = reply == Reply::Bye;
            Some((reply, last))
        }
        // After a bad request we know where the next one begins: behind the LF. After the other two nobody knows, and
        // guessing means to take a stranger's data for orders.
        Err(error) => Some((error.reply(), error != ProtocolError::BadRequest)),
    }
}
// END SOLUTION
