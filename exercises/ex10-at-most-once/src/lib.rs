//! Exercise 10: a reply cache, and the few lines that put it in front of a file server. The protocol is FSP/2; all of it is
//! in `README.md`, under *What goes over the wire*.
//!
//! ```text
//! datagram ──▶ Arrival ──▶ answer ──▶ reply ──▶ datagram
//!              (given)     │    │     (given)
//!                 ReplyCache    Server (given: handles, positions, files)
//! ```
//!
//! The server does what it is told, each time it is told. It cannot know a copy from a new request, and need not: that is
//! the business of the cache. Try it with `ex10 probe` before there is any network.
#![allow(unused_imports, unused_variables)] // delete this line when you have written everything

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A request that has arrived, perhaps not for the first time. Given.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The address on the envelope.
    pub from: SocketAddr,
    /// The client, by the id in the message: 0xc0ffee01 in `c0ffee01.7 STAT 32`.
    pub cid: u32,
    /// The number behind it: 7.
    pub seq: u32,
    /// What stands behind the id: `STAT 32`, and LF.
    pub request: &'a [u8],
}

/// What is to be done with a request. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is new.
    Execute,
    /// It was executed before, and this is what was answered.
    Replay(Vec<u8>),
    /// Its client has moved on to another request: nobody waits for an answer.
    Drop,
}

/// A server that executes requests. Given: `server.rs` has one for files.
pub trait Server {
    /// Does what the client `cid` asks for, and gives the reply: `OK 200`, LF and data, or `ERR ENOENT` and LF. (Both
    /// requests and replies are without their id here; `main.rs` takes it off and puts it on again.)
    fn execute(&mut self, cid: u32, request: &[u8]) -> Vec<u8>;

    /// Closes all the handles that a client has open.
    fn forget(&mut self, cid: u32);
}

/// What the server remembers of its clients: of each one the number of its last request, and the reply to that.
///
/// One entry for each client is enough, because a client has one request outstanding. When it asks the next one, it has
/// heard the answer to the last, or has given it up.
pub struct ReplyCache {
    // What has to be remembered of a client, and of how many?
}

impl ReplyCache {
    /// A cache that knows nobody, and will never know more than `max_clients` clients (at least one) at the same time.
    pub fn new(max_clients: usize) -> ReplyCache {
        todo!("new: a cache without clients")
    }

    /// What is to be done with request number `seq` of the client `cid`, compared with the last one of *this client* that
    /// was recorded:
    ///
    /// | `seq` is | verdict |
    /// |---|---|
    /// | larger, by however much, or the client is not known | [`Verdict::Execute`] |
    /// | the same | [`Verdict::Replay`], with the reply that was recorded |
    /// | smaller | [`Verdict::Drop`] |
    ///
    /// Whatever the verdict is, the client has now been heard.
    pub fn check(&mut self, cid: u32, seq: u32) -> Verdict {
        todo!("check: what is known of this client? Compare the numbers")
    }

    /// Remembers the reply to a request that was executed, in place of whatever was known of this client.
    ///
    /// If that is one client too many, the one that has not been heard for the longest time is forgotten. Gives the
    /// forgotten client.
    pub fn record(&mut self, cid: u32, seq: u32, reply: &[u8]) -> Option<u32> {
        todo!("record: remember this reply; is that one client too many?")
    }

    /// How many clients are known.
    pub fn clients(&self) -> usize {
        todo!("clients: count them")
    }
}

/// Answers one request with the help of the cache: gives the reply, and where to send it. `None`: nothing is sent.
///
/// What a new request gets from [`Server::execute`] is recorded, be it `OK` or `ERR`. If the cache forgets a client over
/// that, the server has to forget it, too ([`Server::forget`]). A reply goes to where this arrival came from.
pub fn answer(cache: &mut ReplyCache, server: &mut dyn Server, arrival: Arrival) -> Option<(Vec<u8>, SocketAddr)> {
    todo!("answer: ask the cache, and do what it says")
}
