//! The process around a program: `<folder>/jail PROGRAM ARGS…`, where `<folder>/jail.json` is the policy.
//!
//! ```text
//! L3   suite ── launcher ── init (process 1) ── subject (process 2) ── whatever it starts
//!               outside       the namespaces: it builds the root, then only reaps; its end is everybody's end
//! L2   suite ── launcher ── subject ── whatever it starts      the launcher is a subreaper; the subject has the slot's user
//! L1   suite ── launcher ── subject ── whatever it starts      the same with one user for all
//! ```
//!
//! The launcher ends as the subject ended: same exit code, same signal. SIGTERM asks it to end the jail; when it is gone, everything in
//! the jail is gone and its ports are free. Kill it with SIGKILL and the rest dies too, a moment later.
//! The subject keeps all rights until a tracer has seized it, then gives them up in the order of [`become_subject`].

use std::ffi::{CString, OsString};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::libc;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::{ForkResult, Pid, execve, getpid, getppid, setsid};
use serde::{Deserialize, Serialize};

use super::control::Control;
use super::ended::{Ended, Limit, Note};
use super::ending::{self, End, Woken};
use super::fault::{Fault, Stage, Staged};
use super::level::Isolation;
use super::policy::{Policy, ROOT};
use super::{landlock, leave, limits, mounts, namespaces, reached, rights, seccomp, workplace};

/// The user in a jail that has only one.
const ALONE: u32 = 1000;
/// Exit code of a launcher that could not build its jail; the side file says why.
const NO_JAIL: u8 = 125;

/// What the processes inside tell the launcher.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    Fault(Fault),
    Code(i32),
    Signal(i32),
    Reached(Limit),
}

/// All that the processes of one jail know.
struct Jail {
    policy: Policy,
    folder: PathBuf,
    cwd: PathBuf,
    command: Vec<OsString>,
    control: Option<Control>,
}

/// The launcher: builds the jail of `folder`, runs `command` in it, ends as it ended.
pub fn launch(folder: &Path, command: Vec<OsString>) -> ExitCode {
    let control = Control::from_launch();
    let _held = workplace::hold(folder);
    match run(folder, command, control) {
        Ok(end) => imitate(end),
        Err(fault) => {
            eprintln!("jail: {fault}");
            Note::Fault(fault).append(folder);
            ExitCode::from(NO_JAIL)
        }
    }
}

fn run(folder: &Path, command: Vec<OsString>, control: Option<Control>) -> Staged<End> {
    ending::die_with(getppid(), Signal::SIGTERM)?;
    ending::block_signals()?;
    let policy = Policy::load(folder)?;
    let cwd = std::env::current_dir().stage("find the program's folder")?;
    if let Some(uid) = policy.uid {
        std::os::unix::fs::chown(&cwd, Some(uid), Some(uid)).stage("give the program its folder")?;
    }
    let jail = Jail {
        policy,
        folder: folder.to_path_buf(),
        cwd,
        command,
        control,
    };
    let (words, speak) = pipe().stage("a pipe")?;
    let child = match jail.policy.level {
        Isolation::Namespaces => jail.start_init(speak)?,
        _ => jail.start_subject(speak)?,
    };
    // The tracer has the subject on the other end, not us.
    let Jail { policy, .. } = jail;
    let woken = ending::wait_for(child, || {})?;
    for limit in reached::by_family(&policy) {
        Note::Reached(limit).append(folder);
    }
    if policy.level < Isolation::Namespaces {
        ending::kill_children();
    } else if woken == Woken::Asked {
        // Init blocks SIGTERM too, so it gets it, although it is process 1.
        let _ = kill(child, Signal::SIGTERM);
        while ending::wait_for(child, || {})? == Woken::Asked {}
    }
    let last = last_word(words, folder)?;
    match woken {
        Woken::Asked => Ok(End::Signal(libc::SIGKILL)),
        Woken::Ended(end) => {
            let end = last.unwrap_or(end);
            report(folder, end, &policy);
            Ok(end)
        }
    }
}

