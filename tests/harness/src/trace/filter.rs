//! The seccomp program of a traced subject: which calls stop for the tracer, and which are refused so that none can slip past it.
//!
//! One program does both, because a second one could not be installed once `seccomp` is refused.
use super::arch;
use nix::libc::{self, sock_filter};

/// What happens to a call.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// Stop: the tracer looks at it.
    Trace,
    /// Fail with this errno, unseen.
    Refuse(i32),
}

/// When a rule applies.
enum When {
    Always,
    /// The low half of this argument is one of these.
    OneOf(usize, Vec<u32>),
    /// The low half of this argument has one of these bits.
    AnyBit(usize, u32),
}

struct Rule {
    number: i64,
    when: When,
    answer: Answer,
}

const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_ARGS: u32 = 16;
/// Bit of the x32 calls: a second set of numbers for the same calls, which the rules would not match.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// The program for a subject of which the calls with these numbers are to stop, `fcntl` and `ioctl` only where they make a descriptor or
/// change how it behaves.
pub(super) fn program(numbers: &[i64]) -> Vec<sock_filter> {
    assemble(traced(numbers))
}

/// The same with each of these calls stopping, whatever its arguments.
pub(crate) fn plain_program(numbers: &[i64]) -> Vec<sock_filter> {
    let rule = |number: &i64| Rule {
        number: *number,
        when: When::Always,
        answer: Answer::Trace,
    };
    assemble(numbers.iter().map(rule).collect())
}

fn assemble(traced: Vec<Rule>) -> Vec<sock_filter> {
    let mut code = vec![
        load(OFFSET_ARCH),
        jump(libc::BPF_JEQ, arch::AUDIT_ARCH, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(OFFSET_NUMBER),
        #[cfg(target_arch = "x86_64")]
        jump(libc::BPF_JSET, X32, 0, 1),
        #[cfg(target_arch = "x86_64")]
        answer(libc::SECCOMP_RET_KILL_PROCESS),
    ];
    for rule in refused().into_iter().chain(traced) {
        code.extend(rule.code());
    }
    code.push(answer(libc::SECCOMP_RET_ALLOW));
    code
}

/// Calls by which a subject could do socket work unseen, leave the tracer behind, or turn on it.
fn refused() -> Vec<Rule> {
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET;
    let prctl = vec![libc::PR_SET_SECCOMP as u32, libc::PR_SET_DUMPABLE as u32];
    let mut rules = vec![
        // Its flags stand behind a pointer; the C library falls back to `clone`.
        Rule {
            number: libc::SYS_clone3,
            when: When::Always,
            answer: Answer::Refuse(libc::ENOSYS),
        },
        Rule {
            number: libc::SYS_clone,
            when: When::AnyBit(0, (libc::CLONE_UNTRACED | namespaces) as u32),
            answer: Answer::Refuse(libc::EPERM),
        },
        Rule {
            number: libc::SYS_prctl,
            when: When::OneOf(0, prctl),
            answer: Answer::Refuse(libc::EPERM),
        },
    ];
    let always = [
        libc::SYS_seccomp,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
    ];
    rules.extend(always.map(|number| Rule {
        number,
        when: When::Always,
        answer: Answer::Refuse(libc::EPERM),
    }));
    rules
}

fn traced(numbers: &[i64]) -> Vec<Rule> {
    let fcntl = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_SETFD, libc::F_SETFL].map(|command| command as u32);
    let ioctl = [libc::FIOCLEX, libc::FIONCLEX, libc::FIONBIO].map(|command| command as u32);
    let when = |number: i64| match number {
        libc::SYS_fcntl => When::OneOf(1, fcntl.to_vec()),
        libc::SYS_ioctl => When::OneOf(1, ioctl.to_vec()),
        _ => When::Always,
    };
    numbers
        .iter()
        .map(|number| Rule {
            number: *number,
            when: when(*number),
            answer: Answer::Trace,
        })
        .collect()
}

impl Rule {
    /// Its instructions. They begin with the number loaded and leave it loaded for the next rule.
    fn code(&self) -> Vec<sock_filter> {
        let hit = answer(match self.answer {
            Answer::Trace => libc::SECCOMP_RET_TRACE,
            Answer::Refuse(errno) => libc::SECCOMP_RET_ERRNO | errno as u32,
        });
        let body = match &self.when {
            When::Always => vec![hit],
            When::OneOf(arg, values) => {
                let mut body = vec![load(OFFSET_ARGS + 8 * *arg as u32)];
                for value in values {
                    body.extend([jump(libc::BPF_JEQ, *value, 0, 1), hit]);
                }
                body.push(answer(libc::SECCOMP_RET_ALLOW));
                body
            }
            When::AnyBit(arg, bits) => vec![
                load(OFFSET_ARGS + 8 * *arg as u32),
                jump(libc::BPF_JSET, *bits, 0, 1),
                hit,
                answer(libc::SECCOMP_RET_ALLOW),
            ],
        };
        let mut code = vec![jump(libc::BPF_JEQ, self.number as u32, 0, body.len() as u8)];
        code.extend(body);
        code
    }
}

fn load(offset: u32) -> sock_filter {
    sock_filter {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: offset,
    }
}

fn jump(test: u32, value: u32, hit: u8, miss: u8) -> sock_filter {
    sock_filter {
        code: (libc::BPF_JMP | test | libc::BPF_K) as u16,
        jt: hit,
        jf: miss,
        k: value,
    }
}

fn answer(value: u32) -> sock_filter {
    sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: value,
    }
}
