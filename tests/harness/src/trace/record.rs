//! What the tracer thread tells everyone else: the events, who is alive, how it ended. Many may look, only the tracer writes.
use super::{
    call::Call,
    event::{Event, Seen, Waiting},
};
use crate::process::Exit;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Events kept of one subject. More are counted as lost, and reading them then fails loudly.
const MOST_EVENTS: usize = 1_000_000;
/// Writes to standard output whose times are kept.
const MOST_PRINTED: usize = 100_000;
/// How long the kernel may take to end killed processes before that counts as our fault.
const BURIAL: Duration = Duration::from_secs(10);

/// Shared by the tracer thread and those who ask it.
#[derive(Debug)]
pub(crate) struct Record {
    state: Mutex<State>,
    /// Events came, or a freeze or thaw.
    news: Condvar,
    /// The program ended, or the tracer. Apart from `news`, because somebody always waits for the end, and waking them costs.
    end: Condvar,
    dying: AtomicBool,
    /// Zero of all event times.
    pub(super) origin: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of their keys, nearly: a closing call is placed where it began.
    events: Vec<(u64, Event)>,
    lost: u64,
    /// Calls that have begun and not returned, by thread.
    inside: BTreeMap<i32, Waiting>,
    /// Those of threads that ended in them.
    broken_off: Vec<Waiting>,
    /// When the subject wrote to standard output, and how many bytes it had written then.
    printed: Vec<(Duration, u64)>,
    alive: BTreeSet<i32>,
    /// Who built the jail around the subject, if there is one; not traced.
    launcher: Option<Pid>,
    exit: Option<Exit>,
    /// Nothing of the subject is left.
    over: bool,
    frozen: bool,
    /// How many threads wait for news.
    awaited: usize,
    /// Behind the last event that a wait has brought.
    waited: usize,
    fault: Option<String>,
}

impl Record {
    pub(super) fn new(origin: Instant) -> Record {
        Record {
            state: Mutex::default(),
            news: Condvar::new(),
            end: Condvar::new(),
            dying: AtomicBool::new(false),
            origin,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let answer = change(&mut state);
        // Waking nobody is a system call too, and there are two changes for each call.
        let awaited = state.awaited > 0;
        drop(state);
        if awaited {
            self.news.notify_all();
        }
        answer
    }

    fn conclude(&self, change: impl FnOnce(&mut State)) {
        self.change(change);
        self.end.notify_all();
    }

    /// Waits until `ready` answers, or the deadline has passed.
    fn wait<T>(&self, on: &Condvar, deadline: Instant, mut ready: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let mut state = self.state();
        loop {
            if let Some(answer) = ready(&state) {
                return Some(answer);
            }
            let left = deadline
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())?;
            let for_news = usize::from(std::ptr::eq(on, &raw const self.news));
            state.awaited += for_news;
            state = on.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.awaited -= for_news;
        }
    }
}

/// The tracer thread's side.
impl Record {
    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn push(&self, key: u64, event: Event) {
        self.change(|state| {
            state.inside.remove(&event.thread);
            if state.events.len() < MOST_EVENTS {
                state.events.push((key, event));
            } else {
                state.lost += 1;
            }
        });
    }

    pub(super) fn entered(&self, thread: i32, call: Call, fd: Option<i32>) {
        let at = self.now();
        let waiting = Waiting { call, fd, thread, at };
        self.change(|state| state.inside.insert(thread, waiting));
    }

    pub(super) fn born(&self, thread: i32) {
        self.change(|state| state.alive.insert(thread));
    }

    pub(super) fn launched_by(&self, launcher: Pid) {
        self.change(|state| state.launcher = Some(launcher));
    }

    pub(super) fn gone(&self, thread: i32) {
        let at = self.now();
        self.change(|state| {
            state.alive.remove(&thread);
            // Waited for: from now on the number may be a stranger's.
            state.launcher = state.launcher.filter(|launcher| launcher.as_raw() != thread);
            let call = state.inside.remove(&thread);
            state.broken_off.extend(call.map(|call| call.until(at)));
        });
    }

    pub(super) fn printed(&self, at: Duration, bytes: u64) {
        let mut state = self.state();
        if state.printed.len() < MOST_PRINTED {
            let before = state.printed.last().map_or(0, |(_, so_far)| *so_far);
            state.printed.push((at, before + bytes));
        }
    }

    pub(super) fn ended(&self, exit: Exit) {
        self.conclude(|state| state.exit = Some(exit));
    }

    pub(super) fn set_frozen(&self, frozen: bool) {
        self.change(|state| state.frozen = frozen);
    }

    pub(super) fn failed(&self, why: String) {
        self.conclude(|state| state.fault = state.fault.take().or(Some(why)));
    }

    pub(super) fn over(&self) {
        self.conclude(|state| state.over = true);
    }

    pub(super) fn is_dying(&self) -> bool {
        self.dying.load(Ordering::SeqCst)
    }
}

