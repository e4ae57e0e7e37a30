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
#![allow(unused_imports, unused_variables)] // delete this line when you have written everything

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
    todo!("parse: cut at the first LF, take the id off the line, look at the rest word by word")
}

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
    todo!("safe_path: let the system say where the path really ends, and compare that with the root")
}

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
    todo!("serve: find the file, open it, do one thing with it")
}

/// The bytes of a reply: `3 OK 200`, LF and 200 bytes; `3 OK`, LF; `3 ERR ENOENT`, LF.
///
/// The id is the request's: by it the client knows which of its requests this is the answer to.
pub fn encode(id: &str, reply: &Reply) -> Vec<u8> {
    todo!("encode: write the id, the words and LF, and behind that the data")
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
    todo!("get: READ from offset 0 on, until one brings nothing")
}
