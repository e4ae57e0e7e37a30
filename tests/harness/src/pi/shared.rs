//! The Pi as a test holds it, and what it shares with the supervisor of its program.

use super::{
    board::{Board, PINS},
    event::{Access, Drive, Event, Kind, Level},
    script::{Action, Script},
};
use crate::{process::Exit, session::Session};
use nix::{libc, sys::signal::Signal};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Events kept. A program that makes more of them is stopped, which is the program's fault: its log would not be whole.
pub(super) const MOST_EVENTS: usize = 1_000_000;
/// The Pi's time after which a program is stopped, unless the test says otherwise.
const LIMIT: Duration = Duration::from_secs(600);
/// How long the supervisor may take to bring a program to a standstill, in real time, before that is a failure of the program: it computes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who is told of each event, with the state locked.
pub(super) type Listener = Box<dyn Fn(&Event) + Send>;

/// How the Pi's clock moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// When all threads of the program wait, it jumps to the next thing that is going to happen. A program that waits for nothing that can
    /// still happen is stopped, and a report says so. For programs that talk to nobody.
    #[default]
    Free,
    /// It stands still but for [`Pi::run_until`] and [`Pi::run_for`]. The program answers what it can answer without time passing, so a test
    /// that is its client talks to it with the usual peers, and moves the clock when time itself is the subject.
    Held,
    /// It follows the real one, for peers that nobody holds and for people.
    Real,
}

/// A Raspberry Pi 3 B for one program. A handle: clones are the same Pi.
#[derive(Clone)]
pub struct Pi {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Option<Arc<Session>>,
}

/// What test and supervisor both see.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// The supervisor has something to do.
    work: Condvar,
    /// The program has come to a standstill, or to its end.
    news: Condvar,
}

pub(crate) struct State {
    pub board: Board,
    pub script: Script,
    pub clock: Clock,
    /// How far a held clock may move.
    pub target: Duration,
    pub limit: Duration,
    pub now: Duration,
    /// It has its program.
    pub taken: bool,
    pub begun: bool,
    /// All threads wait, and the clock may not move.
    pub still: bool,
    /// How often the supervisor was told something: what it found out before is old then.
    pub orders: u64,
    /// The program is over. A sentence, when it was we who ended it.
    pub over: bool,
    /// Nothing of it is left.
    pub buried: bool,
    pub why: Option<String>,
    /// Calls of the program that have stopped, and who has taken something from a socket.
    pub calls: u64,
    pub receivers: BTreeSet<u32>,
    /// Time that passed because the program looked at the clock or at a level again and again.
    pub spun: Duration,
    /// What the thread does that last had to be stopped by the watchdog: a clause for a report.
    pub runs_on: Option<String>,
    pub fault: Option<String>,
    pub kill: bool,
    pub exit: Option<Exit>,
    /// Edges that the lines have noted.
    pub edges: u64,
    pub signals: Vec<i32>,
    /// The program has opened the Pi's GPIO.
    pub opened: bool,
    pub events: Vec<Event>,
    /// Who is told of each at once.
    pub listener: Option<Listener>,
    pub accesses: Vec<Access>,
}

impl Shared {
    pub fn new() -> Shared {
        let state = State {
            board: Board::new(),
            script: Script::default(),
            clock: Clock::Free,
            target: Duration::ZERO,
            limit: LIMIT,
            now: Duration::ZERO,
            taken: false,
            begun: false,
            still: false,
            orders: 0,
            over: false,
            buried: false,
            why: None,
            calls: 0,
            receivers: BTreeSet::new(),
            spun: Duration::ZERO,
            runs_on: None,
            fault: None,
            kill: false,
            exit: None,
            edges: 0,
            signals: Vec::new(),
            opened: false,
            events: Vec::new(),
            listener: None,
            accesses: Vec::new(),
        };
        Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            news: Condvar::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the supervisor that there is something new for it.
    pub fn tell_supervisor(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.orders += 1;
        drop(state);
        self.work.notify_all();
    }

    /// Tells everybody else.
    pub fn tell(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.news.notify_all();
    }

    /// The supervisor waits for something to do, for this long at most.
    pub fn rest(&self, most: Duration, nothing_new: impl FnMut(&mut State) -> bool) {
        let _ = self.work.wait_timeout_while(self.lock(), most, nothing_new);
    }

    /// Waits until the program is as `wanted`; false at the deadline.
    pub fn wait(&self, deadline: Instant, mut wanted: impl FnMut(&State) -> bool) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let (state, _) = self
            .news
            .wait_timeout_while(self.lock(), left, |state| !wanted(state))
            .unwrap_or_else(PoisonError::into_inner);
        wanted(&state)
    }
}

