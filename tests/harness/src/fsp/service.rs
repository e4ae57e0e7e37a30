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
}

impl StandIn {
    /// It gives at most so many bytes in one reply, however many are asked for and there.
    #[must_use]
    pub fn giving_at_most(self, bytes: usize) -> StandIn {
        StandIn { most: bytes, ..self }
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
    pub fn answer_next(&mut self, doing: &str) -> (Request, Option<Reply>) {
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
        let reply = self.model.deliver(&self.within_limit(&request));
        if let Some(reply) = &reply {
            self.peer.send_to(&reply.0, from);
        }
        (request, reply)
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
