//! The stops of the program's threads: waiting for one, and what is done about each kind. Births and ends included.
#![allow(unsafe_code)] // the address in a page fault's siginfo

use super::{
    Alive, Gone, SPINS, Supervisor,
    task::{Process, State, Stop, Task},
};
use crate::{
    pi::event::Kind,
    process::Exit,
    trace::{
        Call,
        arch::Registers,
        tracer::{EVENT_STOP, Resume, resume, wait_any},
    },
};
use nix::{
    errno::Errno,
    libc,
    sys::{
        ptrace,
        signal::{Signal, kill},
    },
    unistd::Pid,
};
use std::time::Duration;

/// Why a thread has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Before a call that is looked at.
    Entry,
    /// Before or after a call, where that was asked for.
    Call,
    /// A signal is about to be delivered.
    Signal(i32),
    /// It has made a child; `vfork` waits for it.
    Born { vfork: bool },
    /// It runs a new program.
    Exec,
    /// For no reason of its own.
    Other,
}

impl Stopped {
    fn of(status: i32) -> Stopped {
        match (status >> 16, libc::WSTOPSIG(status)) {
            (libc::PTRACE_EVENT_SECCOMP, _) => Stopped::Entry,
            (libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_CLONE, _) => Stopped::Born { vfork: false },
            (libc::PTRACE_EVENT_VFORK, _) => Stopped::Born { vfork: true },
            (libc::PTRACE_EVENT_EXEC, _) => Stopped::Exec,
            (0, signal) if signal == libc::SIGTRAP | 0x80 => Stopped::Call,
            (0, signal) => Stopped::Signal(signal),
            _ => Stopped::Other,
        }
    }
}

impl Supervisor {
    /// Lets a thread go on until it stops again. What the others do meanwhile is births and ends.
    pub(super) fn until_stop(&mut self, thread: i32, how: Resume, signal: i32) -> Alive<Stopped> {
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        self.watch.runs(process, thread);
        resume(Pid::from_raw(thread), how, signal);
        let stopped = self.await_stop(thread);
        self.watch.rests();
        stopped
    }

    fn await_stop(&mut self, thread: i32) -> Alive<Stopped> {
        loop {
            match wait_any() {
                Err(Errno::EINTR) => {}
                Err(_) => {
                    self.tasks.clear();
                    return Err(Gone);
                }
                Ok((who, status)) if ended(status).is_some() => {
                    self.gone(who.as_raw(), status);
                    if who.as_raw() == thread {
                        return Err(Gone);
                    }
                }
                Ok((who, status)) if who.as_raw() == thread => return Ok(Stopped::of(status)),
                Ok((who, status)) => self.stopped_elsewhere(who.as_raw(), status),
            }
        }
    }

    /// A stop of a thread that does not run: a new one, or a parent whose child has let it go on.
    fn stopped_elsewhere(&mut self, thread: i32, status: i32) {
        match self.tasks.get_mut(&thread) {
            None => drop(self.newborn.insert(thread)),
            Some(task) if matches!(task.state, State::Absent) => {
                task.early = Some(status);
                self.ready(thread, Duration::ZERO, 0);
            }
            // It has just been born, and its parent's event came first.
            Some(_) if status >> 16 == EVENT_STOP => {}
            Some(task) => task.early = Some(status),
        }
    }

    /// The program runs when its supervisor begins; resuming it before it has stopped would lose that stop.
    pub(super) fn first_stop(&mut self) {
        let main = self.main;
        // An error: it has ended, and that has been seen to.
        let _ = self
            .await_stop(main)
            .and_then(|stopped| self.answer_stop(main, stopped));
    }

    /// Runs a thread until its next stop, and answers that.
    pub(super) fn go(&mut self, thread: i32) {
        let Some(task) = self.tasks.get_mut(&thread) else {
            return;
        };
        let State::Ready { signal, .. } = task.state else {
            return;
        };
        let early = task.early.take();
        let stopped = match early {
            Some(status) => Ok(Stopped::of(status)),
            None => self.until_stop(thread, Resume::Run, signal),
        };
        // An error: it has ended, and that has been seen to.
        let _ = stopped.and_then(|stopped| self.answer_stop(thread, stopped));
        self.redeliver(thread);
        self.await_doomed();
    }

    fn answer_stop(&mut self, thread: i32, stopped: Stopped) -> Alive<()> {
        let task = self.tasks.get_mut(&thread).ok_or(Gone)?;
        task.stop = if stopped == Stopped::Entry {
            Stop::Entry
        } else {
            Stop::Other
        };
        if stopped != Stopped::Signal(libc::SIGSTOP) {
            task.slices = 0;
        }
        match stopped {
            Stopped::Entry if self.begun.is_some() => self.ready(thread, Duration::ZERO, 0),
            Stopped::Entry => return self.entered(thread),
            Stopped::Signal(libc::SIGSEGV) => return self.page_fault(thread),
            Stopped::Signal(libc::SIGSTOP) => self.sliced(thread),
            Stopped::Signal(signal) => self.ready(thread, Duration::ZERO, signal),
            Stopped::Born { vfork } => return self.parent(thread, vfork),
            Stopped::Exec => return self.executed(thread),
            Stopped::Call | Stopped::Other => self.ready(thread, Duration::ZERO, 0),
        }
        Ok(())
    }

