//! Requests and replies as bytes. Given: you have done this in exercise 8; here words are taken from a line one by one.

use std::str::Split;

use ex11::{Handle, Kind, Request};
use netlab::fsp::{FsError, MAX_DATA, MAX_PATH, Reply};

/// The largest offset.
const MAX_OFFSET: u64 = i64::MAX as u64;

/// Whose request it is: `c0ffee01.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// 0xc0ffee01
    pub cid: u32,
    /// 7
    pub seq: u32,
}

/// What a datagram is.
pub enum Message {
    /// A request of a client. An error: it is beyond the protocol's limits.
    Request(Result<Request, FsError>),
    /// `ADVANCE 1500`, for a server whose clock is moved by hand.
    Advance(u64),
    /// It has an id, and is nothing of the protocol.
    Nonsense,
}

/// Cuts a datagram behind its id. `None`: there is none, so nobody can be answered.
pub fn split(datagram: &[u8]) -> Option<(Id, &[u8])> {
    let space = datagram.iter().position(|byte| *byte == b' ')?;
    let (cid, seq) = str::from_utf8(&datagram[..space]).ok()?.split_once('.')?;
    let digits = |text: &str, all: &[u8]| !text.is_empty() && text.bytes().all(|byte| all.contains(&byte));
    let well_formed = cid.len() == 8 && digits(cid, b"0123456789abcdef") && digits(seq, b"0123456789");
    let (cid, seq) = (u32::from_str_radix(cid, 16).ok()?, seq.parse().ok()?);
    well_formed.then_some((Id { cid, seq }, &datagram[space + 1..]))
}

/// Reads what stands behind the id.
pub fn read(rest: &[u8]) -> Message {
    let end = rest.iter().position(|byte| *byte == b'\n');
    let line = end.and_then(|end| Some((str::from_utf8(&rest[..end]).ok()?, &rest[end + 1..])));
    let Some((line, data)) = line else {
        return Message::Nonsense;
    };
    let mut words = Words(line.split(' '), data);
    match words
        .message()
        .filter(|_| words.0.next().is_none() && words.1.is_empty())
    {
        Some(Message::Request(Ok(request))) => Message::Request(within_limits(request)),
        Some(message) => message,
        None => Message::Nonsense,
    }
}

fn within_limits(request: Request) -> Result<Request, FsError> {
    let fits = match &request {
        Request::Open { path, .. } => path.len() <= MAX_PATH,
        Request::Read { length, .. } => *length <= MAX_DATA as u64,
        Request::Write { data, .. } | Request::Append { data, .. } => data.len() <= MAX_DATA,
        Request::Seek { offset, .. } => *offset <= MAX_OFFSET,
        _ => true,
    };
    if fits { Ok(request) } else { Err(FsError::Einval) }
}

/// The words of a line that have not been taken yet, and the data behind it, as long as nobody has taken them.
struct Words<'a>(Split<'a, char>, &'a [u8]);

impl Words<'_> {
    fn message(&mut self) -> Option<Message> {
        let request = match self.0.next()? {
            "HELLO" => Request::Hello,
            "RENEW" => Request::Renew,
            "ADVANCE" => return Some(Message::Advance(self.number()?)),
            "OPEN" => Request::Open {
                path: self.path()?,
                writes: self.one_of(["r", "w"])? == "w",
            },
            verb => self.about_a_handle(verb)?,
        };
        Some(Message::Request(Ok(request)))
    }

    fn about_a_handle(&mut self, verb: &str) -> Option<Request> {
        let handle: Handle = self.0.next()?.parse().ok()?;
        Some(match verb {
            "LOCK" => {
                let exclusive = self.one_of(["s", "x"])? == "x";
                let kind = if exclusive { Kind::Exclusive } else { Kind::Shared };
                Request::Lock { handle, kind }
            }
            "UNLOCK" => Request::Unlock { handle },
            "READ" => Request::Read {
                handle,
                length: self.number()?,
            },
            "WRITE" => Request::Write {
                handle,
                data: self.data()?,
            },
            "APPEND" => Request::Append {
                handle,
                data: self.data()?,
            },
            "SEEK" => Request::Seek {
                handle,
                offset: self.number()?,
            },
            "STAT" => Request::Stat { handle },
            "CLOSE" => Request::Close { handle },
            _ => return None,
        })
    }

    fn one_of<'b>(&mut self, known: [&'b str; 2]) -> Option<&'b str> {
        let word = self.0.next()?;
        known.into_iter().find(|known| *known == word)
    }

    /// Decimal digits; the largest number there is stands for all that are larger.
    fn number(&mut self) -> Option<u64> {
        let word = self.0.next().filter(|word| !word.is_empty())?;
        let decimal = word.bytes().all(|byte| byte.is_ascii_digit());
        decimal.then(|| word.parse().unwrap_or(u64::MAX))
    }

    /// The data behind the line, if they are as long as the next word says.
    fn data(&mut self) -> Option<Vec<u8>> {
        let announced = self.number()?;
        let data = std::mem::take(&mut self.1);
        (announced == data.len() as u64).then(|| data.to_vec())
    }

    /// A path whose `%41`s have become bytes.
    fn path(&mut self) -> Option<String> {
        let mut written = self.0.next()?.bytes();
        let mut bytes = Vec::new();
        while let Some(byte) = written.next() {
            bytes.push(match byte {
                b'%' => {
                    let mut digit = || char::from(written.next()?).to_digit(16);
                    (digit()? * 16 + digit()?) as u8
                }
                plain => plain,
            });
        }
        String::from_utf8(bytes).ok().filter(|path| path.starts_with('/'))
    }
}

/// The bytes of a reply, without its id.
pub fn written(reply: &Reply) -> Vec<u8> {
    match reply {
        Err(error) => format!("ERR {error}\n").into_bytes(),
        Ok(answer) => {
            let fields = answer.fields.iter().map(|field| format!(" {field}"));
            let line = format!("OK{}\n", fields.collect::<String>());
            [line.as_bytes(), &answer.data].concat()
        }
    }
}
