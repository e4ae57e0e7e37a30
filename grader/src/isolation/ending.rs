//! Waiting for children and ending what they leave behind. Used by processes of one thread that block the signals they wait for.
#![allow(unsafe_code)] // waitpid(2): nix loses the end of a child that a real-time signal killed

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, signal};
use nix::unistd::{ForkResult, Pid, Uid, getpid, getppid, setresuid};

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

/// Signals as a fresh program expects them: none blocked, none ignored. Rust ignores SIGPIPE, Python SIGXFSZ, nohup SIGHUP, and all
/// of that survives exec.
pub fn ordinary_signals() -> Staged<()> {
    for one in Signal::iterator().filter(|one| ![Signal::SIGKILL, Signal::SIGSTOP].contains(one)) {
        // SAFETY: the default action; no handler of ours is involved.
        unsafe { signal(one, SigHandler::SigDfl) }.stage("reset signals")?;
    }
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

/// Any child that has ended; `None` when WNOHANG finds none.
fn wait_any(flags: libc::c_int) -> nix::Result<Option<(Pid, End)>> {
    wait_child(Pid::from_raw(-1), flags)
}

/// waitpid(2).
fn wait_child(child: Pid, flags: libc::c_int) -> nix::Result<Option<(Pid, End)>> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let pid = Errno::result(unsafe { libc::waitpid(child.as_raw(), &raw mut status, flags | libc::__WALL) })?;
    let end = if libc::WIFSIGNALED(status) {
        End::Signal(libc::WTERMSIG(status))
    } else {
        End::Code(libc::WEXITSTATUS(status))
    };
    Ok((pid != 0).then(|| (Pid::from_raw(pid), end)))
}

/// Kills every descendant, until there is none. For a subreaper or process 1: what loses its parent is handed to us.
pub fn kill_children() {
    loop {
        for pid in stopped_family() {
            let _ = kill(pid, Signal::SIGKILL);
        }
        // Blocks until one is gone; ECHILD when all are.
        if wait_any(0) == Err(Errno::ECHILD) {
            return;
        }
    }
}

/// All descendants, stopped. Killed one by one, a fork bomb would grow again as fast as it shrinks; one that is stopped cannot fork, so
/// every round finds fewer that are new.
fn stopped_family() -> BTreeSet<Pid> {
    const ROUNDS: usize = 1000;
    let mut stopped = BTreeSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<Pid> = family().into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            let _ = kill(pid, Signal::SIGSTOP);
            stopped.insert(pid);
        }
    }
    stopped
}

/// Children, their children and so on.
pub fn family() -> Vec<Pid> {
    let mut family = children(getpid());
    let mut next = 0;
    while next < family.len() {
        family.extend(children(family[next]));
        next += 1;
    }
    family
}

/// The children of all threads of a process.
fn children(parent: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{parent}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let listed = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    listed
        .flat_map(|pids| {
            pids.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .map(Pid::from_raw)
                .collect::<Vec<_>>()
        })
        .collect()
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
            Ok(ForkResult::Parent { child }) => {
                let _ = wait_child(child, 0);
                while matches!(wait_any(libc::WNOHANG), Ok(Some(_))) {}
            }
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
