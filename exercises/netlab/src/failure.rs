//! Errors that say which call failed, on what, and how: `bind 127.0.0.1:80: EACCES: Permission denied`.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | all went well |
//! | 1 | no socket could be opened: resolve, socket, bind, listen, connect; or no file, board or pin that is needed: open, gpio |
//! | 2 | the command line was wrong |
//! | 3 | a conversation broke: accept, send, recv; or the board failed later: wait |
//! | 4 | the time was up |
//! | 101 | the program panicked; nothing here ever returns it |

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};

use nix::errno::Errno;

/// What the program was doing when it failed. Named like the call in the lecture, whatever the library calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Opening a file that the program cannot do without.
    Open,
    /// Turning a host's name into addresses (getaddrinfo).
    Resolve,
    /// Making a socket.
    Socket,
    /// Giving a socket its own address.
    Bind,
    /// Letting a socket receive connections.
    Listen,
    /// Connecting a socket to a server.
    Connect,
    /// Taking a connection from a listening socket's queue.
    Accept,
    /// Sending bytes.
    Send,
    /// Receiving bytes.
    Recv,
    /// Opening the board, or one of its pins.
    Gpio,
    /// Waiting for something to happen at a pin.
    Wait,
}

impl Display for Op {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Op::Open => "open",
            Op::Resolve => "resolve",
            Op::Socket => "socket",
            Op::Bind => "bind",
            Op::Listen => "listen",
            Op::Connect => "connect",
            Op::Accept => "accept",
            Op::Send => "send",
            Op::Recv => "recv",
            Op::Gpio => "gpio",
            Op::Wait => "wait",
        })
    }
}

/// A failed operation.
#[derive(Debug)]
pub struct Failure {
    op: Op,
    target: String,
    cause: Cause,
}

/// Why the operation failed.
#[derive(Debug)]
pub enum Cause {
    /// The operating system said so, with one of its error numbers.
    System(Errno),
    /// Something else, in words.
    Words(String),
    /// All calls went well, and the other program answered that it will not do what it was asked to.
    Answer(String),
    /// The program's own time was up, in words: exit code 4.
    TimeIsUp(String),
}

impl Failure {
    /// `op` failed on `target` (an address, usually, or the number of a pin) because of `cause`. An empty target is not written.
    pub fn new(op: Op, target: impl Display, cause: impl Into<Cause>) -> Failure {
        Failure {
            op,
            target: target.to_string(),
            cause: cause.into(),
        }
    }

    /// The other program's answer is the failure: `http 404 Not Found`. No call is to blame, so none is named.
    pub fn answered(words: impl Display) -> Failure {
        Failure {
            op: Op::Recv,
            target: String::new(),
            cause: Cause::Answer(words.to_string()),
        }
    }

    /// The exit code of a program that ends because of this failure.
    pub fn exit_code(&self) -> u8 {
        match (&self.cause, self.op) {
            (Cause::System(Errno::ETIMEDOUT) | Cause::TimeIsUp(_), _) => 4,
            (_, Op::Open | Op::Resolve | Op::Socket | Op::Bind | Op::Listen | Op::Connect | Op::Gpio) => 1,
            (_, Op::Accept | Op::Send | Op::Recv | Op::Wait) => 3,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let op = self.op;
        let target = match self.target.as_str() {
            "" => String::new(),
            target => format!(" {target}"),
        };
        match &self.cause {
            Cause::System(errno) => write!(out, "{op}{target}: {errno}"), // `EACCES: Permission denied`
            Cause::Words(words) | Cause::TimeIsUp(words) => write!(out, "{op}{target}: {words}"),
            Cause::Answer(words) => out.write_str(words),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Cause {
        Cause::System(errno)
    }
}

impl From<io::Error> for Cause {
    /// Errors of std carry the system's error number if a system call failed, and words if not. (`connect_timeout` has
    /// no number for its time-out, because no call failed: std stopped waiting.)
    fn from(error: io::Error) -> Cause {
        match (error.raw_os_error(), error.kind()) {
            (Some(number), _) => Cause::System(Errno::from_raw(number)),
            (None, ErrorKind::TimedOut) => Cause::System(Errno::ETIMEDOUT),
            (None, _) => Cause::Words(error.to_string()),
        }
    }
}

/// Turns an error of nix or std into a [`Failure`]: `bind(…).during(Op::Bind, address)?`.
pub trait During<T> {
    /// Says what the program was doing, and to what.
    ///
    /// # Errors
    /// The same error, with this added.
    fn during(self, op: Op, target: impl Display) -> Result<T, Failure>;
}

impl<T, E: Into<Cause>> During<T> for Result<T, E> {
    fn during(self, op: Op, target: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(op, target, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_call_its_target_and_the_error() {
        let failed: Result<(), Errno> = Err(Errno::EACCES);
        let failure = failed.during(Op::Bind, "127.0.0.1:80").unwrap_err();
        assert_eq!(failure.to_string(), "bind 127.0.0.1:80: EACCES: Permission denied");
    }

    #[test]
    fn errors_of_std_keep_their_number_or_their_words() {
        let reset = Failure::new(Op::Recv, "peer", io::Error::from_raw_os_error(Errno::ECONNRESET as i32));
        assert!(reset.to_string().starts_with("recv peer: ECONNRESET: "));
        let odd = Failure::new(
            Op::Send,
            "peer",
            io::Error::new(io::ErrorKind::WriteZero, "took nothing"),
        );
        assert_eq!(odd.to_string(), "send peer: took nothing");
    }

    #[test]
    fn a_failure_without_a_target_names_none() {
        let failure = Failure::new(Op::Gpio, "", Cause::Words("unknown Raspberry Pi model".to_string()));
        assert_eq!(failure.to_string(), "gpio: unknown Raspberry Pi model");
        assert_eq!(failure.exit_code(), 1);
    }

    #[test]
    fn an_answer_that_says_no_names_no_call_and_breaks_the_conversation() {
        let failure = Failure::answered("http 404 Not Found");
        assert_eq!(
            (failure.to_string().as_str(), failure.exit_code()),
            ("http 404 Not Found", 3)
        );
    }

    #[test]
    fn a_time_out_of_std_is_a_time_out() {
        let failure = Failure::new(Op::Connect, "x", io::Error::from(ErrorKind::TimedOut));
        assert!(failure.to_string().starts_with("connect x: ETIMEDOUT: "), "{failure}");
        assert_eq!(failure.exit_code(), 4);
    }

    #[test]
    fn the_exit_code_says_what_kind_of_thing_went_wrong() {
        for (op, errno, code) in [
            (Op::Bind, Errno::EADDRINUSE, 1),
            (Op::Connect, Errno::ECONNREFUSED, 1),
            (Op::Recv, Errno::ECONNRESET, 3),
            (Op::Connect, Errno::ETIMEDOUT, 4),
            (Op::Wait, Errno::EIO, 3),
        ] {
            assert_eq!(Failure::new(op, "x", errno).exit_code(), code, "{op} {errno}");
        }
    }

    #[test]
    fn a_program_that_stops_waiting_says_so_in_its_own_words() {
        let failure = Failure::new(Op::Recv, "peer", Cause::TimeIsUp("no reply after 5 tries".to_string()));
        assert_eq!(failure.to_string(), "recv peer: no reply after 5 tries");
        assert_eq!(failure.exit_code(), 4);
    }
}
