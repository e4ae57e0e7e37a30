//! The one place that starts, awaits and ends a child process.
//!
//! ```text
//! test thread ──fork──▶ child: a process group of its own, nothing in its environment but PATH
//!      │                          dies with the thread that started it (Linux)
//!      └── reaper thread: waits for the end, but leaves the zombie until the group has been killed: so long, neither the
//!          pid nor the group's number can be given to a stranger, and a late SIGKILL hits only what we started
//! ```

use nix::{
    errno::Errno,
    sys::{
        resource::{Resource, setrlimit},
        signal::{Signal, kill, killpg},
        wait::waitpid,
    },
    unistd::Pid,
};
use std::{
    ffi::OsString,
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned or exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// What is to be started, whoever starts it.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
    /// Soft and hard limit of open descriptors.
    pub nofile: Option<u64>,
    /// `program` is a launcher: SIGTERM asks it to end its jail, and when it is gone, so is everything in it. Were it killed itself, the
    /// subject would follow a moment later, and would still hold its ports in between.
    pub launcher: bool,
}

/// A started child. The plain spawn below provides one, and so does the tracer.
pub(crate) struct Spawned {
    pub pid: Pid,
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub end: Box<dyn EndOfProcess>,
}

/// Who waits for the child and who may kill it. The tracer implements it too: only its own thread may wait for its tracees.
pub(crate) trait EndOfProcess: Send + Sync {
    /// Waits until the child has ended or `deadline` has passed; remembers the answer.
    fn wait_until(&self, deadline: Instant) -> Option<Exit>;
    /// SIGKILL to the whole process group; returns when the child has been reaped. Harmless when repeated.
    fn kill_everything(&self);
    /// Sends it a signal by a way of its own; false: there is none, `kill` does.
    fn signal(&self, _signal: i32) -> bool {
        false
    }
    /// Why the harness has ended it: a sentence.
    fn why(&self) -> Option<String> {
        None
    }
    /// What the tracer has seen, if there is one.
    #[cfg(target_os = "linux")]
    fn record(&self) -> Option<&crate::trace::Record> {
        None
    }
}

/// Longer than any test.
pub(crate) const FAR: Duration = Duration::from_secs(3600);
/// SIGKILL works at once, except on a process that hangs in the kernel: then the test ends without it.
const KILL_TAKES: Duration = Duration::from_secs(5);

/// Starts a child without a tracer.
///
/// Call it on the test's own thread: the parent-death signal belongs to the thread that forks.
pub(crate) fn spawn(spec: &Spec) -> io::Result<Spawned> {
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.args)
        .env_clear()
        .envs(spec.env.iter().cloned())
        .current_dir(&spec.cwd)
        .process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    before_exec(&mut command, spec.nofile);
    let mut child = command.spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let pipe = || io::Error::other("no pipe");
    Ok(Spawned {
        pid,
        stdin: child.stdin.take().ok_or_else(pipe)?.into(),
        stdout: child.stdout.take().ok_or_else(pipe)?.into(),
        stderr: child.stderr.take().ok_or_else(pipe)?.into(),
        end: Box::new(Plain::watch(pid, spec.launcher)),
    })
}

#[allow(unsafe_code)] // pre_exec
fn before_exec(command: &mut Command, nofile: Option<u64>) {
    let prepare = move || {
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        if let Some(most) = nofile {
            setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only two plain system calls are made; nothing is allocated and no lock is taken.
    unsafe { command.pre_exec(prepare) };
}

/// The end of a child that nobody traces.
struct Plain {
    pid: Pid,
    launcher: bool,
    end: Arc<End>,
    reaped: Mutex<bool>,
}

#[derive(Default)]
struct End {
    exit: Mutex<Option<Exit>>,
    changed: Condvar,
}

impl Plain {
    fn watch(pid: Pid, launcher: bool) -> Plain {
        let end = Arc::new(End::default());
        let theirs = end.clone();
        thread::spawn(move || {
            let exit = await_end(pid);
            *lock(&theirs.exit) = Some(exit);
            theirs.changed.notify_all();
        });
        Plain {
            pid,
            launcher,
            end,
            reaped: Mutex::new(false),
        }
    }
}

impl EndOfProcess for Plain {
    fn wait_until(&self, deadline: Instant) -> Option<Exit> {
        let left = deadline.saturating_duration_since(Instant::now());
        let exit = lock(&self.end.exit);
        *self
            .end
            .changed
            .wait_timeout_while(exit, left, |exit| exit.is_none())
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn kill_everything(&self) {
        let mut reaped = lock(&self.reaped);
        if *reaped {
            return;
        }
        if self.launcher {
            let _ = kill(self.pid, Signal::SIGTERM);
            self.wait_until(Instant::now() + KILL_TAKES);
        }
        // The child made itself the leader of its group before it ran. ESRCH: it left the group, or (not Linux) was reaped by the wait.
        let _ = killpg(self.pid, Signal::SIGKILL);
        if self.wait_until(Instant::now() + KILL_TAKES).is_some() {
            let _ = waitpid(self.pid, None);
            *reaped = true;
        }
    }
}

/// Blocks until the child has ended and leaves it as a zombie, to be reaped by [`Plain::kill_everything`].
#[cfg(target_os = "linux")]
fn await_end(pid: Pid) -> Exit {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    loop {
        match waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Err(Errno::EINTR) => {}
            status => return exit_of(status),
        }
    }
}

/// There is no waitid here: the child is reaped at once.
#[cfg(not(target_os = "linux"))]
fn await_end(pid: Pid) -> Exit {
    loop {
        match waitpid(pid, None) {
            Err(Errno::EINTR) => {}
            status => return exit_of(status),
        }
    }
}

fn exit_of(status: nix::Result<nix::sys::wait::WaitStatus>) -> Exit {
    use nix::sys::wait::WaitStatus;
    match status {
        Ok(WaitStatus::Exited(_, code)) => Exit::Code(code),
        Ok(WaitStatus::Signaled(_, signal, _)) => Exit::Signal(signal as i32),
        // Nobody else waits for our children; if somebody did, the code is lost.
        _ => Exit::Code(-1),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
