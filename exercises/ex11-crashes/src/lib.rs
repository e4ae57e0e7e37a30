//! Exercise 11: what a file server needs when both ends may crash and there are many clients: an epoch, leases and locks. And
//! a client that goes on after a crash as if nothing had happened. The protocol is FSP/3; all of it is in `README.md`, under
//! *What goes over the wire*.
//!
//! ```text
//! datagram ──▶ Guard::heard ──▶ a copy? ──▶ Guard::answer ──▶ reply ──▶ datagram
//!              │ Leases          (given)    │ epoch, Locks    (given)
//!              └───────── Server (given: handles, positions, files) ──────┘
//! ```
//!
//! No function here asks what time it is: they are told, in milliseconds since the server has started. Try [`Locks`],
//! [`Leases`] and [`next_epoch`] with `ex11 probe` before there is any network.
#![allow(unused_imports, unused_variables, dead_code)] // delete this line when you have written everything

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use netlab::fsp::{Answer, AskError, FsError, Reply, ask, in_request};
use netlab::rpc::Caller;
use netlab::{During, Failure, Op};

/// A handle: `7-32` is number 32 of the server's life number 7. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The life.
    pub epoch: u32,
    /// The number within it: 32, 33, … in each life.
    pub number: u32,
}

impl Display for Handle {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.epoch, self.number)
    }
}

impl FromStr for Handle {
    type Err = FsError;

    fn from_str(text: &str) -> Result<Handle, FsError> {
        let decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let numbers = text.split_once('-').filter(|(epoch, n)| decimal(epoch) && decimal(n));
        let (epoch, number) = numbers.ok_or(FsError::Eproto)?;
        let read = |number: &str| number.parse().map_err(|_| FsError::Eproto);
        let (epoch, number) = (read(epoch)?, read(number)?);
        Ok(Handle { epoch, number })
    }
}

/// What a lock keeps others from. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `s`: from writing. Many clients may have one.
    Shared,
    /// `x`: from reading and from writing. One client has it, and nobody else has any.
    Exclusive,
}

/// What a client can ask for. Given: `request.rs` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are the words of the protocol
pub enum Request {
    /// `HELLO`
    Hello,
    /// `RENEW`
    Renew,
    /// `LOCK h s|x`
    Lock { handle: Handle, kind: Kind },
    /// `UNLOCK h`
    Unlock { handle: Handle },
    /// `OPEN path mode`
    Open { path: String, writes: bool },
    /// `READ h len`
    Read { handle: Handle, length: u64 },
    /// `WRITE h len`, and data
    Write { handle: Handle, data: Vec<u8> },
    /// `APPEND h len`, and data
    Append { handle: Handle, data: Vec<u8> },
    /// `SEEK h off`
    Seek { handle: Handle, offset: u64 },
    /// `STAT h`
    Stat { handle: Handle },
    /// `CLOSE h`
    Close { handle: Handle },
}

impl Request {
    /// The handle that it is about, if it is about one.
    pub fn handle(&self) -> Option<Handle> {
        match *self {
            Request::Hello | Request::Renew | Request::Open { .. } => None,
            Request::Lock { handle, .. }
            | Request::Unlock { handle }
            | Request::Read { handle, .. }
            | Request::Write { handle, .. }
            | Request::Append { handle, .. }
            | Request::Seek { handle, .. }
            | Request::Stat { handle }
            | Request::Close { handle } => Some(handle),
        }
    }
}

/// A request that is no copy of an earlier one. Given.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The address on the envelope.
    pub from: SocketAddr,
    /// The client, by the id in the message: 0xc0ffee01 in `c0ffee01.7 STAT 7-32`.
    pub cid: u32,
    /// What it asks for.
    pub request: &'a Request,
}

/// A server that does what it is told, for whoever asks. Given: `server.rs` has one for files.
pub trait Server {
    /// Which file a handle stands for: a name that is the same for two handles if the file is. It looks at the *number* of
    /// a handle, not at its epoch.
    ///
    /// # Errors
    /// - `Ebadf`: no such handle, or it was closed.
    /// - `Estale`: its client was given up.
    /// - `Eacces`: it is to be used for writing (`writes`), and was opened for reading.
    fn file_of(&self, handle: Handle, writes: bool) -> Result<String, FsError>;

