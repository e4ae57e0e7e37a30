//! Timers that are descriptors (`timerfd_create(2)`): what a loop around `select` may wait with in place of a time-out.
//!
//! The descriptor is an `eventfd`, whose count reads as that of a timer does. When the Pi's clock has come to a timer's time, the number of
//! times that it has rung is added to the count, by whoever of its process is the next to ask for a descriptor.

use super::{
    Alive, Gone, Supervisor,
    clock::{LOOK, base, timespec},
    task::File,
};
use crate::trace::arch::Registers;
use nix::{errno::Errno, libc};
use std::time::Duration;

/// Bytes of a `struct timespec`; a `struct itimerspec` is two of them, the interval first.
const TIMESPEC: u64 = 16;

/// What a timer is set to.
#[derive(Debug, Clone, Default)]
pub(super) struct Timer {
    /// What its clock said at the Pi's zero.
    zero: Duration,
    next: Option<Duration>,
    /// Zero: it rings once.
    interval: Duration,
    /// Rung, and not yet told.
    rung: u64,
}

impl Timer {
    /// When it rings next.
    pub fn next(&self) -> Option<Duration> {
        self.next
    }

    /// The clock has come to `now`. True: it rings.
    fn advance(&mut self, now: Duration) -> bool {
        let Some(next) = self.next.filter(|next| *next <= now) else {
            return false;
        };
        let times = match self.interval.as_nanos() {
            0 => 1,
            interval => 1 + ((now - next).as_nanos() / interval) as u64,
        };
        let on = Duration::from_nanos((self.interval.as_nanos() * u128::from(times)) as u64);
        self.next = (!self.interval.is_zero()).then(|| next + on);
        self.rung += times;
        true
    }

    /// As `struct itimerspec` says it: how long until it rings.
    fn setting(&self, now: Duration) -> Vec<u8> {
        let left = self.next.map_or(Duration::ZERO, |next| {
            next.saturating_sub(now).max(Duration::from_nanos(1))
        });
        [timespec(self.interval), timespec(left)].concat()
    }
}

impl Supervisor {
    pub(super) fn timerfd_create(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let made = match base(entry.arg(0) as i32) {
            // TFD_NONBLOCK and TFD_CLOEXEC are an eventfd's flags.
            Some(zero) => {
                let fd = self.call(thread, libc::SYS_eventfd2, &[0, entry.arg(1)])?;
                if fd >= 0 {
                    let process = self.tasks.get(&thread).ok_or(Gone)?.process;
                    let process = self.process(process);
                    process.files.insert(fd as i32, File::Timer);
                    let timer = Timer {
                        zero,
                        ..Timer::default()
                    };
                    process.timers.insert(fd as i32, timer);
                }
                fd
            }
            None => -(Errno::EINVAL as i64),
        };
        self.answer(thread, entry, made)?;
        self.works(thread, LOOK);
        Ok(())
    }

    pub(super) fn timerfd_settime(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let (fd, at, old) = (entry.arg(0) as i32, entry.arg(2), entry.arg(3));
        let interval = self.timespec_at(thread, at);
        let value = self.timespec_at(thread, at + TIMESPEC);
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let before = self.process(process).timers.get(&fd).cloned();
        let result = match (before, interval, value) {
            (None, ..) => -(Errno::EINVAL as i64),
            (_, None, _) | (_, _, None) => -(Errno::EINVAL as i64),
            (Some(before), Some(interval), Some(value)) => {
                self.forget_rings(thread, fd)?;
                if old != 0 {
                    self.poke(thread, old, &before.setting(self.now));
                }
                let absolute = entry.arg(1) as i32 & libc::TFD_TIMER_ABSTIME != 0;
                let at = if absolute {
                    value.saturating_sub(before.zero)
                } else {
                    self.now + value
                };
                let timer = Timer {
                    next: (!value.is_zero()).then_some(at),
                    interval,
                    zero: before.zero,
                    rung: 0,
                };
                self.process(process).timers.insert(fd, timer);
                0
            }
        };
        self.answer(thread, entry, result)?;
        self.works(thread, LOOK);
        Ok(())
    }

    pub(super) fn timerfd_gettime(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let timer = self.process(process).timers.get(&(entry.arg(0) as i32)).cloned();
        let result = match timer {
            Some(timer) if self.poke(thread, entry.arg(1), &timer.setting(self.now)) => 0,
            Some(_) => -(Errno::EFAULT as i64),
            None => -(Errno::EINVAL as i64),
        };
        self.answer(thread, entry, result)?;
        self.works(thread, LOOK);
        Ok(())
    }

    /// The descriptor is not readable any more.
    fn forget_rings(&mut self, thread: i32, fd: i32) -> Alive<()> {
        if self.is_ready_to_read(thread, fd)? {
            let at = self.scratch(thread)?;
            self.call(thread, libc::SYS_read, &[fd as u64, at, 8])?;
        }
        Ok(())
    }

    /// The clock has moved.
    pub(super) fn advance_timers(&mut self) {
        let timers = self
            .processes
            .values_mut()
            .flat_map(|process| process.timers.values_mut());
        let now = self.now;
        let rings = timers.fold(false, |rings, timer| timer.advance(now) | rings);
        self.dirty |= rings;
    }

    /// Adds to the descriptors how often their timers have rung, for whoever asks next.
    pub(super) fn ring(&mut self, thread: i32) -> Alive<()> {
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let timers = self.process(process).timers.iter_mut();
        let rung: Vec<(i32, u64)> = timers
            .filter(|(_, timer)| timer.rung > 0)
            .map(|(fd, timer)| (*fd, std::mem::take(&mut timer.rung)))
            .collect();
        for (fd, times) in rung {
            let at = self.scratch_with(thread, &times.to_ne_bytes())?;
            self.call(thread, libc::SYS_write, &[fd as u64, at, 8])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_timer_that_repeats_counts_what_nobody_has_read() {
        let mut timer = Timer {
            next: Some(ms(250)),
            interval: ms(100),
            ..Timer::default()
        };
        assert!(!timer.advance(ms(249)));
        assert!(timer.advance(ms(250)) && timer.advance(ms(600)));
        assert_eq!((timer.rung, timer.next), (4, Some(ms(650))));
    }

    #[test]
    fn a_timer_without_an_interval_rings_once() {
        let mut timer = Timer {
            next: Some(ms(5)),
            ..Timer::default()
        };
        assert!(timer.advance(ms(9)) && !timer.advance(ms(10)));
        assert_eq!((timer.rung, timer.next), (1, None));
    }
}
