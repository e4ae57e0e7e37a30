//! When a fault strikes. Counting is per descriptor, so threads that interleave do not change a run.
use super::{
    call::Call,
    fault::{Fault, MAY_WAIT},
    fds::{Object, Table},
};
use nix::{errno::Errno, libc};

/// What is to be done to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    Fail(Errno),
    Clamp(u64),
}

/// One call, as far as faults care.
pub(super) struct Target<'a> {
    pub call: Call,
    pub fd: Option<i32>,
    /// `MSG_…` of a call that moves bytes, else 0.
    pub flags: i32,
    /// The descriptors of `poll` and `select`.
    pub watched: &'a [i32],
    /// Domain of a `socket` call, else 0.
    pub domain: i32,
}

impl Fault {
    /// Whether it is about this call at all; only then the call is counted.
    fn concerns(&self, target: &Target<'_>, table: &Table) -> bool {
        let on_socket = match target.call.plain() {
            Call::Socket => matches!(target.domain, libc::AF_INET | libc::AF_INET6),
            Call::Poll | Call::Select => target.watched.iter().any(|fd| table.is_socket(*fd)),
            Call::EpollWait => table.had_socket,
            _ => target.fd.is_some_and(|fd| table.is_socket(fd)),
        };
        let same = |call: Call| call.same(target.call);
        on_socket
            && match self {
                Fault::Clamp(_) => target.call.moves() && may_be_short(target, table),
                Fault::Eintr(_) => MAY_WAIT.iter().any(|call| same(*call)),
                Fault::Fail { call, .. } => same(*call),
            }
    }

    /// What it does to the `count`-th call that it is about.
    fn strike(&self, count: u32) -> Option<Strike> {
        match *self {
            Fault::Clamp(bytes) => Some(Strike::Clamp(bytes)),
            Fault::Eintr(every) => count.is_multiple_of(every).then_some(Strike::Fail(Errno::EINTR)),
            Fault::Fail {
                errno, first, times, ..
            } => (count >= first && count - first < times).then_some(Strike::Fail(errno)),
        }
    }
}

/// A datagram would lose its tail; peeking moves nothing; who asks for all of it (`MSG_WAITALL`) may rely on getting it.
fn may_be_short(target: &Target<'_>, table: &Table) -> bool {
    const WHOLE: i32 = libc::MSG_PEEK | libc::MSG_WAITALL | libc::MSG_OOB | libc::MSG_ERRQUEUE;
    let sends = target.call.same(Call::Sendto);
    target
        .fd
        .and_then(|fd| table.get(fd))
        .is_some_and(|slot| slot.object.is_stream())
        && (sends || target.flags & WHOLE == 0)
}

/// The faults of a subject.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(pub Vec<Fault>);

impl Faults {
    /// Counts this call, once, in every fault that is about it. A call that fails is not clamped; else the first that strikes decides.
    pub(super) fn decide(&self, target: &Target<'_>, table: &mut Table) -> Option<(Fault, Strike)> {
        let mut decision = None;
        for (n, fault) in self.0.iter().enumerate() {
            if fault.concerns(target, table) {
                let strike = fault.strike(count(table, target.fd, n));
                decision = match (decision, strike) {
                    (None | Some((_, Strike::Clamp(_))), Some(Strike::Fail(_))) | (None, Some(_)) => {
                        strike.map(|strike| (*fault, strike))
                    }
                    _ => decision,
                };
            }
        }
        decision
    }
}

/// Counts one more call for fault number `n`, on its descriptor or, for a call that names none, on the process.
fn count(table: &mut Table, fd: Option<i32>, n: usize) -> u32 {
    let counts = match fd.filter(|fd| table.get(*fd).is_some_and(|slot| slot.object != Object::Epoll)) {
        Some(fd) => &mut table.get_mut(fd).expect("looked up above").counts,
        None => &mut table.counts,
    };
    if counts.len() <= n {
        counts.resize(n + 1, 0);
    }
    counts[n] += 1;
    counts[n]
}
