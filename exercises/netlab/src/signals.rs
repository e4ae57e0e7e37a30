//! Signals as descriptors: a program that waits for sockets can wait for a signal in the same call.
//!
//! A signal interrupts a program between any two of its instructions, even in the middle of `malloc` or `println!`. What may be done at
//! such a moment is close to nothing (`man 7 signal-safety`). So the handler here does one thing: it writes a byte into a pipe. The other
//! end of that pipe is an ordinary descriptor, which becomes readable, and the program deals with the signal when it is ready to. This is
//! known as the self-pipe trick.
//!
//! | descriptor | readable when the process has got |
//! |---|---|
//! | [`term_fd`] | SIGTERM or SIGINT (Ctrl-C): somebody asks it to end |
//! | [`child_fd`] | SIGCHLD: something has happened to one of its children |
//!
//! A program that has no descriptors to wait for waits with [`asked_to_end_within`].
//!
//! The first call of a function installs its handler; before that, the signal does what it always does. Programs that this one starts
//! get none of it: handlers end with `execve`, the pipes are closed there, and no signal is blocked.
#![allow(unsafe_code)] // a signal's handler, and the one call in it

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// A descriptor that becomes readable when the process gets SIGTERM or SIGINT, and stays so: there is nothing to read from it.
///
/// # Errors
/// No pipe can be made: the process has too many descriptors.
pub fn term_fd() -> io::Result<BorrowedFd<'static>> {
    static PIPE: Installed = Installed::new();
    readable_on(&PIPE, &TERM, &[Signal::SIGTERM, Signal::SIGINT])
}

/// A descriptor that becomes readable when the process gets SIGCHLD: a child has ended, or was stopped, or goes on, or somebody just says
/// so. [`drain`] makes it wait for the next one.
///
/// # Errors
/// As [`term_fd`].
pub fn child_fd() -> io::Result<BorrowedFd<'static>> {
    static PIPE: Installed = Installed::new();
    readable_on(&PIPE, &CHILD, &[Signal::SIGCHLD])
}

/// Waits until the program is asked to end (SIGTERM, SIGINT), but not longer than `time`; says whether it was. A time of zero only looks.
pub fn asked_to_end_within(time: Duration) -> bool {
    let begun = Instant::now();
    // Where no pipe can be made, nobody can ask.
    let mut wanted: Vec<PollFd> = term_fd()
        .map(|term| PollFd::new(term, PollFlags::POLLIN))
        .into_iter()
        .collect();
    loop {
        let left = time.saturating_sub(begun.elapsed());
        // poll counts in milliseconds: rounded up, so that it does not return too early. Longer than it can wait is nearly for ever.
        let millis = left.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32;
        match poll(&mut wanted, PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)) {
            Ok(1..) => return true,
            Ok(_) if time.saturating_sub(begun.elapsed()).is_zero() => return false,
            _ => {} // EINTR: by the signal itself, perhaps
        }
    }
}

/// Takes out whatever is in the pipe behind `signal`, and does not wait if there is nothing.
pub fn drain(signal: BorrowedFd) {
    let mut bytes = [0; 64];
    loop {
        match nix::unistd::read(signal, &mut bytes) {
            Ok(1..) | Err(Errno::EINTR) => {}
            _ => return, // EAGAIN: it is empty
        }
    }
}

/// A pipe that lives as long as the process, made at the first call.
type Installed = OnceLock<nix::Result<Pipe>>;

struct Pipe {
    reader: PipeReader,
    writer: PipeWriter,
}

/// Where the handler writes; -1 as long as there is no pipe.
static TERM: AtomicI32 = AtomicI32::new(-1);
static CHILD: AtomicI32 = AtomicI32::new(-1);

fn readable_on(
    installed: &'static Installed,
    writer: &AtomicI32,
    signals: &[Signal],
) -> io::Result<BorrowedFd<'static>> {
    let install = || {
        let pipe = pipe()?;
        writer.store(pipe.writer.as_raw_fd(), Ordering::SeqCst);
        signals.iter().try_for_each(|signal| handle(*signal))?;
        Ok(pipe)
    };
    match installed.get_or_init(install) {
        Ok(pipe) => Ok(pipe.reader.as_fd()),
        Err(errno) => Err((*errno).into()),
    }
}

/// Neither end may ever wait: a handler that did would stop the whole program, and so would [`drain`].
fn pipe() -> nix::Result<Pipe> {
    let failed = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
    // Both ends are closed in programs that this one starts (FD_CLOEXEC).
    let (reader, writer) = io::pipe().map_err(failed)?;
    for end in [reader.as_fd(), writer.as_fd()] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    Ok(Pipe { reader, writer })
}

/// SA_RESTART: system calls that can be made again by the kernel are. `poll` and `select` are none of them (`man 7 signal`).
fn handle(signal: Signal) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler calls nothing but write(2), which is async-signal-safe, and leaves errno as it was.
    unsafe { sigaction(signal, &action) }.map(drop)
}

extern "C" fn on_signal(number: libc::c_int) {
    let errno = Errno::last_raw();
    let writer = if number == libc::SIGCHLD { &CHILD } else { &TERM };
    // SAFETY: the byte is there as long as the call lasts. If the pipe is full, it is readable, and that is all we want.
    unsafe { libc::write(writer.load(Ordering::SeqCst), (&raw const MARK).cast(), 1) };
    Errno::set_raw(errno);
}

static MARK: u8 = b'!';

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};

    use nix::sys::signal::{kill, raise};
    use nix::unistd::Pid;

    use super::*;

    /// Whether the descriptor becomes readable in so many milliseconds.
    fn readable(signal: BorrowedFd, milliseconds: u16) -> bool {
        let mut wanted = [PollFd::new(signal, PollFlags::POLLIN)];
        loop {
            match poll(&mut wanted, PollTimeout::from(milliseconds)) {
                Err(Errno::EINTR) => {}
                ready => return ready == Ok(1),
            }
        }
    }

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    fn pid(child: &Child) -> Pid {
        Pid::from_raw(child.id().cast_signed())
    }

    // One test: signals and their handlers belong to the whole process.
    #[test]
    fn signals_can_be_waited_for_like_sockets() {
        let term = term_fd().unwrap();
        assert!(!readable(term, 0));
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            raise(signal).unwrap();
            assert!(readable(term, 5000), "{signal}");
            assert!(asked_to_end_within(Duration::MAX), "{signal}");
            drain(term);
            assert!(!asked_to_end_within(Duration::ZERO) && !asked_to_end_within(Duration::from_micros(10)));
            assert!(!readable(term, 0), "{signal}: nothing is left");
        }
        // More than the pipe has room for, and nobody takes any: the handler must not wait.
        (0..100_000).for_each(|_| raise(Signal::SIGTERM).unwrap());
        assert!(readable(term_fd().unwrap(), 0), "the same descriptor again");

        let ended = child_fd().unwrap();
        assert!(!readable(ended, 0));
        let mut child = Command::new("true").spawn().unwrap();
        assert!(readable(ended, 5000), "the child has ended");
        child.wait().unwrap();
        drain(ended);
        drain(ended); // does not wait
        assert!(!readable(ended, 0));

        // What this process does with SIGTERM is not inherited.
        let mut child = sleeper();
        kill(pid(&child), Signal::SIGTERM).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    }
}
