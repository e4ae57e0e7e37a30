//! The duplicate-READ widget: three real file servers (`ex08`, `ex09`, `ex10`) under the same faults. Their replies are recorded here; what a
//! client believes and what it has follow from them.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use bookkit::widget::{Frame, Table, Widget};

use super::programs::Server;
use super::{arrow, frame, holds, setting, table};

const PATH: &str = "/tmp/test.txt";

/// Which server.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Stateless,
    Stateful,
    AtMostOnce,
}

/// What happens to one request.
#[derive(Clone, Copy)]
enum Step {
    /// The client sends it, and gets the reply.
    Ask(u64),
    /// The client sends it, and it never arrives.
    Lost(u64),
    /// The client sends it; the reply never arrives.
    Unanswered(u64),
    /// The client has waited in vain, and sends the same bytes again.
    Again(u64),
    /// The network delivers it once more.
    Copy(u64),
    /// The server is killed, and started again.
    Crash,
}

const LEVELS: [(Level, &str, &str, &str); 3] = [
    (Level::Stateless, "stateless", "stateless (ex08)", "ex08"),
    (Level::Stateful, "stateful", "stateful (ex09)", "ex09"),
    (Level::AtMostOnce, "at-most-once", "at most once (ex10)", "ex10"),
];

const FAULTS: [(&str, &str, &[Step]); 6] = {
    use Step::{Again, Ask, Copy, Crash, Lost, Unanswered};
    [
        ("none", "nothing", &[Ask(1), Ask(2), Ask(3), Ask(4)]),
        (
            "copy",
            "request 2 arrives twice",
            &[Ask(1), Ask(2), Copy(2), Ask(3), Ask(4)],
        ),
        (
            "late",
            "a copy of request 2 comes late",
            &[Ask(1), Ask(2), Ask(3), Copy(2), Ask(4)],
        ),
        (
            "request-lost",
            "request 2 is lost",
            &[Ask(1), Lost(2), Again(2), Ask(3), Ask(4)],
        ),
        (
            "reply-lost",
            "reply 2 is lost",
            &[Ask(1), Unanswered(2), Again(2), Ask(3), Ask(4)],
        ),
        ("crash", "the server crashes", &[Ask(1), Ask(2), Crash, Ask(3), Ask(4)]),
    ]
};

#[test]
fn duplicates() {
    let mut runs = BTreeMap::new();
    for (level, value, _, package) in LEVELS {
        for (fault, _, steps) in FAULTS {
            runs.insert(format!("{value}/{fault}"), Session::new(level, package).frames(steps));
        }
    }
    let said = |key: &str| {
        runs[key]
            .iter()
            .any(|frame: &Frame| frame.say.contains("lost synchronization"))
    };
    for (_, value, ..) in LEVELS {
        for (fault, ..) in FAULTS {
            let expected = value == "stateful" && ["copy", "late", "reply-lost"].contains(&fault);
            assert_eq!(said(&format!("{value}/{fault}")), expected, "{value} under {fault}");
        }
    }
    let widget = Widget {
        title: "One request, twice".into(),
        lead: "A client reads a file in pieces of 200 bytes. Choose a server and what goes wrong. *Step through it and compare what the client believes with what it has.*".into(),
        settings: vec![
            setting("Server", &LEVELS.map(|(_, value, words, _)| (value, words))),
            setting("What goes wrong", &FAULTS.map(|(value, words, _)| (value, words))),
        ],
        ends: vec!["client".into(), "server".into()],
        first: "stateful/copy".into(),
        runs,
        rules: serde_json::Value::Null,
    };
    holds("duplicates", &widget);
}

/// A server, its client, and somebody who looks into the server's memory without changing it.
struct Session {
    level: Level,
    package: &'static str,
    root: tempfile::TempDir,
    server: Option<Server>,
    client: UdpSocket,
    observer: UdpSocket,
    looks: u64,
    /// What the client has sent and got, by number.
    sent: BTreeMap<u64, String>,
    replies: BTreeMap<u64, Vec<u8>>,
    /// The largest number that the server has executed in this life.
    executed: u64,
    believes: u64,
    has: Vec<(u64, u64)>,
}

