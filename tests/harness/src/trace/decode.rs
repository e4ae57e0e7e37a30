//! Reads the arguments of a call: what is known when it begins, and what the kernel has filled in when it returns.
use super::{
    arch::Registers,
    bytes::{u32_at, u64_at},
    call::Call,
    event::Decoded,
    memory::{peek, peek_u32},
    values::{Address, Domain, SocketType},
};
use nix::{libc, unistd::Pid};
use std::time::Duration;

/// The six arguments of a call, as numbers.
pub(super) type Args = [u64; 6];

/// More members of a `poll` or pieces of a message than this are not looked at.
const MEMBERS: u64 = 256;
/// The longest `sockaddr`, that of a path.
const LONGEST_ADDRESS: u32 = 110;

pub(super) fn args(registers: &Registers) -> Args {
    std::array::from_fn(|n| registers.arg(n))
}

/// What a call asks for. Pointers are followed now: the subject may change what they point to while the call runs.
pub(super) fn asked(thread: Pid, call: Call, args: &Args) -> Decoded {
    let int = |n: usize| args[n] as i32;
    match call {
        Call::Socket | Call::Socketpair => Decoded::Socket {
            domain: Domain(int(0)),
            kind: SocketType(int(1)),
            protocol: int(2),
        },
        Call::Bind | Call::Connect => Decoded::Address(address(thread, args[1], args[2] as u32)),
        Call::Getsockname | Call::Getpeername => Decoded::Address(None),
        Call::Listen => Decoded::Backlog(int(1)),
        Call::Accept => Decoded::Accept { from: None, flags: 0 },
        Call::Accept4 => Decoded::Accept {
            from: None,
            flags: int(3),
        },
        Call::Shutdown => Decoded::How(int(1)),
        Call::Setsockopt => {
            let value = peek(thread, args[3], (args[4] as usize).min(16)).unwrap_or_default();
            Decoded::Option {
                level: int(1),
                name: int(2),
                value,
            }
        }
        Call::Getsockopt => Decoded::Option {
            level: int(1),
            name: int(2),
            value: Vec::new(),
        },
        Call::Recvfrom | Call::Sendto => {
            let peer = (call == Call::Sendto)
                .then(|| address(thread, args[4], args[5] as u32))
                .flatten();
            Decoded::Transfer {
                asked: args[2],
                flags: int(3),
                peer,
            }
        }
        Call::Read | Call::Write => Decoded::Transfer {
            asked: args[2],
            flags: 0,
            peer: None,
        },
        Call::Sendfile => Decoded::Transfer {
            asked: args[3],
            flags: 0,
            peer: None,
        },
        Call::Splice => Decoded::Transfer {
            asked: args[4],
            flags: 0,
            peer: None,
        },
        Call::Readv | Call::Writev => Decoded::Transfer {
            asked: total(thread, args[1], args[2]),
            flags: 0,
            peer: None,
        },
        Call::Recvmsg | Call::Sendmsg => message(thread, call, args),
        // Counted in messages.
        Call::Recvmmsg | Call::Sendmmsg => Decoded::Transfer {
            asked: args[2],
            flags: int(3),
            peer: None,
        },
        Call::EpollCtl => Decoded::Member(int(2)),
        Call::Fcntl | Call::Ioctl => Decoded::Control {
            command: int(1),
            value: args[2] as i64,
        },
        Call::CloseRange => Decoded::Range(
            args[0] as u32,
            args[1] as u32,
            args[2] as u32 & libc::CLOSE_RANGE_CLOEXEC != 0,
        ),
        Call::Execve => Decoded::Program(text(thread, args[0])),
        call if call.waits() => Decoded::Watch {
            descriptors: watched(thread, call, args),
            timeout: timeout(thread, call, args),
        },
        _ => Decoded::Nothing,
    }
}

/// What the kernel has added to `decoded` when the call returned without an error.
pub(super) fn answered(thread: Pid, call: Call, args: &Args, decoded: &mut Decoded) {
    let named = |pointer: u64, length: u64| address(thread, pointer, peek_u32(thread, length).unwrap_or(0));
    match decoded {
        Decoded::Accept { from, .. } => *from = named(args[1], args[2]),
        Decoded::Address(answer) if matches!(call, Call::Getsockname | Call::Getpeername) => {
            *answer = named(args[1], args[2])
        }
        Decoded::Transfer { peer, .. } if call == Call::Recvfrom => *peer = named(args[4], args[5]),
        Decoded::Transfer { peer, .. } if call == Call::Recvmsg => {
            if let Ok(header) = peek(thread, args[1], MESSAGE_HEADER) {
                *peer = address(thread, u64_at(&header, 0), u32_at(&header, 8));
            }
        }
        Decoded::Option { value, .. } if call == Call::Getsockopt => {
            let length = peek_u32(thread, args[4]).unwrap_or(0).min(16);
            *value = peek(thread, args[3], length as usize).unwrap_or_default();
        }
        _ => {}
    }
}

/// Size of a `struct msghdr`: name, its length, pieces, their number, control, its length, flags.
pub(super) const MESSAGE_HEADER: usize = 56;

