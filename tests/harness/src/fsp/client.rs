//! A client of a file server that looks at every reply.

use super::{QUIET, Reply, Request, Tree};
use crate::{Lab, Server, UdpPeer, session::Session};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// The test as a client. Its ids are `1`, `2`, …, or `c0ffee01.1`, `c0ffee01.2`, … if it has a name.
///
/// In a request, `$1` stands for the handle that the first OPEN of this client got, `$2` for that of the second, and so on.
pub struct Client {
    session: Arc<Session>,
    peer: UdpPeer,
    who: String,
    server: SocketAddr,
    name: Option<u32>,
    asked: u64,
    handles: Vec<String>,
    known: Tree,
}

impl Lab {
    /// A client of the file server at `to`, on a port of its own.
    pub fn fsp(&self, who: &str, to: SocketAddr) -> Client {
        Client {
            session: self.session().clone(),
            peer: self.udp(who),
            who: who.to_owned(),
            server: to,
            name: None,
            asked: 0,
            handles: Vec::new(),
            known: Tree::new(),
        }
    }
}

impl Client {
    /// The same client with a name in its ids.
    #[must_use]
    pub fn named(self, name: u32) -> Client {
        let name = Some(name);
        Client { name, ..self }
    }

    /// The same client, which knows these files: when it gets the wrong bytes, it can say where they stand.
    #[must_use]
    pub fn knowing(self, tree: &Tree) -> Client {
        let known = tree.clone();
        Client { known, ..self }
    }

    /// The same client at another port: same name, same numbers.
    #[must_use]
    pub fn moved(self, lab: &Lab, who: &str) -> Client {
        Client {
            peer: lab.udp(who),
            who: who.to_owned(),
            ..self
        }
    }

    /// The same, where it stands.
    pub(super) fn move_on(&mut self, lab: &Lab, who: &str) {
        self.peer = lab.udp(who);
        who.clone_into(&mut self.who);
    }

    /// From now on it asks this server.
    pub fn turn_to(&mut self, server: &Server) {
        self.server = server.addr();
    }

    /// The next request, with an id of its own; not sent.
    pub fn request(&mut self, line: &str, data: &[u8]) -> Request {
        self.asked += 1;
        let id = match self.name {
            Some(name) => format!("{name:08x}.{}", self.asked),
            None => self.asked.to_string(),
        };
        Request::new(&id, &with_handles(line, &self.handles)).with(data)
    }

    /// Sends it, perhaps once more.
    pub fn send(&self, request: &Request) {
        self.peer.send_to(&request.bytes(), self.server);
    }

    /// Sends any bytes.
    pub fn send_bytes(&self, bytes: &[u8]) {
        self.peer.send_to(bytes, self.server);
    }

    /// Sends a request, and waits for its reply.
    pub fn ask(&mut self, line: &str, data: &[u8]) -> Reply {
        let request = self.request(line, data);
        self.send(&request);
        self.reply_to(&request)
    }

    /// Sends a request, and fails unless the reply says this: `OK 200` and this data, or `ERR ENOENT`.
    pub fn expect(&mut self, line: &str, data: &[u8], expected: &str, expected_data: &[u8]) -> Reply {
        let request = self.request(line, data);
        self.send(&request);
        self.expect_reply(&request, expected, expected_data)
    }

    /// The next reply, which has to be the one to this request.
    pub fn reply_to(&mut self, request: &Request) -> Reply {
        let doing = format!("waiting for the reply to `{}`", request.shown());
        let since = Instant::now();
        let Some(reply) = self.hear() else {
            let expected = format!("a reply that begins with `{} `", request.id);
            self.session
                .fail_at(&self.who, &doing, &expected, &self.session.waited(since))
        };
        let (id, expected) = (reply.id(), &request.id);
        if id != *expected || !reply.0.contains(&b'\n') {
            let expected = format!("a line that begins with `{expected} `, the request's id");
            self.session.fail_at(&self.who, &doing, &expected, &reply.shown());
        }
        if request.words()[0] == "OPEN" {
            self.handles.extend(reply.fields().first().cloned());
        }
        reply
    }

    /// The same, and it has to say this.
    pub fn expect_reply(&mut self, request: &Request, expected: &str, data: &[u8]) -> Reply {
        let reply = self.reply_to(request);
        let expected = Reply::to(request, expected, data);
        if !reply.same(&expected) {
            let doing = format!("reading the reply to `{}`", request.shown());
            let received = reply.shown() + &remark(&self.known, &expected, &reply);
            self.session.fail_at(&self.who, &doing, &expected.shown(), &received);
        }
        reply
    }

