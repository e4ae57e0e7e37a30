//! Threads that are interrupted in places where nobody expects it.
//!
//! Two threads that get in each other's way do so once in a million times, and never while somebody looks: the kernel takes the
//! processor away from a thread every few milliseconds, and in between it runs undisturbed. Here a timer interrupts a thread five
//! thousand times a second, wherever it is, and lets the others run first. Nothing happens that could not happen anyway; it only happens
//! more often.
#![allow(unsafe_code)] // a signal's handler, and the one call in it

use std::time::Duration;

/// Interrupts the thread that made it, as long as it lives.
pub struct Restless {
    #[cfg(target_os = "linux")]
    _timer: Option<nix::sys::timer::Timer>,
}

/// Interrupts the calling thread again and again, this far apart. Where the system has no such timer, it does nothing.
#[must_use = "it ends when it is dropped"]
pub fn restless(apart: Duration) -> Restless {
    #[cfg(target_os = "linux")]
    return Restless {
        _timer: here::timer(apart).ok(),
    };
    #[cfg(not(target_os = "linux"))]
    {
        let _ = apart;
        Restless {}
    }
}

#[cfg(target_os = "linux")]
mod here {
    use nix::errno::Errno;
    use nix::libc;
    use nix::sys::signal::{SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction};
    use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
    use nix::time::ClockId;
    use nix::unistd::gettid;
    use std::cell::Cell;
    use std::time::Duration;

    pub fn timer(apart: Duration) -> nix::Result<Timer> {
        let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler makes one system call, which takes nothing and keeps nothing, and leaves errno as it was.
        unsafe { sigaction(Signal::SIGPROF, &action)? };
        let mut timer = Timer::new(
            ClockId::CLOCK_MONOTONIC,
            SigEvent::new(SigevNotify::SigevThreadId {
                signal: Signal::SIGPROF,
                thread_id: gettid().as_raw(),
                si_value: 0,
            }),
        )?;
        timer.set(Expiration::Interval(apart.into()), TimerSetTimeFlags::empty())?;
        Ok(timer)
    }

    thread_local!(static AGAIN: Cell<bool> = const { Cell::new(false) });

    /// Gives way at every second signal. On a busy machine one has always arrived while the thread was waiting for its turn; if it gave
    /// way to that one, it would never get anywhere.
    extern "C" fn on_signal(_: libc::c_int) {
        if !AGAIN.replace(!AGAIN.get()) {
            return;
        }
        let errno = Errno::last_raw();
        // SAFETY: it has no arguments and touches no memory of ours.
        unsafe { libc::sched_yield() };
        Errno::set_raw(errno);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn two_steps_are_not_one() {
        let (counter, start) = (AtomicU32::new(0), Barrier::new(4));
        let count = || {
            let _restless = super::restless(Duration::from_micros(200));
            start.wait();
            for _ in 0..200_000 {
                let before = counter.load(Ordering::SeqCst);
                counter.store(before + 1, Ordering::SeqCst);
            }
        };
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(count))));
        assert!(counter.into_inner() < 800_000, "some were lost");
    }
}
