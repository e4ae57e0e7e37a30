//! The faults a test may ask for.
use super::call::Call;
use nix::errno::Errno;
use std::fmt;

/// Something that goes wrong with the subject's socket calls. None loses a byte: each is something the kernel may do on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Calls on stream sockets move at most this many bytes at once.
    Clamp(u64),
    /// Of the calls on a descriptor that may wait (receive, send, accept, poll, select), every k-th gives EINTR and does nothing.
    Eintr(u32),
    /// Of such calls on a descriptor, the ones from number `first` (1 is the first) on give `errno` and do nothing, `times` times.
    Fail {
        /// Which call, by any of its names (`Accept` is `accept4` too). `Socket`: those for IPv4 and IPv6, counted over the process.
        call: Call,
        /// What it gives.
        errno: Errno,
        /// The first call that fails; 1 is the first one.
        first: u32,
        /// How many fail in a row.
        times: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Clamp(bytes) => write!(f, "clamp({bytes})"),
            Fault::Eintr(every) => write!(f, "eintr({every})"),
            Fault::Fail { call, errno, .. } => write!(f, "fail({call}, {errno:?})"),
        }
    }
}

/// Calls that a signal may interrupt before they have done anything.
pub(super) const MAY_WAIT: &[Call] = &[
    Call::Recvfrom,
    Call::Sendto,
    Call::Accept,
    Call::Poll,
    Call::Select,
    Call::EpollWait,
];

impl Fault {
    /// The calls that have to stop for it.
    pub(super) fn calls(&self) -> Vec<Call> {
        match self {
            Fault::Clamp(_) => vec![Call::Recvfrom, Call::Sendto, Call::Splice],
            Fault::Eintr(_) => MAY_WAIT.to_vec(),
            Fault::Fail { call, .. } => vec![*call],
        }
    }

    /// Whether it makes sense: a clamp to nothing would be an end of stream, and a call that never succeeds an endless loop.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Fault::Clamp(0) => Err("clamp(0): a call that moves nothing means end of stream".into()),
            Fault::Eintr(0 | 1) => Err("eintr(k): k below 2 interrupts every call, and no program gets on".into()),
            Fault::Fail { first: 0, .. } => Err("fail: calls are counted from 1".into()),
            _ => Ok(()),
        }
    }
}