    /// The watchdog has stopped it.
    fn sliced(&mut self, thread: i32) {
        let Some(task) = self.tasks.get_mut(&thread) else {
            return;
        };
        task.slices = (task.slices + 1).min(SPINS);
        let number = task.number;
        let call = Registers::get(Pid::from_raw(thread)).map_or(-1, |registers| registers.number());
        let doing = match (call, Call::from_number(call)) {
            (_, Some(call)) => format!("is in the call `{}`, which does not return", call.name()),
            (0.., None) => format!("is in the call with the number {call}, which does not return"),
            _ => "computes without an end".to_owned(),
        };
        self.shared.lock().runs_on = Some(format!("its thread {number} {doing}"));
        self.ready(thread, Duration::ZERO, 0);
    }

    /// It may go on, after this much of the Pi's time, with this signal.
    pub(super) fn ready(&mut self, thread: i32, cost: Duration, signal: i32) {
        self.turn += 1;
        let (now, turn) = (self.now, self.turn);
        if let Some(task) = self.tasks.get_mut(&thread) {
            let at = now + cost + std::mem::take(&mut task.debt);
            task.state = State::Ready { at, turn, signal };
        }
    }

    fn parent(&mut self, thread: i32, vfork: bool) -> Alive<()> {
        let child = ptrace::getevent(Pid::from_raw(thread))? as i32;
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let is_thread = group_of(child) == Some(process);
        self.born += 1;
        let state = State::Ready {
            at: self.now,
            turn: self.turn,
            signal: 0,
        };
        let group = if is_thread { process } else { child };
        if !is_thread {
            let handlers = self.process(process).handlers;
            self.processes.insert(
                child,
                Process {
                    handlers,
                    ..Process::default()
                },
            );
        }
        self.tasks.insert(child, Task::new(group, self.born, state));
        if !self.newborn.remove(&child) {
            self.await_birth(child);
        }
        self.ready(child, Duration::ZERO, 0);
        self.ready(thread, Duration::ZERO, 0);
        if vfork {
            resume(Pid::from_raw(thread), Resume::Run, 0);
            self.tasks.get_mut(&thread).ok_or(Gone)?.state = State::Absent;
        }
        Ok(())
    }

    /// A child that has not stopped yet does so at once.
    fn await_birth(&mut self, child: i32) {
        // An error: it was killed first.
        let _ = self.await_stop(child);
    }

    /// A new program: the first one is the program under test itself.
    fn executed(&mut self, thread: i32) -> Alive<()> {
        let asker = ptrace::getevent(Pid::from_raw(thread))? as i32;
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        if asker != thread {
            let number = self.tasks.get(&asker).map_or(0, |task| task.number);
            self.tasks.get_mut(&thread).ok_or(Gone)?.number = number;
        }
        self.tasks
            .retain(|other, task| task.process != process || *other == thread);
        self.processes.insert(process, Process::default());
        super::clock::take_the_vdso_away(Pid::from_raw(thread))?;
        if let Some(begun) = self.begun.take() {
            self.zero = std::time::Instant::now();
            self.shared.tell(|state| state.begun = true);
            begun();
        }
        self.ready(thread, Duration::ZERO, 0);
        Ok(())
    }

    /// A process that is about to end is waited for at once: its other threads are not to be taken for waiting ones.
    fn await_doomed(&mut self) {
        let Some(process) = self.doomed.take() else { return };
        while self.tasks.values().any(|task| task.process == process) {
            match wait_any() {
                Ok((who, status)) if ended(status).is_some() => self.gone(who.as_raw(), status),
                Ok((who, status)) => self.stopped_elsewhere(who.as_raw(), status),
                Err(Errno::EINTR) => {}
                Err(_) => return self.tasks.clear(),
            }
        }
        self.doomed = None;
    }

    /// `exit_group`: it is let go, and does not come back.
    pub(super) fn leaves(&mut self, thread: i32, process: i32) {
        self.doomed = Some(process);
        resume(Pid::from_raw(thread), Resume::Run, 0);
    }

    fn gone(&mut self, thread: i32, status: i32) {
        self.newborn.remove(&thread);
        let Some(task) = self.tasks.remove(&thread) else { return };
        if libc::WIFSIGNALED(status) {
            self.doomed = Some(task.process);
        }
        self.dirty = true;
        self.recheck = true;
        if !self.tasks.values().any(|other| other.process == task.process) {
            let files = self.processes.remove(&task.process).map(|process| process.files);
            self.release_lines(files.unwrap_or_default().into_values());
        }
        if let Some(exit) = ended(status).filter(|_| thread == self.main) {
            let how = match exit {
                Exit::Code(code) => format!("exits with code {code}"),
                Exit::Signal(number) => format!("is ended by signal {number}"),
            };
            self.shared.tell(|state| {
                state.log(task.number, Kind::Ended(how));
                (state.exit, state.over) = (Some(exit), true);
            });
        }
    }

    /// Kills what is left and reaps all.
    pub(super) fn bury(&mut self) {
        let doomed: Vec<i32> = self.tasks.keys().chain(&self.newborn).copied().collect();
        for thread in doomed {
            let _ = kill(Pid::from_raw(thread), Signal::SIGKILL);
        }
        loop {
            match wait_any() {
                Ok((who, status)) if ended(status).is_some() => self.gone(who.as_raw(), status),
                // It had not been killed yet.
                Ok((who, _)) => drop(kill(who, Signal::SIGKILL)),
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    pub(super) fn process(&mut self, process: i32) -> &mut Process {
        self.processes.entry(process).or_default()
    }
}

/// How it ended, if it did.
fn ended(status: i32) -> Option<Exit> {
    match status {
        status if libc::WIFEXITED(status) => Some(Exit::Code(libc::WEXITSTATUS(status))),
        status if libc::WIFSIGNALED(status) => Some(Exit::Signal(libc::WTERMSIG(status))),
        _ => None,
    }
}

/// The process that a thread belongs to.
fn group_of(thread: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}
