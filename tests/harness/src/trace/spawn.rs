//! Starts a subject so that its tracer is there before its first call: fork, seize, then let it give up its rights and exec.
#![allow(unsafe_code)] // fork, and what may be called between fork and exec
use super::{Plan, filter, jailed, record::Record, tracer::Tracer};
use crate::process::{EndOfProcess, Exit, Spawned, Spec};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    libc::{self, c_char, c_int},
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{Pid, pipe2},
};
use std::{
    ffi::{CString, OsStr},
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    ptr,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

/// Starts the subject with a tracer of its own. Event times count from `origin`. The error is a sentence for the test's report.
pub(crate) fn spawn(spec: &Spec, plan: Plan, origin: Instant) -> Result<Spawned, String> {
    plan.faults.iter().try_for_each(super::Fault::check)?;
    let (child_in, stdin) = pipe()?;
    let (stdout, child_out) = pipe()?;
    let (stderr, child_err) = pipe()?;
    let filter = filter::program(&plan.numbers());
    let image = Image::new(spec, filter, [child_in, child_out, child_err])?;
    let record = Arc::new(Record::new(origin));
    let (tell, started) = mpsc::sync_channel(1);
    let shared = record.clone();
    thread::Builder::new()
        .name("tracer".into())
        .spawn(move || trace(image, plan, shared, tell))
        .map_err(|error| format!("no thread for the tracer: {error}"))?;
    let pid = started
        .recv()
        .map_err(|_| "the tracer's thread ended at once".to_owned())??;
    Ok(Spawned {
        pid,
        stdin,
        stdout,
        stderr,
        end: Box::new(Traced(record)),
    })
}

/// The tracer thread, from the fork to the end of the last descendant. PDEATHSIG and EXITKILL are bound to it: nothing outlives it.
fn trace(image: Image, plan: Plan, record: Arc<Record>, tell: mpsc::SyncSender<Result<Pid, String>>) {
    let _over = Over(record.clone());
    let (mut report, say) = match pipe() {
        Ok((report, say)) => (File::from(report), say),
        Err(why) => return drop(tell.send(Err(why))),
    };
    let main = match begin(image, say, &plan.numbers()) {
        Ok((launcher, main)) => {
            launcher.into_iter().for_each(|launcher| record.launched_by(launcher));
            main
        }
        Err(why) => return drop(tell.send(Err(why))),
    };
    let answer = tell.clone();
    Tracer::new(main, plan, record, Box::new(move || drop(answer.send(Ok(main))))).run();
    // Only the first message counts: this one if the program never began.
    let _ = tell.try_send(Err(why_not_started(&mut report)));
}

/// Forks, and becomes the tracer of what is going to be the subject: the launcher's process id, if there is one, and the subject's. `say`
/// is where a step that fails is reported. The calls with these numbers are to stop in a jail; without one, `image` has the filter.
pub(crate) fn begin(image: Image, say: OwnedFd, numbers: &[i64]) -> Result<(Option<Pid>, Pid), String> {
    let (argv, envp) = (pointers(&image.argv), pointers(&image.envp));
    match image.jailed {
        true => {
            jailed::start(&image, &argv, &envp, say.as_raw_fd(), numbers).map(|(launcher, main)| (Some(launcher), main))
        }
        false => fork_and_seize(|go| image.become_subject(&argv, &envp, go, say.as_raw_fd())).map(|main| (None, main)),
    }
}

/// Says that nothing is left, however the thread ends.
struct Over(Arc<Record>);

impl Drop for Over {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed("its thread panicked".into());
        }
        self.0.over();
    }
}

/// The traced process, as the rest of the harness sees it.
struct Traced(Arc<Record>);

impl EndOfProcess for Traced {
    fn wait_until(&self, deadline: Instant) -> Option<Exit> {
        self.0.wait_exit(deadline)
    }
    fn kill_everything(&self) {
        self.0.kill_everything();
    }
    fn record(&self) -> Option<&Record> {
        Some(&self.0)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.0.kill_everything();
    }
}

/// Everything the child needs, made ready before the fork: afterwards it must not allocate.
pub(crate) struct Image {
    program: CString,
    argv: Vec<CString>,
    envp: Vec<CString>,
    cwd: CString,
    nofile: Option<u64>,
    filter: Vec<libc::sock_filter>,
    stdio: [OwnedFd; 3],
    /// The program is a launcher, which starts the subject in a jail.
    jailed: bool,
}

