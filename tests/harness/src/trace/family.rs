//! Births, new programs and ends: who is being traced, and with whom it shares its descriptors.
use super::{
    arch::Registers,
    call::Call,
    event::{Decoded, Event},
    tracer::{Resume, Task, Tracer, resume},
};
use crate::process::Exit;
use nix::{libc, sys::ptrace, unistd::Pid};
use std::{cell::RefCell, rc::Rc};

impl Tracer {
    pub(super) fn adopt(&mut self, thread: i32, task: Task) {
        self.tasks.insert(thread, task);
        self.record.born(thread);
    }

    /// `fork`, `vfork` or `clone` has made a child. The child's own first stop may have come before this.
    pub(super) fn parent(&mut self, thread: Pid) {
        if let (Ok(child), Ok(registers)) = (ptrace::getevent(thread), Registers::get(thread)) {
            let child = child as i32;
            let flags = if registers.number() == libc::SYS_clone {
                registers.arg(0) as i32
            } else {
                0
            };
            if !self.stillborn.remove(&child) {
                self.birth(thread, child, flags);
            }
        }
        resume(thread, Resume::Run, 0);
    }

    fn birth(&mut self, parent: Pid, child: i32, flags: i32) {
        let Some(task) = self.tasks.get(&parent.as_raw()) else {
            return;
        };
        let has = |flag| flags & flag != 0;
        let is_thread = has(libc::CLONE_THREAD);
        let group = if is_thread { task.group } else { child };
        let mut new = Task::new(group);
        new.table = if has(libc::CLONE_FILES) {
            task.table.clone()
        } else {
            copy(&task.table)
        };
        new.handlers = if has(libc::CLONE_SIGHAND) {
            task.handlers.clone()
        } else {
            copy(&task.handlers)
        };
        self.adopt(child, new);
        let call = if is_thread { Call::Thread } else { Call::Fork };
        self.note(parent, call, Decoded::Nothing, i64::from(child));
        if let Some(signal) = self.held.remove(&child) {
            self.settle(Pid::from_raw(child), signal);
        }
    }

    /// A new program. It runs in the process's first thread, whichever thread asked for it; the other threads are gone without a word.
    pub(super) fn executed(&mut self, leader: Pid) {
        let asker = ptrace::getevent(leader).map_or(leader.as_raw(), |thread| thread as i32);
        let Some(task) = self
            .tasks
            .remove(&asker)
            .or_else(|| self.tasks.remove(&leader.as_raw()))
        else {
            return resume(leader, Resume::Run, 0);
        };
        let lost: Vec<i32> = self
            .tasks
            .iter()
            .filter(|(_, other)| other.group == task.group)
            .map(|(t, _)| *t)
            .collect();
        for thread in lost
            .into_iter()
            .chain([asker])
            .filter(|thread| *thread != leader.as_raw())
        {
            self.tasks.remove(&thread);
            self.record.gone(thread);
        }
        let mut new = Task::new(leader.as_raw());
        new.table = Rc::new(RefCell::new(task.table.borrow().after_exec()));
        self.tasks.insert(leader.as_raw(), new);
        self.release_orphans(Some(leader.as_raw()));
        match self.started.take() {
            Some(started) => started(),
            None => {
                let path = task.pending.map_or(Decoded::Nothing, |pending| pending.decoded);
                self.note(leader, Call::Execve, path, 0);
            }
        }
        resume(leader, Resume::Run, 0);
    }

    pub(super) fn ended(&mut self, thread: Pid, exit: Exit) {
        if self.tasks.remove(&thread.as_raw()).is_none() && self.held.remove(&thread.as_raw()).is_none() {
            self.stillborn.insert(thread.as_raw());
        }
        self.record.gone(thread.as_raw());
        if thread == self.main {
            self.record.ended(exit);
        }
        self.look_whether_frozen();
        self.release_orphans(None);
    }

    /// A child waits for its parent's event, which tells what they share. If the parent was killed in that very moment, none will come:
    /// then the child's parent is nobody we trace any more, or has become another program.
    fn release_orphans(&mut self, renewed: Option<i32>) {
        let waiting: Vec<(i32, i32)> = self.held.iter().map(|(child, signal)| (*child, *signal)).collect();
        for (child, signal) in waiting {
            let parent = parent_of(child);
            let may_come = parent
                .is_some_and(|parent| renewed != Some(parent) && self.tasks.values().any(|task| task.group == parent));
            if !may_come {
                self.held.remove(&child);
                self.adopt(child, Task::new(child));
                self.settle(Pid::from_raw(child), signal);
            }
        }
    }

    /// Records something that has no entry and return of its own.
    fn note(&mut self, thread: Pid, call: Call, args: Decoded, result: i64) {
        if !self.plan.records(call) || self.started.is_some() {
            return;
        }
        let process = self
            .tasks
            .get(&thread.as_raw())
            .map_or(thread.as_raw(), |task| task.group);
        let event = Event {
            call,
            args,
            result: Ok(result),
            fd: None,
            on_socket: false,
            thread: thread.as_raw(),
            process,
            began: self.record.now(),
            at: self.record.now(),
            fault: None,
        };
        let key = self.key();
        self.record.push(key, event);
    }

    pub(super) fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }
}

fn copy<T: Clone>(shared: &Rc<RefCell<T>>) -> Rc<RefCell<T>> {
    Rc::new(RefCell::new(shared.borrow().clone()))
}

/// The process that made this one, or, for a thread, the process it belongs to; from the one line that every level lets us read.
fn parent_of(thread: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse::<i32>().ok())
    };
    match field("Tgid:")? {
        group if group == thread => field("PPid:"),
        group => Some(group),
    }
}
