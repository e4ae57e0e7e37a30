// CANARY-7f3a91c2-hidden
//! Exercise 9: a file server that remembers, and a client that finds out when the two of them have lost each other. The
//! protocol is FSP/1; all of it is in `README.md`, under *What goes over the wire*.
//!
//! ```text
//! datagram ──▶ parse ──▶ HandleTable ──▶ encode ──▶ datagram
//!            (given)     │  32: /tmp/test.txt, 200, read       (given)
//!                        │  33: /notes/log, 0, write
//!                        └──▶ Files (given)
//! ```
//!
//! Requests are short, because the table knows the rest: which file a handle stands for, how far it has come, and what it
//! may be used for. Files are given, too: they are what a [`Files`] can do, and only the table knows who is where in
//! them. Try the table with `ex09 probe` before there is any network.
// SOLUTION #![allow(unused_imports, unused_variables)] // delete this line when you have written everything
// END SOLUTION

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use netlab::Failure;
use netlab::fsp::{Answer, AskError, FsError, ask, in_request};
use netlab::rpc::Caller;

/// The first handle that a table gives out. (The slide's number. 0, 1 and 2 would look like descriptors.)
pub const FIRST_HANDLE: u32 = 32;

/// How many handles may be open at the same time.
pub const MAX_OPEN: usize = 64;

/// What a handle may be used for. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `r`: READ only.
    Read,
    /// `w`: READ, WRITE and APPEND.
    Write,
}

impl Display for Mode {
    /// As in the answer to STAT: `read` or `write`.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Mode::Read => "read",
            Mode::Write => "write",
        })
    }
}

/// Files, by their paths. Given: `files.rs` has those of a folder, and some in memory for the probe.
///
/// Nothing stays open between two calls: each of them finds its file anew, by its path. So any of them may fail, also after
/// others have gone well: somebody may have removed the file.
pub trait Files {
    /// The file's size. With [`Mode::Write`], a file that is missing is created; what is in it stays.
    ///
    /// # Errors
    /// There is no such file, it is a folder, or it may not be used.
    fn open(&self, path: &str, mode: Mode) -> Result<u64, FsError>;

    /// The bytes from `offset` on: `length` of them, or fewer at the end of the file, and none behind it.
    ///
    /// # Errors
    /// As [`Files::open`].
    fn read_at(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, FsError>;

    /// Puts all of these bytes at `offset`.
    ///
    /// # Errors
    /// As [`Files::open`].
    fn write_at(&self, path: &str, offset: u64, data: &[u8]) -> Result<(), FsError>;

    /// Puts all of these bytes at the end, and gives the file's new size.
    ///
    /// # Errors
    /// As [`Files::open`].
    fn append(&self, path: &str, data: &[u8]) -> Result<u64, FsError>;
}

/// What the server remembers: its open handles, and of each the path, the position and the mode.
///
/// A request that fails leaves everything as it was.
pub struct HandleTable {
    // SOLUTION // What has to be remembered from one request to the next?
    open: BTreeMap<u32, Open>,
    /// How many were given out in this run. Not the same as how many are open.
    given_out: u32,
    // END SOLUTION
}
// SOLUTION

/// One handle's part of the memory: the slide's line `32: /tmp/test.txt, 200, read`.
struct Open {
    path: String,
    position: u64,
    mode: Mode,
}
// END SOLUTION

impl HandleTable {
    /// A table in which nothing is open.
    pub fn empty() -> HandleTable {
        // SOLUTION todo!("empty: a table without handles")
        HandleTable {
            open: BTreeMap::new(),
            given_out: 0,
        }
        // END SOLUTION
    }

    /// Opens a file: gives a new handle, and the file's size. Its position is 0.
    ///
    /// The first handle is [`FIRST_HANDLE`], and each further one is by 1 larger than the last that was given out, whether
    /// that is still open or not.
    ///
    /// # Errors
    /// - `Emfile`: [`MAX_OPEN`] are open. Then no file is created either.
    /// - Those of [`Files::open`].
    pub fn open(&mut self, path: &str, mode: Mode, files: &dyn Files) -> Result<(u32, u64), FsError> {
        // SOLUTION todo!("open: is there room, is there a file? Then remember it under the next number")
        // Looked at first: an OPEN that is refused must not leave a new file behind.
        if self.open.len() >= MAX_OPEN {
            return Err(FsError::Emfile);
        }
        let size = files.open(path, mode)?;
        // Never a number a second time. Whoever still has the old one would get another file under it, and not notice.
        let handle = FIRST_HANDLE + self.given_out;
        self.given_out += 1;
        let path = path.to_string();
        self.open.insert(
            handle,
            Open {
                path,
                position: 0,
                mode,
            },
        );
        Ok((handle, size))
        // END SOLUTION
    }

    /// Reads from the handle's position on, at most `length` bytes, and moves the position behind what was read.
    ///
    /// # Errors
    /// - `Ebadf`: the handle is not open.
    /// - Those of [`Files::read_at`].
    pub fn read(&mut self, handle: u32, length: usize, files: &dyn Files) -> Result<Vec<u8>, FsError> {
        // SOLUTION todo!("read: where is this handle? Read there, and move on")
        let open = self.find(handle)?;
        // If this fails, the `?` leaves before the next line, and the position stays where it was.
        let data = files.read_at(&open.path, open.position, length)?;
        // By what came, not by what was asked for: at the end of the file the two differ. And for each request that
        // arrives: of two equal ones, nobody here can tell whether the second was meant.
        open.position += data.len() as u64;
        Ok(data)
        // END SOLUTION
    }

