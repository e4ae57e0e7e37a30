//! Signals to the program: who gets them, and what becomes of a call that waits.

use super::{
    Supervisor,
    task::{On, State},
};
use crate::pi::event::Kind;
use nix::{errno::Errno, libc};
use std::time::Duration;

impl Supervisor {
    /// Sends the program a signal. One thread of its first process takes it: the first one that does not block it.
    pub(super) fn send(&mut self, number: i32) {
        self.shared.lock().log(0, Kind::Signal(number));
        self.dirty = true;
        let main = self.main;
        let mut threads: Vec<(u32, i32)> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.process == main)
            .map(|(thread, task)| (task.number, *thread))
            .collect();
        threads.sort_unstable();
        match threads.into_iter().find(|(_, thread)| !blocks(*thread, number)) {
            Some((_, thread)) => self.deliver(thread, number),
            // It stays pending, for whoever asks (`signalfd`, `sigwait`).
            None => raise(main, main, number),
        }
    }

    fn deliver(&mut self, thread: i32, number: i32) {
        raise(self.main, thread, number);
        self.interrupt(thread, number);
    }

    /// Signals that came while the thread worked for us are sent once more.
    pub(super) fn redeliver(&mut self, thread: i32) {
        let Some(task) = self.tasks.get_mut(&thread) else {
            return;
        };
        let (held, process) = (std::mem::take(&mut task.held), task.process);
        for number in held {
            raise(process, thread, number);
            self.interrupt(thread, number);
        }
    }

    /// A call that waits ends early: with EINTR, or by beginning again.
    fn interrupt(&mut self, thread: i32, number: i32) {
        let Some(task) = self.tasks.get(&thread) else { return };
        let State::Waiting { wait, .. } = &task.state else {
            return;
        };
        let (wait, process) = ((**wait).clone(), task.process);
        let handlers = self.process(process).handlers;
        if handlers.ignores(number) {
            return;
        }
        if wait.restarts && handlers.restarts(number) {
            // An error: it has been killed, and its end is about to be seen.
            let _ = self.rewind(thread, &wait.entry);
            return self.ready(thread, Duration::ZERO, 0);
        }
        if let (On::Time { rest }, Some(deadline)) = (&wait.on, wait.deadline) {
            let left = deadline.saturating_sub(self.now);
            if *rest != 0 {
                self.poke(thread, *rest, &super::clock::timespec(left));
            }
        }
        self.finish(thread, -(Errno::EINTR as i64));
    }
}

fn blocks(thread: i32, number: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let mask = mask
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    mask >> (number - 1) & 1 == 1
}

#[allow(unsafe_code)] // tgkill(2)
fn raise(process: i32, thread: i32, number: i32) {
    // SAFETY: three numbers; a thread that has ended is not found.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, number) };
}
