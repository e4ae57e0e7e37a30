//! One conversation in which one request arrives twice. Everybody gets the same file, the same calls and the same three schedules; what
//! is right depends on the oracle alone.
//!
//! Evidence comes from outside only: replies, what later requests get, and the files on disk. All replies are waited for until it has been
//! quiet, and the kernel must not have dropped any. The same conversation without the copy has to succeed first.

use super::{
    Client, Model, Oracle, Reply, Request, Tree,
    client::{remark, with_handles},
    columns::{Line, drawn},
    expect_no_drops,
};
use crate::{Lab, Server};
use std::path::Path;

/// The client's name, where ids have one.
const NAME: u32 = 0xc0ff_ee01;

/// When the copy of a request arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// D1: both are there before the server has looked at either. (It is frozen meanwhile: no timing is involved.)
    BackToBack,
    /// D2: after the reply was received.
    AfterReply,
    /// D3: after the next request was answered.
    AfterNext,
}

/// A conversation to be tried.
pub struct Trial<'a> {
    lab: &'a Lab,
    oracle: Oracle,
    tree: Tree,
    asks: Vec<(String, Vec<u8>)>,
    copied: usize,
    name: Option<u32>,
    serve: Box<dyn Fn(&Path) -> Server + 'a>,
}

/// The conversation so far.
struct Course<'a> {
    client: Client,
    model: Model,
    handles: Handles,
    tree: &'a Tree,
    lines: Vec<Line>,
    /// The first reply that differs: its line, and both of them.
    parted: Option<(usize, Option<Reply>, Option<Reply>)>,
}

/// The handles that the OPENs got: from the model, and from the server.
#[derive(Default)]
struct Handles {
    expected: Vec<String>,
    received: Vec<String>,
}

/// One request as the model gets it and as the server does: they differ where handles do.
#[derive(Clone)]
struct Asked {
    expected: Request,
    received: Request,
}

impl Schedule {
    /// All three.
    pub const ALL: [Schedule; 3] = [Schedule::BackToBack, Schedule::AfterReply, Schedule::AfterNext];

    fn words(self) -> &'static str {
        match self {
            Schedule::BackToBack => "a copy of it right behind it",
            Schedule::AfterReply => "a copy of it after its reply",
            Schedule::AfterNext => "a copy of it after the next request was answered",
        }
    }
}

impl<'a> Trial<'a> {
    /// A conversation with a server that ought to answer as `oracle` says. `serve` starts one below a root that holds the files of `tree`.
    pub fn new(lab: &'a Lab, oracle: Oracle, tree: &Tree, serve: impl Fn(&Path) -> Server + 'a) -> Trial<'a> {
        Trial {
            lab,
            oracle,
            tree: tree.clone(),
            asks: Vec::new(),
            copied: 0,
            name: (oracle == Oracle::AtMostOnce).then_some(NAME),
            serve: Box::new(serve),
        }
    }

    /// One more request. `$1` is the handle that the first OPEN got.
    #[must_use]
    pub fn ask(self, line: &str) -> Trial<'a> {
        self.ask_with(line, b"")
    }

    /// One more request, with data.
    #[must_use]
    pub fn ask_with(mut self, line: &str, data: &[u8]) -> Trial<'a> {
        self.asks.push((line.to_owned(), data.to_vec()));
        self
    }

    /// The last request is the one that arrives twice.
    #[must_use]
    pub fn twice(mut self) -> Trial<'a> {
        self.copied = self.asks.len() - 1;
        self
    }

    /// Tries it without the copy, as a control that the check `fix_first` owns, and then on these schedules, each with a server and files
    /// of its own.
    pub fn run(&self, fix_first: &str, schedules: &[Schedule]) {
        self.lab.control(fix_first, |_| self.once(None));
        schedules.iter().for_each(|schedule| self.once(Some(*schedule)));
    }

    fn once(&self, schedule: Option<Schedule>) {
        let folder = schedule.map_or("control".to_owned(), |schedule| format!("{schedule:?}"));
        let root = self.tree.plant(self.lab, &format!("{folder}-{}", self.asks.len()));
        let server = (self.serve)(&root);
        let mut client = self.lab.fsp("client", server.addr());
        if let Some(name) = self.name {
            client = client.named(name);
        }
        let ports = [client.addr().port(), server.port()];
        let mut course = Course {
            client,
            model: Model::new(self.oracle, &self.tree),
            handles: Handles::default(),
            tree: &self.tree,
            lines: Vec::new(),
            parted: None,
        };
        self.converse(&mut course, &server, schedule);
        expect_no_drops(ports);
        self.judge(course, schedule, &root);
        server.kill();
    }

    fn converse(&self, course: &mut Course, server: &Server, schedule: Option<Schedule>) {
        let mut late = None;
        for (at, (line, data)) in self.asks.iter().enumerate() {
            let asked = course.request(line, data);
            let copied = (at == self.copied).then_some(schedule).flatten();
            let alive = match copied {
                Some(Schedule::BackToBack) => {
                    server.freeze();
                    let sent = [&asked, &asked].map(|asked| course.send(asked));
                    server.thaw();
                    course.hear(sent.to_vec(), Some(&asked))
                }
                _ => course.ask(&asked),
            };
            let copy = match copied {
                Some(Schedule::AfterReply) => Some(asked.clone()),
                _ => late.take(),
            };
            let alive = alive && copy.is_none_or(|copy| course.ask_again(&copy));
            if copied == Some(Schedule::AfterNext) {
                late = Some(asked);
            }
            if !alive {
                return;
            }
        }
        if late.is_none_or(|copy| course.ask_again(&copy)) {
            course.nothing_more();
        }
    }

    /// Fails with both columns, if they differ, or with the first file that does.
    fn judge(&self, course: Course, schedule: Option<Schedule>, root: &Path) {
        let session = self.lab.session();
        let what = self.asks[self.copied].0.clone();
        let how = schedule.map_or(String::new(), |schedule| format!(", with {}", schedule.words()));
        let about = format!("`{what}`{how}");
        session.step();
        if let Some((line, expected, received)) = &course.parted {
            let doing = format!("comparing a conversation around {about}; line {line} differs");
            let said = |reply: &Option<Reply>| reply.as_ref().map_or("nothing".to_owned(), Reply::shown);
            let remark = match (expected, received) {
                (Some(expected), Some(received)) => remark(course.tree, expected, received),
                _ => String::new(),
            };
            let (expected, received) = (said(expected), said(received) + &remark);
            session.fail_showing(&doing, &expected, &received, &drawn(&course.lines));
        }
        if let Some((path, expected, found)) = course.model.tree().difference(root) {
            let doing = format!("looking at the file {path} after a conversation around {about}");
            let words = |bytes: &[u8]| format!("{}: {}", crate::escape::size(bytes.len()), shown(bytes));
            let found = found.map_or("no such file".to_owned(), |bytes| words(&bytes));
            session.fail_showing(&doing, &words(&expected), &found, &drawn(&course.lines));
        }
    }
}

