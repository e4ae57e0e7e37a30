//! Runs one command to its end, with a wall-time limit and capped output. The rest of the grader never sees a signal or a pipe.
//!
//! The command leads a process group of its own, which dies whole: at the limit, and when the grader dies.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// Output is kept up to here and drained beyond, so that a flood neither blocks the program nor fills our memory.
const OUTPUT_CAP: usize = 64 * 1024;

/// How long a command that was asked to end may take.
const GRACE: Duration = Duration::from_secs(3);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit status of the command itself.
    pub status: ExitStatus,
    /// Whether it was killed at the wall-time limit.
    pub at_limit: bool,
    /// The first 64 KiB of its standard output.
    pub stdout: String,
    /// The first 64 KiB of its standard error.
    pub stderr: String,
    /// Wall time in seconds.
    pub seconds: f64,
}

impl Ended {
    /// Ended by itself with exit status 0.
    pub fn success(&self) -> bool {
        self.status.success() && !self.at_limit
    }

    /// The end in words: "exit status 1", "killed by signal 9", "stopped after 10 s".
    pub fn in_words(&self) -> String {
        match (self.at_limit, self.status.code(), self.status.signal()) {
            (true, ..) => format!("stopped after {:.0} s", self.seconds),
            (_, Some(code), _) => format!("exit status {code}"),
            (.., Some(signal)) => format!("killed by signal {signal}"),
            _ => "ended in an unknown way".into(),
        }
    }
}

/// Lets somebody else end commands before their time: those that run, and those to come.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<Mutex<Interrupted>>);

#[derive(Debug, Default)]
struct Interrupted {
    asked: bool,
    /// Leaders of the groups that run.
    groups: BTreeSet<Pid>,
}

impl Interrupt {
    /// Ends what runs, and whatever is started from now on.
    pub fn now(&self) {
        let mut state = self.lock();
        state.asked = true;
        for group in &state.groups {
            let _ = kill(*group, Signal::SIGTERM);
        }
    }

    /// Lets commands run again.
    pub fn over(&self) {
        self.lock().asked = false;
    }

    /// Whether commands are being ended.
    pub fn is_asked(&self) -> bool {
        self.lock().asked
    }

    fn started(&self, group: Pid) {
        let mut state = self.lock();
        state.groups.insert(group);
        if state.asked {
            let _ = kill(group, Signal::SIGTERM);
        }
    }

    fn ended(&self, group: Pid) {
        self.lock().groups.remove(&group);
    }

    fn lock(&self) -> MutexGuard<'_, Interrupted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `command` with no standard input, for at most `wall`.
///
/// # Errors
/// It cannot be started: our fault.
pub fn run(command: &mut Command, wall: Duration) -> Result<Ended> {
    run_unless(command, wall, &Interrupt::default())
}

/// The same, unless it is interrupted: then it is asked to end at once, and its end is like any other.
///
/// # Errors
/// As [`run`].
pub fn run_unless(command: &mut Command, wall: Duration, interrupt: &Interrupt) -> Result<Ended> {
    let started = Instant::now();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let group = Pid::from_raw(child.id().cast_signed());
    interrupt.started(group);
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let (ended, end) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let status = child.wait();
        let _ = ended.send(());
        status
    });
    let at_limit = end.recv_timeout(wall).is_err();
    if at_limit {
        // A cell or a launcher takes what is inside along, and needs a moment for it.
        let _ = kill(group, Signal::SIGTERM);
        let _ = end.recv_timeout(GRACE);
    }
    interrupt.ended(group);
    // Also after a normal end: whatever it left in its group goes with it. An empty group is not an error.
    let _ = killpg(group, Signal::SIGKILL);
    let status = waiter
        .join()
        .expect("the waiting thread does not panic")
        .context("cannot wait for a child")?;
    Ok(Ended {
        status,
        at_limit,
        stdout: collect(&stdout),
        stderr: collect(&stderr),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Reads a pipe to its end in a thread; sends what it keeps.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            let mut chunk = [0; 8192];
            while let Ok(n @ 1..) = pipe.read(&mut chunk) {
                let room = OUTPUT_CAP - kept.len();
                kept.extend_from_slice(&chunk[..n.min(room)]);
            }
        }
        let _ = sender.send(kept);
    });
    receiver
}

/// What the draining thread kept. A pipe that an escaped process holds open must not hold us: give up after a second.
fn collect(receiver: &mpsc::Receiver<Vec<u8>>) -> String {
    let kept = receiver.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_never_ends_is_stopped_at_the_limit() {
        let ended = run(Command::new("sleep").arg("600"), Duration::from_millis(50)).unwrap();
        assert!(ended.at_limit && !ended.success());
        assert!(ended.in_words().starts_with("stopped"));
    }

    #[test]
    fn whoever_holds_the_interrupt_ends_what_runs_and_what_is_started_later() {
        let interrupt = Interrupt::default();
        let other = interrupt.clone();
        let runs =
            thread::spawn(move || run_unless(Command::new("sleep").arg("600"), Duration::from_secs(600), &other));
        while interrupt.lock().groups.is_empty() {
            thread::yield_now();
        }
        interrupt.now();
        assert_eq!(runs.join().unwrap().unwrap().in_words(), "killed by signal 15");
        let late = run_unless(Command::new("sleep").arg("600"), Duration::from_secs(600), &interrupt);
        assert_eq!(late.unwrap().in_words(), "killed by signal 15");
        interrupt.over();
        assert!(
            run_unless(&mut Command::new("true"), Duration::from_secs(60), &interrupt)
                .unwrap()
                .success()
        );
    }

    #[test]
    fn a_flood_is_drained_and_capped() {
        let mut flood = Command::new("sh");
        flood.args(["-c", "head -c 5000000 /dev/zero; echo oops >&2; exit 3"]);
        let ended = run(&mut flood, Duration::from_secs(10)).unwrap();
        assert_eq!(
            (ended.stdout.len(), ended.stderr.as_str(), ended.status.code()),
            (OUTPUT_CAP, "oops\n", Some(3))
        );
    }
}
