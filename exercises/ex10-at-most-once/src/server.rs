//! The file server behind the cache. Given: handles, positions and requests, as in the exercise before, of another make.
//!
//! It knows nothing of copies. What it is asked to do it does, each time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use ex10::Server;
use netlab::fsp::{Answer, FsError, MAX_DATA, MAX_PATH, Reply};

use crate::files::Folder;

/// The largest offset.
const MAX_OFFSET: u64 = i64::MAX as u64;

/// How many handles one client may have open.
const MAX_OPEN: usize = 64;

/// Files, and who has which of them open.
pub struct FileServer {
    folder: Folder,
    open: BTreeMap<u32, Open>,
    next: u32,
    executed: u64,
}

/// An open file stays open, and the kernel keeps its position.
struct Open {
    owner: u32,
    path: String,
    writes: bool,
    file: File,
}

impl FileServer {
    /// Serves the files below this folder.
    pub fn new(folder: Folder) -> FileServer {
        FileServer {
            folder,
            open: BTreeMap::new(),
            next: 32,
            executed: 0,
        }
    }

    /// How many handles are open.
    pub fn handles(&self) -> usize {
        self.open.len()
    }

    /// How many requests it was told to execute.
    pub fn executed(&self) -> u64 {
        self.executed
    }

    fn open(&mut self, order: &Order) -> Reply {
        if self.open.values().filter(|open| open.owner == order.client).count() >= MAX_OPEN {
            return Err(FsError::Emfile);
        }
        let file = self.folder.open(&order.path, order.writes)?;
        let size = file.metadata()?.len();
        let handle = self.next;
        self.next += 1;
        let open = Open {
            owner: order.client,
            path: order.path.clone(),
            writes: order.writes,
            file,
        };
        self.open.insert(handle, open);
        Ok(Answer::with([&handle, &size]))
    }

    fn read(&mut self, order: &Order) -> Reply {
        let mut data = Vec::new();
        let file = &mut self.find(order)?.file;
        file.take(order.length).read_to_end(&mut data)?;
        Ok(Answer::with_data(data))
    }

    fn write(&mut self, order: &Order) -> Reply {
        self.find_for_writing(order)?.write_all(order.data)?;
        Ok(Answer::with([&order.length]))
    }

    fn append(&mut self, order: &Order) -> Reply {
        let file = self.find_for_writing(order)?;
        let end = file.metadata()?.len();
        file.write_all_at(order.data, end)?;
        Ok(Answer::with([&(end + order.length)]))
    }

    fn seek(&mut self, order: &Order) -> Reply {
        let place = self.find(order)?.file.seek(SeekFrom::Start(order.offset))?;
        Ok(Answer::with([&place]))
    }

    fn stat(&mut self, order: &Order) -> Reply {
        let open = self.find(order)?;
        let (position, mode) = (
            open.file.stream_position()?,
            ["read", "write"][usize::from(open.writes)],
        );
        let data = format!("{}: {}, {position}, {mode}", order.handle, open.path).into_bytes();
        Ok(Answer {
            data,
            ..Answer::default()
        })
    }

    fn close(&mut self, order: &Order) -> Reply {
        self.find(order)?;
        self.open.retain(|handle, _| u64::from(*handle) != order.handle);
        Ok(Answer::default())
    }

    fn find(&mut self, order: &Order) -> Result<&mut Open, FsError> {
        let handle = u32::try_from(order.handle).map_err(|_| FsError::Ebadf)?;
        self.open.get_mut(&handle).ok_or(FsError::Ebadf)
    }

    fn find_for_writing(&mut self, order: &Order) -> Result<&mut File, FsError> {
        let open = self.find(order)?;
        open.writes.then_some(&mut open.file).ok_or(FsError::Eacces)
    }
}

impl Server for FileServer {
    fn execute(&mut self, cid: u32, request: &[u8]) -> Vec<u8> {
        self.executed += 1;
        let reply = read(request).ok_or(FsError::Eproto).and_then(|(verb, mut order)| {
            order.client = cid;
            order.within_limits()?;
            (verb.act)(self, &order)
        });
        match reply {
            Err(error) => format!("ERR {error}\n").into_bytes(),
            Ok(Answer { fields, mut data }) => {
                let words: Vec<String> = std::iter::once("OK".to_string()).chain(fields).collect();
                data.splice(0..0, (words.join(" ") + "\n").into_bytes());
                data
            }
        }
    }