impl Session {
    fn new(level: Level, package: &'static str) -> Session {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("tmp")).unwrap();
        let records: String = (0..125).map(|record| format!("{:07}\n", record * 8)).collect();
        std::fs::write(root.path().join("tmp/test.txt"), records).unwrap();
        let server = Server::start(package, root.path(), 0);
        let socket = |server: &Server| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(server.address).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            socket
        };
        Session {
            client: socket(&server),
            observer: socket(&server),
            level,
            package,
            root,
            server: Some(server),
            looks: 0,
            sent: BTreeMap::new(),
            replies: BTreeMap::new(),
            executed: 0,
            believes: 0,
            has: Vec::new(),
        }
    }

    fn frames(mut self, steps: &[Step]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for step in steps {
            let mut next = self.take(*step);
            next.tables = self.tables();
            let over = next.say.contains("ends here");
            frames.push(next);
            if over {
                break;
            }
        }
        frames
    }

    fn take(&mut self, step: Step) -> Frame {
        match step {
            Step::Ask(number) => {
                let reply = self.delivered(number).expect("a request has a reply");
                let say = self.got(number, &reply);
                let bad = if self.in_step() { "good" } else { "bad" };
                self.shown(
                    say,
                    arrow("right", self.sent[&number].clone(), "good"),
                    Some((&reply, bad)),
                )
            }
            Step::Lost(number) => {
                let sent = self.request(number);
                self.sent.insert(number, sent.clone());
                self.shown(
                    format!("Request {number} is lost. The server knows nothing of it; the client waits."),
                    arrow("right", sent, "lost"),
                    None,
                )
            }
            Step::Unanswered(number) => {
                let reply = self.delivered(number).expect("a request has a reply");
                let say = format!(
                    "The server has done what request {number} asks for, and the reply is lost. The client waits."
                );
                self.shown(
                    say,
                    arrow("right", self.sent[&number].clone(), "good"),
                    Some((&reply, "lost")),
                )
            }
            Step::Again(number) => {
                let before = self.replies.get(&number).cloned();
                let reply = self.delivered(number).expect("a request has a reply");
                let how = match before {
                    None => "For the server it is the first time.",
                    Some(before) if before == reply => "The server answers as it did the first time.",
                    Some(_) => "The server takes it for a new request.",
                };
                let say = format!(
                    "No reply in time: the client sends request {number} again. {how} {}",
                    self.got(number, &reply)
                );
                let bad = if self.in_step() { "good" } else { "bad" };
                self.shown(
                    say,
                    arrow("right", format!("again: {}", self.sent[&number]), "good"),
                    Some((&reply, bad)),
                )
            }
            Step::Copy(number) => self.copied(number),
            Step::Crash => self.crashed(),
        }
    }

    /// The network delivers a request again that has been answered.
    fn copied(&mut self, number: u64) -> Frame {
        let (before, again) = (self.replies[&number].clone(), self.delivered(number));
        let (how, fate) = match &again {
            None => ("The server drops it: this client has moved on.", "good"),
            Some(reply) if *reply == before => (
                "The server answers as it did the first time, and nothing else has changed.",
                "good",
            ),
            Some(_) => ("The server takes it for a new request and moves its position.", "bad"),
        };
        self.replies.insert(number, before);
        let ignored = if again.is_some() {
            " The client waits for no such reply and ignores it."
        } else {
            ""
        };
        let say = format!("The network delivers request {number} once more. {how}{ignored}");
        self.shown(
            say,
            arrow("right", format!("copy: {}", self.sent[&number]), "bad"),
            again.as_deref().map(|reply| (reply, fate)),
        )
    }

    fn crashed(&mut self) -> Frame {
        let port = self.server.take().expect("a server").address.port();
        self.server = Some(Server::start(self.package, self.root.path(), port));
        self.executed = 0;
        let say = "The server is killed and started again. What it had in its memory is gone; the client notices nothing yet.";
        let mut next = frame(say);
        next.arrows.push(arrow("note", "crash, restart", "bad"));
        next
    }

    fn shown(&self, say: String, request: bookkit::widget::Arrow, reply: Option<(&[u8], &str)>) -> Frame {
        let mut next = frame(say);
        next.arrows.push(request);
        next.arrows
            .extend(reply.map(|(reply, fate)| arrow("left", short(reply), fate)));
        next
    }

    fn request(&self, number: u64) -> String {
        let id = match self.level {
            Level::AtMostOnce => format!("c0ffee01.{number}"),
            _ => number.to_string(),
        };
        match (number, self.level) {
            (1, _) => format!("{id} OPEN {PATH} r"),
            (_, Level::Stateless) => format!("{id} READ {PATH} {} 200", self.believes),
            _ => format!("{id} READ 32 200"),
        }
    }

    /// Sends a request, again with the same bytes if it has been sent before; the reply, if there is one.
    fn delivered(&mut self, number: u64) -> Option<Vec<u8>> {
        let request = self.sent.get(&number).cloned().unwrap_or_else(|| self.request(number));
        self.client.send(format!("{request}\n").as_bytes()).unwrap();
        self.sent.insert(number, request);
        self.executed = self.executed.max(number);
        // The server takes one datagram after the other. When it has answered the next one, this one was answered, or never will be.
        self.look();
        self.client.set_nonblocking(true).unwrap();
        let mut room = [0; 2048];
        let reply = match self.client.recv(&mut room) {
            Ok(length) => Some(room[..length].to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("the client's socket: {error}"),
        };
        if let Some(reply) = &reply {
            self.replies.insert(number, reply.clone());
        }
        reply
    }

    /// What the client makes of a reply that it has waited for.
    fn got(&mut self, number: u64, reply: &[u8]) -> String {
        let head = String::from_utf8_lossy(reply.split(|byte| *byte == b'\n').next().unwrap()).into_owned();
        if head.contains(" ERR ") {
            let code = head.split(' ').nth(2).unwrap_or("").to_string();
            return format!(
                "Request {number} gets {code}: nobody knows handle 32 any more. The client learns that its conversation is over; it ends here."
            );
        }
        if number == 1 {
            return "The client opens the file.".into();
        }
        let (from, to) = records(reply).expect("a READ brings records");
        self.believes += to - from;
        self.has.push((from, to));
        let verdict = match self.in_step() {
            true => "It is what the client has asked for.".to_string(),
            false => format!(
                "The client takes it for bytes {} to {}: they have lost synchronization.",
                self.believes - 200,
                self.believes - 1
            ),
        };
        format!("READ number {number} brings bytes {from} to {}. {verdict}", to - 1)
    }

    fn in_step(&self) -> bool {
        let mut at = 0;
        self.has.iter().all(|(from, to)| {
            let right = *from == at;
            at = *to;
            right
        })
    }

    /// Asks the server for handle 32, as somebody else: this changes nothing. `None`: there is no such handle, or nothing to ask for.
    fn look(&mut self) -> Option<String> {
        self.looks += 1;
        let request = match self.level {
            Level::Stateless => format!("{} OPEN {PATH} r\n", 900 + self.looks),
            Level::Stateful => format!("{} STAT 32\n", 900 + self.looks),
            Level::AtMostOnce => format!("0b5e0001.{} STAT 32\n", self.looks),
        };
        self.observer.send(request.as_bytes()).unwrap();
        let mut room = [0; 2048];
        let length = self.observer.recv(&mut room).unwrap();
        let reply = String::from_utf8_lossy(&room[..length]).into_owned();
        (self.level != Level::Stateless && reply.contains(" OK"))
            .then(|| reply.lines().nth(1).unwrap_or("").to_string())
    }

    fn tables(&mut self) -> Vec<Table> {
        let has: Vec<String> = self.has.iter().map(|(from, to)| format!("{from}–{}", to - 1)).collect();
        let nothing = |text: String| if text.is_empty() { "nothing".to_string() } else { text };
        let believed = if self.believes == 0 {
            String::new()
        } else {
            format!("0–{}", self.believes - 1)
        };
        let mut client = table(
            "The client",
            &["", "bytes"],
            vec![
                vec!["believes to have".into(), nothing(believed)],
                vec!["has".into(), nothing(has.join(", "))],
            ],
        );
        client.bad.extend((!self.in_step()).then_some(1));
        let mut rows = match self.look() {
            Some(line) => vec![vec!["handle".into(), line]],
            None => Vec::new(),
        };
        if self.level == Level::AtMostOnce && self.executed > 0 {
            let reply = &self.replies[&self.executed];
            rows.push(vec!["last reply to c0ffee01".into(), short(reply)]);
        }
        if rows.is_empty() {
            rows.push(vec!["nothing".into(), String::new()]);
        }
        vec![client, table("The server remembers", &["", ""], rows)]
    }
}

/// The first byte of the first record, and the one behind the last.
fn records(reply: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(reply).ok()?;
    let mut records = text.lines().skip(1).map(str::parse::<u64>);
    let first = records.next()?.ok()?;
    let last = records.last()?.ok()?;
    Some((first, last + 8))
}

/// A reply in one short line: its head, and which bytes it brings.
fn short(reply: &[u8]) -> String {
    let head = String::from_utf8_lossy(reply.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned();
    match records(reply) {
        Some((from, to)) => format!("{head}: bytes {from}–{}", to - 1),
        None => head,
    }
}
