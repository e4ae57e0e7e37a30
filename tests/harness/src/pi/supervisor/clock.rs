//! The Pi's clock as the program sees it: looks at it, and sleeping.

use super::{
    Alive, Gone, Supervisor,
    task::{On, Wait},
};
use crate::trace::{
    arch::Registers,
    bytes::u64_at,
    memory::{peek, poke},
};
use nix::{errno::Errno, libc, unistd::Pid};
use std::time::Duration;

/// What CLOCK_MONOTONIC says at the program's start.
pub(super) const BOOTED: Duration = Duration::from_secs(1000);
/// What CLOCK_REALTIME says then: 14 September 2016, 18:30:05 UTC.
const DAY: Duration = Duration::from_secs(1_473_877_805);
/// A look at the clock.
pub(super) const LOOK: Duration = Duration::from_micros(1);
/// Whoever looks again and again and does nothing else pays more and more, so that a busy loop of seconds is a matter of thousands of
/// looks: this part of the time since it last did something else.
const IMPATIENCE: u32 = 256;
const DEAREST_LOOK: Duration = Duration::from_micros(50);
/// A shorter sleep is what a step costs, and no wait: rppal takes such naps between two accesses, and a held clock lets them pass.
const NAP: Duration = Duration::from_millis(1);
/// `AT_SYSINFO_EHDR` and `AT_IGNORE` (getauxval(3)).
const VDSO: u64 = 33;
const IGNORE: u64 = 1;

impl Supervisor {
    /// `clock_gettime(2)`.
    pub(super) fn clock_gettime(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        match self.reads(entry.arg(0) as i32) {
            Some(time) => self.tells(thread, entry, entry.arg(1), &timespec(time), 0),
            // Processor time is real.
            None => {
                self.pass(thread, entry)?;
                self.looks(thread, LOOK);
                Ok(())
            }
        }
    }

    /// `gettimeofday(2)`.
    pub(super) fn gettimeofday(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let time = DAY + self.now;
        let parts = [time.as_secs(), u64::from(time.subsec_micros())];
        self.tells(thread, entry, entry.arg(0), &parts.map(u64::to_ne_bytes).concat(), 0)
    }

    /// `time(2)`.
    pub(super) fn time(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let seconds = (DAY + self.now).as_secs();
        self.tells(thread, entry, entry.arg(0), &seconds.to_ne_bytes(), seconds as i64)
    }

    fn tells(&mut self, thread: i32, entry: &Registers, at: u64, time: &[u8], result: i64) -> Alive<()> {
        let told = at == 0 || self.poke(thread, at, time);
        let result = if told { result } else { -(Errno::EFAULT as i64) };
        self.answer(thread, entry, result)?;
        self.looks(thread, LOOK);
        Ok(())
    }

    /// What a clock says, if it is one of the Pi's.
    fn reads(&self, clock: i32) -> Option<Duration> {
        Some(base(clock)? + self.now)
    }

    /// `nanosleep(2)`.
    pub(super) fn nanosleep(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let length = self.timespec_at(thread, entry.arg(0));
        let until = length.map(|length| self.now + length);
        self.sleep(thread, entry, until, entry.arg(1))
    }

    /// `clock_nanosleep(2)`.
    pub(super) fn clock_nanosleep(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let Some(zero) = base(entry.arg(0) as i32) else {
            return self.pass(thread, entry).map(|()| self.ready(thread, LOOK, 0));
        };
        let given = self.timespec_at(thread, entry.arg(2));
        match entry.arg(1) as i32 & libc::TIMER_ABSTIME {
            0 => self.sleep(thread, entry, given.map(|length| self.now + length), entry.arg(3)),
            _ => self.sleep(thread, entry, given.map(|at| at.saturating_sub(zero)), 0),
        }
    }

