//! The watchdog: a thread of the program that runs without a stop is made to stop, so that others get their turn.
//!
//! Such a thread computes, spins on memory that another one is to change, or is in a call that the supervisor does not know. The watchdog
//! sends it SIGSTOP; the supervisor never passes that on. A thread that only waits for a processor, because the machine is busy, is let
//! alone: which thread runs when would depend on the machine otherwise.
#![allow(unsafe_code)] // tgkill(2)

use nix::libc;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often it looks.
const TICK: Duration = Duration::from_millis(5);
/// A thread that has computed for so long since it was first seen in its run, or slept in a call for so long, is stopped.
const PATIENCE: Duration = Duration::from_millis(5);

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
    let mut last: Option<(u64, Look)> = None;
    while !seen.over.load(Ordering::Acquire) {
        thread::park_timeout(TICK);
        let (run, thread) = (seen.run.load(Ordering::Relaxed), seen.thread.load(Ordering::Acquire));
        if thread == 0 {
            continue;
        }
        let process = seen.process.load(Ordering::Relaxed);
        let look = Look::at(process, thread);
        match &last {
            Some((same, first)) if *same == run => {
                if !first.sleeps && look.sleeps {
                    // Asleep from now on.
                    last = Some((run, Look { ran: first.ran, ..look }));
                } else if look.is_enough(first) {
                    // SAFETY: three numbers. If the thread has stopped meanwhile, it stops once more when it goes on; if it has ended,
                    // nothing happens.
                    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGSTOP) };
                }
            }
            _ => last = Some((run, look)),
        }
    }
}

/// What the kernel tells of a thread.
struct Look {
    at: Instant,
    ran: Duration,
    /// It waits in a call. (Neither does a thread that waits for a processor, nor one that has stopped and waits for us.)
    sleeps: bool,
}

impl Look {
    fn at(process: i32, thread: i32) -> Look {
        let read = |file: &str| fs::read_to_string(format!("/proc/{process}/task/{thread}/{file}")).unwrap_or_default();
        let ran = read("schedstat")
            .split_whitespace()
            .next()
            .and_then(|nanos| nanos.parse().ok());
        let stat = read("stat");
        let state = stat.rsplit_once(')').map_or("", |(_, rest)| rest.trim_start());
        Look {
            at: Instant::now(),
            ran: Duration::from_nanos(ran.unwrap_or(0)),
            sleeps: state.starts_with(['S', 'D']),
        }
    }

    fn is_enough(&self, first: &Look) -> bool {
        let ran = self.ran.saturating_sub(first.ran);
        ran >= PATIENCE || (self.sleeps && first.sleeps && self.at - first.at >= PATIENCE)
    }
}
