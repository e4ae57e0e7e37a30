//! The supervisor of one program: a thread that runs the program's threads one at a time, answers for board and clock, and lets the Pi's
//! time pass.
//!
//! ```text
//! loop (this file) ── choose: the thread whose time is next ─▶ run it until it stops ─▶ answer the stop
//!                  ├─ all wait, something was sent or closed ─▶ ask the descriptors again          waiting.rs
//!                  ├─ all wait ─▶ the clock moves to the next thing that happens                   the test's script, a time-out, a debounce
//!                  └─ all wait for nothing ─▶ the program is stuck, or waits for the test
//! stops ─┬─ a call        calls.rs: time (clock.rs, timers.rs), locks (futex.rs), descriptors (waiting.rs), the board's files (devices.rs)
//!        ├─ a page fault  access.rs: an access to the registers
//!        └─ births, ends, signals                                                                  stops.rs, signals.rs
//! ```
//! Only one thread of the program runs at a time, so the order of everything is the supervisor's and the same in every run. Each stop costs
//! a little of the Pi's time, which is what makes busy loops move on. A call is never left waiting in the kernel: it is asked without
//! waiting, parked here, and asked again when something has happened.

mod access;
mod calls;
mod clock;
mod decode;
mod devices;
mod futex;
mod inject;
mod signals;
mod start;
mod stops;
mod task;
mod timers;
mod waiting;
mod watch;

pub(crate) use start::spawn;

use super::{
    event::Kind,
    script::Action,
    shared::{Clock, MOST_EVENTS, Shared, State as Common},
};
use nix::errno::Errno;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};
use task::{Process, State, Task};
use timers::Timer;
use watch::Watch;

/// With a held clock, what a thread does may cost so much beyond the time it is held at. A busy loop is stopped there.
const SLACK: Duration = Duration::from_millis(10);
/// How often descriptors are asked while the test, or somebody else outside, may send something.
const PROBE: Duration = Duration::from_millis(1);
/// A thread that ran so often until the watchdog came does not stop by itself: the clock goes on without it.
const SPINS: u32 = 3;

/// The thread has ended; whatever was being done with it needs no end.
struct Gone;
type Alive<T> = Result<T, Gone>;

impl From<Errno> for Gone {
    fn from(_: Errno) -> Gone {
        Gone
    }
}

pub(super) struct Supervisor {
    main: i32,
    tasks: BTreeMap<i32, Task>,
    processes: HashMap<i32, Process>,
    /// New threads whose parent's event has not come yet.
    newborn: BTreeSet<i32>,
    shared: Arc<Shared>,
    watch: Watch,
    now: Duration,
    /// The real time at the Pi's zero.
    zero: Instant,
    turn: u64,
    born: u32,
    /// Something was sent, closed or signalled: descriptors may be ready.
    dirty: bool,
    /// A thread has ended: words in memory may have changed without a wake-up.
    recheck: bool,
    /// This process is about to end.
    doomed: Option<i32>,
    /// The thread that goes on whatever the others' turn is.
    stay: Option<i32>,
    /// Told once when the program has begun.
    begun: Option<Box<dyn FnOnce()>>,
}

/// What is next.
enum Next {
    Run(i32),
    Probe,
    Time(Duration),
    Rest,
    Stuck(String),
    OverTime,
    Over,
}

impl Supervisor {
    /// Runs the program until nothing of it is left.
    fn run(&mut self) {
        self.first_stop();
        loop {
            if !self.orders() {
                return self.bury();
            }
            match self.choose() {
                Next::Run(thread) => self.go(thread),
                Next::Probe => self.probe(),
                Next::Time(at) => self.advance(at),
                Next::Rest => self.rest(),
                Next::Stuck(why) => self.end(format!("it waits for ever: {why}")),
                Next::OverTime => {
                    let limit = super::millis(self.shared.lock().limit);
                    self.end(format!("it still ran after {limit} of the Pi's time"));
                }
                Next::Over => return self.bury(),
            }
        }
    }

    /// What the others want. False: the program is to end.
    fn orders(&mut self) -> bool {
        let mut state = self.shared.lock();
        if state.kill {
            return false;
        }
        if state.clock == Clock::Real && self.begun.is_none() {
            self.now = self.now.max(self.zero.elapsed());
            state.now = self.now;
        }
        let signals = std::mem::take(&mut state.signals);
        let flooded = state.events.len() >= MOST_EVENTS;
        drop(state);
        if flooded {
            self.end(format!("it did more than {MOST_EVENTS} things to its pins"));
            return false;
        }
        for number in signals {
            self.send(number);
        }
        true
    }

    fn choose(&mut self) -> Next {
        if !self.tasks.contains_key(&self.main) {
            return Next::Over;
        }
        if let Some(thread) = self.stay.take().filter(|thread| self.is_ready(*thread)) {
            return Next::Run(thread);
        }
        if self.recheck {
            self.recheck_words();
        }
        let (held, limit) = self.bounds();
        let event = self.next_event();
        let passes = |event: Duration| held.is_none_or(|held| event <= held);
        // What may not happen yet does not keep a thread from its work, which may cost a little more than there is time.
        let first = |at: Duration| event.is_none_or(|event| at <= event || !passes(event));
        let ready = self
            .next_ready(|slices| slices < SPINS)
            .filter(|(at, _)| first(*at) && held.is_none_or(|held| *at <= held + SLACK));
        if let Some((at, thread)) = ready {
            self.set_now(at);
            return Next::Run(thread);
        }
        if self.dirty {
            return Next::Probe;
        }
        match event {
            Some(event) if event > limit => Next::OverTime,
            Some(event) if passes(event) => Next::Time(event),
            _ => self.nothing_to_do(event.is_some()),
        }
    }

