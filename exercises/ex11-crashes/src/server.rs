//! The file server behind your guard. Given: handles, positions and files, and the last reply to each client, as in the
//! exercises before, of another make.
//!
//! It does what it is told, for whoever asks. It knows the *numbers* of its handles; lives, leases and locks are nothing to it.
//! What it keeps of a client (handles, the last reply) it keeps until it is told to give the client up.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use ex11::{Handle, Request, Server};
use netlab::event;
use netlab::fsp::{Answer, FsError, Reply};

use crate::files::{Folder, identity};
use crate::request::Id;

/// How many clients it serves at the same time. With leases nobody has to be forgotten for another one: the next one waits
/// until one of them is over.
const MAX_CLIENTS: usize = 64;

/// How many handles one client may have open.
const MAX_OPEN: usize = 64;

/// So many handles of clients that were given up are still known to be stale; what is older is not known at all.
const MAX_STALE: usize = 4096;

const FIRST_HANDLE: u32 = 32;

/// Files, and who has which of them open.
pub struct FileServer {
    folder: Folder,
    epoch: u32,
    opened: u32,
    open: BTreeMap<u32, Open>,
    stale: VecDeque<u32>,
    /// One for each client: its last request that was executed, and what it was told.
    said: BTreeMap<Id, Vec<u8>>,
}

/// An open file stays open, and the kernel keeps its position.
struct Open {
    owner: u32,
    path: String,
    writes: bool,
    file: File,
}

/// What a request is, compared with what was said to its client before.
pub enum Known<'a> {
    /// It is new.
    No,
    /// It was executed, and this was the reply.
    Said(&'a [u8]),
    /// A later one was executed.
    Over,
}

impl FileServer {
    /// Serves the files below this folder, in the life with this number.
    pub fn new(folder: Folder, epoch: u32) -> FileServer {
        FileServer {
            folder,
            epoch,
            opened: 0,
            open: BTreeMap::new(),
            stale: VecDeque::new(),
            said: BTreeMap::new(),
        }
    }

    /// Looks a request up: the first one at or behind it decides.
    pub fn known(&self, id: Id) -> Known<'_> {
        let behind = Id { seq: u32::MAX, ..id };
        match self.said.range(id..=behind).next() {
            None => Known::No,
            Some((said, reply)) if *said == id => Known::Said(reply),
            Some(_) => Known::Over,
        }
    }

    /// Whether there is room for this client.
    pub fn has_room_for(&self, cid: u32) -> bool {
        self.said.len() < MAX_CLIENTS || self.said.keys().any(|said| said.cid == cid)
    }

    /// Remembers what was said to a client, in place of everything before.
    pub fn remember(&mut self, id: Id, reply: &[u8]) {
        self.said.retain(|said, _| said.cid != id.cid);
        self.said.insert(id, reply.to_vec());
    }

    fn open(&mut self, cid: u32, path: &str, writes: bool) -> Reply {
        if self.open.values().filter(|open| open.owner == cid).count() >= MAX_OPEN {
            return Err(FsError::Emfile);
        }
        let file = self.folder.open(path, writes)?;
        let size = file.metadata()?.len();
        let (epoch, number) = (self.epoch, FIRST_HANDLE + self.opened);
        self.opened += 1;
        let (owner, path) = (cid, path.to_string());
        self.open.insert(
            number,
            Open {
                owner,
                path,
                writes,
                file,
            },
        );
        Ok(Answer::with([&Handle { epoch, number }, &size]))
    }

    fn append(&self, handle: Handle, data: &[u8]) -> Reply {
        let file = &self.writable(handle)?.file;
        let end = file.metadata()?.len();
        file.write_all_at(data, end)?;
        Ok(Answer::with([&(end + data.len() as u64)]))
    }

    fn stat(&self, handle: Handle) -> Reply {
        let open = self.find(handle)?;
        let position = (&open.file).stream_position()?;
        let mode = if open.writes { "write" } else { "read" };
        Ok(Answer {
            data: format!("{handle}: {}, {position}, {mode}", open.path).into_bytes(),
            ..Answer::default()
        })
    }

    fn find(&self, handle: Handle) -> Result<&Open, FsError> {
        self.open
            .get(&handle.number)
            .ok_or(match self.stale.contains(&handle.number) {
                true => FsError::Estale,
                false => FsError::Ebadf,
            })
    }

    fn writable(&self, handle: Handle) -> Result<&Open, FsError> {
        let open = self.find(handle)?;
        if open.writes { Ok(open) } else { Err(FsError::Eacces) }
    }
}

impl Server for FileServer {
    fn file_of(&self, handle: Handle, writes: bool) -> Result<String, FsError> {
        let open = match writes {
            true => self.writable(handle)?,
            false => self.find(handle)?,
        };
        Ok(identity(&open.file)?)
    }

    fn execute(&mut self, cid: u32, request: &Request) -> Reply {
        Ok(match request {
            Request::Open { path, writes } => return self.open(cid, path, *writes),
            Request::Append { handle, data } => return self.append(*handle, data),
            Request::Stat { handle } => return self.stat(*handle),
            Request::Read { handle, length } => {
                let mut data = Vec::new();
                (&self.find(*handle)?.file).take(*length).read_to_end(&mut data)?;
                Answer::with_data(data)
            }
            Request::Write { handle, data } => {
                (&self.writable(*handle)?.file).write_all(data)?;
                Answer::with([&data.len()])
            }
            Request::Seek { handle, offset } => {
                let place = (&self.find(*handle)?.file).seek(SeekFrom::Start(*offset))?;
                Answer::with([&place])
            }
            Request::Close { handle } => {
                self.find(*handle)?;
                self.open.remove(&handle.number);
                Answer::default()
            }
            // These are the guard's.
            Request::Hello | Request::Renew | Request::Lock { .. } | Request::Unlock { .. } => {
                return Err(FsError::Eproto);
            }
        })
    }

    fn give_up(&mut self, cid: u32, locks: usize) {
        let before = self.open.len();
        let stale = &mut self.stale;
        self.open.retain(|number, open| {
            let stays = open.owner != cid;
            if !stays {
                stale.push_back(*number);
            }
            stays
        });
        self.stale.drain(..self.stale.len().saturating_sub(MAX_STALE));
        self.said.retain(|said, _| said.cid != cid);
        let handles = counted(before - self.open.len(), "handle");
        event(format_args!(
            "lease of {cid:08x} expired: {handles}, {}",
            counted(locks, "lock")
        ));
    }
}

/// `1 lock`, `2 locks`.
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
