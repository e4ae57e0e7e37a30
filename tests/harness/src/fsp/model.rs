//! What a right server answers: one model, four oracles.
//!
//! The model is no server. It keeps the log of the conversation and nothing else; what a server would remember (which handles are open,
//! how far each has read, what a file holds by now) is *defined* by the log, and worked out from it for each reply. The oracles differ in
//! two definitions only: which datagrams count, and where a READ begins. The last one has a definition more, of what is over (`lives.rs`).
//!
//! It knows plain paths and valid requests. Syntax, escapes and ways out of the root are the business of tests of their own.

mod lives;

use super::{Reply, Request, Tree};

/// What a server remembers from one request to the next, and so what it answers to a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oracle {
    /// Nothing: every request says all. A copy of a READ gets the same bytes, a copy of an APPEND appends.
    Stateless,
    /// Handles and how far each has read. Every copy counts: it moves the handle on.
    Stateful,
    /// The same, and the last reply to each client. A copy gets that reply again and moves nothing; an older request gets silence.
    AtMostOnce,
    /// The same, in lives that each have a number, with leases and locks. A handle says of which life it is; it is over when the server
    /// has crashed, or its client was silent for too long.
    Leased,
}

/// A server's side of one conversation, as it ought to be.
#[derive(Debug, Clone)]
pub struct Model {
    oracle: Oracle,
    tree: Tree,
    log: Vec<Logged>,
    moment: Moment,
    lease_ms: u64,
}

/// In which life of the server something happens, and when, by its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    epoch: u32,
    ms: u64,
}

#[derive(Debug, Clone)]
struct Logged {
    moment: Moment,
    request: Request,
    reply: Option<Reply>,
    /// The server did what it was asked to; a reply from memory is not that.
    counts: bool,
}

/// What a request asks for, once handles are looked up.
struct Target {
    path: String,
    /// Where in the file; None: at its end.
    at: Option<usize>,
}

/// Words behind OK, and data; or a code.
type Outcome = Result<(String, Vec<u8>), &'static str>;

const MAX_DATA: usize = 1024;
const FIRST_HANDLE: usize = 32;
const MAX_HANDLES: usize = 64;

impl Model {
    /// A server that serves these files, and has heard nothing yet.
    pub fn new(oracle: Oracle, tree: &Tree) -> Model {
        Model {
            oracle,
            tree: tree.clone(),
            log: Vec::new(),
            moment: Moment { epoch: 1, ms: 0 },
            lease_ms: lives::LEASE_MS,
        }
    }

    /// The reply to one more datagram; `None`: silence.
    pub fn deliver(&mut self, request: &Request) -> Option<Reply> {
        if let Some(reply) = self.clock(request) {
            return Some(reply);
        }
        let before = self.of_this_client(request).max();
        let (counts, reply) = match (self.oracle, number(request), before) {
            (Oracle::Stateless | Oracle::Stateful, ..) => (true, Some(self.executed(request))),
            (_, now, Some(last)) if now < last => (false, None),
            (_, now, Some(last)) if now == last => (false, self.reply_to(request)),
            _ => (true, Some(self.executed(request))),
        };
        let (request, answer) = (request.clone(), reply.clone());
        self.log.push(Logged {
            moment: self.moment,
            request,
            reply: answer,
            counts,
        });
        reply
    }

    /// The files, after all of that.
    pub fn tree(&self) -> Tree {
        let written = self.tree.files.keys().map(String::as_str).chain(self.written_paths());
        let contents = written.filter_map(|path| Some((path.to_owned(), self.content(path, self.log.len())?)));
        Tree {
            files: contents.collect(),
        }
    }

    fn of_this_client(&self, request: &Request) -> impl Iterator<Item = u64> {
        let client = client(request).to_owned();
        let log = self.log.iter().enumerate();
        log.filter(move |(at, logged)| client == self::client(&logged.request) && self.lasts(*at, self.log.len()))
            .map(|(_, logged)| number(&logged.request))
    }

    fn reply_to(&self, request: &Request) -> Option<Reply> {
        let mut log = self.log.iter().enumerate();
        let earlier = log.find(|(at, logged)| logged.request.id == request.id && self.lasts(*at, self.log.len()));
        earlier?.1.reply.clone()
    }

    fn executed(&self, request: &Request) -> Reply {
        match self.outcome(request) {
            Ok((fields, data)) => Reply::to(request, format!("OK {fields}").trim_end(), &data),
            Err(code) => Reply::to(request, &format!("ERR {code}"), b""),
        }
    }