    /// Writes at the handle's position, and moves the position behind what was written.
    ///
    /// # Errors
    /// - `Ebadf`: the handle is not open.
    /// - `Eacces`: it was opened for reading.
    /// - Those of [`Files::write_at`].
    pub fn write(&mut self, handle: u32, data: &[u8], files: &dyn Files) -> Result<(), FsError> {
        // SOLUTION todo!("write: may this handle do that? Write at its position, and move on")
        let open = self.find_for_writing(handle)?;
        files.write_at(&open.path, open.position, data)?;
        open.position += data.len() as u64;
        Ok(())
        // END SOLUTION
    }

    /// Writes at the end of the file, and gives its new size. The position stays.
    ///
    /// # Errors
    /// - `Ebadf`: the handle is not open.
    /// - `Eacces`: it was opened for reading.
    /// - Those of [`Files::append`].
    pub fn append(&mut self, handle: u32, data: &[u8], files: &dyn Files) -> Result<u64, FsError> {
        // SOLUTION todo!("append: may this handle do that? Write at the end")
        files.append(&self.find_for_writing(handle)?.path, data)
        // END SOLUTION
    }

    /// Sets the position, also to a place behind the end of the file.
    ///
    /// # Errors
    /// - `Ebadf`: the handle is not open.
    pub fn seek(&mut self, handle: u32, offset: u64) -> Result<(), FsError> {
        // SOLUTION todo!("seek: move the position")
        // The only one of these that says where, and so the only change that may come twice.
        self.find(handle)?.position = offset;
        Ok(())
        // END SOLUTION
    }

    /// What is remembered of a handle: `32: /tmp/test.txt, 200, read`.
    ///
    /// # Errors
    /// - `Ebadf`: the handle is not open.
    pub fn stat(&self, handle: u32) -> Result<String, FsError> {
        // SOLUTION todo!("stat: handle, path, position and mode in one line")
        let Open { path, position, mode } = self.open.get(&handle).ok_or(FsError::Ebadf)?;
        Ok(format!("{handle}: {path}, {position}, {mode}"))
        // END SOLUTION
    }

    /// Forgets a handle.
    ///
    /// # Errors
    /// - `Ebadf`: the handle is not open. (So a second CLOSE is refused, which harms nobody.)
    pub fn close(&mut self, handle: u32) -> Result<(), FsError> {
        // SOLUTION todo!("close: forget this handle, and no other")
        self.open.remove(&handle).map(drop).ok_or(FsError::Ebadf)
        // END SOLUTION
    }
    // SOLUTION

    fn find(&mut self, handle: u32) -> Result<&mut Open, FsError> {
        self.open.get_mut(&handle).ok_or(FsError::Ebadf)
    }

    fn find_for_writing(&mut self, handle: u32) -> Result<&mut Open, FsError> {
        let open = self.find(handle)?;
        match open.mode {
            Mode::Write => Ok(open),
            Mode::Read => Err(FsError::Eacces),
        }
    }
    // END SOLUTION
}

/// The client: copies a whole file, `chunk` bytes a READ, and makes sure that it is whole.
///
/// OPEN (mode `r`) tells a handle and the size ([`handle_and_size`]). Then READ, until one brings nothing: nobody has to say
/// where, since the server knows. Then CLOSE, and only then look whether as many bytes have come as OPEN said.
///
/// A CLOSE that is refused with `Ebadf` is no failure: its first copy was executed, and the reply to it got lost.
///
/// # Errors
/// The server refuses, there is no answer, or the numbers differ: [`lost_synchronization`].
pub fn get(caller: &mut Caller, path: &str, chunk: usize) -> Result<Vec<u8>, AskError> {
    // SOLUTION todo!("get: OPEN, READ until one brings nothing, CLOSE, compare")
    let answer = ask(caller, format_args!("OPEN {} r", in_request(path)), b"")?;
    let (handle, size) = handle_and_size(&answer)?;
    let mut copy = Vec::new();
    loop {
        // These requests are all alike. When the reply to one gets lost, `ask` sends it again, and the server, which cannot
        // know that, goes on to the next piece. The client never sees the piece in between, nor that there was one.
        let piece = ask(caller, format_args!("READ {handle} {chunk}"), b"")?.data;
        if piece.is_empty() {
            break;
        }
        copy.extend(piece);
    }
    match ask(caller, format_args!("CLOSE {handle}"), b"") {
        Err(AskError::Refused(FsError::Ebadf)) => {}
        other => drop(other?),
    }
    // The check at the very end, by the one who wants the whole file, of what it really has. No step on the way can replace
    // it: each reply that did come was right.
    if copy.len() as u64 != size {
        return Err(lost_synchronization(size, copy.len()));
    }
    Ok(copy)
    // END SOLUTION
}

/// The two words behind `OK` in the answer to OPEN. Given.
///
/// # Errors
/// They are something else.
pub fn handle_and_size(answer: &Answer) -> Result<(u32, u64), AskError> {
    let words = match &answer.fields[..] {
        [handle, size] => handle.parse().ok().zip(size.parse().ok()),
        _ => None,
    };
    let nonsense = || Failure::answered(format_args!("OPEN was answered by `OK {}`", answer.fields.join(" ")));
    words.ok_or_else(|| nonsense().into())
}

/// What `get` fails with if another number of bytes came than the file has. Given.
pub fn lost_synchronization(expected: u64, got: usize) -> AskError {
    let words = format_args!("lost synchronization: expected {expected} bytes, got {got}");
    Failure::answered(words).into()
}
