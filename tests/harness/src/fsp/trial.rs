//! One conversation in which one request arrives twice, or the server is killed, or time passes. Everybody gets the same file, the same
//! calls and the same three schedules; what is right depends on the oracle alone.
//!
//! Evidence comes from outside only: replies, what later requests get, and the files on disk. All replies are waited for until it has been
//! quiet, and the kernel must not have dropped any. The same conversation without the copy (the crash, the time) has to succeed first.

use super::service::Service;
use super::{
    Client, Model, Oracle, Reply, Request, Tree,
    client::{remark, with_handles},
    columns::{Line, drawn},
    expect_no_drops,
};
use crate::{Lab, escape::size};
use std::path::{Path, PathBuf};

mod fault;

/// The names of the clients, where ids have one: the one that most requests are of, and another one.
const NAMES: [u32; 2] = [0xc0ff_ee01, 0x0bad_cafe];

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
    steps: Vec<Step>,
    copied: Option<usize>,
    serve: Box<dyn Fn(&Path) -> Service<'a> + 'a>,
}

/// What happens next.
enum Step {
    /// The client with this index asks.
    Ask(usize, String, Vec<u8>),
    /// Something that is left out of the control.
    Fault(fault::Fault),
}

/// The conversation so far.
struct Course<'a> {
    lab: &'a Lab,
    server: Service<'a>,
    clients: [Client; 2],
    model: Model,
    handles: [Handles; 2],
    /// The lives that the server has had, by their numbers.
    epochs: Vec<String>,
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
    who: usize,
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
    pub fn new(lab: &'a Lab, oracle: Oracle, tree: &Tree, serve: impl Fn(&Path) -> Service<'a> + 'a) -> Trial<'a> {
        Trial {
            lab,
            oracle,
            tree: tree.clone(),
            steps: Vec::new(),
            copied: None,
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
        self.steps.push(Step::Ask(0, line.to_owned(), data.to_vec()));
        self
    }

    /// One more request, of another client; its handles are counted on their own.
    #[must_use]
    pub fn other(self, line: &str) -> Trial<'a> {
        self.other_with(line, b"")
    }

    /// The same, with data.
    #[must_use]
    pub fn other_with(mut self, line: &str, data: &[u8]) -> Trial<'a> {
        self.steps.push(Step::Ask(1, line.to_owned(), data.to_vec()));
        self
    }

    /// The last request is the one that arrives twice.
    #[must_use]
    pub fn twice(mut self) -> Trial<'a> {
        self.copied = Some(self.steps.len() - 1);
        self
    }

    /// Tries it without the copy and the other faults, as a control that the check `fix_first` owns, and then on these schedules, each
    /// with a server and files of its own.
    pub fn run(&self, fix_first: &str, schedules: &[Schedule]) {
        self.lab.control(fix_first, |_| self.once(None, false));
        schedules.iter().for_each(|schedule| self.once(Some(*schedule), true));
    }

    fn once(&self, schedule: Option<Schedule>, disturbed: bool) {
        let root = self.folder(schedule);
        let server = (self.serve)(&root);
        let client = |at: usize| {
            let client = self.lab.fsp(["client", "another client"][at], server.addr());
            match self.oracle {
                Oracle::Stateless | Oracle::Stateful => client,
                Oracle::AtMostOnce | Oracle::Leased => client.named(NAMES[at]),
            }
        };
        let clients = [client(0), client(1)];
        let mut course = Course {
            lab: self.lab,
            server,
            clients,
            model: Model::new(self.oracle, &self.tree),
            handles: Default::default(),
            epochs: Vec::new(),
            tree: &self.tree,
            lines: Vec::new(),
            parted: None,
        };
        if self.oracle == Oracle::Leased {
            course.learn_the_epoch();
        }
        self.converse(&mut course, schedule, disturbed);
        let [first, second] = &course.clients;
        expect_no_drops([first.addr(), second.addr(), course.server.addr()].map(|addr| addr.port()));
        course.server.kill();
        self.judge(course, schedule, &root);
    }

    /// A new folder with the files.
    fn folder(&self, schedule: Option<Schedule>) -> PathBuf {
        let name = schedule.map_or("control".to_owned(), |schedule| format!("{schedule:?}"));
        let names = (1..).map(|number| format!("{name}-{number}"));
        let free = names.into_iter().find(|name| !self.lab.folder().join(name).exists());
        self.tree.plant(self.lab, &free.unwrap_or_default())
    }

    fn converse(&self, course: &mut Course, schedule: Option<Schedule>, disturbed: bool) {
        let mut late = None;
        for (at, step) in self.steps.iter().enumerate() {
            let (who, line, data) = match step {
                Step::Ask(who, line, data) => (*who, line, data),
                Step::Fault(fault) if disturbed => {
                    course.suffer(fault);
                    continue;
                }
                Step::Fault(_) => continue,
            };
            let asked = course.request(who, line, data);
            let copied = (Some(at) == self.copied).then_some(schedule).flatten();
            let alive = match copied {
                Some(Schedule::BackToBack) => {
                    course.server.freeze();
                    let sent = [&asked, &asked].map(|asked| course.send(asked));
                    course.server.thaw();
                    course.hear_at(who, sent.to_vec(), Some(&asked))
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
        let about = self.about(schedule);
        session.step();
        if let Some((line, expected, received)) = &course.parted {
            let doing = format!("comparing a conversation {about}; line {line} differs");
            let said = |reply: &Option<Reply>| reply.as_ref().map_or("nothing".to_owned(), Reply::shown);
            let remark = match (expected, received) {
                (Some(expected), Some(received)) => remark(course.tree, expected, received),
                _ => String::new(),
            };
            let (expected, received) = (said(expected), said(received) + &remark);
            session.fail_showing(&doing, &expected, &received, &drawn(&course.lines));
        }
        if let Some((path, expected, found)) = course.model.tree().difference(root) {
            let doing = format!("looking at the file {path} after a conversation {about}");
            let words = |bytes: &[u8]| format!("{}: {}", size(bytes.len()), shown(bytes));
            let found = found.map_or("no such file".to_owned(), |bytes| words(&bytes));
            session.fail_showing(&doing, &words(&expected), &found, &drawn(&course.lines));
        }
    }
}

impl Course<'_> {
    fn request(&mut self, who: usize, line: &str, data: &[u8]) -> Asked {
        let request = self.clients[who].request(line, data);
        let with = |handles: &[String]| Request {
            line: with_handles(line, handles),
            ..request.clone()
        };
        Asked {
            who,
            expected: with(&self.handles[who].expected),
            received: with(&self.handles[who].received),
        }
    }

    /// Sends it; gives the reply that ought to come.
    fn send(&mut self, asked: &Asked) -> Option<Reply> {
        self.lines.push(Line::sent(
            &nameless(&asked.expected.shown()),
            &nameless(&asked.received.shown()),
        ));
        self.clients[asked.who].send(&asked.received);
        self.model.deliver(&asked.expected)
    }

    fn ask(&mut self, asked: &Asked) -> bool {
        let reply = self.send(asked);
        self.hear_at(asked.who, vec![reply], Some(asked))
    }

    /// Sends a copy. What it opens is no handle that a later request means.
    fn ask_again(&mut self, asked: &Asked) -> bool {
        let reply = self.send(asked);
        self.hear_at(asked.who, vec![reply], None)
    }

    /// Waits for these replies, the first of which answers `asked`. False: one is missing, and it is no use to go on.
    fn hear_at(&mut self, who: usize, replies: Vec<Option<Reply>>, mut asked: Option<&Asked>) -> bool {
        for expected in replies {
            let received = match &expected {
                Some(_) => self.clients[who].hear(),
                None => self.clients[who].drain().into_iter().next(),
            };
            if asked
                .take()
                .is_some_and(|asked| asked.expected.line.starts_with("OPEN "))
            {
                let handle = |reply: &Option<Reply>| reply.as_ref().and_then(|reply| reply.fields().first().cloned());
                self.handles[who].expected.extend(handle(&expected));
                self.handles[who].received.extend(handle(&received));
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
        // Who has waited for one of them has waited for both.
        let late = self.clients[0].drain().into_iter().chain(self.clients[1].come());
        for reply in late.collect::<Vec<_>>() {
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

/// A column has no room for the name in front of every number. Of the first client it is left out, `.2 OK`; the other one is `b`.
fn nameless(line: &str) -> String {
    let [first, other] = NAMES.map(|name| format!("{name:08x}"));
    let line = line.strip_prefix(&first).unwrap_or(line);
    line.strip_prefix(&other)
        .map_or(line.to_owned(), |rest| format!("b{rest}"))
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
