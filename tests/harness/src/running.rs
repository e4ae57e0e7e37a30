//! A started program as the harness keeps it: its pipes, the threads that watch it, and how it ended.

use crate::{
    escape::{quoted, visible_lines},
    output::Output,
    proc,
    process::{EndOfProcess, Exit, FAR, Spawned},
    session::Session,
};
use nix::{sys::signal::Signal, unistd::Pid};
use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

/// What Rust prints after a panic or a failed allocation; it helps no beginner.
const BACKTRACE_NOTE: &str = "note: run with `RUST_BACKTRACE";

pub(crate) struct Running {
    pub lane: String,
    pub pid: Pid,
    /// The program under test, not a tool.
    pub subject: bool,
    /// Name of the executable, to find the subject behind a jail.
    pub behind_jail: Option<crate::evidence::Identity>,
    pub stdin: Mutex<Option<OwnedFd>>,
    pub stdout: Output,
    pub stderr: Output,
    pub end: Box<dyn EndOfProcess>,
    /// It has written more than it may, and was ended for it.
    flooded: AtomicBool,
    /// The test caused the end, or has been told of it.
    pub end_is_known: AtomicBool,
    panicked: AtomicBool,
    over: Mutex<Option<Exit>>,
    is_over: Condvar,
}

impl Running {
    /// Takes charge of a child that has just been started.
    pub fn watch(
        child: Spawned,
        lane: String,
        subject: bool,
        behind_jail: Option<crate::evidence::Identity>,
        session: &Arc<Session>,
    ) -> Arc<Running> {
        let running = Arc::new(Running {
            lane,
            pid: child.pid,
            subject,
            behind_jail,
            stdin: Mutex::new(Some(child.stdin)),
            stdout: Output::new(child.stdout),
            stderr: Output::new(child.stderr),
            end: child.end,
            flooded: AtomicBool::new(false),
            end_is_known: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            over: Mutex::default(),
            is_over: Condvar::new(),
        });
        for task in [Running::read_stdout, Running::read_stderr, Running::see_the_end] {
            let (running, session) = (running.clone(), session.clone());
            thread::spawn(move || task(&running, &session));
        }
        running
    }

    /// What the tracer has seen, if there is one.
    pub fn seen(&self) -> Option<crate::trace::Seen> {
        #[cfg(target_os = "linux")]
        return self.end.record().map(crate::trace::Record::seen);
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The process that runs the program itself: behind a jail, not the one we started.
    pub fn process(&self) -> Pid {
        match &self.behind_jail {
            Some(identity) => proc::subject_behind(self.pid, identity),
            None => self.pid,
        }
    }

    /// How it ended, once everything it printed has been read too.
    pub fn over(&self, deadline: Instant) -> Option<Exit> {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let waiting = |over: &mut Option<Exit>| over.is_none();
        *self
            .is_over
            .wait_timeout_while(over, left, waiting)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// The end in words, with the program's own last words where they explain it.
    pub fn describe(&self, exit: Exit, session: &Session) -> String {
        if let Some(flood) = self.flood(session) {
            return flood;
        }
        if let Some(why) = self.end.why() {
            return format!("`{}` was stopped: {why}", self.lane);
        }
        let stderr = self.stderr.text();
        let why = match exit {
            Exit::Code(101) => panic_words(&stderr),
            Exit::Code(0) => None,
            _ => stderr
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty() && !line.starts_with(BACKTRACE_NOTE))
                .map(|line| quoted(line.as_bytes(), 200)),
        };
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        format!("`{}` {}{why}", self.lane, past(exit))
    }

    /// A sentence about an end that the test did not cause and has not seen, unless all was well.
    pub fn sudden_end(&self, session: &Session) -> Option<String> {
        if let Some(flood) = self.flood(session) {
            return Some(flood);
        }
        let exit = self.over(Instant::now())?;
        let known = self.end_is_known.load(Ordering::Relaxed) && exit != Exit::Code(101);
        (self.subject && !known && exit != Exit::Code(0)).then(|| self.describe(exit, session))
    }

    /// It panicked, or a signal that the test did not send has ended it.
    pub fn has_crashed(&self) -> bool {
        match self.over(Instant::now()) {
            Some(Exit::Code(code)) => code == 101,
            Some(Exit::Signal(_)) => !self.end_is_known.load(Ordering::Relaxed),
            None => false,
        }
    }

    /// A sentence about a program that was ended because it wrote too much.
    pub fn flood(&self, session: &Session) -> Option<String> {
        let flooded = self.flooded.load(Ordering::Relaxed);
        flooded.then(|| {
            format!(
                "`{}` was stopped: it wrote more than the {} KiB that it may write to stdout and stderr together. Does it print in a loop \
                 that waits for nothing?",
                self.lane, session.output_kib
            )
        })
    }

    fn read_stdout(&self, session: &Session) {
        let look = || self.limit_output(session);
        self.stdout.read_all(&|lines| self.note_stdout(session, lines), &look);
    }

    fn read_stderr(&self, session: &Session) {
        let look = || self.limit_output(session);
        self.stderr.read_all(&|lines| self.note_stderr(session, lines), &look);
    }

    /// Ends a program under test that has written more than it may. What a tool writes is its author's affair.
    fn limit_output(&self, session: &Session) {
        let written = self.stdout.written() + self.stderr.written();
        if self.subject && written > session.output_kib * 1024 && !self.flooded.swap(true, Ordering::Relaxed) {
            let said = format!("has written more than {} KiB and is stopped", session.output_kib);
            session.transcript.note(&self.lane, said);
            session.flooded();
            self.end.kill_everything();
        }
    }

    fn see_the_end(&self, session: &Session) {
        let exit = loop {
            if let Some(exit) = self.end.wait_until(Instant::now() + FAR) {
                break exit;
            }
        };
        self.stdout.finish(&|lines| self.note_stdout(session, lines));
        self.stderr.finish(&|lines| self.note_stderr(session, lines));
        session.transcript.note(&self.lane, present(exit));
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = Some(exit);
        self.is_over.notify_all();
    }

    /// A report shows stderr by itself; a panic's several lines would only tear the chart apart.
    fn note_stderr(&self, session: &Session, lines: &[u8]) {
        for line in lines.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            if self.panicked.load(Ordering::Relaxed) {
                return;
            }
            if String::from_utf8_lossy(line).contains(" panicked at ") {
                self.panicked.store(true, Ordering::Relaxed);
                session.transcript.note(&self.lane, "panics");
            } else {
                session.transcript.complained(&self.lane, std::iter::once(line));
            }
        }
    }

