//! Waiting for something to read, for as long as somebody is left who could send it.

use crate::session::Session;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::{
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

/// How often a wait looks whether a program is left that could end it.
const LOOK: Duration = Duration::from_millis(50);

impl Session {
    /// Waits until something can be read at `at` (a datagram, a connection), or until nothing will come: at the deadline, or when a program
    /// under test has crashed and none is left. A test of a program that only panics is then over at once, not after each deadline.
    pub fn wait_readable(&self, at: BorrowedFd<'_>, deadline: Instant) -> bool {
        loop {
            // Before the look: what a program sends just before its end is still seen.
            let last = self.all_have_crashed() || Instant::now() >= deadline;
            let look = if last {
                Duration::ZERO
            } else {
                deadline.saturating_duration_since(Instant::now()).min(LOOK)
            };
            // Rounded up: a last millisecond is not spent in looks of no length.
            let timeout = PollTimeout::try_from(look.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
            let found = poll(&mut [PollFd::new(at, PollFlags::POLLIN)], timeout);
            if found.is_ok_and(|count| count > 0) {
                return true;
            }
            if last {
                return false;
            }
        }
    }

    /// The programs under test are all over, and at least one of them crashed.
    fn all_have_crashed(&self) -> bool {
        let subjects = self.subjects();
        let all_over = subjects.iter().all(|program| program.over(Instant::now()).is_some());
        all_over && subjects.iter().any(|program| program.has_crashed())
    }
}