fn message(thread: Pid, call: Call, args: &Args) -> Decoded {
    let flags = args[2] as i32;
    let Ok(header) = peek(thread, args[1], MESSAGE_HEADER) else {
        return Decoded::Transfer {
            asked: 0,
            flags,
            peer: None,
        };
    };
    let asked = total(thread, u64_at(&header, 16), u64_at(&header, 24));
    let peer = (call == Call::Sendmsg)
        .then(|| address(thread, u64_at(&header, 0), u32_at(&header, 8)))
        .flatten();
    Decoded::Transfer { asked, flags, peer }
}

/// The pieces of a gathered call: start and length of each.
pub(super) fn pieces(thread: Pid, pointer: u64, count: u64) -> Vec<(u64, u64)> {
    let bytes = peek(thread, pointer, 16 * count.min(MEMBERS) as usize).unwrap_or_default();
    bytes
        .as_chunks::<16>()
        .0
        .iter()
        .map(|piece| (u64_at(piece, 0), u64_at(piece, 8)))
        .collect()
}

fn total(thread: Pid, pointer: u64, count: u64) -> u64 {
    pieces(thread, pointer, count)
        .iter()
        .fold(0, |sum, (_, length)| sum.saturating_add(*length))
}

fn address(thread: Pid, pointer: u64, length: u32) -> Option<Address> {
    if pointer == 0 || length == 0 {
        return None;
    }
    Address::parse(&peek(thread, pointer, length.min(LONGEST_ADDRESS) as usize).ok()?)
}

fn text(thread: Pid, mut pointer: u64) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < 4096 {
        // Up to the next word's edge, so that nothing behind the end of the text is needed.
        let step = 8 - (pointer % 8) as usize;
        let Ok(part) = peek(thread, pointer, step) else { break };
        let end = part.iter().position(|b| *b == 0);
        bytes.extend_from_slice(&part[..end.unwrap_or(step)]);
        if end.is_some() {
            break;
        }
        pointer += step as u64;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The descriptors that a call waits for.
fn watched(thread: Pid, call: Call, args: &Args) -> Vec<i32> {
    match call.plain() {
        Call::Poll => {
            let bytes = peek(thread, args[0], 8 * args[1].min(MEMBERS) as usize).unwrap_or_default();
            bytes
                .as_chunks::<8>()
                .0
                .iter()
                .map(|member| u32_at(member, 0) as i32)
                .filter(|fd| *fd >= 0)
                .collect()
        }
        Call::Select => selected(thread, args),
        _ => Vec::new(),
    }
}

/// The union of the three sets of a `select`.
fn selected(thread: Pid, args: &Args) -> Vec<i32> {
    let count = (args[0] as usize).min(1024);
    let mut union = vec![0u8; count.div_ceil(8)];
    for set in [args[1], args[2], args[3]].into_iter().filter(|set| *set != 0) {
        let bytes = peek(thread, set, union.len()).unwrap_or_default();
        union.iter_mut().zip(bytes).for_each(|(all, one)| *all |= one);
    }
    (0..count)
        .filter(|fd| union[fd / 8] & (1 << (fd % 8)) != 0)
        .map(|fd| fd as i32)
        .collect()
}

fn timeout(thread: Pid, call: Call, args: &Args) -> Option<Duration> {
    let millis = |n: usize| u64::try_from(args[n] as i32).ok().map(Duration::from_millis);
    let pair = |n: usize, unit: fn(u64) -> Duration| {
        let bytes = (args[n] != 0).then(|| peek(thread, args[n], 16).ok()).flatten()?;
        Duration::from_secs(u64_at(&bytes, 0)).checked_add(unit(u64_at(&bytes, 8)))
    };
    match call {
        Call::Poll => millis(2),
        Call::EpollWait | Call::EpollPwait => millis(3),
        Call::Select => pair(4, Duration::from_micros),
        Call::Ppoll => pair(2, Duration::from_nanos),
        Call::Pselect6 => pair(4, Duration::from_nanos),
        Call::EpollPwait2 => pair(3, Duration::from_nanos),
        _ => None,
    }
}

/// The descriptors that came with a `recvmsg` (SCM_RIGHTS); `header` is the subject's `struct msghdr` after the call.
pub(super) fn passed(thread: Pid, pointer: u64) -> Vec<i32> {
    let Ok(header) = peek(thread, pointer, MESSAGE_HEADER) else {
        return Vec::new();
    };
    let length = u64_at(&header, 40).min(4096) as usize;
    let control = match u64_at(&header, 32) {
        0 => return Vec::new(),
        start => peek(thread, start, length).unwrap_or_default(),
    };
    let mut fds = Vec::new();
    let mut at = 0;
    while at + 16 <= control.len() {
        let length = u64_at(&control, at) as usize;
        let end = at.saturating_add(length).min(control.len());
        let rights =
            u32_at(&control, at + 8) as i32 == libc::SOL_SOCKET && u32_at(&control, at + 12) as i32 == libc::SCM_RIGHTS;
        if rights && end > at + 16 {
            fds.extend(
                control[at + 16..end]
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|fd| u32_at(fd, 0) as i32),
            );
        }
        at += length.max(16).next_multiple_of(8);
    }
    fds
}
