//! A running program, a server that said where it listens, and what is left of a program that ended.
//!
//! These are handles: dropping one ends nothing, the [`Lab`](crate::Lab) ends all its programs.

use crate::{
    clue,
    escape::{quoted, size},
    output::Line,
    proc,
    process::Exit,
    running::Running,
    session::Session,
};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill, killpg},
    unistd::{Pid, write},
};
use std::{
    fmt,
    net::SocketAddr,
    ops::Deref,
    os::fd::AsFd,
    sync::{Arc, PoisonError, atomic::Ordering},
    thread,
    time::Instant,
};

mod patience;
mod streams;

/// A running program.
pub struct Program {
    session: Arc<Session>,
    running: Arc<Running>,
}

/// A program that said where it listens. Everything a [`Program`] can do, it can do too.
pub struct Server {
    program: Program,
    addr: SocketAddr,
}

/// What is left of a program that ended.
#[derive(Clone)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to stdout: the first 4 MiB and the last 64 KiB.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr, within the same bounds.
    pub stderr: Vec<u8>,
    session: Arc<Session>,
    running: Arc<Running>,
}

impl Program {
    pub(crate) fn new(session: Arc<Session>, running: Arc<Running>) -> Program {
        Program { session, running }
    }

    /// Id of the process; behind a jail, the launcher's.
    pub fn pid(&self) -> i32 {
        self.running.pid.as_raw()
    }

    /// Writes to its stdin.
    pub fn stdin_write(&self, bytes: &[u8]) {
        let (deadline, lane) = (self.session.step(), &self.running.lane);
        self.session
            .transcript
            .note(lane, format!("stdin: {}", quoted(bytes, 80)));
        if let Err((sent, why)) = self.write_until(bytes, deadline) {
            let doing = format!("writing {} to the stdin of `{lane}`", size(bytes.len()));
            self.session.fail_at(
                lane,
                &doing,
                "the program reads them",
                &format!("{why} after {}", size(sent)),
            );
        }
    }

    /// Ends its stdin: it reads end of file.
    pub fn stdin_close(&self) {
        self.session.step();
        let mut stdin = self.running.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        if stdin.is_some() {
            self.session.transcript.note(&self.running.lane, "stdin: end of file");
        }
        *stdin = None;
    }

    /// Fails unless the next line of its stdout is `expected`.
    pub fn expect_line(&self, expected: &str) {
        let doing = format!("reading the next line of `{}`", self.running.lane);
        let line = self.line(&doing, &quoted(expected.as_bytes(), 300));
        if line != expected {
            let clue = clue::of_texts(expected, &line);
            let (expected, line) = (quoted(expected.as_bytes(), 300), quoted(line.as_bytes(), 300));
            self.session
                .fail_at(&self.running.lane, &doing, &expected, &clue::below(&line, clue));
        }
    }

    /// The next line of its stdout, without its end.
    pub fn next_line(&self, doing: &str) -> String {
        self.line(doing, "one more line on stdout")
    }

    /// Everything on its stdout so far.
    pub fn stdout_so_far(&self) -> String {
        self.running.stdout.text()
    }

    /// Everything on its stderr so far.
    pub fn stderr_so_far(&self) -> String {
        self.running.stderr.text()
    }

    /// Fails if the program has ended.
    pub fn expect_alive(&self) {
        self.session.step();
        if let Some(exit) = self.running.end.wait_until(Instant::now()) {
            let doing = format!("looking whether `{}` still runs", self.running.lane);
            // Its last words are complete once its streams are.
            self.running.over(self.session.patience());
            let received = self.running.describe(exit, &self.session);
            self.session.fail(&doing, "it still runs", &received);
        }
    }

    /// Waits until it has ended by itself. A tool may take two steps: how long Python needs to start is not the student's affair.
    pub fn wait(&self) -> Finished {
        self.wait_while(&format!("waiting for the end of `{}`", self.running.lane))
    }

    fn wait_while(&self, doing: &str) -> Finished {
        let (since, mut deadline) = (Instant::now(), self.session.step());
        if !self.running.subject {
            deadline = self.session.deadline(2 * crate::STEP);
        }
        let Some(exit) = self.running.over(deadline) else {
            let received = format!("it still runs after {}", self.session.late(since));
            let why = self.session.why_idle(&self.running, since.elapsed(), ".");
            let received = clue::below(&received, why);
            self.session
                .fail_at(&self.running.lane, doing, "the program ends", &received);
        };
        self.running.end_is_known.store(true, Ordering::Relaxed);
        let (stdout, stderr) = (self.running.stdout.bytes(), self.running.stderr.bytes());
        Finished {
            exit,
            stdout,
            stderr,
            session: self.session.clone(),
            running: self.running.clone(),
        }
    }

