//! Threads and processes of the program, as the supervisor keeps them between two of their stops.

use super::{decode::Access, timers::Timer};
use crate::trace::{arch::Registers, signals::Handlers};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

/// A thread. It is stopped whenever another one runs.
pub(super) struct Task {
    /// The process it belongs to.
    pub process: i32,
    /// In the order of birth, from 1.
    pub number: u32,
    pub state: State,
    pub stop: Stop,
    /// The call at its next entry is to run: it has been looked at.
    pub pass: bool,
    /// Signals that came while it was made to do something for us.
    pub held: Vec<i32>,
    /// When it last did anything but look at the clock or at a level.
    pub worked: Duration,
    /// Costs that are still to be added to its time.
    pub debt: Duration,
    /// How often in a row it ran until the watchdog stopped it.
    pub slices: u32,
    /// It stopped while another thread ran: the stop that waits to be answered.
    pub early: Option<i32>,
}

/// Where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the entry of a call, which can still be changed.
    Entry,
    /// Anywhere else: it can be put in front of a call.
    Other,
}

pub(super) enum State {
    /// It may go on from `at`, with this signal, 0 for none. Of one time, the lower turn goes first.
    Ready { at: Duration, turn: u64, signal: i32 },
    /// It waits; `turn` is the order in which waiters came.
    Waiting { wait: Box<Wait>, turn: u64 },
    /// It is in the kernel until its child lets it go on (`vfork`).
    Absent,
}

/// A call that waits.
#[derive(Clone)]
pub(super) struct Wait {
    pub on: On,
    pub deadline: Option<Duration>,
    /// What it returns at the deadline.
    pub late: i64,
    /// Its registers at the entry.
    pub entry: Registers,
    /// A signal with SA_RESTART lets it begin again.
    pub restarts: bool,
}

#[derive(Clone)]
pub(super) enum On {
    /// Nothing but time; where the rest is to be written when a signal ends it early, 0 for nowhere.
    Time { rest: u64 },
    /// A word of memory, which was `value`.
    Futex { address: u64, value: u32, mask: u32 },
    /// Descriptors: to be asked again when anything has happened.
    Files(Blocking),
    /// A line's events.
    Line(u8),
}

/// A call that waits for descriptors, children or signals, and how it is asked without waiting.
#[derive(Clone)]
pub(super) enum Blocking {
    /// `poll` and its like: this argument is the time-out. Sets of `select` are put back before each try.
    Poll {
        argument: usize,
        timeout: Timeout,
        sets: Vec<(u64, Vec<u8>)>,
    },
    /// `read`, `accept` and their like: first ask whether the descriptor is ready.
    Read { fd: i32 },
    /// `wait4`, asked with WNOHANG.
    Child,
    /// `rt_sigtimedwait`.
    Signal,
}

/// What a time-out of zero looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timeout {
    /// The argument itself.
    Number,
    /// A structure behind it.
    Pointer,
}

/// What the threads of a process share.
#[derive(Default)]
pub(super) struct Process {
    /// Descriptors that we made up.
    pub files: HashMap<i32, File>,
    /// What those of them are set to that are timers.
    pub timers: BTreeMap<i32, Timer>,
    /// Where the registers are.
    pub pages: Vec<u64>,
    /// A page of its memory that is ours.
    pub scratch: Option<u64>,
    /// Where it has an instruction that makes a call.
    pub call_at: u64,
    pub handlers: Handlers,
    /// It has made sockets: somebody outside may speak to it.
    pub sockets: bool,
    /// What the instructions at these addresses do to a register.
    pub code: HashMap<u64, Option<Access>>,
    /// Lines whose descriptor has been made readable.
    pub awake: HashSet<i32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Memory,
    Chip,
    Line(u8),
    Timer,
}

impl Task {
    pub fn new(process: i32, number: u32, state: State) -> Task {
        Task {
            process,
            number,
            state,
            stop: Stop::Other,
            pass: false,
            held: Vec::new(),
            worked: Duration::ZERO,
            debt: Duration::ZERO,
            slices: 0,
            early: None,
        }
    }
}