    fn forget(&mut self, cid: u32) {
        self.open.retain(|_, open| open.owner != cid);
    }
}

/// What a datagram without its id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `STATS`: numbers about the server itself.
    Stats,
    /// Something to execute.
    Order,
    /// Not of the protocol.
    Nonsense,
}

/// Looks at a request without executing it.
pub fn kind(request: &[u8]) -> Kind {
    match read(request) {
        _ if request == b"STATS\n" => Kind::Stats,
        Some(_) => Kind::Order,
        None => Kind::Nonsense,
    }
}

/// A verb: the words behind it, a letter for each, and what does it.
struct Verb {
    name: &'static str,
    words: &'static str,
    act: fn(&mut FileServer, &Order) -> Reply,
}

/// `p` a path, `m` a mode, `h` a handle, `o` an offset, `l` a length, `d` the length of the data that follow.
const VERBS: [Verb; 7] = [
    verb("OPEN", "pm", FileServer::open),
    verb("READ", "hl", FileServer::read),
    verb("WRITE", "hd", FileServer::write),
    verb("APPEND", "hd", FileServer::append),
    verb("SEEK", "ho", FileServer::seek),
    verb("STAT", "h", FileServer::stat),
    verb("CLOSE", "h", FileServer::close),
];

const fn verb(name: &'static str, words: &'static str, act: fn(&mut FileServer, &Order) -> Reply) -> Verb {
    Verb { name, words, act }
}

/// The words of a request.
#[derive(Default)]
struct Order<'a> {
    client: u32,
    path: String,
    writes: bool,
    handle: u64,
    offset: u64,
    length: u64,
    data: &'a [u8],
}

impl Order<'_> {
    fn within_limits(&self) -> Result<(), FsError> {
        let fits = self.path.len() <= MAX_PATH && self.offset <= MAX_OFFSET && self.length <= MAX_DATA as u64;
        if fits { Ok(()) } else { Err(FsError::Einval) }
    }
}

/// Takes a request apart, by the table.
fn read(request: &[u8]) -> Option<(&'static Verb, Order<'_>)> {
    let end = request.iter().position(|byte| *byte == b'\n')?;
    let (line, data) = (str::from_utf8(&request[..end]).ok()?, &request[end + 1..]);
    let words: Vec<&str> = line.split(' ').collect();
    let verb = VERBS
        .iter()
        .find(|verb| verb.name == words[0] && verb.words.len() == words.len() - 1)?;
    let mut order = Order {
        data,
        ..Order::default()
    };
    let mut announced = 0;
    for (letter, word) in verb.words.chars().zip(&words[1..]) {
        match (letter, *word) {
            ('p', path) => order.path = decoded(path)?,
            ('m', "r") => order.writes = false,
            ('m', "w") => order.writes = true,
            ('h', number) => order.handle = natural(number)?,
            ('o', number) => order.offset = natural(number)?,
            ('l', number) => order.length = natural(number)?,
            ('d', number) => {
                announced = natural(number)?;
                order.length = announced;
            }
            _ => return None,
        }
    }
    (data.len() as u64 == announced).then_some((verb, order))
}

/// A number in decimal digits; the largest there is stands for all that are larger.
fn natural(word: &str) -> Option<u64> {
    let significant = word.trim_start_matches('0');
    match word.find(|letter: char| !letter.is_ascii_digit()) {
        Some(_) => None,
        None if word.is_empty() => None,
        None if significant.is_empty() => Some(0),
        None => Some(significant.parse().unwrap_or(u64::MAX)),
    }
}

/// A path whose escapes have become bytes.
fn decoded(mut word: &str) -> Option<String> {
    let mut path = Vec::new();
    while let Some((plain, rest)) = word.split_once('%') {
        let code = rest.get(..2).filter(|code| !code.starts_with('+'))?;
        path.extend(plain.bytes());
        path.push(u8::from_str_radix(code, 16).ok()?);
        word = &rest[2..];
    }
    path.extend(word.bytes());
    String::from_utf8(path).ok().filter(|path| path.starts_with('/'))
}