impl Jail {
    /// L3: process 1 of new namespaces.
    fn start_init(&self, speak: PipeWriter) -> Staged<Pid> {
        let (gate, open) = pipe().stage("a pipe")?;
        let network = if self.policy.network {
            namespaces::JAIL
        } else {
            namespaces::CELL
        };
        match namespaces::fork_into(network).stage("new namespaces")? {
            ForkResult::Child => {
                drop(open);
                say(speak, |speak| self.be_init(gate, speak))
            }
            ForkResult::Parent { child } => {
                drop(gate);
                namespaces::map_ids(child, ALONE)?;
                { open }.write_all(b"!").stage("let the jail's init go on")?;
                Ok(child)
            }
        }
    }

    /// L1, L2: the subject is our own child.
    fn start_subject(&self, speak: PipeWriter) -> Staged<Pid> {
        nix::sys::prctl::set_child_subreaper(true).stage("become a subreaper")?;
        let launcher = getpid();
        match namespaces::fork().stage("fork")? {
            ForkResult::Child => say(speak, |_| self.become_subject(launcher)),
            ForkResult::Parent { child } => Ok(child),
        }
    }

    /// Builds what the subject will see, starts it, reaps; its end is the end of the namespaces.
    fn be_init(&self, mut gate: PipeReader, speak: &mut PipeWriter) -> Staged<()> {
        ending::die_with(Pid::from_raw(0), Signal::SIGKILL)?;
        // End of file: the launcher died before our death was tied to its own.
        gate.read_exact(&mut [0]).stage("wait for the launcher")?;
        die_first();
        nix::unistd::sethostname("workbook").stage("name the machine")?;
        mounts::enter(&self.folder.join(ROOT), &self.policy, &self.cwd)?;
        let subject = match namespaces::fork().stage("fork")? {
            ForkResult::Child => return self.become_subject(Pid::from_raw(1)),
            ForkResult::Parent { child } => child,
        };
        // Only now: the subject would inherit it, and then nobody could seize it.
        nix::sys::prctl::set_dumpable(false).stage("close our memory")?;
        let woken = ending::wait_for(subject, || {})?;
        if ["/tmp".as_ref(), self.cwd.as_path()].into_iter().any(mounts::is_full) {
            write_word(speak, &Word::Reached(Limit::Disk));
        }
        if let Woken::Ended(end) = woken {
            write_word(speak, &Word::from(end));
        }
        ending::kill_everybody();
        leave(0)
    }

    /// Gives up rights in the only order that works, and runs the program. Returns only when something failed.
    fn become_subject(&self, parent: Pid) -> Staged<()> {
        die_first();
        let traced = self.control.as_ref().map_or(Ok(Vec::new()), Control::await_tracer)?;
        setsid().stage("a session of its own")?;
        ending::ordinary_signals()?;
        limits::apply(&self.policy)?;
        rights::give_up(self.policy.uid, self.policy.passes_closed_folders)?;
        // A change of user forgets this, so it comes after it.
        ending::die_with(parent, Signal::SIGKILL)?;
        landlock::restrict(&self.policy, &self.cwd)?;
        close_everything()?;
        let (program, arguments) = self.command()?;
        let environment = self.environment();
        seccomp::install(self.policy.network, &traced)?;
        match execve(&program, &arguments, &environment) {
            Err(errno) => Err(errno).stage("start the program"),
        }
    }

    /// The program where it stands for the subject, and its arguments. It is called the same at every level.
    fn command(&self) -> Staged<(CString, Vec<CString>)> {
        let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| Fault::new("a zero byte in an argument"));
        let program = self
            .command
            .first()
            .ok_or_else(|| Fault::new("a jail needs a program"))?;
        let shown = self.policy.visible.iter().find(|one| one.path.as_os_str() == program);
        let name = shown.map_or(program.as_os_str(), |one| one.at.as_os_str());
        let place = if self.policy.level == Isolation::Namespaces {
            name
        } else {
            program
        };
        let mut arguments = vec![text(name.as_bytes())?];
        for argument in &self.command[1..] {
            arguments.push(text(argument.as_bytes())?);
        }
        Ok((text(place.as_bytes())?, arguments))
    }

    /// As we were given it. Below L3 `/tmp` is everybody's, so temporary files go to the program's own folder.
    fn environment(&self) -> Vec<CString> {
        let given = std::env::vars_os().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat());
        let mut variables: Vec<Vec<u8>> = given.collect();
        let has_tmp = variables.iter().any(|variable| variable.starts_with(b"TMPDIR="));
        if self.policy.level != Isolation::Namespaces && !has_tmp {
            variables.push([b"TMPDIR=", self.cwd.as_os_str().as_bytes()].concat());
        }
        variables
            .into_iter()
            .filter_map(|variable| CString::new(variable).ok())
            .collect()
    }
}