impl State {
    pub fn log(&mut self, thread: u32, kind: Kind) {
        let at = self.now;
        if self.events.len() < MOST_EVENTS {
            let event = Event { at, thread, kind };
            if let Some(listener) = &self.listener {
                listener(&event);
            }
            self.events.push(event);
        }
    }

    /// A load from the register at byte `offset`.
    pub fn load(&mut self, offset: u64) -> u32 {
        let value = self.board.read(offset, self.now);
        self.accessed(offset, value, false);
        value
    }

    /// A store into it.
    pub fn store(&mut self, offset: u64, value: u32) {
        self.accessed(offset, value, true);
        self.board.write(offset, value, self.now);
    }

    fn accessed(&mut self, offset: u64, value: u32, stores: bool) {
        if self.accesses.len() < MOST_EVENTS {
            self.accesses.push(Access { offset, value, stores });
        }
    }

    pub fn called(&mut self, thread: u32, takes_from_a_socket: bool) {
        self.calls += 1;
        if takes_from_a_socket {
            self.receivers.insert(thread);
        }
    }

    /// Puts what the board has to tell into the log.
    pub fn log_board(&mut self, thread: u32) {
        for kind in self.board.take_news() {
            self.edges += u64::from(matches!(kind, Kind::Edge(..)));
            self.log(thread, kind);
        }
    }

    fn check(&self) {
        if let Some(fault) = &self.fault {
            panic!("the fake Pi failed: {fault}");
        }
    }
}

/// Before the start, or while the program runs. `at` is the Pi's time; what lies in the past happens at once.
impl Pi {
    /// A Pi without a test around it, for [`Live`](super::Live).
    pub fn alone() -> Pi {
        Pi::new(None)
    }

    pub(super) fn new(session: Option<Arc<Session>>) -> Pi {
        Pi {
            shared: Arc::new(Shared::new()),
            session,
        }
    }

    /// How the clock moves; [`Clock::Free`] without it.
    pub fn set_clock(&self, clock: Clock) {
        self.shared.tell_supervisor(|state| state.clock = clock);
    }

    /// The seed of the noise that floating inputs pick up; 1 without it. To be set before the start.
    pub fn set_seed(&self, seed: u64) {
        self.shared.lock().board.set_seed(seed);
    }

    /// The Pi's time after which the program is stopped; ten minutes without it.
    pub fn set_limit(&self, limit: Duration) {
        self.shared.tell_supervisor(|state| state.limit = limit);
    }

    /// Connects a pin to something outside, or to nothing. At the start all pins are open.
    ///
    /// # Panics
    /// When the chip has no such pin.
    pub fn wire(&self, at: Duration, bcm: u8, drive: Drive) {
        assert!(
            usize::from(bcm) < PINS,
            "BCM {bcm}: the chip has the pins 0 to {}",
            PINS - 1
        );
        self.act(at, Action::Wire(bcm, drive));
    }

    /// A finger on the button between this pin and ground.
    pub fn press(&self, at: Duration, bcm: u8) {
        self.wire(at, bcm, Drive::Low);
    }

    /// The finger goes away.
    pub fn release(&self, at: Duration, bcm: u8) {
        self.wire(at, bcm, Drive::Open);
    }

    /// A contact that bounces: `edges` changes, one every `gap`, the first and the last one to `to`.
    ///
    /// # Panics
    /// When `edges` is even: then the last one would not be `to`.
    pub fn bounce(&self, at: Duration, bcm: u8, to: Drive, edges: u32, gap: Duration) {
        assert!(edges % 2 == 1, "{edges} edges: an odd number ends where it began");
        let other = if to == Drive::Open { Drive::Low } else { Drive::Open };
        for n in 0..edges {
            self.wire(at + n * gap, bcm, if n % 2 == 0 { to } else { other });
        }
    }

    /// Sends the program a signal.
    pub fn signal(&self, at: Duration, signal: Signal) {
        self.act(at, Action::Signal(signal as libc::c_int));
    }

    /// From then on the program cannot read the events of this pin's interrupts (`EIO`): the board is broken.
    pub fn break_interrupts(&self, at: Duration, bcm: u8) {
        self.act(at, Action::Break(bcm));
    }

    /// The program is told of an edge to `level` at a pin for which it has asked for interrupts, although the pin's level may be that
    /// already: a real chip is asked for the level only after the edge, and by then it may have changed again.
    pub fn report_edge(&self, at: Duration, bcm: u8, level: Level) {
        self.act(at, Action::Report(bcm, level));
    }

