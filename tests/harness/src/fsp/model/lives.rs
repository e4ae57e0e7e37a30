//! What lives of the server, leases and locks add to the model: the definition of what is over, and of who holds a lock.
//!
//! Nothing ends by being removed. A client has lasted since some datagram if the server has not crashed since, and if no silence of the
//! client since then was longer than the lease. Its handles, its locks and the replies to it last as long.

use super::{Model, Moment, Oracle, Outcome, client, nothing};
use crate::fsp::{Reply, Request};

/// How long a client may be silent in a model that nobody told otherwise.
pub(super) const LEASE_MS: u64 = 1000;

impl Model {
    /// The server is killed and starts again, as the life with this number.
    pub fn crash(&mut self, epoch: u32) {
        self.moment.epoch = epoch;
    }

    /// The same server in the life with this number, with leases of so many milliseconds.
    #[must_use]
    pub fn leasing(mut self, epoch: u32, lease_ms: u64) -> Model {
        self.moment.epoch = epoch;
        Model { lease_ms, ..self }
    }

    /// `ADVANCE 1500`: the server's clock goes on. It is a request of nobody, and leaves nothing in the log.
    pub(super) fn clock(&mut self, request: &Request) -> Option<Reply> {
        let words = request.words();
        let (Oracle::Leased, ["ADVANCE", ms]) = (self.oracle, &words[..]) else {
            return None;
        };
        self.moment.ms += ms.parse::<u64>().ok()?;
        Some(Reply::to(request, &format!("OK {}", self.moment.ms), b""))
    }

    /// Whether what a client got at the datagram `at` of the log has lasted until `now`. Without leases, everything lasts.
    pub(super) fn lasts(&self, at: usize, now: usize) -> bool {
        if self.oracle != Oracle::Leased {
            return true;
        }
        let (who, until) = (client(&self.log[at].request), self.moment(now));
        let heard = self.log[at..now].iter();
        let mut moments: Vec<Moment> = heard
            .filter(|logged| client(&logged.request) == who)
            .map(|logged| logged.moment)
            .collect();
        moments.push(until);
        moments
            .windows(2)
            .all(|pair| pair[0].epoch == pair[1].epoch && pair[1].ms - pair[0].ms <= self.lease_ms)
    }