    /// Waits until it has ended, and fails unless with this code.
    pub fn expect_exit(&self, code: i32) -> Finished {
        self.wait().expect_code(code)
    }

    /// The same, and a report says why the program should end.
    pub fn expect_exit_when(&self, code: i32, doing: &str) -> Finished {
        self.wait_while(doing).expect_code(code)
    }

    /// Stops it with SIGSTOP; returns when no thread of it runs any more.
    pub fn freeze(&self) {
        let deadline = self.session.step();
        self.session.transcript.note(&self.running.lane, "is frozen (SIGSTOP)");
        let subject = self.signal_all(Signal::SIGSTOP);
        #[cfg(target_os = "linux")]
        if let Some(record) = self.record() {
            // In /proc, every stop of a traced call looks like a frozen thread.
            assert!(
                record.wait_frozen(true, deadline),
                "SIGSTOP did not stop process {subject}"
            );
            return;
        }
        while cfg!(target_os = "linux") && !proc::is_stopped(subject) {
            assert!(Instant::now() < deadline, "SIGSTOP did not stop process {subject}");
            proc::pause();
        }
    }

    /// Lets it go on with SIGCONT.
    pub fn thaw(&self) {
        #[cfg_attr(not(target_os = "linux"), expect(unused_variables))]
        let deadline = self.session.step();
        self.session.transcript.note(&self.running.lane, "goes on (SIGCONT)");
        self.signal_all(Signal::SIGCONT);
        #[cfg(target_os = "linux")]
        if let Some(record) = self.record() {
            // Else a second freeze would take the first one's news for its own.
            assert!(record.wait_frozen(false, deadline), "SIGCONT did not wake the program");
        }
    }

    /// Asks it to end, with SIGTERM to the program alone; does not wait.
    pub fn terminate(&self) {
        self.session.step();
        self.session
            .transcript
            .note(&self.running.lane, "is asked to end (SIGTERM)");
        self.running.end_is_known.store(true, Ordering::Relaxed);
        if !self.running.end.signal(Signal::SIGTERM as i32) {
            let _ = kill(self.subject(), Signal::SIGTERM);
        }
    }

    /// Kills it and its group with SIGKILL; returns when it is gone.
    pub fn kill(&self) {
        let deadline = self.session.step();
        self.running.end_is_known.store(true, Ordering::Relaxed);
        self.running.end.kill_everything();
        self.running.over(deadline);
    }

    /// Processor time it has used, in steps of 10 ms; 0 where the system does not tell.
    pub fn cpu_seconds(&self) -> f64 {
        proc::cpu_seconds(self.subject())
    }

    /// The most memory it has had at once: its resident set, in bytes; 0 where the system does not tell.
    pub fn peak_memory(&self) -> u64 {
        proc::peak_memory(self.subject())
    }