/// One step on the way from fork to exec: its place in [`STEPS`], and what it does. -1 is a failure.
type Step<'a> = (usize, &'a dyn Fn() -> c_int);

impl Image {
    pub(crate) fn new(spec: &Spec, filter: Vec<libc::sock_filter>, stdio: [OwnedFd; 3]) -> Result<Image, String> {
        let program = c_string(spec.program.as_os_str())?;
        let mut argv = vec![program.clone()];
        for arg in &spec.args {
            argv.push(c_string(arg)?);
        }
        let mut envp = Vec::new();
        for (name, value) in &spec.env {
            envp.push(c_string(&[name.as_os_str(), value.as_os_str()].join(OsStr::new("=")))?);
        }
        let cwd = c_string(spec.cwd.as_os_str())?;
        Ok(Image {
            program,
            argv,
            envp,
            cwd,
            nofile: spec.nofile,
            filter,
            stdio,
            jailed: spec.launcher,
        })
    }

    /// The child's way from the fork to the subject's program. It returns only when a step has failed, after having said which.
    ///
    /// Only async-signal-safe calls: another thread may have held any lock at the fork. The filter is last: its calls need the tracer.
    fn become_subject(&self, argv: &[*const c_char], envp: &[*const c_char], go: RawFd, say: RawFd) {
        let program = libc::sock_fprog {
            len: self.filter.len() as u16,
            filter: self.filter.as_ptr().cast_mut(),
        };
        // SAFETY: `go` is open; `program` points into `self`. Both live to the end of this call.
        let steps: [Step; 2] = unsafe { [(6, &|| wait_for(go)), (7, &|| harmless(&raw const program))] };
        self.execute(steps, argv, envp, say);
    }

    /// The way of a launcher: it keeps its rights, and finds the tracer's socket as descriptor 3.
    pub(super) fn become_launcher(&self, argv: &[*const c_char], envp: &[*const c_char], control: RawFd, say: RawFd) {
        // SAFETY: both are calls with numbers only. dup2 leaves descriptor 3 open over exec; all others of ours close there.
        let steps: [Step; 2] = unsafe {
            [
                (8, &|| libc::dup2(control, 3)),
                (8, &|| {
                    libc::syscall(libc::SYS_close_range, 4, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
                    0
                }),
            ]
        };
        self.execute(steps, argv, envp, say);
    }

    /// What both ways share, with `last` before exec.
    fn execute(&self, last: [Step; 2], argv: &[*const c_char], envp: &[*const c_char], say: RawFd) {
        let limit = self.nofile.map(|most| libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        });
        // SAFETY: all pointers are into `self`, `argv`, `envp` or locals, which live to the end of this call; the strings and both arrays
        // end with a NUL. Nothing allocates or locks.
        unsafe {
            let first: [Step; 6] = [
                (0, &|| libc::setpgid(0, 0)),
                (1, &|| {
                    (0..3).fold(0, |done, n| {
                        done.min(libc::dup2(self.stdio[n as usize].as_raw_fd(), n).min(0))
                    })
                }),
                (2, &|| libc::chdir(self.cwd.as_ptr())),
                (3, &|| {
                    limit.map_or(0, |limit| libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit))
                }),
                (4, &|| ordinary_signals()),
                (5, &|| libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)),
            ];
            let exec: [Step; 1] = [(9, &|| libc::execve(self.program.as_ptr(), argv.as_ptr(), envp.as_ptr()))];
            for (number, step) in first.iter().chain(&last).chain(&exec) {
                if step() == -1 {
                    let told = [*number as i32, *libc::__errno_location()];
                    libc::write(say, told.as_ptr().cast(), size_of_val(&told));
                    return;
                }
            }
        }
    }
}

/// Names of the steps, for the report of one that failed.
const STEPS: [&str; 10] = [
    "make a process group",
    "connect standard input and output",
    "enter its folder",
    "limit its descriptors",
    "reset signals",
    "bind its life to the test's",
    "wait for the tracer",
    "install the seccomp filter",
    "hand the launcher its socket",
    "execute it",
];

