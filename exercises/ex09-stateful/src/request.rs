//! Requests and replies as bytes. Given: you have done this once, in the exercise before.

use ex09::Mode;
use netlab::fsp::{FsError, MAX_DATA, MAX_PATH, Reply};

/// The largest offset.
const MAX_OFFSET: u64 = i64::MAX as u64;

/// What a client can ask for.
pub enum Request {
    /// `OPEN path mode`
    Open { path: String, mode: Mode },
    /// `READ h len`
    Read { handle: u32, length: usize },
    /// `WRITE h len`, and data
    Write { handle: u32, data: Vec<u8> },
    /// `APPEND h len`, and data
    Append { handle: u32, data: Vec<u8> },
    /// `SEEK h off`
    Seek { handle: u32, offset: u64 },
    /// `STAT h`
    Stat { handle: u32 },
    /// `CLOSE h`
    Close { handle: u32 },
}

/// What a word behind the verb may be.
#[derive(Clone, Copy)]
enum Kind {
    Path,
    Mode,
    Handle,
    Offset,
    Length,
    /// So much data comes behind the line.
    Carried,
}

const VERBS: [(&str, &[Kind]); 7] = [
    ("OPEN", &[Kind::Path, Kind::Mode]),
    ("READ", &[Kind::Handle, Kind::Length]),
    ("WRITE", &[Kind::Handle, Kind::Carried]),
    ("APPEND", &[Kind::Handle, Kind::Carried]),
    ("SEEK", &[Kind::Handle, Kind::Offset]),
    ("STAT", &[Kind::Handle]),
    ("CLOSE", &[Kind::Handle]),
];

/// The words of a request, by what they are.
#[derive(Default)]
struct Words {
    path: String,
    writes: bool,
    handle: u64,
    offset: u64,
    length: u64,
    carried: u64,
}

/// Reads a request. `None`: it has no id.
pub fn parse(datagram: &[u8]) -> Option<(String, Result<Request, FsError>)> {
    let (line, data) = match datagram.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&datagram[..end], Some(&datagram[end + 1..])),
        None => (datagram, None),
    };
    let text = String::from_utf8_lossy(line);
    let (id, rest) = text.split_once(' ').unwrap_or((&text, ""));
    number(id).filter(|&id| u32::try_from(id).is_ok())?;
    let request = data.ok_or(FsError::Eproto).and_then(|data| request(rest, data));
    Some((id.to_owned(), request))
}

fn request(line: &str, data: &[u8]) -> Result<Request, FsError> {
    let (verb, words) = words(line)
        .filter(|(_, words)| words.carried == data.len() as u64)
        .ok_or(FsError::Eproto)?;
    let within = words.path.len() <= MAX_PATH
        && words.offset <= MAX_OFFSET
        && words.length.max(words.carried) <= MAX_DATA as u64;
    if !within {
        return Err(FsError::Einval);
    }
    // No handle is that large, so none of that number is open.
    let handle = u32::try_from(words.handle).map_err(|_| FsError::Ebadf)?;
    let mode = if words.writes { Mode::Write } else { Mode::Read };
    let (path, data, length, offset) = (words.path, data.to_vec(), words.length as usize, words.offset);
    Ok(match verb {
        "OPEN" => Request::Open { path, mode },
        "READ" => Request::Read { handle, length },
        "WRITE" => Request::Write { handle, data },
        "APPEND" => Request::Append { handle, data },
        "SEEK" => Request::Seek { handle, offset },
        "STAT" => Request::Stat { handle },
        _ => Request::Close { handle },
    })
}

/// The verb and what comes behind it; `None` if the grammar does not have that.
fn words(line: &str) -> Option<(&'static str, Words)> {
    let mut written = line.split(' ');
    let verb = written.next()?;
    let (verb, kinds) = VERBS.into_iter().find(|(known, _)| *known == verb)?;
    let mut words = Words::default();
    for kind in kinds {
        let word = written.next()?;
        match kind {
            Kind::Path => words.path = path(word)?,
            Kind::Mode => words.writes = ["r", "w"].iter().position(|mode| *mode == word)? == 1,
            Kind::Handle => words.handle = number(word)?,
            Kind::Offset => words.offset = number(word)?,
            Kind::Length => words.length = number(word)?,
            Kind::Carried => words.carried = number(word)?,
        }
    }
    written.next().is_none().then_some((verb, words))
}

/// Decimal digits. What is too large for 64 bits stays too large for everything.
fn number(word: &str) -> Option<u64> {
    let add = |sum: u64, digit: char| Some(sum.saturating_mul(10).saturating_add(digit.to_digit(10)?.into()));
    if word.is_empty() {
        None
    } else {
        word.chars().try_fold(0, add)
    }
}

/// A path without its escapes.
fn path(word: &str) -> Option<String> {
    let mut pieces = word.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok().filter(|path| path.starts_with('/'))
}

/// The bytes of a reply.
pub fn encode(id: &str, reply: &Reply) -> Vec<u8> {
    let mut bytes = id.as_bytes().to_vec();
    match reply {
        Err(error) => bytes.extend_from_slice(format!(" ERR {error}\n").as_bytes()),
        Ok(answer) => {
            bytes.extend_from_slice(b" OK");
            for field in &answer.fields {
                bytes.extend_from_slice(format!(" {field}").as_bytes());
            }
            bytes.push(b'\n');
            bytes.extend_from_slice(&answer.data);
        }
    }
    bytes
}