    /// All that could be done has been done.
    fn nothing_to_do(&mut self, later: bool) -> Next {
        if let Some((_, thread)) = self.next_ready(|slices| slices >= SPINS) {
            return Next::Run(thread);
        }
        let free = self.shared.lock().clock == Clock::Free;
        match free && !later {
            true if self.outside_may_help() => Next::Rest,
            true => Next::Stuck(self.who_waits()),
            false => Next::Rest,
        }
    }

    /// How far the clock may move now, if it may not move freely; and where the program is stopped.
    fn bounds(&self) -> (Option<Duration>, Duration) {
        let state = self.shared.lock();
        let held = match state.clock {
            Clock::Free => None,
            Clock::Held => Some(state.target.max(self.now.saturating_sub(SLACK))),
            Clock::Real => Some(self.now),
        };
        (held, state.limit)
    }

    /// The thread whose turn it is, of those with so many slices.
    fn next_ready(&self, of: impl Fn(u32) -> bool) -> Option<(Duration, i32)> {
        let ready = self.tasks.iter().filter_map(|(thread, task)| match task.state {
            State::Ready { at, turn, .. } if of(task.slices) => Some((at, turn, *thread)),
            _ => None,
        });
        ready.min().map(|(at, _, thread)| (at, thread))
    }

    fn is_ready(&self, thread: i32) -> bool {
        let task = self.tasks.get(&thread);
        task.is_some_and(|task| matches!(task.state, State::Ready { .. }))
    }

    /// When the next thing happens that is not a thread's own doing.
    fn next_event(&self) -> Option<Duration> {
        let waits = self.tasks.values().filter_map(|task| match &task.state {
            State::Waiting { wait, .. } => wait.deadline,
            _ => None,
        });
        let state = self.shared.lock();
        let outside = state.script.next().into_iter().chain(state.board.next(self.now));
        let timers = self.processes.values().flat_map(|process| process.timers.values());
        waits.chain(outside).chain(timers.filter_map(Timer::next)).min()
    }

    fn set_now(&mut self, at: Duration) {
        if at > self.now {
            self.now = at;
            self.shared.lock().now = at;
        }
    }

    /// The clock moves, and what is due happens.
    fn advance(&mut self, at: Duration) {
        self.set_now(at);
        // Whoever spins has a look at what has changed.
        for task in self.tasks.values_mut().filter(|task| task.slices > 0) {
            task.slices = SPINS - 1;
        }
        loop {
            let due = self.shared.lock().script.take(self.now);
            match due {
                Some(action) => self.act(action),
                None => break,
            }
        }
        self.board(0, |state, now| state.board.advance(now));
        self.advance_timers();
        self.time_out();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Wire(pin, drive) => self.board(0, |state, now| state.board.wire(pin, drive, now)),
            Action::Report(pin, level) => self.board(0, |state, now| state.board.report(pin, level, now)),
            Action::Signal(number) => self.send(number),
            Action::Break(pin) => {
                if let Some(line) = self.shared.lock().board.line(pin) {
                    line.broken = true;
                }
                self.dirty = true;
            }
        }
    }

    /// Something happens at the board, done by this thread (0: from outside); it is logged, and interrupts wake those who wait for them.
    fn board<T>(&mut self, thread: u32, change: impl FnOnce(&mut Common, Duration) -> T) -> T {
        let mut state = self.shared.lock();
        let answer = change(&mut state, self.now);
        let before = state.edges;
        state.log_board(thread);
        self.dirty |= state.edges > before;
        answer
    }

    /// Nobody can do anything until the test, or somebody outside, does something.
    fn rest(&mut self) {
        let (clock, target, orders) = {
            let state = self.shared.lock();
            (state.clock, state.target, state.orders)
        };
        if clock != Clock::Real && !self.still_after_a_second_look() {
            return;
        }
        if clock == Clock::Held {
            // The test may have let the clock run since it was found that nothing is due.
            if self.next_event().is_some_and(|event| event <= target) {
                return;
            }
            self.set_now(target);
        }
        self.shared.tell(|state| state.still |= state.orders == orders);
        self.shared
            .rest(PROBE, |state| state.still && !state.kill && state.signals.is_empty());
        self.dirty = true;
    }

    /// What the test has just sent may be on its way: descriptors are asked again before the test is told that the program stands still.
    fn still_after_a_second_look(&mut self) -> bool {
        if self.shared.lock().still {
            return true;
        }
        self.probe();
        self.next_ready(|_| true).is_none()
    }

    /// Ends the program for something that it does.
    fn end(&mut self, why: String) {
        let mut state = self.shared.lock();
        state.why.get_or_insert(why);
        state.kill = true;
    }

    /// Logs something that this thread did.
    fn log(&mut self, thread: i32, kind: Kind) {
        let number = self.tasks.get(&thread).map_or(0, |task| task.number);
        self.shared.lock().log(number, kind);
    }
}
