//! A client that asks a server in datagrams, and asks again when it hears nothing.
//!
//! A question is one datagram, and so is its answer. Either may be lost, so the caller waits for a while, sends the very
//! same bytes again, waits twice as long, and so on, up to [`TRIES`] times. It cannot know *what* was lost: a server may
//! well get, and execute, one question several times. What comes of that is the subject of the exercises that use this.
//!
//! In front of every question stands an id, and the server repeats it in front of the answer: `3 READ /x 0 200` is
//! answered by `3 OK 200`. Whatever comes with another id is the answer to something else, and is not looked at.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::{During, Failure, Op};

/// How often a question is sent before the caller gives up.
pub const TRIES: u32 = 6;

/// How long the caller waits after the first try; after each further one twice as long as before.
pub const FIRST_WAIT: Duration = Duration::from_millis(200);

/// No datagram of the course's protocols is longer.
const ROOM: usize = 2048;

/// A client's end of a conversation in questions and answers. One question at a time.
pub struct Caller {
    socket: UdpSocket,
    server: SocketAddr,
    /// Says whose numbers these are, where a server has to know that.
    client: Option<u32>,
    asked: u32,
    first_wait: Duration,
}

impl Caller {
    /// A caller of the server at this address, on a port of its own. Its ids are `1`, `2`, `3`, …
    ///
    /// Nothing is sent yet, so nobody knows yet whether there is a server.
    ///
    /// # Errors
    /// The system has no socket or no port left.
    pub fn new(server: SocketAddr) -> Result<Caller, Failure> {
        let any = match server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).during(Op::Bind, any)?;
        // From here on the kernel lets nobody else's datagrams in.
        socket.connect(server).during(Op::Connect, server)?;
        Ok(Caller {
            socket,
            server,
            client: None,
            asked: 0,
            first_wait: FIRST_WAIT,
        })
    }

    /// The same caller, under a name of its own: its ids are `c0ffee01.1`, `c0ffee01.2`, …
    #[must_use]
    pub fn named(self, client: u32) -> Caller {
        Caller {
            client: Some(client),
            ..self
        }
    }

    /// The same caller with another patience than [`FIRST_WAIT`].
    #[must_use]
    pub fn waiting(self, first_wait: Duration) -> Caller {
        Caller { first_wait, ..self }
    }

    /// Whom it calls.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Asks, and waits for the answer. Puts an id in front of the question, and takes it off the answer.
    ///
    /// # Errors
    /// - ETIMEDOUT: no answer after [`TRIES`] tries. Nobody knows whether the server has done what it was asked.
    /// - Any other error of the socket.
    pub fn call(&mut self, question: &[u8]) -> Result<Vec<u8>, Failure> {
        self.asked += 1;
        let id = match self.client {
            Some(client) => format!("{client:08x}.{} ", self.asked),
            None => format!("{} ", self.asked),
        };
        let datagram = [id.as_bytes(), question].concat();
        let mut wait = self.first_wait;
        for _ in 0..TRIES {
            self.send(&datagram).during(Op::Send, self.server)?;
            if let Some(answer) = self.hear(id.as_bytes(), wait).during(Op::Recv, self.server)? {
                return Ok(answer);
            }
            wait *= 2;
        }
        Err(Failure::new(Op::Recv, self.server, Errno::ETIMEDOUT))
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match self.socket.send(datagram) {
            // News of an earlier datagram: it found nobody. Perhaps the server is just starting again.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => self.socket.send(datagram).map(drop),
            sent => sent.map(drop),
        }
    }

    /// What comes with this id while we wait, without the id.
    fn hear(&self, id: &[u8], wait: Duration) -> io::Result<Option<Vec<u8>>> {
        let since = Instant::now();
        let mut room = [0; ROOM];
        while let Some(rest) = wait.checked_sub(since.elapsed()) {
            // A time-out of zero would mean "for ever".
            let rest = rest.max(Duration::from_micros(1));
            self.socket.set_read_timeout(Some(rest))?;
            match self.socket.recv(&mut room) {
                Ok(length) => {
                    if let Some(answer) = room[..length].strip_prefix(id) {
                        return Ok(Some(answer.to_vec()));
                    }
                }
                Err(error) if passes(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Nothing came, a signal came, or an earlier datagram found nobody: none of it is an answer, and none of it is the end.
fn passes(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patience for tests: all six tries take 1.3 s.
    const SHORT: Duration = Duration::from_millis(20);

    fn socket() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// The next datagram, as text, and who sent it.
    fn next(socket: &UdpSocket) -> (String, SocketAddr) {
        let mut room = [0; ROOM];
        let (length, from) = socket.recv_from(&mut room).unwrap();
        (String::from_utf8_lossy(&room[..length]).into_owned(), from)
    }

    /// A caller asks in a thread of its own; `serve` plays the server.
    fn calling(caller: Caller, questions: &[&str], serve: impl FnOnce()) -> Vec<Result<String, String>> {
        let questions: Vec<String> = questions.iter().map(|question| question.to_string()).collect();
        let asking = std::thread::spawn(move || {
            let mut caller = caller;
            let mut ask = |question: &String| match caller.call(question.as_bytes()) {
                Ok(answer) => Ok(String::from_utf8_lossy(&answer).into_owned()),
                Err(failure) => Err(format!("{failure} {}", failure.exit_code())),
            };
            questions.iter().map(&mut ask).collect()
        });
        serve();
        asking.join().unwrap()
    }

    #[test]
    fn ids_count_up_and_come_off_the_answer() {
        let (server, address) = socket();
        let answers = calling(Caller::new(address).unwrap(), &["A", "B"], || {
            for expected in ["1 A", "2 B"] {
                let (question, from) = next(&server);
                assert_eq!(question, expected);
                server.send_to(question.to_lowercase().as_bytes(), from).unwrap();
            }
        });
        assert_eq!(answers, [Ok("a".to_string()), Ok("b".to_string())]);
    }

    #[test]
    fn a_named_caller_has_its_name_in_the_id() {
        let (server, address) = socket();
        let caller = Caller::new(address).unwrap().named(0xbee);
        let answers = calling(caller, &["A"], || {
            let (question, from) = next(&server);
            assert_eq!(question, "00000bee.1 A");
            server.send_to(b"00000bee.1 yes\n\0\xff", from).unwrap();
        });
        assert_eq!(answers, [Ok("yes\n\0\u{fffd}".to_string())]);
    }

    #[test]
    fn asks_again_with_the_same_bytes_and_twice_the_patience() {
        let (server, address) = socket();
        let (wait, since) = (Duration::from_millis(40), Instant::now());
        let answers = calling(Caller::new(address).unwrap().waiting(wait), &["A"], || {
            let (first, _) = next(&server);
            // The caller cannot have been faster than its patience, however slow this thread is.
            for waited in [1, 3] {
                let (again, from) = next(&server);
                assert_eq!(again, first);
                assert!(since.elapsed() >= wait * waited, "{:?}", since.elapsed());
                if waited == 3 {
                    server.send_to(b"1 at last", from).unwrap();
                }
            }
        });
        assert_eq!(answers, [Ok("at last".to_string())]);
    }

    #[test]
    fn gives_up_after_six_tries() {
        let (server, address) = socket();
        let answers = calling(Caller::new(address).unwrap().waiting(SHORT), &["A"], || {
            (0..TRIES).for_each(|_| assert_eq!(next(&server).0, "1 A"));
        });
        let expected = format!("recv {address}: ETIMEDOUT: Connection timed out 4");
        assert_eq!(answers, [Err(expected)]);
        server.set_nonblocking(true).unwrap();
        assert!(server.recv(&mut [0]).is_err(), "a seventh try");
    }

    #[test]
    fn other_ids_and_other_peers_are_not_heard() {
        let (server, address) = socket();
        let (stranger, _) = socket();
        let answers = calling(Caller::new(address).unwrap(), &["A", "B"], || {
            let (_, from) = next(&server);
            stranger.send_to(b"1 from a stranger", from).unwrap();
            for wrong in [&b"7 another id"[..], b"11 begins alike", b"1", b"", b"\xff"] {
                server.send_to(wrong, from).unwrap();
            }
            server.send_to(b"1 right", from).unwrap();
            server.send_to(b"1 right", from).unwrap();
            assert_eq!(next(&server).0, "2 B");
            server.send_to(b"1 right, and late", from).unwrap();
            server.send_to(b"2 right too", from).unwrap();
        });
        assert_eq!(answers, [Ok("right".to_string()), Ok("right too".to_string())]);
    }

    #[test]
    fn nobody_there_is_silence_too() {
        let (server, address) = socket();
        drop(server);
        let caller = Caller::new(address).unwrap().waiting(Duration::from_millis(2));
        let answers = calling(caller, &["A"], || {});
        let expected = format!("recv {address}: ETIMEDOUT: Connection timed out 4");
        assert_eq!(answers, [Err(expected)]);
    }
}