    fn outcome(&self, request: &Request) -> Outcome {
        let now = self.log.len();
        let words = request.words();
        match (words[0], &words[1..]) {
            ("OPEN", [path, mode]) => self.opened(path, mode, now),
            ("CLOSE", [path]) if self.oracle == Oracle::Stateless => {
                path.strip_prefix('/').map(|_| nothing()).ok_or("EPROTO")
            }
            ("CLOSE", [handle]) => self.opening(handle, now).map(|_| nothing()),
            ("SEEK", [handle, offset]) => self.opening(handle, now).map(|_| (offset.to_string(), Vec::new())),
            ("STAT", [handle]) => self.state(handle, now),
            ("HELLO", []) => self.hello(),
            ("RENEW", []) => self.hello().map(|_| nothing()),
            ("LOCK", [handle, kind]) => self.lock(request, handle, kind),
            ("UNLOCK", [handle]) => self.unlock(request, handle),
            ("READ", _) => self.read(request, now),
            ("WRITE" | "APPEND", _) => self.write(request, now),
            _ => Err("EPROTO"),
        }
    }

    fn opened(&self, path: &str, mode: &str, now: usize) -> Outcome {
        let size = match (mode, self.content(path, now)) {
            ("r", None) => Err("ENOENT"),
            (_, content) => Ok(content.unwrap_or_default().len()),
        };
        if self.oracle == Oracle::Stateless {
            return Ok((size?.to_string(), Vec::new()));
        }
        let of_this_life = |at: &usize| self.log[*at].moment.epoch == self.moment.epoch;
        let openings = self.openings(now).filter(|(_, at)| of_this_life(at));
        let handles: Vec<String> = openings.map(|(handle, _)| handle).collect();
        let open = handles.iter().filter(|handle| self.opening(handle, now).is_ok());
        if open.count() >= MAX_HANDLES {
            return Err("EMFILE"); // whatever the file is
        }
        let handle = self.named(FIRST_HANDLE + handles.len());
        Ok((format!("{handle} {}", size?), Vec::new()))
    }

    fn state(&self, handle: &str, now: usize) -> Outcome {
        let (path, mode) = self.opening(handle, now)?;
        let mode = if mode == "r" { "read" } else { "write" };
        let state = format!("{handle}: {path}, {}, {mode}", self.position(handle, now));
        Ok((String::new(), state.into_bytes()))
    }

    fn read(&self, request: &Request, now: usize) -> Outcome {
        let length = last_number(request)?;
        let Target { path, at } = self.target(request, now)?;
        self.unless_locked(&path, request, &["x"])?;
        let content = self.content(&path, now).ok_or("ENOENT")?;
        let start = at.unwrap_or(content.len()).min(content.len());
        let piece = content[start..content.len().min(start + length)].to_vec();
        Ok((piece.len().to_string(), piece))
    }

    fn write(&self, request: &Request, now: usize) -> Outcome {
        if last_number(request)? != request.data.len() {
            return Err("EPROTO");
        }
        let Target { path, at } = self.target(request, now)?;
        let words = request.words();
        if self.oracle != Oracle::Stateless && self.opening(words[1], now)?.1 == "r" {
            return Err("EACCES");
        }
        self.unless_locked(&path, request, &["s", "x"])?;
        let written = request.data.len();
        let size = self.content(&path, now).unwrap_or_default().len();
        let answer = if at.is_some() { written } else { size + written };
        Ok((answer.to_string(), Vec::new()))
    }

