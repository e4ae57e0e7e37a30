// CANARY-7f3a91c2-hidden
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
// SOLUTION #![allow(unused_imports, unused_variables, dead_code)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION // What has to be remembered of a lock?
    /// By file and owner: so nobody can have two locks on a file, however often a request arrives.
    held: BTreeMap<(String, u32), Kind>,
    // END SOLUTION
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
        // SOLUTION todo!("lock: what do the others have?")
        let stands_in_the_way = |theirs: Kind| theirs == Kind::Exclusive || kind == Kind::Exclusive;
        if self.others(file, owner).any(stands_in_the_way) {
            // At once. Who waits here lets everybody wait, also the one who would unlock.
            return Err(FsError::Elocked);
        }
        // `insert` replaces. A LOCK that is repeated changes nothing, so one UNLOCK is enough.
        self.held.insert((file.to_string(), owner), kind);
        Ok(())
        // END SOLUTION
    }

    /// Gives back the owner's lock on a file.
    ///
    /// # Errors
    /// `Einval`: it has none. Then nothing changes.
    pub fn unlock(&mut self, file: &str, owner: u32) -> Result<(), FsError> {
        // SOLUTION todo!("unlock: whose lock goes?")
        let lock = self.held.remove(&(file.to_string(), owner));
        lock.map(drop).ok_or(FsError::Einval)
        // END SOLUTION
    }

    /// Whether this client may read the file: nobody else has an exclusive lock on it.
    pub fn may_read(&self, file: &str, cid: u32) -> bool {
        // SOLUTION todo!("may_read: which locks of others keep from reading?")
        self.others(file, cid).all(|theirs| theirs == Kind::Shared)
        // END SOLUTION
    }

    /// Whether this client may write to the file: nobody else has any lock on it. It need not have one itself.
    pub fn may_write(&self, file: &str, cid: u32) -> bool {
        // SOLUTION todo!("may_write: which locks of others keep from writing?")
        self.others(file, cid).next().is_none()
        // END SOLUTION
    }

    /// Gives back everything that an owner has, and says how many locks that were.
    pub fn release(&mut self, owner: u32) -> usize {
        // SOLUTION todo!("release: all locks of this owner, on every file")
        let before = self.held.len();
        self.held.retain(|(_, whose), _| *whose != owner);
        before - self.held.len()
        // END SOLUTION
    }
    // SOLUTION

    /// The locks that others have on a file.
    fn others(&self, file: &str, owner: u32) -> impl Iterator<Item = Kind> {
        let of_file = self.held.iter().filter(move |((locked, _), _)| locked == file);
        of_file
            .filter(move |((_, whose), _)| *whose != owner)
            .map(|(_, kind)| *kind)
    }
    // END SOLUTION
}

/// When each client was heard last.
pub struct Leases {
    /// How long a client may be silent, in milliseconds.
    pub lease_ms: u64,
    // SOLUTION // What has to be remembered of a client?
    heard: BTreeMap<u32, u64>,
    // END SOLUTION
}

impl Leases {
    /// Leases of so many milliseconds. Nobody has one yet.
    pub fn new(lease_ms: u64) -> Leases {
        // SOLUTION todo!("new: leases without clients")
        Leases {
            lease_ms,
            heard: BTreeMap::new(),
        }
        // END SOLUTION
    }

    /// A client was heard: its lease runs from now on, whether it had one or not.
    pub fn touch(&mut self, cid: u32, now_ms: u64) {
        // SOLUTION todo!("touch: from when on does the lease run now?")
        self.heard.insert(cid, now_ms);
        // END SOLUTION
    }

