//! The watchdog: a thread of the program that runs without a stop is made to stop, so that others get their turn.
//!
//! Such a thread computes, spins on memory that another one is to change, or is in a call that the supervisor does not know. The watchdog
//! sends it SIGSTOP; the supervisor never passes that on. A thread that only waits for a processor, on a busy machine, is left alone: what
//! it does next must not depend on who else is busy.
#![allow(unsafe_code)] // tgkill(2)

use nix::libc;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often it looks. A thread that was seen twice in the same run is stopped, unless it has hardly run.
const TICK: Duration = Duration::from_millis(5);
/// Who has computed for so long since it was first seen does not just take its time to begin.
const COMPUTES: Duration = Duration::from_millis(4);

#[derive(Default)]
struct Seen {
    process: AtomicI32,
    /// 0: nobody runs.
    thread: AtomicI32,
    run: AtomicU64,
    over: AtomicBool,
}

pub(super) struct Watch {
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub fn start() -> Watch {
        let seen = Arc::new(Seen::default());
        let theirs = seen.clone();
        let thread = thread::Builder::new()
            .name("pi watchdog".into())
            .spawn(move || guard(&theirs))
            .ok();
        Watch { seen, thread }
    }

    /// This thread of the program runs from now on.
    pub fn runs(&self, process: i32, thread: i32) {
        self.seen.process.store(process, Ordering::Relaxed);
        self.seen.run.fetch_add(1, Ordering::Relaxed);
        self.seen.thread.store(thread, Ordering::Release);
    }

    /// It has stopped.
    pub fn rests(&self) {
        self.seen.thread.store(0, Ordering::Release);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn guard(seen: &Seen) {
    let (mut last, mut computed) = (0, None);
    while !seen.over.load(Ordering::Acquire) {
        thread::park_timeout(TICK);
        let (run, thread) = (seen.run.load(Ordering::Relaxed), seen.thread.load(Ordering::Acquire));
        if thread == 0 {
            continue;
        }
        let process = seen.process.load(Ordering::Relaxed);
        if run != last {
            (last, computed) = (run, processor_time(process, thread));
        } else if is_stuck(process, thread, computed) {
            // SAFETY: three numbers. If the thread has stopped meanwhile, it stops once more when it goes on; if it has ended, nothing happens.
            unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGSTOP) };
        }
    }
}

/// Whether the thread waits in the kernel, or has computed for some time since it had `computed` for so long. Yes, where nobody can tell.
fn is_stuck(process: i32, thread: i32, computed: Option<Duration>) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")) else {
        return true;
    };
    // Behind the name, which may contain anything: the state (proc(5)).
    match stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()) {
        Some('R') => match (processor_time(process, thread), computed) {
            (Some(now), Some(before)) => now.saturating_sub(before) >= COMPUTES,
            _ => true,
        },
        Some('t' | 'T') => false, // it has stopped already
        _ => true,
    }
}

/// What the scheduler has given to the thread so far.
fn processor_time(process: i32, thread: i32) -> Option<Duration> {
    let counted = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat")).ok()?;
    let nanoseconds = counted.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