    /// Which file a READ, WRITE or APPEND is about, and where in it.
    fn target(&self, request: &Request, now: usize) -> Result<Target, &'static str> {
        let words = request.words();
        let appends = words[0] == "APPEND";
        let (path, at) = match (self.oracle, &words[1..]) {
            (Oracle::Stateless, [path, _]) if appends => (path.to_string(), None),
            (Oracle::Stateless, [path, offset, _]) if !appends => {
                (path.to_string(), Some(offset.parse().map_err(|_| "EPROTO")?))
            }
            (Oracle::Stateful | Oracle::AtMostOnce | Oracle::Leased, [handle, _]) => {
                let (path, _) = self.opening(handle, now)?;
                (path, (!appends).then(|| self.position(handle, now)))
            }
            _ => return Err("EPROTO"),
        };
        Ok(Target { path, at })
    }

    /// All handles that were given out before, with the requests that got them.
    fn openings(&self, now: usize) -> impl Iterator<Item = (String, usize)> {
        let logged = self.log[..now].iter().enumerate();
        let opens = logged.filter(|(_, logged)| logged.counts && logged.request.words()[0] == "OPEN");
        opens.filter_map(|(at, logged)| Some((logged.reply.as_ref()?.fields().first()?.clone(), at)))
    }

    /// Path and mode of an open handle.
    fn opening(&self, handle: &str, now: usize) -> Result<(String, String), &'static str> {
        self.of_this_life(handle, now)?;
        let (_, at) = self.openings(now).find(|(given, _)| given == handle).ok_or("EBADF")?;
        if self.moves(handle, at, now).any(|(words, _)| words[0] == "CLOSE") {
            return Err("EBADF");
        }
        if !self.lasts(at, now) {
            return Err("ESTALE");
        }
        let words = self.log[at].request.words();
        Ok((words[1].to_owned(), words[2].to_owned()))
    }

    /// How far an open handle has come: the sum of what its READs and WRITEs were told, from the last SEEK on.
    fn position(&self, handle: &str, now: usize) -> usize {
        self.moves(handle, 0, now)
            .fold(0, |position, (words, told)| match words[0] {
                "READ" | "WRITE" => position + told,
                "SEEK" => told,
                _ => position,
            })
    }

    /// What was asked of a handle with success, and the number that was answered.
    fn moves<'a>(
        &'a self,
        handle: &'a str,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = (Vec<&'a str>, usize)> + 'a {
        let told = |reply: &Reply| reply.fields().first().and_then(|field| field.parse().ok());
        let counted = self.log[from..to].iter().filter(|logged| logged.counts);
        counted.filter_map(move |logged| {
            let (words, reply) = (logged.request.words(), logged.reply.as_ref()?);
            let mine = words.get(1) == Some(&handle) && words[0] != "OPEN" && reply.is_ok();
            mine.then(|| (words, told(reply).unwrap_or(0)))
        })
    }

    /// What a file holds after all that was written to it before.
    fn content(&self, path: &str, now: usize) -> Option<Vec<u8>> {
        let mut content = self.tree.bytes(path).map(<[u8]>::to_vec);
        for (at, data) in (0..now).filter_map(|at| self.written(at, path)) {
            let bytes = content.get_or_insert_default();
            let start = at.unwrap_or(bytes.len());
            let end = start + data.len();
            if !data.is_empty() {
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(&data);
            }
        }
        content
    }

    /// What a request of the log wrote to this file, and where; nothing, if it only made sure that there is one.
    fn written(&self, at: usize, path: &str) -> Option<(Option<usize>, Vec<u8>)> {
        let logged = &self.log[at];
        if !logged.counts || !logged.reply.as_ref()?.is_ok() {
            return None;
        }
        let words = logged.request.words();
        match words[0] {
            "OPEN" => (words[1..] == [path, "w"]).then(|| (None, Vec::new())),
            "WRITE" | "APPEND" => {
                let target = self.target(&logged.request, at).ok()?;
                (target.path == path).then(|| (target.at, logged.request.data.clone()))
            }
            _ => None,
        }
    }

    fn written_paths(&self) -> impl Iterator<Item = &str> {
        let paths = self
            .log
            .iter()
            .filter_map(|logged| logged.request.words().get(1).copied());
        paths.filter(|path| path.starts_with('/'))
    }
}

fn nothing() -> (String, Vec<u8>) {
    (String::new(), Vec::new())
}

/// The length that a request names, if it is within the limits.
fn last_number(request: &Request) -> Result<usize, &'static str> {
    let length = request.words().last().and_then(|word| word.parse().ok());
    match length {
        Some(length) if length <= MAX_DATA => Ok(length),
        Some(_) => Err("EINVAL"),
        None => Err("EPROTO"),
    }
}

/// Whose request it is, where ids say so: `c0ffee01` of `c0ffee01.2`.
fn client(request: &Request) -> &str {
    request.id.split_once('.').map_or("", |(client, _)| client)
}

