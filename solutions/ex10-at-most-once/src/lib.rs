// CANARY-7f3a91c2-hidden
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
// SOLUTION #![allow(unused_imports, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION // What has to be remembered of a client, and of how many?
    max_clients: usize,
    entries: BTreeMap<u32, Entry>,
    /// How many datagrams have been looked at: a clock that needs no clock.
    now: u64,
    // END SOLUTION
}
// SOLUTION

/// One client's part of the memory.
struct Entry {
    seq: u32,
    reply: Vec<u8>,
    /// When the client was last heard.
    heard: u64,
}
// END SOLUTION

impl ReplyCache {
    /// A cache that knows nobody, and will never know more than `max_clients` clients (at least one) at the same time.
    pub fn new(max_clients: usize) -> ReplyCache {
        // SOLUTION todo!("new: a cache without clients")
        ReplyCache {
            max_clients,
            entries: BTreeMap::new(),
            now: 0,
        }
        // END SOLUTION
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
        // SOLUTION todo!("check: what is known of this client? Compare the numbers")
        self.now += 1;
        // By the client and not by the number alone: everybody begins at 1. And by the id in the message and not by the
        // address it came from, which may change, and may become somebody else's.
        let Some(entry) = self.entries.get_mut(&cid) else {
            return Verdict::Execute;
        };
        entry.heard = self.now;
        match seq.cmp(&entry.seq) {
            // Not only by one. A client that has given up on number 4 goes on with 5, and 4 may never arrive.
            std::cmp::Ordering::Greater => Verdict::Execute,
            // The reply as it was. Working it out again would be executing again.
            std::cmp::Ordering::Equal => Verdict::Replay(entry.reply.clone()),
            // A copy that took the long way. The reply that we have is the answer to another request.
            std::cmp::Ordering::Less => Verdict::Drop,
        }
        // END SOLUTION
    }

    /// Remembers the reply to a request that was executed, in place of whatever was known of this client.
    ///
    /// If that is one client too many, the one that has not been heard for the longest time is forgotten. Gives the
    /// forgotten client.
    pub fn record(&mut self, cid: u32, seq: u32, reply: &[u8]) -> Option<u32> {
        // SOLUTION todo!("record: remember this reply; is that one client too many?")
        let (reply, heard) = (reply.to_vec(), self.now);
        self.entries.insert(cid, Entry { seq, reply, heard });
        if self.entries.len() <= self.max_clients {
            return None;
        }
        // Looking at all of them is fine for 64. The client that was just recorded was heard last, so it is never the one.
        let (&silent, _) = self.entries.iter().min_by_key(|(_, entry)| entry.heard)?;
        self.entries.remove(&silent).map(|_| silent)
        // END SOLUTION
    }

    /// How many clients are known.
    pub fn clients(&self) -> usize {
        // SOLUTION todo!("clients: count them")
        self.entries.len()
        // END SOLUTION
    }
}

/// Answers one request with the help of the cache: gives the reply, and where to send it. `None`: nothing is sent.
///
/// What a new request gets from [`Server::execute`] is recorded, be it `OK` or `ERR`. If the cache forgets a client over
/// that, the server has to forget it, too ([`Server::forget`]). A reply goes to where this arrival came from.
pub fn answer(cache: &mut ReplyCache, server: &mut dyn Server, arrival: Arrival) -> Option<(Vec<u8>, SocketAddr)> {
    // SOLUTION todo!("answer: ask the cache, and do what it says")
    let Arrival {
        from,
        cid,
        seq,
        request,
    } = arrival;
    let reply = match cache.check(cid, seq) {
        Verdict::Execute => {
            let reply = server.execute(cid, request);
            // An error, too. A copy asks what was answered, not what would be answered by now.
            if let Some(forgotten) = cache.record(cid, seq, &reply) {
                // Who comes back after this is a new client to the cache, and a copy of its last request would be executed
                // again. Without its handles nearly nothing can be: READ, WRITE and APPEND get EBADF.
                server.forget(forgotten);
            }
            reply
        }
        Verdict::Replay(reply) => reply,
        Verdict::Drop => return None,
    };
    Some((reply, from))
    // END SOLUTION
}