    /// Sends it, and again after every pause, until its reply comes: a client that never gives up. Other replies are passed over.
    pub fn insist(&mut self, request: &Request, pause: Duration) -> Reply {
        let (since, deadline) = (Instant::now(), self.session.patience());
        while Instant::now() < deadline {
            self.send(request);
            let next = Instant::now() + pause;
            while let Some(reply) = self.hear_within(next.saturating_duration_since(Instant::now())) {
                if reply.id() == request.id {
                    return reply;
                }
            }
        }
        let doing = format!("asking `{}` again and again", request.shown());
        let expected = format!("a reply that begins with `{} `", request.id);
        self.session
            .fail_at(&self.who, &doing, &expected, &self.session.waited(since))
    }

    /// Everything that still comes, until it has been quiet for 150 ms.
    pub fn drain(&mut self) -> Vec<Reply> {
        std::iter::from_fn(|| self.hear_within(QUIET)).collect()
    }

    /// Everything that has come by now.
    pub(super) fn come(&mut self) -> Vec<Reply> {
        std::iter::from_fn(|| self.hear_within(Duration::from_millis(1))).collect()
    }

    /// Where it asks from.
    pub fn addr(&self) -> SocketAddr {
        self.peer.addr()
    }

    /// The next datagram from the server, whatever it is, if one comes in time.
    pub(super) fn hear(&mut self) -> Option<Reply> {
        let deadline = self.session.patience();
        self.hear_within(deadline.saturating_duration_since(Instant::now()))
    }

    fn hear_within(&mut self, how_long: Duration) -> Option<Reply> {
        let (bytes, from) = self.peer.within(how_long)?;
        if from != self.server {
            let (expected, received) = (format!("from {}", self.server), format!("from {from}"));
            let doing = "looking where a reply came from: the server answers from the socket that was asked";
            self.session.fail_at(&self.who, doing, &expected, &received);
        }
        Some(Reply(bytes))
    }
}

/// `$1`, `$2`, … replaced by handles. One that is not known stays, and no server takes it for a handle.
pub(super) fn with_handles(line: &str, handles: &[String]) -> String {
    let handle = |word: &str| {
        let number: usize = word.strip_prefix('$')?.parse().ok()?;
        handles.get(number.checked_sub(1)?).cloned()
    };
    let words = line
        .split(' ')
        .map(|word| handle(word).unwrap_or_else(|| word.to_owned()));
    words.collect::<Vec<_>>().join(" ")
}

/// Which bytes came instead of which, on a line of its own, where that can be said.
pub(super) fn remark(known: &Tree, expected: &Reply, received: &Reply) -> String {
    let range = |data: &[u8]| {
        let (path, start) = known.place_of(data)?;
        Some((path, format!("bytes {start}..{}", start + data.len() - 1)))
    };
    let (wanted, got) = (expected.data(), received.data());
    match (range(wanted), range(got)) {
        _ if wanted == got || !expected.is_ok() || !received.is_ok() => String::new(),
        (Some((path, wanted)), Some((other, got))) if path == other => {
            format!("\nyou returned {got}, expected {}", wanted.trim_start_matches("bytes "))
        }
        (_, Some((path, got))) => format!("\nyou returned {got} of {path}"),
        _ => format!("\nyou returned {} bytes of data, expected {}", got.len(), wanted.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsp::numbered;

    #[test]
    fn handles_are_put_in() {
        let handles = ["32".to_owned(), "7-33".to_owned()];
        assert_eq!(with_handles("READ $2 200", &handles), "READ 7-33 200");
        assert_eq!(with_handles("CLOSE $3", &handles), "CLOSE $3");
        assert_eq!(with_handles("READ /$1 0 8", &handles), "READ /$1 0 8");
    }

    #[test]
    fn wrong_bytes_are_found_where_they_stand() {
        let (request, file) = (Request::new("4", "READ 32 200"), numbered(1000));
        let reply = |from: usize, to: usize| Reply::to(&request, "OK 200", &file[from..to]);
        let tree = Tree::of_the_slides().file("/other", b"something else");
        assert_eq!(
            remark(&tree, &reply(200, 400), &reply(400, 600)),
            "\nyou returned bytes 400..599, expected 200..399"
        );
        assert_eq!(remark(&tree, &reply(200, 400), &reply(200, 400)), "");
        let other = Reply::to(&request, "OK 9", b"something");
        assert_eq!(
            remark(&tree, &reply(0, 8), &other),
            "\nyou returned bytes 0..8 of /other"
        );
        assert_eq!(
            remark(&tree, &reply(0, 8), &reply(0, 0)),
            "\nyou returned 0 bytes of data, expected 8"
        );
        assert_eq!(remark(&tree, &reply(0, 8), &Reply(b"4 ERR EIO\n".to_vec())), "");
    }
}