    /// Does what the client `cid` asks for: OPEN, READ, WRITE, APPEND, SEEK, STAT or CLOSE. As above, the epoch is not
    /// looked at.
    ///
    /// # Errors
    /// Those of the protocol. A request that is refused has changed nothing.
    fn execute(&mut self, cid: u32, request: &Request) -> Reply;

    /// Closes all the handles of a client, forgets the reply to its last request, and writes a line into the log:
    /// `lease of c0ffee01 expired: 2 handles, 1 lock`. How many locks it had, you have to say.
    fn give_up(&mut self, cid: u32, locks: usize);
}

/// Who has which lock on which file. An owner is a client, by its id.
#[derive(Default)]
pub struct Locks {
    // What has to be remembered of a lock?
}

impl Locks {
    /// Locks a file, or says at once that this cannot be.
    ///
    /// | others have | `Shared` | `Exclusive` |
    /// |---|---|---|
    /// | nothing | OK | OK |
    /// | shared locks | OK | `Elocked` |
    /// | an exclusive one | `Elocked` | `Elocked` |
    ///
    /// What the owner itself has does not stand in its way. Afterwards it has *one* lock on the file, of the kind that it
    /// asked for last.
    ///
    /// # Errors
    /// `Elocked`: then everybody has what they had before.
    pub fn lock(&mut self, file: &str, owner: u32, kind: Kind) -> Result<(), FsError> {
        todo!("lock: what do the others have?")
    }

    /// Gives back the owner's lock on a file.
    ///
    /// # Errors
    /// `Einval`: it has none. Then nothing changes.
    pub fn unlock(&mut self, file: &str, owner: u32) -> Result<(), FsError> {
        todo!("unlock: whose lock goes?")
    }

    /// Whether this client may read the file: nobody else has an exclusive lock on it.
    pub fn may_read(&self, file: &str, cid: u32) -> bool {
        todo!("may_read: which locks of others keep from reading?")
    }

    /// Whether this client may write to the file: nobody else has any lock on it. It need not have one itself.
    pub fn may_write(&self, file: &str, cid: u32) -> bool {
        todo!("may_write: which locks of others keep from writing?")
    }

    /// Gives back everything that an owner has, and says how many locks that were.
    pub fn release(&mut self, owner: u32) -> usize {
        todo!("release: all locks of this owner, on every file")
    }
}

/// When each client was heard last.
pub struct Leases {
    /// How long a client may be silent, in milliseconds.
    pub lease_ms: u64,
    // What has to be remembered of a client?
}

impl Leases {
    /// Leases of so many milliseconds. Nobody has one yet.
    pub fn new(lease_ms: u64) -> Leases {
        todo!("new: leases without clients")
    }

    /// A client was heard: its lease runs from now on, whether it had one or not.
    pub fn touch(&mut self, cid: u32, now_ms: u64) {
        todo!("touch: from when on does the lease run now?")
    }

    /// The clients that have been silent for *longer* than `lease_ms`, in ascending order. They have no lease any more: each
    /// is reported once.
    pub fn expired(&mut self, now_ms: u64) -> Vec<u32> {
        todo!("expired: who has been silent for too long?")
    }
}

/// Counts the server's lives in the file `epoch` of the folder `state`, as a decimal number and LF. Gives the number of the
/// life that begins: larger by 1 than the one in the file, or 1 if there is no file yet.
///
/// A crash may come at any moment, also in the middle of this. So the file is not written to: a new one beside it is
/// written, brought to the disk ([`File::sync_all`]), and then takes its place ([`fs::rename`]). In the folder there is
/// always a whole number, the old one or the new one.
///
/// # Errors
/// - `InvalidData`: what is in the file is no number, or there is no larger one. Nobody knows then which epochs are used up,
///   so the server must not start.
/// - Those of reading and writing.
pub fn next_epoch(state: &Path) -> io::Result<u32> {
    todo!("next_epoch: read the number, write the next one beside it, rename")
}

