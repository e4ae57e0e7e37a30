//! The watchdog: a thread of the program that runs without a stop is made to stop, so that others get their turn.
//!
//! Such a thread computes, spins on memory that another one is to change, or is in a call that the supervisor does not know. The watchdog
//! sends it SIGSTOP; the supervisor never passes that on.
#![allow(unsafe_code)] // tgkill(2)

use nix::libc;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often it looks. A thread that was seen twice in the same run is stopped.
const TICK: Duration = Duration::from_millis(5);

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
    let mut last = 0;
    while !seen.over.load(Ordering::Acquire) {
        thread::park_timeout(TICK);
        let (run, thread) = (seen.run.load(Ordering::Relaxed), seen.thread.load(Ordering::Acquire));
        if thread != 0 && run == last {
            let process = seen.process.load(Ordering::Relaxed);
            // SAFETY: three numbers. If the thread has stopped meanwhile, it stops once more when it goes on; if it has ended, nothing happens.
            unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGSTOP) };
        }
        last = run;
    }
}