    fn note_stdout(&self, session: &Session, lines: &[u8]) {
        let lines = lines.strip_suffix(b"\n").unwrap_or(lines).split(|&b| b == b'\n');
        session.transcript.printed(&self.lane, lines);
    }
}

/// `exits with code 0` or `is ended by SIGKILL`.
fn present(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exits with code {code}"),
        Exit::Signal(number) => format!("is ended by {}", signal_name(number)),
    }
}

fn past(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exited with code {code}"),
        Exit::Signal(number) => format!("was ended by {}", signal_name(number)),
    }
}

fn signal_name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.to_string())
}

/// The last lines of stderr, without what changes from run to run or helps no beginner.
pub(crate) fn last_words(stderr: &Output, most: usize) -> String {
    let bytes = stderr.bytes();
    let lines = visible_lines(&bytes[bytes.len().saturating_sub(16 << 10)..]);
    let telling = |line: &&String| !line.is_empty() && !line.starts_with(BACKTRACE_NOTE);
    let lines: Vec<String> = lines
        .iter()
        .filter(telling)
        .map(|line| without_thread_id(line))
        .collect();
    lines[lines.len().saturating_sub(most)..]
        .iter()
        .map(|line| line.chars().take(200).chain(['\n']).collect::<String>())
        .collect()
}

/// `thread 'main' (4711) panicked at …` without the number.
fn without_thread_id(line: &str) -> String {
    let id = |line: &str| {
        let (before, rest) = line.strip_prefix("thread '")?.split_once("' (")?;
        let (_, after) = rest.split_once(") panicked at ")?;
        Some(format!("thread '{before}' panicked at {after}"))
    };
    id(line).unwrap_or_else(|| line.to_owned())
}

/// What a Rust panic says on stderr, in one sentence.
fn panic_words(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines().skip_while(|line| !line.contains(" panicked at "));
    let place = lines
        .next()?
        .split_once(" panicked at ")?
        .1
        .trim_end_matches(':')
        .to_owned();
    let message: Vec<&str> = lines
        .filter(|line| !line.is_empty())
        .take_while(|line| !line.starts_with("note: ") && !line.starts_with("stack backtrace"))
        .collect();
    let message = message.join(" ");
    Some(match message.strip_prefix("not yet implemented") {
        Some(todo) => format!("it reached the todo!() at {place}{todo}"),
        None => format!("it panicked at {place}: {message}"),
    })
}
