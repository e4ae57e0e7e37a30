// CANARY-7f3a91c2-hidden
//! Exercise 8: a file server that remembers nothing, and its client. The protocol is FSP/0; all of it is in `README.md`,
//! under *What goes over the wire*.
//!
//! ```text
//! datagram ──▶ parse ──▶ Request ──▶ serve ──▶ Reply ──▶ encode ──▶ datagram
//!                                      │
//!                                  safe_path
//! ```
//!
//! None of these functions sees a socket, and none has a `&mut` or anything else in which it could remember one request
//! until the next. What a request needs is in the request. `src/main.rs` is given: it receives datagrams, calls your
//! functions, and sends what they return. Try them with `ex08 probe` before there is any network.
// SOLUTION #![allow(unused_imports, unused_variables)] // delete this line when you have written everything
// END SOLUTION

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use netlab::fsp::{Answer, AskError, FsError, MAX_DATA, MAX_PATH, Reply, ask, in_request};
use netlab::rpc::Caller;

/// The largest offset: one less than 2 to the power of 63.
pub const MAX_OFFSET: u64 = u64::MAX >> 1;

/// What a client wants with a file. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `r`: it has to exist.
    Read,
    /// `w`: it is created if it is missing. What is in it stays.
    Write,
}

/// What a client can ask for. Paths are decoded: `/a%20b` has become `/a b`. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `OPEN path mode`: is the file there, and how long is it?
    Open {
        /// Which file.
        path: String,
        /// What for.
        mode: Mode,
    },
    /// `READ path off len`: some bytes of it.
    Read {
        /// Which file.
        path: String,
        /// From where on.
        offset: u64,
        /// How many at most.
        length: usize,
    },
    /// `WRITE path off len`, and behind that line the data: put these bytes there.
    Write {
        /// Which file.
        path: String,
        /// Where in it.
        offset: u64,
        /// As many bytes as the line says.
        data: Vec<u8>,
    },
    /// `APPEND path len`, and behind that line the data: put these bytes at the end.
    Append {
        /// Which file.
        path: String,
        /// As many bytes as the line says.
        data: Vec<u8>,
    },
    /// `CLOSE path`: the client is done with it.
    Close {
        /// Which file.
        path: String,
    },
}

/// Reads a request. `None`: it has no id, so nobody could be answered.
///
/// The line ends with LF; what comes behind it is data. The id is what stands before the first space: decimal digits, a
/// number below 2³². It is given back as it was written. Words have exactly one space between them; numbers are decimal
/// digits and nothing else; a path begins with `/` and has `%` and two hexadecimal digits in place of any byte that it
/// cannot hold itself. Decoded (once), it is UTF-8.
///
/// # Errors
/// Beside the id, since these are answered:
/// - `Eproto`: no LF, no UTF-8, an unknown verb or mode, a wrong number of words, a number or a path that is none. Also if
///   the data of a WRITE or APPEND is not as long as the line says, or if any other request has data at all.
/// - `Einval`, if nothing is wrong with that: a decoded path of more than [`MAX_PATH`] bytes, an offset above
///   [`MAX_OFFSET`], a length above [`MAX_DATA`], however many digits these have.
pub fn parse(datagram: &[u8]) -> Option<(String, Result<Request, FsError>)> {
    // SOLUTION todo!("parse: cut at the first LF, take the id off the line, look at the rest word by word")
    // A datagram is a whole message, so there is nothing to wait for: a line without its LF is one that was cut.
    let mut parts = datagram.splitn(2, |byte| *byte == b'\n');
    let line = parts.next().unwrap_or_default();
    let data = parts.next();

    let mut words = line.splitn(2, |byte| *byte == b' ');
    let id = str::from_utf8(words.next()?).ok()?;
    // A request without an id that can be read is not answered at all: its sender could not tell which request was meant.
    digits(id).ok().filter(|&number| number <= u64::from(u32::MAX))?;
    Some((id.to_string(), understand(words.next(), data)))
    // END SOLUTION
}
// SOLUTION