fn number(request: &Request) -> u64 {
    let number = request.id.rsplit('.').next().and_then(|number| number.parse().ok());
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests and what they get, in the form of a report; `2 WRITE …|data` has data.
    fn session(oracle: Oracle, requests: &[&str]) -> Vec<String> {
        let mut model = Model::new(oracle, &Tree::of_the_slides());
        let said = |reply: Option<Reply>| reply.map_or("-".to_owned(), |reply| reply.shown());
        requests
            .iter()
            .map(|text| said(model.deliver(&request(text))))
            .collect()
    }

    fn request(text: &str) -> Request {
        let (head, data) = text.split_once('|').unwrap_or((text, ""));
        let (id, line) = head.split_once(' ').expect("an id");
        Request::new(id, line).with(data.as_bytes())
    }

    #[test]
    fn stateless_copies_say_the_same() {
        let replies = session(
            Oracle::Stateless,
            &[
                "1 OPEN /tmp/test.txt r",
                "2 READ /tmp/test.txt 0 200",
                "2 READ /tmp/test.txt 0 200",
                "3 READ /tmp/test.txt 200 200",
                "4 READ /tmp/test.txt 960 200",
                "5 READ /tmp/test.txt 1000 200",
                "6 CLOSE /tmp/test.txt",
            ],
        );
        let expected = [
            "1 OK 1000",
            "2 OK 200  0000000..0000192",
            "2 OK 200  0000000..0000192",
            "3 OK 200  0000200..0000392",
            "4 OK 40  0000960..0000992",
            "5 OK 0",
            "6 OK",
        ];
        assert_eq!(replies, expected);
    }

    #[test]
    fn stateful_copies_move_on() {
        let replies = session(
            Oracle::Stateful,
            &[
                "1 OPEN /tmp/test.txt r",
                "2 READ 32 200",
                "2 READ 32 200",
                "3 STAT 32",
                "4 READ 32 200",
                "5 OPEN /tmp/test.txt r",
                "6 READ 33 8",
                "7 CLOSE 32",
                "8 READ 32 8",
                "9 SEEK 33 996",
                "10 READ 33 200",
                "11 STAT 33",
            ],
        );
        let expected = [
            "1 OK 32 1000",
            "2 OK 200  0000000..0000192",
            "2 OK 200  0000200..0000392",
            r#"3 OK  "32: /tmp/test.txt, 400, read""#,
            "4 OK 200  0000400..0000592",
            "5 OK 33 1000",
            "6 OK 8  0000000",
            "7 OK",
            "8 ERR EBADF",
            "9 OK 996",
            r#"10 OK 4  "992\n""#,
            r#"11 OK  "33: /tmp/test.txt, 1000, read""#,
        ];
        assert_eq!(replies, expected);
    }

    #[test]
    fn at_most_once_copies_are_heard_again_and_late_ones_are_not() {
        let replies = session(
            Oracle::AtMostOnce,
            &[
                "c0ffee01.1 OPEN /tmp/test.txt r",
                "c0ffee01.2 READ 32 200",
                "c0ffee01.2 READ 32 200",
                "c0ffee01.3 STAT 32",
                "c0ffee01.2 READ 32 200",
                "0badcafe.2 READ 32 8",
                "c0ffee01.5 READ 32 8",
            ],
        );
        let expected = [
            "c0ffee01.1 OK 32 1000",
            "c0ffee01.2 OK 200  0000000..0000192",
            "c0ffee01.2 OK 200  0000000..0000192",
            r#"c0ffee01.3 OK  "32: /tmp/test.txt, 200, read""#,
            "-",
            "0badcafe.2 OK 8  0000200",
            "c0ffee01.5 OK 8  0000208",
        ];
        assert_eq!(replies, expected);
    }

    #[test]
    fn files_grow_once_or_twice() {
        let appended = |oracle, requests: &[&str]| {
            let mut model = Model::new(oracle, &Tree::new().file("/log", b"a"));
            requests.iter().for_each(|text| drop(model.deliver(&request(text))));
            String::from_utf8(model.tree().bytes("/log").expect("the file").to_vec()).expect("text")
        };
        let twice = [
            "1 APPEND /log 1|b",
            "1 APPEND /log 1|b",
            "2 WRITE /log 5 1|z",
            "2 WRITE /log 5 1|z",
        ];
        assert_eq!(appended(Oracle::Stateless, &twice), "abb\0\0z");
        let by_handle = ["1 OPEN /log w", "2 APPEND 32 1|b", "2 APPEND 32 1|b"];
        assert_eq!(appended(Oracle::Stateful, &by_handle), "abb");
        assert_eq!(appended(Oracle::AtMostOnce, &by_handle), "ab");
    }

    #[test]
    fn what_may_not_be_is_refused() {
        let refused = session(
            Oracle::Stateful,
            &[
                "1 OPEN /none r",
                "2 OPEN /new w",
                "3 WRITE 32 3|abc",
                "4 OPEN /new r",
                "5 WRITE 33 1|x",
                "6 READ 32 1025",
                "7 WRITE 32 2|x",
                "8 DANCE",
                "9 READ 99 1",
            ],
        );
        let expected = [
            "1 ERR ENOENT",
            "2 OK 32 0",
            "3 OK 3",
            "4 OK 33 3",
            "5 ERR EACCES",
            "6 ERR EINVAL",
            "7 ERR EPROTO",
            "8 ERR EPROTO",
            "9 ERR EBADF",
        ];
        assert_eq!(refused, expected);
    }

    #[test]
    fn sixty_four_handles_are_enough() {
        let mut model = Model::new(Oracle::Stateful, &Tree::of_the_slides());
        let mut open = |id: usize| model.deliver(&Request::new(&id.to_string(), "OPEN /tmp/test.txt r"));
        let replies: Vec<String> = (1..=65).filter_map(|id| Some(open(id)?.shown())).collect();
        assert_eq!(replies[63..], ["64 OK 95 1000", "65 ERR EMFILE"]);
        let ask = |line: &str| model.deliver(&Request::new("70", line)).unwrap().line();
        let replies = ["OPEN /tmp/none.txt r", "CLOSE 40", "OPEN /tmp/test.txt r"].map(ask);
        assert_eq!(replies, ["ERR EMFILE", "OK", "OK 96 1000"]);
    }
}