/// A child's whole life: it never comes back to what its parent was doing.
fn say(mut speak: PipeWriter, life: impl FnOnce(&mut PipeWriter) -> Staged<()>) -> ! {
    if let Err(fault) = life(&mut speak) {
        write_word(&mut speak, &Word::Fault(fault));
    }
    leave(NO_JAIL.into())
}

fn write_word(speak: &mut PipeWriter, word: &Word) {
    let line = serde_json::to_string(word).unwrap_or_default() + "\n";
    let _ = speak.write_all(line.as_bytes());
}

/// What the inside said: the subject's end at L3, a fault, or nothing: then the child's own end is the subject's. Limits are noted.
fn last_word(mut words: PipeReader, folder: &Path) -> Staged<Option<End>> {
    let mut said = String::new();
    words.read_to_string(&mut said).stage("listen to the jail")?;
    let mut end = None;
    for line in said.lines() {
        match serde_json::from_str(line).map_err(|_| Fault::new("listen to the jail"))? {
            Word::Code(code) => end = Some(End::Code(code)),
            Word::Signal(signal) => end = Some(End::Signal(signal)),
            Word::Reached(limit) => Note::Reached(limit).append(folder),
            Word::Fault(fault) => return Err(fault),
        }
    }
    Ok(end)
}

impl From<End> for Word {
    fn from(end: End) -> Word {
        match end {
            End::Code(code) => Word::Code(code),
            End::Signal(signal) => Word::Signal(signal),
        }
    }
}

/// The note for the grader.
fn report(folder: &Path, end: End, policy: &Policy) {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return;
    };
    let cpu = (usage.user_time() + usage.system_time()).num_microseconds();
    let cpu_seconds = cpu as f64 / 1e6;
    let used_up = cpu_seconds >= policy.limits.cpu_seconds as f64;
    let limit = match end {
        End::Signal(limits::CPU_SIGNAL) => Some(Limit::Cpu),
        End::Signal(libc::SIGKILL) if used_up => Some(Limit::Cpu),
        End::Signal(limits::FILE_SIGNAL) => Some(Limit::File),
        _ => None,
    };
    let (code, signal) = match end {
        End::Code(code) => (Some(code), None),
        End::Signal(signal) => (None, Some(signal)),
    };
    let max_rss_kib = usage.max_rss().unsigned_abs();
    if reached::is_all(max_rss_kib * 1024, policy.limits.memory) {
        Note::Reached(Limit::Memory).append(folder);
    }
    Note::Jail(Ended {
        code,
        signal,
        cpu_seconds,
        max_rss_kib,
        limit,
    })
    .append(folder);
}

/// Ends this process as the subject ended.
#[allow(unsafe_code)] // a real-time signal has no name in nix
fn imitate(end: End) -> ExitCode {
    match end {
        End::Code(code) => ExitCode::from(code as u8),
        End::Signal(signal) => {
            let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
            let _ = ending::ordinary_signals();
            // SAFETY: the default action and a signal to ourselves; no handler of ours is involved.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
            ExitCode::from(128u8.wrapping_add(signal as u8))
        }
    }
}

/// Memory is limited for each process, so many of them could still use up the machine's: then the kernel takes this one, and not the
/// grader. Inherited. It is a wish: without /proc nothing is lost but the choice.
fn die_first() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Nothing of ours is open for the program but its standard streams.
#[allow(unsafe_code)] // close_range(2)
fn close_everything() -> Staged<()> {
    // SAFETY: the descriptors stay open until execve, so nothing that is owned is closed under its owner.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    nix::errno::Errno::result(closed).map(drop).stage("close descriptors")
}