/// The request in a line without its id, and in the data behind it. `None`: there is no such thing.
fn understand(line: Option<&[u8]>, data: Option<&[u8]>) -> Result<Request, FsError> {
    use FsError::{Einval, Eproto};

    let (line, data) = line.zip(data).ok_or(Eproto)?;
    let words: Vec<&str> = str::from_utf8(line).map_err(|_| Eproto)?.split(' ').collect();
    let (path, offset, length) = match words[..] {
        ["OPEN", path, "r" | "w"] | ["CLOSE", path] => (path, 0, 0),
        ["READ" | "WRITE", path, offset, length] => (path, digits(offset)?, digits(length)?),
        ["APPEND", path, length] => (path, 0, digits(length)?),
        _ => return Err(Eproto),
    };
    let path = decoded(path)?;
    // The length is there for this one comparison: a datagram that was cut on its way must not be written as if it were all.
    let carries = matches!(words[0], "WRITE" | "APPEND");
    if data.len() as u64 != if carries { length } else { 0 } {
        return Err(Eproto);
    }
    // Syntax comes first and limits second, so that one request has one answer, whoever wrote the server.
    if path.len() > MAX_PATH || offset > MAX_OFFSET || length > MAX_DATA as u64 {
        return Err(Einval);
    }
    let (data, length) = (data.to_vec(), length as usize);
    Ok(match words[0] {
        "OPEN" if words[2] == "w" => Request::Open {
            path,
            mode: Mode::Write,
        },
        "OPEN" => Request::Open { path, mode: Mode::Read },
        "READ" => Request::Read { path, offset, length },
        "WRITE" => Request::Write { path, offset, data },
        "APPEND" => Request::Append { path, data },
        _ => Request::Close { path },
    })
}

/// The number that these digits write. One that is too large for a `u64` is beyond every limit of the protocol as well, so
/// the largest `u64` stands for it.
fn digits(word: &str) -> Result<u64, FsError> {
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FsError::Eproto);
    }
    Ok(word.parse().unwrap_or(u64::MAX))
}

/// A path without its escapes. This happens once, and everything behind it sees the bytes that the file system will see:
/// whoever looks for `..` before decoding does not find `%2e%2e`, and whoever decodes twice makes one of `%252e`.
fn decoded(word: &str) -> Result<String, FsError> {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (pair, behind) = rest.split_at_checked(2).ok_or(FsError::Eproto)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(FsError::Eproto);
        bytes.push((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
        rest = behind;
    }
    let path = String::from_utf8(bytes).map_err(|_| FsError::Eproto)?;
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(FsError::Eproto)
    }
}
// END SOLUTION

/// The file below `root` that `path` names, or the place below `root` where it could be created.
///
/// `root` is absolute and has neither links nor dots in it (`main.rs` takes care of that). `path` is decoded and begins
/// with `/`, which here means `root`. It may try anything: `..`, links that lead elsewhere, the absolute path of another
/// file. What counts is where it ends.
///
/// # Errors
/// - `Eacces`: it ends outside of `root`, or would if a file were created there.
/// - `Enoent`: a folder on the way does not exist.
/// - Any other error of looking at files: `?` turns an `io::Error` into an [`FsError`].
pub fn safe_path(root: &Path, path: &str) -> Result<PathBuf, FsError> {
    // SOLUTION todo!("safe_path: let the system say where the path really ends, and compare that with the root")
    // `join` with an absolute path would throw the root away and give just that path.
    let wanted = root.join(path.trim_start_matches('/'));
    // The system follows every `..` and every link, as it will when the file is opened. No look at the text could do that.
    let real = match wanted.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => place_for(&wanted)?,
        found => found?,
    };
    // `Path::starts_with` compares whole names: `/srv/rootkit` does not start with `/srv/root`.
    //
    // Between this look and the opening somebody on this machine could still put a link in the way. Against that there is
    // openat2(2) with RESOLVE_BENEATH, which looks and opens in one call.
    if real.starts_with(root) {
        Ok(real)
    } else {
        Err(FsError::Eacces)
    }
    // END SOLUTION
}
// SOLUTION

/// Where a file that does not exist would be created: its folder has to exist.
fn place_for(wanted: &Path) -> Result<PathBuf, FsError> {
    let (folder, name) = wanted.parent().zip(wanted.file_name()).ok_or(FsError::Eacces)?;
    let place = folder.canonicalize()?.join(name);
    // There may be a link of this name after all, one whose target does not exist. Whoever opens it to create a file
    // creates the target, wherever that is.
    match fs::symlink_metadata(&place) {
        Ok(_) => Err(FsError::Eacces),
        Err(_) => Ok(place),
    }
}
// END SOLUTION