    /// The clients that have been silent for *longer* than `lease_ms`, in ascending order. They have no lease any more: each
    /// is reported once.
    pub fn expired(&mut self, now_ms: u64) -> Vec<u32> {
        // SOLUTION todo!("expired: who has been silent for too long?")
        // Taken out as they are reported. Otherwise they would be given up again and again, also after they have come back.
        let lease_ms = self.lease_ms;
        let over = |heard: &u64| now_ms.saturating_sub(*heard) > lease_ms;
        let (silent, heard) = std::mem::take(&mut self.heard)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, heard)| over(heard));
        self.heard = heard;
        silent.into_keys().collect()
        // END SOLUTION
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
    // SOLUTION todo!("next_epoch: read the number, write the next one beside it, rename")
    let (file, new) = (state.join("epoch"), state.join("epoch.new"));
    let before = match fs::read_to_string(&file) {
        Ok(text) => text.strip_suffix('\n').and_then(|number| number.parse::<u32>().ok()),
        // Only this error means that there is nothing. After any other one, beginning at 1 would bring old epochs back.
        Err(error) if error.kind() == ErrorKind::NotFound => Some(0),
        Err(error) => return Err(error),
    };
    let next = before.and_then(|epoch| epoch.checked_add(1));
    let next =
        next.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the file `epoch` holds no number to go on from"))?;
    let mut written = File::create(&new)?;
    writeln!(written, "{next}")?;
    // Without this, the name could be on the disk before the number is: after a power cut, an empty file.
    written.sync_all()?;
    fs::rename(&new, &file)?;
    // The name itself stands in the folder.
    File::open(state)?.sync_all()?;
    Ok(next)
    // END SOLUTION
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
        // SOLUTION todo!("expire: who is over, and what has to go with each of them?")
        for cid in self.leases.expired(now_ms) {
            let locks = self.locks.release(cid);
            // The handles, too. A client that wakes up and still has a handle could write into a file that is somebody
            // else's by now.
            server.give_up(cid, locks);
        }
        // END SOLUTION
    }

    /// A valid request of this client has arrived, be it new, a copy, or one that will be refused. First everybody whose lease
    /// is over is given up, this client too, if it comes too late. Then its lease runs from now on.
    ///
    /// `main.rs` calls this before it does anything else with the request.
    pub fn heard(&mut self, server: &mut dyn Server, cid: u32, now_ms: u64) {
        // SOLUTION todo!("heard: expire, and renew. In which order?")
        // The other way round, a client that was silent for too long would renew what it no longer has. And it has to be done
        // for every request, whatever it is about: if only a LOCK looked, a client that is over could go on writing until
        // somebody asks for that file.
        self.expire(server, now_ms);
        self.leases.touch(cid, now_ms);
        // END SOLUTION
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
        // SOLUTION todo!("answer: is the handle of this life? Is a lock in the way? Then execute")
        // The owner is the client. The address in `arrival.from` may be another one next time.
        let (cid, request) = (arrival.cid, arrival.request);
        // Numbers begin at 32 in each life. In this one, the number may stand for another file.
        if request.handle().is_some_and(|handle| handle.epoch != self.epoch) {
            return Err(FsError::Estale);
        }
        match *request {
            Request::Hello => return Ok(Answer::with([&self.epoch, &self.leases.lease_ms])),
            Request::Renew => return Ok(Answer::default()),
            Request::Lock { handle, kind } => {
                self.locks.lock(&server.file_of(handle, false)?, cid, kind)?;
                return Ok(Answer::default());
            }
            Request::Unlock { handle } => {
                self.locks.unlock(&server.file_of(handle, false)?, cid)?;
                return Ok(Answer::default());
            }
            Request::Read { handle, .. } if !self.locks.may_read(&server.file_of(handle, false)?, cid) => {
                return Err(FsError::Elocked);
            }
            Request::Write { handle, .. } | Request::Append { handle, .. }
                if !self.locks.may_write(&server.file_of(handle, true)?, cid) =>
            {
                return Err(FsError::Elocked);
            }
            Request::Close { handle } => {
                let file = server.file_of(handle, false)?;
                // Most clients close files that they have not locked.
                let _ = self.locks.unlock(&file, cid);
            }
            _ => {}
        }
        server.execute(cid, request)
        // END SOLUTION
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
    // SOLUTION todo!("get_with_recovery: OPEN, READ, CLOSE; on ESTALE: OPEN, SEEK, and go on")
    let mut copied = 0;
    let mut handle = None;
    let mut in_vain = 0;
    loop {
        match next_piece(caller, path, chunk, copied, &mut handle) {
            Ok(piece) if piece.is_empty() => break,
            Ok(piece) => {
                out.write_all(&piece).during(Op::Send, "the copy")?;
                // What is written is the truth. The server's position went with the server.
                copied += piece.len() as u64;
                in_vain = 0;
            }
            Err(AskError::Refused(FsError::Estale)) if in_vain < RECOVERIES => {
                handle = None;
                in_vain += 1;
            }
            Err(other) => return Err(other),
        }
    }
    match handle.map(|handle| ask(caller, format_args!("CLOSE {handle}"), b"")) {
        None | Some(Ok(_) | Err(AskError::Refused(FsError::Ebadf | FsError::Estale))) => Ok(copied),
        Some(Err(other)) => Err(other),
    }
    // END SOLUTION
}
// SOLUTION

/// The piece at this offset. Opens the file first, if it has no handle.
fn next_piece(
    caller: &mut Caller,
    path: &str,
    chunk: usize,
    offset: u64,
    handle: &mut Option<Handle>,
) -> Result<Vec<u8>, AskError> {
    let open = match *handle {
        Some(open) => open,
        None => {
            let (open, _) = handle_and_size(&ask(caller, format_args!("OPEN {} r", in_request(path)), b"")?)?;
            if offset > 0 {
                ask(caller, format_args!("SEEK {open} {offset}"), b"")?;
            }
            open
        }
    };
    *handle = Some(open);
    Ok(ask(caller, format_args!("READ {open} {chunk}"), b"")?.data)
}
// END SOLUTION

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