    /// What was written to the pin last, before this program: its output latch. To be set before the start; low without it.
    pub fn set_latch(&self, bcm: u8, level: Level) {
        self.shared.lock().board.set_latch(bcm, level);
    }

    fn act(&self, at: Duration, action: Action) {
        self.shared.tell_supervisor(|state| {
            state.script.add(at, action);
            state.still = false;
        });
    }
}

/// The clock.
impl Pi {
    /// What the Pi's clock says.
    pub fn now(&self) -> Duration {
        self.shared.lock().now
    }

    /// Lets the time of a held clock pass up to `at`, and the program do what it then does. Returns when its threads all wait, or when it has
    /// ended; that costs next to no real time. What the program had sent and printed until then can be read afterwards.
    pub fn run_until(&self, at: Duration) {
        let deadline = match &self.session {
            Some(session) => session.step().max(Instant::now()),
            None => Instant::now() + PATIENCE,
        };
        self.shared.tell_supervisor(|state| {
            state.target = state.target.max(at);
            state.still = false;
        });
        let stands = self
            .shared
            .wait(deadline, |state| state.still || state.over || state.fault.is_some());
        self.shared.lock().check();
        if !stands {
            let runs_on = self.shared.lock().runs_on.clone();
            self.fail(
                &format!("letting the Pi's clock run to {}", super::millis(at)),
                "the program waits for the clock, or for somebody who sends it something",
                &runs_on.unwrap_or_else(|| "it is busy without an end".to_owned()),
            );
        }
    }

    /// The same for a stretch of time from where the clock was last let run to.
    pub fn run_for(&self, stretch: Duration) {
        let from = self.shared.lock().target;
        self.run_until(from + stretch);
    }

    /// Lets the program do all that it can do without time passing: answer what has been sent to it, above all. Returns when its threads
    /// all wait.
    pub fn settle(&self) {
        self.run_for(Duration::ZERO);
    }
}

/// What came of it.
impl Pi {
    /// The board as it is now; after the program's end: as it was left.
    pub fn board(&self) -> Board {
        self.shared.lock().board.clone()
    }

    /// Everything that happened so far, in order.
    ///
    /// # Panics
    /// When the Pi itself failed: it would prove nothing.
    pub fn events(&self) -> Vec<Event> {
        let state = self.shared.lock();
        state.check();
        state.events.clone()
    }

    /// Those that came after the first `seen` of them: for somebody who looks again and again.
    ///
    /// # Panics
    /// As [`events`](Pi::events).
    pub fn events_since(&self, seen: usize) -> Vec<Event> {
        let state = self.shared.lock();
        state.check();
        state.events.get(seen..).unwrap_or_default().to_vec()
    }

    /// The program's accesses to the chip's registers, in order; of a program that makes more than a million, the first million.
    pub fn accesses(&self) -> Vec<Access> {
        let state = self.shared.lock();
        state.check();
        state.accesses.clone()
    }

    /// The levels that the program put on a pin and when, `None` for no level any more.
    pub fn timeline(&self, bcm: u8) -> Vec<(Duration, Option<Level>)> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| match event.kind {
                Kind::Driven(pin, level) if pin == bcm => Some((event.at, level)),
                _ => None,
            })
            .collect()
    }

    /// How often the program read the levels. One that polls does so many times a second.
    pub fn level_reads(&self) -> u64 {
        self.shared.lock().board.level_reads
    }

    /// How many calls the program has made, of those that have to do with waiting, time, or input and output. While it waits for something
    /// that does not happen, there are no more.
    pub fn calls(&self) -> u64 {
        self.shared.lock().calls
    }

    /// The threads that have taken a connection or bytes from a socket (accept, recv and their like), as [`Event::thread`] counts them.
    pub fn receivers(&self) -> BTreeSet<u32> {
        self.shared.lock().receivers.clone()
    }

    /// The part of the Pi's time that passed because the program looked at the clock or at a level over and over, instead of sleeping: 1.0
    /// for a busy loop, about 0 for a program that waits.
    pub fn spin_share(&self) -> f64 {
        let state = self.shared.lock();
        let all = state.now.as_secs_f64();
        if all == 0.0 {
            0.0
        } else {
            state.spun.as_secs_f64() / all
        }
    }

    /// Why the program was stopped, if it did not end by itself: a sentence.
    pub fn stopped(&self) -> Option<String> {
        self.shared.lock().why.clone()
    }
}

impl fmt::Debug for Pi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        write!(f, "Pi at {}, {} events", super::millis(state.now), state.events.len())
    }
}