/// Does what a request asks for, and says what to answer.
///
/// | request | OK, and behind it |
/// |---|---|
/// | OPEN | the file's size; mode `w` creates a missing file, and empties none. Nothing stays open |
/// | READ | as many bytes as there are from `offset` on, at most `length`, and their number in front: 0 at the end and behind it |
/// | WRITE | how many bytes were written: all. It creates a missing file; a hole in front of `offset` reads as zeros |
/// | APPEND | the file's new size. It creates a missing file |
/// | CLOSE | nothing. It does nothing, since nothing is open |
///
/// # Errors
/// Those of [`safe_path`]; `Enoent`, if the file has to exist and does not; `Eisdir`, if it is a folder; `Eacces`, if it is
/// something else that is no file; and any other error of working with files.
pub fn serve(root: &Path, request: &Request) -> Reply {
    // SOLUTION todo!("serve: find the file, open it, do one thing with it")
    match request {
        Request::Open { path, mode } => {
            // The file is closed again at the end of this arm. OPEN is a question about a file, and no promise for later.
            let file = match mode {
                Mode::Read => File::open(regular(root, path)?)?,
                Mode::Write => for_writing().open(regular(root, path)?)?,
            };
            Ok(Answer::with([&file.metadata()?.len()]))
        }
        Request::Read { path, offset, length } => {
            let file = File::open(regular(root, path)?)?;
            Ok(Answer::with_data(read_piece(&file, *offset, *length)?))
        }
        Request::Write { path, offset, data } => {
            let file = for_writing().open(regular(root, path)?)?;
            // The offset is the client's. So a copy of this request puts the same bytes in the same place.
            file.write_all_at(data, *offset)?;
            Ok(Answer::with([&data.len()]))
        }
        Request::Append { path, data } => {
            // "At the end" is wherever the end is by now: a copy of this request writes somewhere else than the first one.
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .open(regular(root, path)?)?;
            file.write_all(data)?;
            Ok(Answer::with([&file.metadata()?.len()]))
        }
        Request::Close { .. } => Ok(Answer::default()),
    }
    // END SOLUTION
}
// SOLUTION

/// A safe path to a file, or to none yet.
fn regular(root: &Path, path: &str) -> Result<PathBuf, FsError> {
    let path = safe_path(root, path)?;
    match fs::metadata(&path) {
        Ok(what) if what.is_dir() => Err(FsError::Eisdir),
        // Opening a named pipe would wait for somebody at its other end, and all clients with it.
        Ok(what) if !what.is_file() => Err(FsError::Eacces),
        _ => Ok(path),
    }
}

/// Not `File::create`, which begins by emptying the file.
fn for_writing() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options
}

/// Up to `length` bytes, fewer only at the end of the file. One `read_at` may bring fewer than there are.
fn read_piece(file: &File, offset: u64, length: usize) -> Result<Vec<u8>, FsError> {
    let left = file.metadata()?.len().saturating_sub(offset);
    let length = length.min(usize::try_from(left).unwrap_or(length));
    let mut piece = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut piece[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    piece.truncate(filled);
    Ok(piece)
}
// END SOLUTION

/// The bytes of a reply: `3 OK 200`, LF and 200 bytes; `3 OK`, LF; `3 ERR ENOENT`, LF.
///
/// The id is the request's: by it the client knows which of its requests this is the answer to.
pub fn encode(id: &str, reply: &Reply) -> Vec<u8> {
    // SOLUTION todo!("encode: write the id, the words and LF, and behind that the data")
    let (words, data) = match reply {
        Ok(answer) => {
            let fields: String = answer.fields.iter().map(|field| format!(" {field}")).collect();
            (format!("OK{fields}"), &answer.data[..])
        }
        Err(error) => (format!("ERR {error}"), &[][..]),
    };
    // The data is appended as bytes. A detour through a String would change what is no text.
    [format!("{id} {words}\n").as_bytes(), data].concat()
    // END SOLUTION
}

/// The client: copies a whole file, `chunk` bytes a READ.
///
/// [`ask`] sends a request and waits for its answer: `ask(caller, format_args!("READ {path} {offset} {length}"), b"")`.
/// Paths stand in requests as [`in_request`] writes them. A READ may bring fewer bytes than it was asked for; the end of
/// the file is where one brings none. Ask for nothing but READs, and for none behind the end.
///
/// # Errors
/// The server refuses, or there is no answer.
pub fn get(caller: &mut Caller, path: &str, chunk: usize) -> Result<Vec<u8>, AskError> {
    // SOLUTION todo!("get: READ from offset 0 on, until one brings nothing")
    let path = in_request(path);
    let mut copy = Vec::new();
    loop {
        // Whoever knows how much has arrived knows where to go on. The server does not know, and does not have to.
        let answer = ask(caller, format_args!("READ {path} {} {chunk}", copy.len()), b"")?;
        if answer.data.is_empty() {
            return Ok(copy);
        }
        copy.extend(answer.data);
    }
    // END SOLUTION
}