/// Ignored signals survive exec. Rust ignores SIGPIPE, and std's own spawn resets it in the same way; a shell that starts `cargo test` in the
/// background ignores SIGINT and SIGQUIT.
///
/// # Safety
/// Async-signal-safe; nothing to uphold.
unsafe fn ordinary_signals() -> c_int {
    // SAFETY: the set is a local, initialised by sigemptyset before it is read.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        for ignored in [libc::SIGPIPE, libc::SIGINT, libc::SIGQUIT] {
            libc::signal(ignored, libc::SIG_DFL);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut())
    }
}

/// Blocks until the tracer says go. End of file means that it has died.
///
/// # Safety
/// `go` is an open descriptor.
unsafe fn wait_for(go: RawFd) -> c_int {
    let mut byte = 0u8;
    // SAFETY: one byte of room for one byte.
    match unsafe { libc::read(go, (&raw mut byte).cast(), 1) } {
        1 => 0,
        _ => -1,
    }
}

/// No new rights, no descriptors but the three, and the filter.
///
/// # Safety
/// `program` points to a valid filter program.
unsafe fn harmless(program: *const libc::sock_fprog) -> c_int {
    // SAFETY: the caller vouches for `program`; the other arguments are numbers. Old kernels lack close_range: then ours all close on exec.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
        match libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) {
            0 => install(program),
            failed => failed,
        }
    }
}

/// Installs a seccomp filter in this process.
///
/// # Safety
/// `program` points to a valid filter program.
pub(super) unsafe fn install(program: *const libc::sock_fprog) -> c_int {
    // SAFETY: the caller vouches for `program`; the kernel copies it.
    unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, program) }
}

/// Forks a child that runs `child` with the reading end of a pipe, and becomes its tracer; then a byte goes through that pipe.
/// The child must make async-signal-safe calls only. When `child` returns, the process ends with code 127.
pub(super) fn fork_and_seize(child: impl FnOnce(RawFd)) -> Result<Pid, String> {
    let (go, tell) = pipe()?;
    let pid = fork(|| {
        // SAFETY: closing our copy of the end that the parent keeps, so that the tracer's death is an end of file.
        unsafe { libc::close(tell.as_raw_fd()) };
        child(go.as_raw_fd());
    })?;
    let begun = seize(pid).and_then(|()| {
        File::from(tell)
            .write_all(b"g")
            .map_err(|error| format!("the new process: {error}"))
    });
    begun.map(|()| pid).inspect_err(|_| give_up(pid))
}

/// Forks a child that runs `child`, which must make async-signal-safe calls only. When it returns, the process ends with code 127.
pub(super) fn fork(child: impl FnOnce()) -> Result<Pid, String> {
    // SAFETY: the child makes async-signal-safe calls only, as the doc comment asks, and never returns from here.
    let pid = unsafe {
        let pid = libc::fork();
        if pid == 0 {
            child();
            libc::_exit(127);
        }
        pid
    };
    Errno::result(pid)
        .map(Pid::from_raw)
        .map_err(|errno| format!("fork: {errno}"))
}

/// Becomes the tracer of a process, from its next call on, and of all that it starts.
pub(super) fn seize(pid: Pid) -> Result<(), String> {
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACESECCOMP
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(pid, options).map_err(super::probe::why_no_seize)
}

/// Ends a child that could not be begun. Best effort: it may have ended by itself.
pub(super) fn give_up(pid: Pid) {
    let _ = kill(pid, Signal::SIGKILL);
    let _ = waitpid(pid, None);
}

/// What the child said before it gave up.
pub(crate) fn why_not_started(report: &mut File) -> String {
    let mut told = [0u8; 8];
    match report.read_exact(&mut told) {
        Ok(()) => {
            let step = STEPS[super::bytes::u32_at(&told, 0) as usize % STEPS.len()];
            format!(
                "the program could not be started: {step}: {}",
                Errno::from_raw(super::bytes::u32_at(&told, 4) as i32)
            )
        }
        Err(_) => "the program could not be started: its process was killed first".into(),
    }
}

fn c_string(text: &OsStr) -> Result<CString, String> {
    CString::new(text.as_bytes()).map_err(|_| format!("{} contains a NUL byte", text.display()))
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// A pipe whose ends close on exec and are none of 0, 1, 2: the child puts its own there.
pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd), String> {
    let ends = pipe2(OFlag::O_CLOEXEC).and_then(|(read, write)| Ok((above_standard(read)?, above_standard(write)?)));
    ends.map_err(|errno| format!("pipe: {errno}"))
}

fn above_standard(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    let lifted = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: fcntl has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(lifted) })
}