/// What stands in front of the file server: it knows who is alive, whose handles are valid, and who may do what.
pub struct Guard {
    /// The number of this life.
    pub epoch: u32,
    /// Who has locked what.
    pub locks: Locks,
    /// Who was heard when.
    pub leases: Leases,
}

impl Guard {
    /// The guard of a life that begins. Given.
    pub fn new(epoch: u32, lease_ms: u64) -> Guard {
        Guard {
            epoch,
            locks: Locks::default(),
            leases: Leases::new(lease_ms),
        }
    }

    /// Gives up every client whose lease is over: its locks go, and everything that the server has for it
    /// ([`Server::give_up`]).
    ///
    /// `main.rs` calls this when nothing has come for a while.
    pub fn expire(&mut self, server: &mut dyn Server, now_ms: u64) {
        todo!("expire: who is over, and what has to go with each of them?")
    }

    /// A valid request of this client has arrived, be it new, a copy, or one that will be refused. First everybody whose lease
    /// is over is given up, this client too, if it comes too late. Then its lease runs from now on.
    ///
    /// `main.rs` calls this before it does anything else with the request.
    pub fn heard(&mut self, server: &mut dyn Server, cid: u32, now_ms: u64) {
        todo!("heard: expire, and renew. In which order?")
    }

    /// Answers a new request.
    ///
    /// - A handle of another epoch: `Estale`, before anything else is looked at.
    /// - HELLO: the epoch and the lease in milliseconds (`Answer::with([&…, &…])`). RENEW: nothing but OK
    ///   (`Answer::default()`); the work is done by [`Guard::heard`].
    /// - LOCK, UNLOCK: on the file of the handle ([`Server::file_of`]), for the client that asks.
    /// - READ, WRITE, APPEND: executed, if no lock of somebody else is in the way; otherwise `Elocked`.
    /// - CLOSE: executed; then a lock of the client on that file is gone, too, if it had one.
    /// - Everything else is executed.
    ///
    /// # Errors
    /// Those above, and those of `server`.
    pub fn answer(&mut self, server: &mut dyn Server, arrival: &Arrival) -> Reply {
        todo!("answer: is the handle of this life? Is a lock in the way? Then execute")
    }
}

/// How often in a row [`get_with_recovery`] opens its file again without getting a byte in between.
pub const RECOVERIES: u32 = 10;

/// The client: copies a whole file to `out`, `chunk` bytes a READ, whatever happens to the server meanwhile. Gives the number
/// of bytes.
///
/// OPEN (mode `r`), then READ until one brings nothing, then CLOSE. Each piece is written to `out` when it comes. If a request
/// is refused with `Estale`, the server has crashed, or has given this client up. Then OPEN again, SEEK to where *this client*
/// has come to, and go on. That may happen at any request, also in the middle of this.
///
/// A CLOSE that is refused with `Ebadf` or `Estale` is no failure: there is nothing left to close.
///
/// # Errors
/// - The server refuses for another reason, or there is no answer, or `out` takes no more.
/// - `Estale`, if it had to open the file again more than [`RECOVERIES`] times without one byte in between.
pub fn get_with_recovery(caller: &mut Caller, path: &str, chunk: usize, out: &mut dyn Write) -> Result<u64, AskError> {
    todo!("get_with_recovery: OPEN, READ, CLOSE; on ESTALE: OPEN, SEEK, and go on")
}

/// The two words behind `OK` in the answer to OPEN. Given.
///
/// # Errors
/// They are something else.
pub fn handle_and_size(answer: &Answer) -> Result<(Handle, u64), AskError> {
    let words = match &answer.fields[..] {
        [handle, size] => handle.parse().ok().zip(size.parse().ok()),
        _ => None,
    };
    let nonsense = || Failure::answered(format_args!("OPEN was answered by `OK {}`", answer.fields.join(" ")));
    words.ok_or_else(|| nonsense().into())
}
