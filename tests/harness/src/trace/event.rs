//! One recorded call, and how it reads: `accept4(3) = 4 from 127.0.0.1:40001`.
use super::{
    call::Call,
    constants as libc,
    values::{Address, Domain, SocketType, how_name, message_flags, option_name},
};
use nix::errno::Errno;
use std::{fmt, time::Duration};

/// A system call that has returned.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Which call.
    pub call: Call,
    /// Its arguments, the descriptor apart.
    pub args: Decoded,
    /// What it returned.
    pub result: Result<i64, Errno>,
    /// The descriptor it was about, where it names one.
    pub fd: Option<i32>,
    /// Whether that descriptor is known to be a socket.
    pub on_socket: bool,
    /// The thread that called, by its kernel id.
    pub thread: i32,
    /// The process of that thread, by its kernel id.
    pub process: i32,
    /// When it was called, from the start of the conversation.
    pub began: Duration,
    /// When it returned, from the start of the conversation (`close`: when it was called).
    pub at: Duration,
    /// The fault that was put into it, if any.
    pub fault: Option<String>,
}

/// A call that has begun and not returned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waiting {
    pub call: Call,
    pub fd: Option<i32>,
    pub thread: i32,
    /// When this was so.
    pub at: Duration,
}

impl Waiting {
    #[cfg(target_os = "linux")]
    pub(super) fn until(&self, at: Duration) -> Waiting {
        Waiting { at, ..self.clone() }
    }
}

/// What a tracer has seen of a program and its descendants so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub calls: Vec<Event>,
    /// Calls that have not returned, or never will.
    pub waiting: Vec<Waiting>,
    /// When standard output was written to, and how many bytes it had got then.
    pub printed: Vec<(Duration, u64)>,
}

/// The arguments of a call, typed. Lengths are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// The descriptor says it all.
    Nothing,
    /// `socket`, `socketpair`
    Socket {
        /// `AF_INET`…
        domain: Domain,
        /// `SOCK_STREAM`… with flags
        kind: SocketType,
        /// 0 for "the usual one"
        protocol: i32,
    },
    /// `bind`, `connect`, `getsockname`, `getpeername`; none where the subject passed no readable address.
    Address(Option<Address>),
    /// `listen`
    Backlog(i32),
    /// `accept`, `accept4`
    Accept {
        /// Who connected, where the subject asked for it.
        from: Option<Address>,
        /// Of `accept4`.
        flags: i32,
    },
    /// Calls that move bytes.
    Transfer {
        /// How many bytes the subject asked for: the room it offered, or what it wants to send.
        asked: u64,
        /// `MSG_…`
        flags: i32,
        /// The other end, where the call names one.
        peer: Option<Address>,
    },
    /// `setsockopt`, `getsockopt`
    Option {
        /// `SOL_SOCKET`…
        level: i32,
        /// `SO_REUSEADDR`…
        name: i32,
        /// At most its first 16 bytes.
        value: Vec<u8>,
    },
    /// `shutdown`: `SHUT_WR`…
    How(i32),
    /// `poll`, `select`, `epoll_wait`
    Watch {
        /// The descriptors waited for (of an epoll set: none are named).
        descriptors: Vec<i32>,
        /// None: for ever.
        timeout: Option<Duration>,
    },
    /// `epoll_ctl`: the member of the set.
    Member(i32),
    /// `fcntl`, `ioctl`
    Control {
        /// `F_SETFL`…
        command: i32,
        /// Its argument, as a number.
        value: i64,
    },
    /// `close_range`: the first and the last, and whether they are only marked to close on exec.
    Range(u32, u32, bool),
    /// `execve`
    Program(String),
}

impl Event {
    /// The number it returned, if it was no error.
    pub fn returned(&self) -> Option<i64> {
        self.result.ok()
    }

    /// Bytes the subject asked a call to move, before any clamp.
    pub fn asked(&self) -> Option<u64> {
        match self.args {
            Decoded::Transfer { asked, .. } => Some(asked),
            _ => None,
        }
    }

    /// The address in its arguments or its answer.
    pub fn address(&self) -> Option<&Address> {
        match &self.args {
            Decoded::Address(address) => address.as_ref(),
            Decoded::Accept { from: address, .. } | Decoded::Transfer { peer: address, .. } => address.as_ref(),
            _ => None,
        }
    }

    /// The backlog of a `listen`.
    pub fn backlog(&self) -> Option<i32> {
        match self.args {
            Decoded::Backlog(backlog) => Some(backlog),
            _ => None,
        }
    }

    /// Whether it is `call` by one of its names. `read` and `write` count as `recvfrom` and `sendto` on sockets only.
    pub fn is(&self, call: Call) -> bool {
        self.call == call
            || (self.call.same(call) && (self.on_socket || self.call.needs_socket() || !call.needs_socket()))
    }

