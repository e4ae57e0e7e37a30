//! The process around one suite: it holds the test and the programs that the test starts, and dies whole.
//!
//! ```text
//! L3      grader ── cell ── init (process 1 of its namespaces) ── suite ── jail …      own network, own temporary files
//! below   grader ── cell (subreaper) ── suite ── jail …
//! ```
//!
//! A process that detaches itself (setsid, double fork) is handed to the nearest subreaper or process 1 when its parent ends, so it
//! cannot leave. SIGTERM, or the grader's death, ends the cell with everything in it.

use std::ffi::{CString, OsString};
use std::io::{Read, Write, pipe};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use nix::sched::{CloneFlags, CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::{ForkResult, Pid, execvp, getpid, getppid};

use super::ended::{Note, Spent};
use super::ending::{self, End, Woken};
use super::fault::{Fault, Stage, Staged};
use super::level::Isolation;
use super::policy::{Policy, TMP};
use super::{leave, mounts, namespaces, workplace};

/// Exit code of a cell that could not be built or was asked to end; the side file says why.
const NO_CELL: u8 = 125;
/// The user in a cell that has only one: root of what is its own.
const ALONE: u32 = 0;

/// Runs `command` in the cell of `folder`; answers with its exit code (128 + signal if a signal ended it).
pub fn run(folder: &Path, command: &[OsString]) -> ExitCode {
    let _held = workplace::hold(folder);
    let end = Policy::load(folder).and_then(|policy| match policy.level {
        Isolation::Namespaces => in_namespaces(&policy, folder, command),
        _ => as_subreaper(&policy, folder, command),
    });
    match end {
        Ok(End::Code(code)) => ExitCode::from(code as u8),
        Ok(End::Signal(signal)) => ExitCode::from(128u8.wrapping_add(signal as u8)),
        Err(fault) => {
            eprintln!("cell: {fault}");
            Note::Fault(fault).append(folder);
            ExitCode::from(NO_CELL)
        }
    }
}

/// L3. The outer process only waits; the kernel ends the rest with the inner one.
fn in_namespaces(policy: &Policy, folder: &Path, command: &[OsString]) -> Staged<End> {
    ending::die_with(getppid(), Signal::SIGTERM)?;
    ending::block_signals()?;
    let (mut gate, open) = pipe().stage("a pipe")?;
    // Without a /proc of its own, process ids inside would mean nothing to the harness.
    let flags = if policy.proc {
        namespaces::CELL
    } else {
        namespaces::CELL.difference(CloneFlags::CLONE_NEWPID)
    };
    let outside = if policy.proc { Pid::from_raw(0) } else { getpid() };
    let inner = match namespaces::fork_into(flags).stage("new namespaces")? {
        ForkResult::Child => {
            drop(open);
            let mut live = || -> Staged<End> {
                ending::die_with(outside, Signal::SIGKILL)?;
                gate.read_exact(&mut [0]).stage("wait for the cell")?;
                enter(policy, folder)?;
                keep(policy, folder, command)
            };
            match live() {
                Ok(End::Code(code)) => leave(code),
                Ok(End::Signal(signal)) => leave(128 + signal),
                Err(fault) => {
                    Note::Fault(fault).append(folder);
                    leave(NO_CELL.into())
                }
            }
        }
        ForkResult::Parent { child } => child,
    };
    drop(gate);
    namespaces::map_ids(inner, ALONE)?;
    { open }.write_all(b"!").stage("let the cell go on")?;
    match ending::wait_for(inner, || {})? {
        Woken::Ended(end) => Ok(end),
        Woken::Asked => {
            let _ = kill(inner, Signal::SIGKILL);
            while ending::wait_for(inner, || {})? == Woken::Asked {}
            Ok(End::Signal(Signal::SIGKILL as i32))
        }
    }
}

/// What the suite finds: a machine of its own with a loopback, its own processes, temporary files in memory.
fn enter(policy: &Policy, folder: &Path) -> Staged<()> {
    nix::unistd::sethostname("workbook").stage("name the machine")?;
    namespaces::loopback_up()?;
    mounts::make_private()?;
    mounts::temporary(&folder.join(TMP), policy.limits.disk, "0755")?;
    if policy.proc {
        mounts::proc(Path::new("/proc"), None)?;
    }
    Ok(())
}

/// Below L3.
fn as_subreaper(policy: &Policy, folder: &Path, command: &[OsString]) -> Staged<End> {
    ending::die_with(getppid(), Signal::SIGTERM)?;
    ending::block_signals()?;
    keep(policy, folder, command)
}

/// Runs the suite and lets nothing outlive it.
fn keep(policy: &Policy, folder: &Path, command: &[OsString]) -> Staged<End> {
    nix::sys::prctl::set_child_subreaper(true).stage("become a subreaper")?;
    pin(policy)?;
    let keeper = getpid();
    let suite = match namespaces::fork().stage("fork")? {
        ForkResult::Child => {
            let fault = exec(keeper, command);
            Note::Fault(fault).append(folder);
            leave(NO_CELL.into())
        }
        ForkResult::Parent { child } => child,
    };
    let mut own = 0.0;
    let woken = ending::wait_for(suite, || own = ending::own_cpu_seconds(suite).unwrap_or(own))?;
    // All of a user at once, before those that can only be found one by one.
    if let Some(uid) = policy.uid.filter(|_| policy.level == Isolation::OwnUid) {
        ending::kill_user(uid);
    }
    ending::kill_children();
    report(policy, folder, own);
    match woken {
        Woken::Ended(end) => Ok(end),
        Woken::Asked => Ok(End::Signal(Signal::SIGKILL as i32)),
    }
}

/// One CPU for the test and its programs: a stop for the tracer is ten times cheaper when nobody has to be woken elsewhere.
fn pin(policy: &Policy) -> Staged<()> {
    let Some(cpu) = policy.cpu else { return Ok(()) };
    let mut set = CpuSet::new();
    set.set(cpu).stage("choose a CPU")?;
    sched_setaffinity(Pid::from_raw(0), &set).stage("choose a CPU")
}

/// Becomes the suite; returns only what stopped it.
fn exec(keeper: Pid, command: &[OsString]) -> Fault {
    let attempt = || -> Staged<()> {
        ending::die_with(keeper, Signal::SIGKILL)?;
        ending::ordinary_signals()?;
        let text = |argument: &OsString| {
            CString::new(argument.as_bytes()).map_err(|_| Fault::new("a zero byte in an argument"))
        };
        let arguments = command.iter().map(text).collect::<Staged<Vec<_>>>()?;
        let program = arguments.first().ok_or_else(|| Fault::new("a cell needs a command"))?;
        execvp(program, &arguments).map(drop).stage("start the suite")
    };
    attempt().err().unwrap_or_else(|| Fault::new("start the suite"))
}

fn report(policy: &Policy, folder: &Path, suite_itself: f64) {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return;
    };
    let all = (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6;
    // Below L3 the disk is everybody's, and its being full nobody's fault.
    let disk_full = policy.level == Isolation::Namespaces && mounts::is_full(&folder.join(TMP));
    Note::Cell(Spent {
        cpu_seconds: (all - suite_itself).max(0.0),
        disk_full,
    })
    .append(folder);
}
