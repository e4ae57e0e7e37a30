//! Whether a deadline that has passed says something about the program, or only that this machine was too busy to run it.
//!
//! Linux counts for every thread how long it was ready to run and waited for a processor (`/proc/PID/schedstat`). In a conversation one
//! side runs at a time, so what they waited together is time in which the conversation stood still for nobody's fault. A program that
//! computes without end waits too, where others compute: but it also gets its share, and a program that got so much had its chance.

use crate::proc;
use nix::unistd::Pid;
use std::{fs, time::Duration};

/// Of the time that a step may take, waiting for a processor took so much: then the deadline proves nothing.
const WAITED: f64 = 0.5;
/// Of the whole test's time, its processes computed for so much: then they had a processor.
const COMPUTED: f64 = 0.15;

/// A single program that computed for so long has had all that a check of this course needs: the reference solutions need 0.2 s at most, all
/// their programs together. So an endless loop is told from a program that never had its turn, until a dozen others share its processor.
const HAD_ITS_TURN: Duration = Duration::from_millis(250);

/// What a test and its programs did while it lasted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    /// Ready to run, but another process had the processor.
    pub waited: Duration,
    /// Ran; ended children of theirs included.
    pub computed: Duration,
    /// The same of the one program that did most of it; not of the test.
    pub busiest: Duration,
}

impl Share {
    /// Of this process and of `programs` with all that they started, as far as they are still there.
    pub fn of(programs: &[Pid]) -> Share {
        let family = programs
            .iter()
            .flat_map(|program| std::iter::once(program.as_raw()).chain(proc::descendants(*program)));
        let mut share = Share::default();
        for process in family.chain([std::process::id().cast_signed()]) {
            let threads = threads(process);
            let computed = threads.computed + proc::ended_children_cpu(Pid::from_raw(process));
            share.computed += computed;
            share.waited += threads.waited;
            if process.cast_unsigned() != std::process::id() {
                share.busiest = share.busiest.max(computed);
            }
        }
        share
    }

    /// Whether a deadline of `step` means nothing in a test that has lasted for `elapsed`.
    pub fn is_starved(self, step: Duration, elapsed: Duration) -> bool {
        let had_no_turn = self.computed < elapsed.mul_f64(COMPUTED) && self.busiest < HAD_ITS_TURN;
        self.waited >= step.mul_f64(WAITED) && had_no_turn
    }
}

/// All threads of a process together. `schedstat` has three numbers: nanoseconds run, nanoseconds waited, times run. (The processor time
/// in `stat` is rounded down to hundredths of a second, in which a fork bomb of hundreds of processes would hide.)
fn threads(process: i32) -> Share {
    let threads = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    let mut share = Share::default();
    for stat in stats {
        let mut times = stat
            .split_whitespace()
            .map(|nanos| Duration::from_nanos(nanos.parse().unwrap_or(0)));
        share.computed += times.next().unwrap_or_default();
        share.waited += times.next().unwrap_or_default();
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_that_neither_computed_nor_slept_is_starved() {
        let second = Duration::from_secs(1);
        let (step, elapsed) = (3 * second, 3 * second);
        for (what, waited, computed, starved) in [
            ("it slept", 0.1, 0.01, false),
            ("nine others had the processor", 2.6, 0.1, true),
            ("an endless loop beside one other", 1.5, 1.5, false),
            ("an endless loop beside four others", 2.4, 0.6, false),
            ("an endless loop beside nine others", 2.7, 0.3, false),
        ] {
            let share = Share {
                waited: second.mul_f64(waited),
                computed: second.mul_f64(computed),
                busiest: second.mul_f64(computed),
            };
            assert_eq!(share.is_starved(step, elapsed), starved, "{what}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_computes() {
        let until = std::time::Instant::now() + Duration::from_millis(50);
        while std::time::Instant::now() < until {}
        let share = Share::of(&[]);
        assert!(share.computed > Duration::ZERO, "{share:?}");
    }
}