    /// Time and text, for a chart.
    pub fn line(&self) -> (Duration, String) {
        (self.at, self.to_string())
    }

    fn arguments(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.args {
            Decoded::Nothing => Ok(()),
            Decoded::Socket { domain, kind, protocol } => write!(f, "{domain}, {kind}, {protocol}"),
            // An address that the call returns stands behind the result.
            Decoded::Address(Some(address)) if !self.answers_with_address() => write!(f, ", {address}"),
            Decoded::Address(_) | Decoded::Accept { .. } => Ok(()),
            Decoded::Backlog(backlog) => write!(f, ", backlog {backlog}"),
            Decoded::Transfer { asked, flags, peer } => {
                write!(f, ", {asked} bytes")?;
                let flags = message_flags(*flags);
                if !flags.is_empty() {
                    write!(f, ", {flags}")?;
                }
                match peer {
                    Some(peer) if !self.answers_with_address() => write!(f, ", {peer}"),
                    _ => Ok(()),
                }
            }
            Decoded::Option { level, name, value } => {
                write!(f, ", {}", option_name(*level, *name))?;
                option_value(f, *level, *name, value)
            }
            Decoded::How(how) => write!(f, ", {}", how_name(*how)),
            Decoded::Watch { descriptors, timeout } => watch(f, self.fd.is_some(), descriptors, *timeout),
            Decoded::Member(fd) => write!(f, ", {fd}"),
            Decoded::Control { command, value } => write!(f, ", {}", control(self.call, *command, *value)),
            Decoded::Range(first, last, marks) => write!(
                f,
                "{first}, {last}{}",
                if *marks { ", CLOSE_RANGE_CLOEXEC" } else { "" }
            ),
            Decoded::Program(path) => write!(f, "\"{path}\""),
        }
    }

    fn answers_with_address(&self) -> bool {
        matches!(
            self.call.plain(),
            Call::Accept | Call::Recvfrom | Call::Getsockname | Call::Getpeername
        )
    }
}

fn option_value(f: &mut fmt::Formatter<'_>, level: i32, name: i32, value: &[u8]) -> fmt::Result {
    let word = |at| super::bytes::u64_at(value, at);
    match (level, name, value.len()) {
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO, 16) => {
            write!(
                f,
                ", {:?}",
                Duration::from_secs(word(0)) + Duration::from_micros(word(8))
            )
        }
        (_, _, 4) => write!(f, ", {}", super::bytes::u32_at(value, 0) as i32),
        (_, _, 0) => Ok(()),
        (_, _, len) => write!(f, ", {len} bytes"),
    }
}

fn watch(f: &mut fmt::Formatter<'_>, named: bool, descriptors: &[i32], timeout: Option<Duration>) -> fmt::Result {
    if !named {
        write!(f, "{descriptors:?}")?;
    }
    match timeout {
        Some(timeout) => write!(f, ", at most {timeout:?}"),
        None => Ok(()),
    }
}

fn control(call: Call, command: i32, value: i64) -> String {
    match (call, command) {
        (Call::Fcntl, libc::F_DUPFD) => format!("F_DUPFD, {value}"),
        (Call::Fcntl, libc::F_DUPFD_CLOEXEC) => format!("F_DUPFD_CLOEXEC, {value}"),
        (Call::Fcntl, libc::F_SETFD) => format!("F_SETFD, {value}"),
        (Call::Fcntl, libc::F_SETFL) => {
            format!(
                "F_SETFL, {}",
                if value as i32 & libc::O_NONBLOCK != 0 {
                    "O_NONBLOCK"
                } else {
                    "blocking"
                }
            )
        }
        (Call::Ioctl, command) if command as u64 == libc::FIOCLEX => "FIOCLEX".into(),
        (Call::Ioctl, command) if command as u64 == libc::FIONCLEX => "FIONCLEX".into(),
        (Call::Ioctl, command) if command as u64 == libc::FIONBIO => "FIONBIO".into(),
        (_, command) => format!("{command}, {value}"),
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.call)?;
        if let Some(fd) = self.fd {
            write!(f, "{fd}")?;
        }
        self.arguments(f)?;
        match self.result {
            Ok(value) => write!(f, ") = {value}")?,
            Err(errno) => write!(f, ") = {errno:?}")?,
        }
        if self.answers_with_address()
            && self.result.is_ok()
            && let Some(address) = self.address()
        {
            let word = if self.call == Call::Getsockname { ":" } else { " from" };
            write!(f, "{word} {address}")?;
        }
        match &self.fault {
            Some(fault) => write!(f, " [{fault}]"),
            None => Ok(()),
        }
    }
}