/// Everyone else's side.
impl Record {
    /// The main process's exit. Panics when the tracer itself failed: that is our fault, and must not look like the subject's end.
    pub(super) fn wait_exit(&self, deadline: Instant) -> Option<Exit> {
        let answer = self.wait(&self.end, deadline, |state| {
            match (state.exit, &state.fault, state.over) {
                (Some(exit), _, _) => Some(Ok(exit)),
                (None, Some(fault), _) => Some(Err(fault.clone())),
                (None, None, true) => Some(Err("it ended before the program did".to_owned())),
                (None, None, false) => None,
            }
        });
        answer.map(|exit| exit.unwrap_or_else(|fault| panic!("the tracer failed: {fault}")))
    }

    /// SIGKILL to all that is alive; the tracer does the same to all that stops from now on, and every new one stops. Returns when
    /// nothing is left.
    pub(super) fn kill_everything(&self) {
        self.dying.store(true, Ordering::SeqCst);
        {
            let state = self.state();
            // Asked, not killed: it takes away what it has built.
            if let Some(launcher) = state.launcher {
                let _ = kill(launcher, Signal::SIGTERM);
            }
            state.alive.iter().for_each(|thread| end(*thread));
        }
        if self
            .wait(&self.end, Instant::now() + BURIAL, |state| state.over.then_some(()))
            .is_none()
            && !std::thread::panicking()
        {
            panic!("killed processes of the subject are still there after {BURIAL:?}");
        }
    }

    /// # Panics
    /// When the recording has a hole, or the tracer failed: that is no fault of the subject.
    pub(crate) fn check(&self) {
        self.state().check();
    }

    /// All events so far, in order.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.check();
        let mut events = self.state().events.clone();
        events.sort_by_key(|(key, _)| *key);
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// What there is for a chart, also when it proves nothing because a part is missing.
    pub(crate) fn seen(&self) -> Seen {
        let state = self.state();
        let mut calls = state.events.clone();
        let still = state.inside.values().map(|waiting| waiting.until(self.now()));
        let waiting = state.broken_off.iter().cloned().chain(still).collect();
        let printed = state.printed.clone();
        drop(state);
        calls.sort_by_key(|(key, _)| *key);
        Seen {
            calls: calls.into_iter().map(|(_, event)| event).collect(),
            waiting,
            printed,
        }
    }

    /// The first event that is `wanted`, behind the one that the last such wait brought.
    pub(crate) fn wait_next(&self, deadline: Instant, wanted: impl Fn(&Event) -> bool) -> Result<Event, Missed> {
        let mut next = self.state().waited;
        let found = self.wait(&self.news, deadline, |state| {
            let hit = state.events[next..].iter().position(|(_, event)| wanted(event));
            next = hit.map_or(state.events.len(), |at| next + at + 1);
            hit.map(|_| Ok(state.events[next - 1].1.clone()))
                .or(state.over.then_some(Err(Missed::Ended)))
        });
        let mut state = self.state();
        state.check();
        state.waited = next;
        found.unwrap_or(Err(Missed::Deadline))
    }

    /// Waits until a thread is inside `call`: it has begun and not returned.
    pub(crate) fn wait_inside(&self, call: Call, deadline: Instant) -> Result<Option<i32>, Missed> {
        self.wait_inside_one_of(&[call], deadline)
    }

    /// The same for any of these calls.
    pub(crate) fn wait_inside_one_of(&self, calls: &[Call], deadline: Instant) -> Result<Option<i32>, Missed> {
        let wanted = |waiting: &&Waiting| calls.iter().any(|call| waiting.call.same(*call));
        let inside = |state: &State| state.inside.values().find(wanted).map(|waiting| Ok(waiting.fd));
        let found = self.wait(&self.news, deadline, |state| {
            inside(state).or(state.over.then_some(Err(Missed::Ended)))
        });
        found.unwrap_or(Err(Missed::Deadline))
    }

    /// Waits until every thread of the main process has stopped for SIGSTOP, or goes on. False: not within the deadline.
    pub(crate) fn wait_frozen(&self, frozen: bool, deadline: Instant) -> bool {
        self.wait(&self.news, deadline, |state| {
            (state.frozen == frozen || state.exit.is_some() || state.over).then_some(())
        })
        .is_some()
    }
}

/// Why a call that was waited for did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    Deadline,
    Ended,
}

impl State {
    /// A recording with a hole proves nothing.
    fn check(&self) {
        assert!(
            self.lost == 0,
            "the tracer keeps {MOST_EVENTS} calls; {} more were lost",
            self.lost
        );
        if let Some(fault) = &self.fault {
            panic!("the tracer failed: {fault}");
        }
    }
}

/// `kill` is no ptrace request: any thread may send it, and a thread's id reaches its whole process.
fn end(thread: i32) {
    match kill(Pid::from_raw(thread), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => eprintln!("SIGKILL to {thread}: {errno}"),
    }
}
