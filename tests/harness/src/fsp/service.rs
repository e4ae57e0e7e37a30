//! Servers that are killed and come back, and a server of the test's own.

use super::{Model, Oracle, Reply, Request, Tree};
use crate::{Lab, Server, UdpPeer, session::Session};
use std::{
    net::SocketAddr,
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

/// The program under test as a service: it can be killed at any moment, and started again on the same port.
pub struct Service<'a> {
    lab: &'a Lab,
    args: Vec<String>,
    server: Server,
}

impl Lab {
    /// Starts the program under test as a server that can be killed and started again; without `--port`, which is added.
    pub fn service(&self, args: &[&str]) -> Service<'_> {
        let args: Vec<String> = args.iter().map(|arg| arg.to_string()).collect();
        let server = self.serve(at_port(&args, 0));
        Service {
            lab: self,
            args,
            server,
        }
    }

    /// A server of the test's own that answers as `oracle` says: what the program under test can be a client of.
    pub fn fsp_server(&self, who: &str, oracle: Oracle, tree: &Tree) -> StandIn {
        StandIn {
            session: self.session().clone(),
            peer: self.udp(who),
            who: who.to_owned(),
            model: Model::new(oracle, tree),
            most: usize::MAX,
            answered: None,
        }
    }
}

impl Service<'_> {
    /// Kills it (SIGKILL: it can do nothing about that), and starts it again on its port.
    pub fn crash_and_restart(&mut self) {
        self.crash();
        self.start_again();
    }

    /// Kills it.
    pub fn crash(&self) {
        self.server.kill();
    }

    /// Starts it again on its port.
    pub fn start_again(&mut self) {
        self.server = self.lab.serve(at_port(&self.args, self.server.port()));
    }
}

impl Deref for Service<'_> {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

fn at_port(args: &[String], port: u16) -> Vec<String> {
    let port = ["--port".to_owned(), port.to_string()];
    args.iter().cloned().chain(port).collect()
}

/// A right server, played by the test. It answers when the test says so.
pub struct StandIn {
    session: Arc<Session>,
    peer: UdpPeer,
    who: String,
    model: Model,
    most: usize,
    /// The last request that got its reply, by its id, and from where it came.
    answered: Option<(String, SocketAddr)>,
}

impl StandIn {
    /// It gives at most so many bytes in one reply, however many are asked for and there.
    #[must_use]
    pub fn giving_at_most(self, bytes: usize) -> StandIn {
        StandIn { most: bytes, ..self }
    }

    /// It crashes, and is there again in the life with this number: files are all that is left.
    pub fn crash(&mut self, epoch: u32) {
        self.model.crash(epoch);
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.peer.addr()
    }

    /// The files, after everything that was asked.
    pub fn tree(&self) -> Tree {
        self.model.tree()
    }

    /// Waits for the next request and answers it.
    ///
    /// Copies of a request that has been answered do not count. A client on a busy machine sends one when it does not get to run before
    /// its time is up, and that is nobody's doing.
    pub fn answer_next(&mut self, doing: &str) -> (Request, Option<Reply>) {
        self.answer_unless(doing, |_| false)
    }

    /// The same, but the network loses the reply if `is_lost` says so: the server has done what it was asked to, and the client does not
    /// hear of it.
    pub fn answer_unless(&mut self, doing: &str, is_lost: impl FnOnce(&Request) -> bool) -> (Request, Option<Reply>) {
        let (request, from) = self.take_new(doing);
        let reply = self.model.deliver(&self.within_limit(&request));
        let lost = is_lost(&request);
        self.send(&request, reply.as_ref().filter(|_| !lost), from);
        (request, reply)
    }

    /// The same, but it has crashed before the request came, if `crashed` gives the number of the life that began then.
    pub fn answer_after_crash(
        &mut self,
        doing: &str,
        crashed: impl FnOnce(&Request) -> Option<u32>,
    ) -> (Request, Option<Reply>) {
        let (request, from) = self.take_new(doing);
        if let Some(epoch) = crashed(&request) {
            self.crash(epoch);
        }
        let reply = self.model.deliver(&self.within_limit(&request));
        self.send(&request, reply.as_ref(), from);
        (request, reply)
    }

    fn send(&mut self, request: &Request, reply: Option<&Reply>, to: SocketAddr) {
        if let Some(reply) = reply {
            self.peer.send_to(&reply.0, to);
            self.answered = Some((request.id.clone(), to));
        }
    }

    /// The next request that is no copy of what was answered last.
    fn take_new(&mut self, doing: &str) -> (Request, SocketAddr) {
        loop {
            let (request, from) = self.take_next(doing);
            if self.answered.as_ref() != Some(&(request.id.clone(), from)) {
                return (request, from);
            }
        }
    }

    fn take_next(&mut self, doing: &str) -> (Request, SocketAddr) {
        let (since, deadline) = (Instant::now(), self.session.patience());
        let heard = self.peer.within(deadline.saturating_duration_since(since));
        let Some((datagram, from)) = heard else {
            let received = self.session.waited(since);
            self.session.fail_at(&self.who, doing, "a request", &received)
        };
        let Some(request) = Request::read(&datagram) else {
            let received = datagram.escape_ascii().to_string();
            let expected = "a request: id, verb and arguments on one line";
            self.session.fail_at(&self.who, doing, expected, &received)
        };
        (request, from)
    }

    /// Whether something comes within this time that nobody should send any more.
    pub fn expect_silence(&self, how_long: Duration) {
        self.peer.expect_silence(how_long);
    }

    fn within_limit(&self, request: &Request) -> Request {
        let mut words: Vec<String> = request.words().into_iter().map(str::to_owned).collect();
        let last = words.last_mut().filter(|_| request.words()[0] == "READ");
        if let Some((length, asked)) = last.and_then(|word| Some((word.parse::<usize>().ok()?, word))) {
            *asked = length.min(self.most).to_string();
        }
        Request {
            line: words.join(" "),
            ..request.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exercise, Grading};

    #[test]
    fn a_lost_reply_is_executed_and_a_copy_of_what_was_answered_is_not() {
        let exercise = Exercise {
            package: "stand-in",
            rubric: "title = \"stand-in\"",
            built: Some("/nonexistent"),
        };
        let lab = Lab::open_for(exercise, Grading::default());
        let mut server = lab.fsp_server("server", Oracle::Stateful, &Tree::of_the_slides());
        let mut client = lab.fsp("client", server.addr());
        let said = |answered: (Request, Option<Reply>)| answered.1.map(|reply| reply.shown());
        let mut next = |lost: bool| said(server.answer_unless("waiting", |_| lost));
        let open = client.request("OPEN /tmp/test.txt r", b"");
        let read = client.request("READ 32 8", b"");
        for request in [&open, &open, &read, &read, &read] {
            client.send(request);
        }
        assert_eq!(next(false).as_deref(), Some("1 OK 32 1000"));
        assert_eq!(next(true).as_deref(), Some("2 OK 8  0000000"));
        assert_eq!(next(false).as_deref(), Some("2 OK 8  0000008"));
        let stat = client.request("STAT 32", b"");
        client.send(&stat);
        assert_eq!(next(false).as_deref(), Some(r#"3 OK  "32: /tmp/test.txt, 16, read""#));
        let heard: Vec<String> = client.drain().iter().map(Reply::shown).collect();
        assert_eq!(
            heard,
            [
                "1 OK 32 1000",
                "2 OK 8  0000008",
                r#"3 OK  "32: /tmp/test.txt, 16, read""#
            ]
        );
    }
}