impl Course<'_> {
    fn request(&mut self, line: &str, data: &[u8]) -> Asked {
        let request = self.client.request(line, data);
        let with = |handles: &[String]| Request {
            line: with_handles(line, handles),
            ..request.clone()
        };
        Asked {
            expected: with(&self.handles.expected),
            received: with(&self.handles.received),
        }
    }

    /// Sends it; gives the reply that ought to come.
    fn send(&mut self, asked: &Asked) -> Option<Reply> {
        self.lines.push(Line::sent(
            &nameless(&asked.expected.shown()),
            &nameless(&asked.received.shown()),
        ));
        self.client.send(&asked.received);
        self.model.deliver(&asked.expected)
    }

    fn ask(&mut self, asked: &Asked) -> bool {
        let reply = self.send(asked);
        self.hear(vec![reply], Some(asked))
    }

    /// Sends a copy. What it opens is no handle that a later request means.
    fn ask_again(&mut self, asked: &Asked) -> bool {
        let reply = self.send(asked);
        self.hear(vec![reply], None)
    }

    /// Waits for these replies, the first of which answers `asked`. False: one is missing, and it is no use to go on.
    fn hear(&mut self, replies: Vec<Option<Reply>>, mut asked: Option<&Asked>) -> bool {
        for expected in replies {
            let received = match &expected {
                Some(_) => self.client.hear(),
                None => self.client.drain().into_iter().next(),
            };
            if asked
                .take()
                .is_some_and(|asked| asked.expected.line.starts_with("OPEN "))
            {
                let handle = |reply: &Option<Reply>| reply.as_ref().and_then(|reply| reply.fields().first().cloned());
                self.handles.expected.extend(handle(&expected));
                self.handles.received.extend(handle(&received));
            }
            let missing = expected.is_some() && received.is_none();
            self.line(expected, received);
            if missing {
                return false;
            }
        }
        true
    }

    /// Replies that nobody asked for.
    fn nothing_more(&mut self) {
        for reply in self.client.drain() {
            self.line(None, Some(reply));
        }
    }

    fn line(&mut self, expected: Option<Reply>, received: Option<Reply>) {
        let same = match (&expected, &received) {
            (Some(expected), Some(received)) => received.same(expected),
            (expected, received) => expected.is_none() && received.is_none(),
        };
        let shown = |reply: &Option<Reply>| {
            let reply = reply.as_ref().map(|reply| format!("< {}", nameless(&reply.shown())));
            reply.unwrap_or_else(|| "  (nothing)".to_owned())
        };
        self.lines.push(Line {
            expected: shown(&expected),
            received: shown(&received),
            same,
        });
        if !same && self.parted.is_none() {
            self.parted = Some((self.lines.len(), expected, received));
        }
    }
}

/// A column has no room for the name in front of every number, and there is one client only: `.2 OK`.
fn nameless(line: &str) -> String {
    line.strip_prefix(&format!("{NAME:08x}")).unwrap_or(line).to_owned()
}

/// A file by its first and its last bytes.
fn shown(bytes: &[u8]) -> String {
    const ENDS: usize = 24;
    match bytes.len() {
        0..=48 => crate::escape::quoted(bytes, 200),
        length => format!(
            "{} … {}",
            crate::escape::quoted(&bytes[..ENDS], 100),
            crate::escape::quoted(&bytes[length - ENDS..], 100)
        ),
    }
}
