//! Waiting for children and ending what they leave behind. Used by processes of one thread that block the signals they wait for.
#![allow(unsafe_code)] // waitpid(2): nix loses the end of a child that a real-time signal killed

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, signal};
use nix::unistd::{ForkResult, Pid, Uid, getpid, getppid, gettid, setresuid};

use super::fault::{Fault, Stage, Staged};
use super::namespaces;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The awaited child ended.
    Ended(End),
    /// We are asked to end (SIGTERM, SIGINT, SIGHUP), or our parent died.
    Asked,
}

/// Blocks the signals that [`wait_for`] waits for. [`ordinary_signals`] undoes it in a child.
pub fn block_signals() -> Staged<()> {
    awaited().thread_block().stage("block signals")
}

/// Signals as a fresh program expects them: none blocked, and SIGPIPE not ignored, as it is in every Rust program.
pub fn ordinary_signals() -> Staged<()> {
    // SAFETY: the default action; no handler of ours is involved.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.stage("reset SIGPIPE")?;
    SigSet::empty().thread_set_mask().stage("unblock signals")
}

/// `signal` when `parent` dies; a fault if that has happened already. Seen from a new process namespace the parent is 0.
pub fn die_with(parent: Pid, signal: Signal) -> Staged<()> {
    nix::sys::prctl::set_pdeathsig(signal).stage("tie our life to the parent's")?;
    if getppid() == parent {
        Ok(())
    } else {
        Err(Fault::new("the parent is gone"))
    }
}

/// Waits until `child` has ended, reaping whatever else was handed to us, or until we are asked to end.
/// `look` is called before anything is reaped.
pub fn wait_for(child: Pid, mut look: impl FnMut()) -> Staged<Woken> {
    loop {
        look();
        if let Some(end) = reap_until(child)? {
            return Ok(Woken::Ended(end));
        }
        if awaited().wait().stage("wait for a signal")? != Signal::SIGCHLD {
            return Ok(Woken::Asked);
        }
    }
}

/// Reaps what has ended; the end of `child` if it is among them.
fn reap_until(child: Pid) -> Staged<Option<End>> {
    loop {
        match wait_any(libc::WNOHANG) {
            Ok(Some((pid, end))) if pid == child => return Ok(Some(end)),
            Ok(None) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).stage("wait for a child"),
        }
    }
}

/// waitpid(2) for any child; `None` when WNOHANG finds none that has ended.
fn wait_any(flags: libc::c_int) -> nix::Result<Option<(Pid, End)>> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &raw mut status, flags | libc::__WALL) })?;
    let end = if libc::WIFSIGNALED(status) {
        End::Signal(libc::WTERMSIG(status))
    } else {
        End::Code(libc::WEXITSTATUS(status))
    };
    Ok((pid != 0).then(|| (Pid::from_raw(pid), end)))
}

/// Kills every child, and what is handed to us when one of them ends, until there are none. For a subreaper or process 1.
pub fn kill_children() {
    let children = format!("/proc/self/task/{}/children", gettid());
    loop {
        let listed = fs::read_to_string(&children).unwrap_or_default();
        for pid in listed.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        // Blocks until one is gone; ECHILD when all are.
        if wait_any(0) == Err(Errno::ECHILD) {
            return;
        }
    }
}

/// For process 1: kills everybody else in its namespace and reaps them, so that what they used is counted. (The kernel would end them
/// with us, but forget that.)
pub fn kill_everybody() {
    // Anywhere else, "everybody" would be the whole machine.
    if getpid() != Pid::from_raw(1) {
        return;
    }
    loop {
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        // Said again after each end: a fork may have slipped through.
        if wait_any(0) == Err(Errno::ECHILD) {
            return;
        }
    }
}

/// Kills every process of a slot's user, whoever its parent is.
pub fn kill_user(uid: u32) {
    let user = Uid::from_raw(uid);
    while has_processes(uid) {
        // Only a process of that user can say "all of mine"; a hostile one may kill it first, so it is said again until none is left.
        match namespaces::fork() {
            Ok(ForkResult::Child) => {
                if setresuid(user, user, user).is_ok() {
                    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
                }
                super::leave(0);
            }
            // The killer too is our child, and so are those that were handed to us.
            Ok(ForkResult::Parent { .. }) => while wait_any(0).is_ok() {},
            Err(_) => return,
        }
    }
}

fn has_processes(uid: u32) -> bool {
    let wanted = format!("\nUid:\t{uid}\t");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbered = processes.filter(|entry| entry.file_name().as_encoded_bytes()[0].is_ascii_digit());
    numbered
        .map(|entry| fs::read_to_string(entry.path().join("status")).unwrap_or_default())
        .any(|status| {
            let dead = status.contains("\nState:\tZ") || status.contains("\nState:\tX");
            status.contains(&wanted) && !dead
        })
}

/// Processor time that a process itself has used, its children not counted, in seconds.
pub fn own_cpu_seconds(process: Pid) -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    // The name in parentheses may hold anything; after it, user and system time are fields 11 and 12.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

fn awaited() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
        .into_iter()
        .collect()
}
