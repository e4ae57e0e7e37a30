//! Locks, condition variables, joins: `futex(2)`, answered here in full. The kernel never holds a waiter, so it is always known who can run.

use super::{
    Alive, Supervisor,
    clock::base,
    task::{On, State, Wait},
};
use crate::trace::{arch::Registers, memory::peek_u32};
use nix::{errno::Errno, libc, unistd::Pid};
use std::time::Duration;

/// Everybody.
const ANY: u32 = u32::MAX;

impl Supervisor {
    pub(super) fn futex(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let operation = entry.arg(1) as i32;
        let result = match operation & libc::FUTEX_CMD_MASK {
            libc::FUTEX_WAIT => return self.futex_wait(thread, entry, ANY),
            libc::FUTEX_WAIT_BITSET => return self.futex_wait(thread, entry, entry.arg(5) as u32),
            libc::FUTEX_WAKE => self.wake(thread, entry.arg(0), entry.arg(2), ANY),
            libc::FUTEX_WAKE_BITSET => self.wake(thread, entry.arg(0), entry.arg(2), entry.arg(5) as u32),
            libc::FUTEX_REQUEUE => self.requeue(thread, entry),
            libc::FUTEX_CMP_REQUEUE => {
                let unchanged = peek_u32(Pid::from_raw(thread), entry.arg(0)) == Some(entry.arg(5) as u32);
                if unchanged {
                    self.requeue(thread, entry)
                } else {
                    -(Errno::EAGAIN as i64)
                }
            }
            _ => -(Errno::ENOSYS as i64),
        };
        self.answer(thread, entry, result)?;
        self.works(thread, Duration::ZERO);
        Ok(())
    }

    fn futex_wait(&mut self, thread: i32, entry: &Registers, mask: u32) -> Alive<()> {
        let (address, value) = (entry.arg(0), entry.arg(2) as u32);
        if peek_u32(Pid::from_raw(thread), address) != Some(value) {
            self.refuse(thread, entry, Errno::EAGAIN)?;
            self.works(thread, Duration::ZERO);
            return Ok(());
        }
        let deadline = self.futex_deadline(thread, entry);
        let wait = Wait {
            on: On::Futex { address, value, mask },
            deadline,
            late: -(Errno::ETIMEDOUT as i64),
            entry: entry.clone(),
            restarts: deadline.is_none(),
        };
        self.park(thread, wait);
        Ok(())
    }

    /// A plain wait counts from now, one with a mask by a clock.
    fn futex_deadline(&self, thread: i32, entry: &Registers) -> Option<Duration> {
        let given = (entry.arg(3) != 0)
            .then(|| self.timespec_at(thread, entry.arg(3)))
            .flatten()?;
        let operation = entry.arg(1) as i32;
        if operation & libc::FUTEX_CMD_MASK == libc::FUTEX_WAIT {
            return Some(self.now + given);
        }
        let real = operation & libc::FUTEX_CLOCK_REALTIME != 0;
        let zero = base(if real {
            libc::CLOCK_REALTIME
        } else {
            libc::CLOCK_MONOTONIC
        })?;
        Some(given.saturating_sub(zero).max(self.now))
    }

    /// Wakes so many of those who wait at this address of the thread's process, the longest waiting first; how many it were.
    fn wake(&mut self, thread: i32, address: u64, most: u64, mask: u32) -> i64 {
        let waiting = self.waiters(thread, address, mask);
        let woken: Vec<i32> = waiting
            .into_iter()
            .take(most.min(u64::from(i32::MAX as u32)) as usize)
            .collect();
        for waiter in &woken {
            self.finish(*waiter, 0);
        }
        woken.len() as i64
    }

    fn requeue(&mut self, thread: i32, entry: &Registers) -> i64 {
        let (from, to) = (entry.arg(0), entry.arg(4));
        let woken = self.wake(thread, from, entry.arg(2), ANY);
        let moved = self.waiters(thread, from, ANY).into_iter().take(entry.arg(3) as usize);
        let mut count = woken;
        for waiter in moved {
            if let Some(State::Waiting { wait, .. }) = self.tasks.get_mut(&waiter).map(|task| &mut task.state)
                && let On::Futex { address, .. } = &mut wait.on
            {
                *address = to;
                count += 1;
            }
        }
        count
    }

    /// Who waits at this address, the longest waiting first.
    fn waiters(&self, thread: i32, at: u64, bits: u32) -> Vec<i32> {
        let process = self.tasks.get(&thread).map(|task| task.process);
        let mut waiters: Vec<(u64, i32)> = self
            .tasks
            .iter()
            .filter_map(|(waiter, task)| match &task.state {
                State::Waiting { wait, turn } if Some(task.process) == process => match wait.on {
                    On::Futex { address, mask, .. } if address == at && mask & bits != 0 => Some((*turn, *waiter)),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        waiters.sort_unstable();
        waiters.into_iter().map(|(_, waiter)| waiter).collect()
    }

    /// A thread's end clears a word and wakes whoever joins it, in the kernel, which knows of no waiters. So the words are looked at.
    pub(super) fn recheck_words(&mut self) {
        self.recheck = false;
        let waiting: Vec<(i32, u64, u32)> = self
            .tasks
            .iter()
            .filter_map(|(thread, task)| match &task.state {
                State::Waiting { wait, .. } => match wait.on {
                    On::Futex { address, value, .. } => Some((*thread, address, value)),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        for (thread, address, value) in waiting {
            if peek_u32(Pid::from_raw(thread), address).is_some_and(|word| word != value) {
                self.finish(thread, 0);
            }
        }
    }

    /// Descriptors of a process that is gone, or that it has closed.
    pub(super) fn release_lines(&mut self, files: impl Iterator<Item = super::task::File>) {
        for file in files {
            if let super::task::File::Line(pin) = file {
                self.board(0, |state, _| state.board.release(pin));
            }
        }
    }

    /// Who waits for what, in words.
    pub(super) fn who_waits(&self) -> String {
        let mut waiting: Vec<(u32, String)> = self
            .tasks
            .values()
            .filter_map(|task| match &task.state {
                State::Waiting { wait, .. } => Some((task.number, words(wait).to_owned())),
                _ => None,
            })
            .collect();
        waiting.sort();
        let each = waiting.iter().map(|(number, what)| format!("thread {number} {what}"));
        each.collect::<Vec<_>>().join(", ") + ", and nothing more is going to happen at the board"
    }
}

fn words(wait: &Wait) -> &'static str {
    match wait.on {
        On::Time { .. } => "waits for a signal",
        On::Futex { .. } => "waits for another thread",
        On::Files(_) => "waits for descriptors",
        On::Line(_) => "reads interrupts",
    }
}
