//! Whether this machine lets us trace, found by doing it once: uid, sysctls and kernel version promise nothing.
#![allow(unsafe_code)] // the probe's child lives between fork and exit
use super::{
    arch::Registers,
    filter, rewrite,
    spawn::{fork_and_seize, install},
};
use nix::{
    errno::Errno,
    libc,
    sys::{
        ptrace,
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};
use std::{os::fd::RawFd, sync::OnceLock, thread};

/// The errno that the probe's child has to see: no kernel gives it for `getppid`.
const SIGN: Errno = Errno::EXDEV;
/// How the child ends when everything worked, and where it stopped when not.
const WORKED: i32 = 42;
const NO_FILTER: i32 = 43;

/// Whether programs can be traced here; if not, a sentence that says why. Tried once, in a process of its own, then remembered.
pub fn available() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    // A thread of its own, because the child belongs to the thread that forked it.
    ANSWER
        .get_or_init(|| {
            thread::spawn(attempt)
                .join()
                .unwrap_or_else(|_| Err("the probe panicked".into()))
        })
        .clone()
}

fn attempt() -> Result<(), String> {
    let code = filter::program(&[libc::SYS_getppid]);
    let program = libc::sock_fprog {
        len: code.len() as u16,
        filter: code.as_ptr().cast_mut(),
    };
    let child = fork_and_seize(|go| subject(go, &program))?;
    let answer = follow(child);
    if answer.is_err() {
        // Best effort: it may have ended by itself.
        let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
        let _ = waitpid(child, None);
    }
    answer
}

/// The child: installs a filter, makes one call that the tracer has to see and to change, and says by its exit code how that went.
fn subject(go: RawFd, program: &libc::sock_fprog) {
    let mut byte = 0u8;
    // SAFETY: async-signal-safe calls only; `byte` and `program` live to the end, and `program` names a filter that does too.
    unsafe {
        if libc::read(go, (&raw mut byte).cast(), 1) != 1 {
            return;
        }
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || install(program) == -1 {
            libc::_exit(NO_FILTER);
        }
        if libc::syscall(libc::SYS_getppid) == -1 && *libc::__errno_location() == SIGN as i32 {
            libc::_exit(WORKED);
        }
    }
}

/// The tracer's half. nix's `waitpid` is enough here: no real-time signal can come.
fn follow(child: Pid) -> Result<(), String> {
    loop {
        match waitpid(child, None).map_err(|errno| format!("waitpid: {errno}"))? {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_SECCOMP) => {
                let change = Registers::get(child).and_then(|mut registers| {
                    rewrite::fail(&mut registers, SIGN);
                    registers.set(child)
                });
                change.map_err(|errno| format!("registers of a traced process cannot be changed: {errno}"))?;
                ptrace::cont(child, None).map_err(|errno| format!("ptrace: {errno}"))?;
            }
            WaitStatus::Exited(_, WORKED) => return Ok(()),
            WaitStatus::Exited(_, NO_FILTER) => return Err("the kernel refuses a seccomp filter".into()),
            WaitStatus::Exited(..) => return Err("a traced call did not stop for its tracer".into()),
            WaitStatus::Signaled(_, signal, _) => return Err(format!("the probe was killed by {signal}")),
            _ => ptrace::cont(child, None).map_err(|errno| format!("ptrace: {errno}"))?,
        }
    }
}

/// Puts an error of PTRACE_SEIZE into words that name what stands in the way.
pub(super) fn why_no_seize(errno: Errno) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let status = read("/proc/self/status");
    let other = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"))
        .map_or("0", str::trim);
    let yama = read("/proc/sys/kernel/yama/ptrace_scope");
    let because = match (errno, other, yama.trim()) {
        (Errno::EPERM, other, _) if other != "0" => {
            format!("process {other} traces this test already (strace, a debugger?)")
        }
        (Errno::EPERM, _, "2" | "3") => format!("kernel.yama.ptrace_scope is {}", yama.trim()),
        (Errno::EPERM, ..) => "ptrace is forbidden here (a container's seccomp profile?)".into(),
        (Errno::ENOSYS, ..) => "there is no ptrace here".into(),
        (errno, ..) => format!("PTRACE_SEIZE: {errno}"),
    };
    format!("programs cannot be traced: {because}")
}
