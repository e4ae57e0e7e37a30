//! Calls that a stopped thread of the program makes for us, and memory of its process that is ours.

use super::{
    Alive, Gone, Supervisor,
    stops::Stopped,
    task::{State, Stop, Wait},
};
use crate::trace::{
    arch::Registers,
    memory::{peek, poke},
    tracer::Resume,
};
use nix::{errno::Errno, libc, unistd::Pid};
use std::time::Duration;

/// Size of the page that is ours.
const PAGE: u64 = 4096;

impl Supervisor {
    /// The thread makes this call, which must not wait, and stands behind it. Its registers are the caller's to put back, with
    /// [`answer`](Supervisor::answer) or [`pass`](Supervisor::pass).
    pub(super) fn call(&mut self, thread: i32, number: i64, args: &[u64]) -> Alive<i64> {
        let pid = Pid::from_raw(thread);
        let mut registers = Registers::get(pid)?;
        let (process, stop) = {
            let task = self.tasks.get(&thread).ok_or(Gone)?;
            (task.process, task.stop)
        };
        match stop {
            Stop::Entry => registers.set_number(number),
            Stop::Other => registers.call_from(self.process(process).call_at, number),
        }
        for (n, value) in args.iter().enumerate() {
            registers.set_arg(n, *value);
        }
        registers.set(pid)?;
        let mut returns = stop == Stop::Entry;
        loop {
            match self.until_stop(thread, Resume::ToReturn, 0)? {
                Stopped::Call if returns => break,
                Stopped::Call => returns = true,
                Stopped::Signal(signal) => self.hold(thread, signal),
                _ => {}
            }
        }
        self.tasks.get_mut(&thread).ok_or(Gone)?.stop = Stop::Other;
        Ok(Registers::get(pid)?.returned())
    }

    fn hold(&mut self, thread: i32, signal: i32) {
        if let Some(task) = self.tasks.get_mut(&thread).filter(|_| signal != libc::SIGSTOP) {
            task.held.push(signal);
        }
    }

    /// The call that the thread made at `entry` returns this, and was never made if it had not been.
    pub(super) fn answer(&mut self, thread: i32, entry: &Registers, result: i64) -> Alive<()> {
        let mut registers = entry.clone();
        if self.tasks.get(&thread).ok_or(Gone)?.stop == Stop::Entry {
            registers.set_number(-1);
        }
        registers.set_returned(result);
        Ok(registers.set(Pid::from_raw(thread))?)
    }

    /// It fails.
    pub(super) fn refuse(&mut self, thread: i32, entry: &Registers, errno: Errno) -> Alive<()> {
        self.answer(thread, entry, -(errno as i64))
    }

    /// The kernel is to make the call, and nobody looks at it again.
    pub(super) fn pass(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let task = self.tasks.get_mut(&thread).ok_or(Gone)?;
        if task.stop == Stop::Other {
            task.pass = true;
            self.rewind(thread, entry)?;
        }
        Ok(())
    }

    /// The thread is to make the call once more.
    pub(super) fn rewind(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let mut registers = entry.clone();
        if self.tasks.get(&thread).ok_or(Gone)?.stop == Stop::Entry {
            registers.set_number(-1);
            registers.set(Pid::from_raw(thread))?;
            registers = entry.clone();
        }
        registers.rewind();
        Ok(registers.set(Pid::from_raw(thread))?)
    }

    /// It waits.
    pub(super) fn park(&mut self, thread: i32, wait: Wait) {
        self.turn += 1;
        let turn = self.turn;
        if let Some(task) = self.tasks.get_mut(&thread) {
            task.worked = self.now;
            task.state = State::Waiting {
                wait: Box::new(wait),
                turn,
            };
        }
    }

    /// A thread that waits goes on: its call returns this.
    pub(super) fn finish(&mut self, thread: i32, result: i64) {
        let Some(State::Waiting { wait, .. }) = self.tasks.get(&thread).map(|task| &task.state) else {
            return;
        };
        let entry = wait.entry.clone();
        // An error: it has been killed, and its end is about to be seen.
        let _ = self.answer(thread, &entry, result);
        self.works(thread, Duration::ZERO);
    }

    /// The address of a page of the thread's process that nothing else uses.
    pub(super) fn scratch(&mut self, thread: i32) -> Alive<u64> {
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        if let Some(scratch) = self.process(process).scratch {
            return Ok(scratch);
        }
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as u64;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
        let page = self.call(thread, libc::SYS_mmap, &[0, PAGE, protection, flags, u64::MAX, 0])?;
        if page < 0 {
            return Err(Gone);
        }
        self.process(process).scratch = Some(page as u64);
        Ok(page as u64)
    }

    /// The same with these bytes in it.
    pub(super) fn scratch_with(&mut self, thread: i32, bytes: &[u8]) -> Alive<u64> {
        let page = self.scratch(thread)?;
        poke(Pid::from_raw(thread), page, bytes)?;
        Ok(page)
    }

    pub(super) fn peek<const N: usize>(&self, thread: i32, at: u64) -> Option<[u8; N]> {
        peek(Pid::from_raw(thread), at, N).ok()?.try_into().ok()
    }

    /// Writes into the program's memory; false where it has none, which is what EFAULT is for.
    pub(super) fn poke(&self, thread: i32, at: u64, bytes: &[u8]) -> bool {
        poke(Pid::from_raw(thread), at, bytes).is_ok()
    }
}