    /// Fails if a handle says that it is of another life.
    pub(super) fn of_this_life(&self, handle: &str, now: usize) -> Result<(), &'static str> {
        if self.oracle != Oracle::Leased {
            return Ok(());
        }
        let (epoch, _) = handle.split_once('-').ok_or("EPROTO")?;
        let epoch: u32 = epoch.parse().map_err(|_| "EPROTO")?;
        if epoch == self.moment(now).epoch {
            Ok(())
        } else {
            Err("ESTALE")
        }
    }

    /// A handle as it stands in replies.
    pub(super) fn named(&self, number: usize) -> String {
        match self.oracle {
            Oracle::Leased => format!("{}-{number}", self.moment.epoch),
            _ => number.to_string(),
        }
    }

    pub(super) fn hello(&self) -> Outcome {
        if self.oracle != Oracle::Leased {
            return Err("EPROTO");
        }
        Ok((format!("{} {}", self.moment.epoch, self.lease_ms), Vec::new()))
    }

    pub(super) fn lock(&self, request: &Request, handle: &str, kind: &str) -> Outcome {
        if self.oracle != Oracle::Leased || !["s", "x"].contains(&kind) {
            return Err("EPROTO");
        }
        let (path, _) = self.opening(handle, self.log.len())?;
        let excluded: &[&str] = if kind == "x" { &["s", "x"] } else { &["x"] };
        self.unless_locked(&path, request, excluded)?;
        Ok(nothing())
    }

    pub(super) fn unlock(&self, request: &Request, handle: &str) -> Outcome {
        if self.oracle != Oracle::Leased {
            return Err("EPROTO");
        }
        let (path, _) = self.opening(handle, self.log.len())?;
        let mine = self.locks(&path).any(|(owner, _)| owner == client(request));
        if mine { Ok(nothing()) } else { Err("EINVAL") }
    }

    /// Fails if somebody else has a lock of one of these kinds on the file.
    pub(super) fn unless_locked(&self, path: &str, request: &Request, kinds: &[&str]) -> Result<(), &'static str> {
        let mut locks = self.locks(path);
        let foreign = locks.any(|(owner, kind)| owner != client(request) && kinds.contains(&kind));
        if foreign { Err("ELOCKED") } else { Ok(()) }
    }

    /// Who has which lock on a file: the last LOCK of a client that has succeeded, if it has lasted, and if nothing has ended it.
    fn locks(&self, path: &str) -> impl Iterator<Item = (&str, &str)> {
        let held = (0..self.log.len()).filter(|at| self.is_about("LOCK", *at, path) && self.lasts(*at, self.log.len()));
        let ended = |at: usize| {
            let mut later = at + 1..self.log.len();
            later.any(|later| {
                let same = client(&self.log[later].request) == client(&self.log[at].request);
                same && ["LOCK", "UNLOCK", "CLOSE"]
                    .iter()
                    .any(|verb| self.is_about(verb, later, path))
            })
        };
        held.filter(move |at| !ended(*at)).map(|at| {
            let request = &self.log[at].request;
            (client(request), request.words()[2])
        })
    }

    /// Whether the datagram `at` of the log is this request, about this file, done with success.
    fn is_about(&self, verb: &str, at: usize, path: &str) -> bool {
        let logged = &self.log[at];
        let words = logged.request.words();
        let done = logged.counts && logged.reply.as_ref().is_some_and(Reply::is_ok);
        done && words[0] == verb && self.opening(words[1], at).is_ok_and(|(opened, _)| opened == path)
    }

    fn moment(&self, now: usize) -> Moment {
        self.log.get(now).map_or(self.moment, |logged| logged.moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsp::Tree;

    /// What the model says to each of these, without the ids; `crash` and `advance 1001` happen between them.
    fn session(steps: &[&str]) -> Vec<String> {
        let tree = Tree::of_the_slides().file("/log", b"");
        let mut model = Model::new(Oracle::Leased, &tree).leasing(7, 1000);
        let mut replies = Vec::new();
        for step in steps {
            let (head, data) = step.split_once('|').unwrap_or((step, ""));
            let (id, line) = head.split_once(' ').unwrap_or((head, ""));
            if id == "crash" {
                model.crash(model.moment.epoch + 1);
                continue;
            }
            let line = if id == "advance" {
                format!("ADVANCE {line}")
            } else {
                line.to_owned()
            };
            let request = Request::new(id, &line).with(data.as_bytes());
            let reply = model.deliver(&request);
            if id != "advance" {
                replies.push(reply.map_or("-".to_owned(), |reply| reply.line()));
            }
        }
        replies
    }

    #[test]
    fn a_handle_ends_with_its_life() {
        let replies = session(&[
            "a.1 HELLO",
            "a.2 OPEN /log w",
            "a.3 APPEND 7-32 4|one\n",
            "crash",
            "b.1 OPEN /log w",
            "a.3 APPEND 7-32 4|one\n",
            "a.4 STAT 8-32",
            "a.5 STAT 8-33",
            "a.5 STAT 8-33",
            "a.4 STAT 8-32",
        ]);
        let expected = [
            "OK 7 1000",
            "OK 7-32 0",
            "OK 4",
            "OK 8-32 4",
            "ERR ESTALE",
            "OK",
            "ERR EBADF",
            "ERR EBADF",
            "-",
        ];
        assert_eq!(replies, expected);
    }

    #[test]
    fn silence_for_longer_than_the_lease_ends_everything_of_a_client() {
        let replies = session(&[
            "a.1 OPEN /log w",
            "a.2 LOCK 7-32 x",
            "b.1 OPEN /log r",
            "advance 1000",
            "a.3 RENEW",
            "b.2 LOCK 7-33 s",
            "advance 1000",
            "b.3 LOCK 7-33 s",
            "advance 1",
            "b.4 LOCK 7-33 s",
            "a.4 WRITE 7-32 1|z",
            "a.5 OPEN /log w",
            "a.6 WRITE 7-34 1|z",
        ]);
        let expected = [
            "OK 7-32 0",
            "OK",
            "OK 7-33 0",
            "OK",
            "ERR ELOCKED",
            "ERR ELOCKED",
            "OK",
            "ERR ESTALE",
            "OK 7-34 0",
            "ERR ELOCKED",
        ];
        assert_eq!(replies, expected);
    }

    #[test]
    fn locks_are_of_a_client_and_a_file() {
        let replies = session(&[
            "a.1 OPEN /log w",
            "b.1 OPEN /log w",
            "a.2 LOCK 7-32 s",
            "b.2 LOCK 7-33 s",
            "a.3 LOCK 7-32 x",
            "b.3 READ 7-33 1",
            "b.4 APPEND 7-33 1|z",
            "b.5 UNLOCK 7-33",
            "b.6 UNLOCK 7-33",
            "a.4 LOCK 7-32 x",
            "b.7 READ 7-33 1",
            "a.5 APPEND 7-32 1|z",
            "a.6 CLOSE 7-32",
            "b.8 READ 7-33 1",
        ]);
        let expected = [
            "OK 7-32 0",
            "OK 7-33 0",
            "OK",
            "OK",
            "ERR ELOCKED",
            "OK 0",
            "ERR ELOCKED",
            "OK",
            "ERR EINVAL",
            "OK",
            "ERR ELOCKED",
            "OK 1",
            "OK",
            "OK 1",
        ];
        assert_eq!(replies, expected);
    }
}