    fn sleep(&mut self, thread: i32, entry: &Registers, until: Option<Duration>, rest: u64) -> Alive<()> {
        let Some(until) = until else {
            self.refuse(thread, entry, Errno::EINVAL)?;
            self.ready(thread, LOOK, 0);
            return Ok(());
        };
        let length = until.saturating_sub(self.now);
        if length <= NAP {
            self.answer(thread, entry, 0)?;
            self.works(thread, length);
            return Ok(());
        }
        let wait = Wait {
            on: On::Time { rest },
            deadline: Some(until),
            late: 0,
            entry: entry.clone(),
            restarts: false,
        };
        self.park(thread, wait);
        Ok(())
    }

    /// `pause(2)`.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn pause(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let wait = Wait {
            on: On::Time { rest: 0 },
            deadline: None,
            late: 0,
            entry: entry.clone(),
            restarts: false,
        };
        self.park(thread, wait);
        Ok(())
    }

    /// The thread has looked at something, and goes on after what that costs.
    pub(super) fn looks(&mut self, thread: i32, least: Duration) {
        let Some(task) = self.tasks.get(&thread) else { return };
        let idle = self.now.saturating_sub(task.worked);
        let cost = (idle / IMPATIENCE).min(DEAREST_LOOK).max(least);
        self.shared.lock().spun += cost;
        self.ready(thread, cost, 0);
    }

    /// The thread has done something, and goes on after what that costs.
    pub(super) fn works(&mut self, thread: i32, cost: Duration) {
        self.ready(thread, cost, 0);
        let now = self.now;
        if let Some(task) = self.tasks.get_mut(&thread) {
            task.worked = now;
        }
    }

    /// Deadlines that have come: those of one time in the order in which the threads began to wait.
    pub(super) fn time_out(&mut self) {
        let mut late: Vec<(Duration, u64, i32, i64)> = self
            .tasks
            .iter()
            .filter_map(|(thread, task)| match &task.state {
                super::State::Waiting { wait, turn } => {
                    let deadline = wait.deadline.filter(|deadline| *deadline <= self.now)?;
                    Some((deadline, *turn, *thread, wait.late))
                }
                _ => None,
            })
            .collect();
        late.sort_unstable();
        for (_, _, thread, result) in late {
            self.finish(thread, result);
        }
    }

    /// A length of time or a moment in the program's memory; none where it is not one (`EINVAL`), or not there.
    pub(super) fn timespec_at(&self, thread: i32, at: u64) -> Option<Duration> {
        let bytes: [u8; 16] = self.peek(thread, at)?;
        let seconds = u64_at(&bytes, 0) as i64;
        let nanos = u64_at(&bytes, 8);
        // A hundred years are as good as for ever.
        let seconds = u64::try_from(seconds).ok()?.min(100 * 365 * 86_400);
        (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos as u32))
    }
}

/// What a clock said at the program's start, if it is one of the Pi's.
pub(super) fn base(clock: i32) -> Option<Duration> {
    match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => Some(DAY),
        libc::CLOCK_MONOTONIC | libc::CLOCK_MONOTONIC_RAW | libc::CLOCK_MONOTONIC_COARSE | libc::CLOCK_BOOTTIME => {
            Some(BOOTED)
        }
        _ => None,
    }
}

/// `struct timespec` of 64-bit machines.
pub(super) fn timespec(time: Duration) -> Vec<u8> {
    [time.as_secs(), u64::from(time.subsec_nanos())]
        .map(u64::to_ne_bytes)
        .concat()
}

/// At the first instruction of a program: the C library is not told of the vDSO, by which it would look at the clock without a call.
pub(super) fn take_the_vdso_away(thread: Pid) -> Alive<()> {
    let registers = Registers::get(thread)?;
    let mut at = registers.stack();
    let word = |at: u64| Ok::<u64, Gone>(u64_at(&peek(thread, at, 8)?, 0));
    // The number of arguments, the arguments, the environment; each list ends with a zero.
    at += 8 * (word(at)? + 2);
    while word(at)? != 0 {
        at += 8;
    }
    at += 8;
    loop {
        match word(at)? {
            0 => return Ok(()),
            VDSO => poke(thread, at, &IGNORE.to_ne_bytes())?,
            _ => {}
        }
        at += 16;
    }
}