    /// Writes `bytes` from a thread of its own, since the program may well print before it has read everything; then end of file.
    pub(crate) fn feed(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let shown = format!("stdin: {} ({})", quoted(bytes, 60), size(bytes.len()));
            self.session.transcript.note(&self.running.lane, shown);
        }
        let (bytes, deadline) = (bytes.to_vec(), self.session.end());
        let program = Program::new(self.session.clone(), self.running.clone());
        thread::spawn(move || {
            // A program that ends without reading its input is no failure by itself.
            let _ = program.write_until(&bytes, deadline);
            program
                .running
                .stdin
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
        });
    }

    pub(crate) fn lane(&self) -> &str {
        &self.running.lane
    }

    /// What the tracer has seen, if there is one.
    #[cfg(target_os = "linux")]
    pub(crate) fn record(&self) -> Option<&crate::trace::Record> {
        self.running.end.record()
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The next line, or a failure that says why there is none.
    pub(crate) fn line(&self, doing: &str, expected: &str) -> String {
        let (since, deadline) = (Instant::now(), self.session.step());
        let received = match self.running.stdout.line(deadline) {
            Line::Text(line) => return line,
            Line::Over => self.why_no_line(deadline),
            Line::Endless(start) => {
                // It is about to be stopped for it, if that is more than it may write.
                self.running.over(self.session.moment());
                format!(
                    "{} and more without the end of a line: {}",
                    size(start.len()),
                    quoted(&start, 40)
                )
            }
            Line::Late(part) if part.is_empty() => {
                let received = format!("{}; the program still runs", self.session.waited(since));
                let why = self
                    .session
                    .why_idle(&self.running, since.elapsed(), ", and has printed nothing more.");
                clue::below(&received, why)
            }
            Line::Late(part) => {
                format!(
                    "{} and then {}; a line ends with a newline",
                    quoted(&part, 200),
                    self.session.waited(since)
                )
            }
        };
        self.session.fail_at(&self.running.lane, doing, expected, &received)
    }

    fn why_no_line(&self, deadline: Instant) -> String {
        match self.running.over(deadline) {
            Some(exit) => format!("no line: {}", self.running.describe(exit, &self.session)),
            None => "end of file: the program closed its stdout but still runs".to_owned(),
        }
    }

    /// On failure: how many bytes went out, and why no more.
    fn write_until(&self, bytes: &[u8], deadline: Instant) -> Result<(), (usize, String)> {
        let (mut sent, mut since) = (0, Instant::now());
        while sent < bytes.len() {
            // Taken anew for each piece, so that `stdin_close` is never kept waiting by a full pipe.
            let stdin = self.running.stdin.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(stdin) = stdin.as_ref() else {
                return Err((sent, "stdin is closed already".to_owned()));
            };
            let flags = fcntl(stdin, FcntlArg::F_GETFL)
                .map(OFlag::from_bits_retain)
                .unwrap_or(OFlag::empty());
            let _ = fcntl(stdin, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK));
            match write(stdin, &bytes[sent..]) {
                Ok(n) => (sent, since) = (sent + n, Instant::now()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if Instant::now() >= deadline => {
                    let waited = self.session.waited(since);
                    return Err((sent, format!("{waited}: it reads no more")));
                }
                Err(Errno::EAGAIN) => {
                    let mut wanted = [PollFd::new(stdin.as_fd(), PollFlags::POLLOUT)];
                    let _ = poll(&mut wanted, PollTimeout::from(100u8));
                }
                Err(error) => return Err((sent, format!("{} ({error:?})", error.desc()))),
            }
        }
        Ok(())
    }

    fn signal_all(&self, signal: Signal) -> Pid {
        let subject = self.subject();
        if subject == self.running.pid {
            let _ = killpg(subject, signal);
        } else {
            let _ = kill(subject, signal);
        }
        subject
    }

    /// The process that runs the program itself.
    pub(crate) fn subject(&self) -> Pid {
        self.running.process()
    }
}

impl Server {
    /// Waits for the line that every server prints first.
    pub(crate) fn when_ready(program: Program) -> Server {
        let doing = format!("waiting for the first line of `{}`", program.lane());
        let expected = "`listening on IP:PORT` as its first line, as soon as it listens";
        let line = program.line(&doing, expected);
        match listening_on(&line) {
            Ok(addr) => {
                program.session().listens(program.lane(), addr);
                Server { program, addr }
            }
            Err(why) => {
                let received = format!("{}{why}", quoted(line.as_bytes(), 300));
                program.session().fail_at(program.lane(), &doing, expected, &received)
            }
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }
}

/// The address in a readiness line, or what is wrong with the line.
fn listening_on(line: &str) -> Result<SocketAddr, String> {
    let address = line.strip_prefix("listening on ").ok_or("")?;
    let address = address.strip_suffix("/udp").unwrap_or(address);
    let address: SocketAddr = address
        .parse()
        .map_err(|_| format!("; {} is not IP:PORT", quoted(address.as_bytes(), 80)))?;
    match address.port() {
        0 => Err("; port 0 only means \"choose one for me\": ask the kernel which it chose".to_owned()),
        _ => Ok(address),
    }
}

impl Deref for Server {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Finished {
    /// Its stdout as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its stderr as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Fails unless it ended with this code.
    pub fn expect_code(self, code: i32) -> Finished {
        self.session.step();
        if self.exit != Exit::Code(code) {
            let doing = format!("looking how `{}` ended", self.running.lane);
            let received = self.running.describe(self.exit, &self.session);
            self.session.fail(&doing, &format!("exit code {code}"), &received);
        }
        self
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Finished");
        debug
            .field("exit", &self.exit)
            .field("stdout", &self.stdout_text())
            .field("stderr", &self.stderr_text())
            .finish()
    }
}
