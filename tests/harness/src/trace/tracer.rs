//! The loop of the tracer thread: waits for stops, answers each, until nothing of the subject is left.
//!
//! Only this thread may wait for the tracees or make a ptrace request, so everything that happens to them happens here. Any request may
//! fail with ESRCH, because SIGKILL ends a stopped thread at once; the wait then tells of its end, and nothing else needs to be done.
#![allow(unsafe_code)] // waitpid with raw statuses, and requests that nix does not have
use super::{
    Plan, call::Call, decode::Args, event::Decoded, fault::Fault, fds::Table, record::Record, rewrite::Undo,
    signals::Handlers, strike::Faults,
};
use crate::process::Exit;
use nix::{errno::Errno, libc, unistd::Pid};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

/// `status >> 16` of a stop that PTRACE_SEIZE brings for group stops and new tracees (`linux/ptrace.h`; not in libc for gnu).
pub(crate) const EVENT_STOP: i32 = 128;

/// One thread of the subject.
pub(super) struct Task {
    /// The process it belongs to.
    pub group: i32,
    pub table: Rc<RefCell<Table>>,
    pub handlers: Rc<RefCell<Handlers>>,
    /// The call it is in, if its end is wanted.
    pub pending: Option<Pending>,
    /// The call that a signal broke off with this restart code, and that may begin again.
    pub restarting: Option<(Pending, i64)>,
    /// It stands still for SIGSTOP.
    pub listening: bool,
}

/// A call between its entry and its return.
pub(super) struct Pending {
    pub call: Call,
    pub args: Args,
    pub fd: Option<i32>,
    pub on_socket: bool,
    pub recorded: bool,
    pub decoded: Decoded,
    pub fault: Option<Fault>,
    pub undo: Option<Undo>,
    /// Its place among the events, if it was given one at its entry.
    pub key: Option<u64>,
    /// The faults have counted it: it is a call that begins again.
    pub counted: bool,
    pub at: std::time::Duration,
}

/// The tracer of one subject and all its descendants.
pub(super) struct Tracer {
    pub main: Pid,
    pub tasks: HashMap<i32, Task>,
    /// New tracees whose parent's event has not come yet, with the status of their first stop.
    pub held: HashMap<i32, i32>,
    /// Tracees that ended before their parent's event came.
    pub stillborn: HashSet<i32>,
    pub plan: Plan,
    pub faults: Faults,
    pub record: Arc<Record>,
    pub next_key: u64,
    /// Told once when the subject's program has begun. Before that, calls are our own preparations.
    pub started: Option<Box<dyn FnOnce()>>,
}

impl Tracer {
    pub(super) fn new(main: Pid, plan: Plan, record: Arc<Record>, started: Box<dyn FnOnce()>) -> Tracer {
        let faults = Faults(plan.faults.clone());
        let mut tracer = Tracer {
            main,
            tasks: HashMap::new(),
            held: HashMap::new(),
            stillborn: HashSet::new(),
            plan,
            faults,
            record,
            next_key: 0,
            started: Some(started),
        };
        tracer.adopt(main.as_raw(), Task::new(main.as_raw()));
        tracer
    }

    /// Answers stops until there is no tracee left.
    pub(super) fn run(&mut self) {
        loop {
            match wait_any() {
                Ok((thread, status)) => self.answer(thread, status),
                Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => return,
                Err(errno) => return self.record.failed(format!("waitpid: {errno}")),
            }
        }
    }

    fn answer(&mut self, thread: Pid, status: i32) {
        if libc::WIFEXITED(status) {
            return self.ended(thread, Exit::Code(libc::WEXITSTATUS(status)));
        }
        if libc::WIFSIGNALED(status) {
            return self.ended(thread, Exit::Signal(libc::WTERMSIG(status)));
        }
        if self.record.is_dying() {
            let _ = nix::sys::signal::kill(thread, nix::sys::signal::Signal::SIGKILL);
        }
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            libc::PTRACE_EVENT_SECCOMP => self.entered(thread),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => self.parent(thread),
            libc::PTRACE_EVENT_EXEC => self.executed(thread),
            EVENT_STOP => self.stopped(thread, signal),
            0 if signal == libc::SIGTRAP | 0x80 => self.returned(thread),
            0 => self.signalled(thread, signal),
            _ => resume(thread, Resume::Run, 0),
        }
    }

    /// A signal is about to be delivered. It may decide what becomes of a call that it broke off.
    fn signalled(&mut self, thread: Pid, signal: i32) {
        let interrupted = self.tasks.get_mut(&thread.as_raw()).and_then(|task| {
            let handlers = *task.handlers.borrow();
            task.restarting.take_if(|(_, code)| handlers.interrupts(*code, signal))
        });
        if let Some((pending, _)) = interrupted {
            self.finish(thread, pending, -(Errno::EINTR as i64));
        }
        resume(thread, Resume::Run, signal);
    }

    /// The first stop of a new tracee, a group stop, or the end of one.
    fn stopped(&mut self, thread: Pid, signal: i32) {
        if !self.tasks.contains_key(&thread.as_raw()) {
            self.held.insert(thread.as_raw(), signal);
            return;
        }
        self.settle(thread, signal);
    }

    /// Answers such a stop of a known task. After a stopping signal LISTEN keeps it stopped; with CONT it would run on.
    pub(super) fn settle(&mut self, thread: Pid, signal: i32) {
        let stays = matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU);
        if let Some(task) = self.tasks.get_mut(&thread.as_raw()) {
            task.listening = stays;
        }
        self.look_whether_frozen();
        resume(thread, if stays { Resume::Listen } else { Resume::Run }, 0);
    }

    /// Frozen is who has stopped with all its threads.
    pub(super) fn look_whether_frozen(&self) {
        let main = self.main.as_raw();
        let mut of_main = self.tasks.values().filter(|task| task.group == main).peekable();
        self.record
            .set_frozen(of_main.peek().is_some() && of_main.all(|task| task.listening));
    }
}

impl Task {
    pub(super) fn new(group: i32) -> Task {
        Task {
            group,
            table: Rc::default(),
            handlers: Rc::default(),
            pending: None,
            restarting: None,
            listening: false,
        }
    }
}

/// How a stopped tracee goes on.
#[derive(Clone, Copy)]
pub(crate) enum Resume {
    /// Until the next traced call or event.
    Run,
    /// Until the call it is in returns.
    ToReturn,
    /// Not at all, but it may be told to.
    Listen,
    /// For one instruction.
    Step,
}

/// nix cannot carry real-time signals and has no LISTEN.
pub(crate) fn resume(thread: Pid, how: Resume, signal: i32) {
    let request = match how {
        Resume::Run => libc::PTRACE_CONT,
        Resume::ToReturn => libc::PTRACE_SYSCALL,
        Resume::Listen => libc::PTRACE_LISTEN,
        Resume::Step => libc::PTRACE_SINGLESTEP,
    };
    // SAFETY: none of these requests reads or writes memory of ours; the last argument is a number.
    unsafe { libc::ptrace(request, thread.as_raw(), 0usize, signal as usize) };
}

/// Waits for any tracee of this thread. nix refuses the statuses of real-time signals, after having eaten them.
pub(crate) fn wait_any() -> Result<(Pid, i32), Errno> {
    let mut status = 0;
    // SAFETY: `status` lives until the call returns.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    Errno::result(pid).map(|pid| (Pid::from_raw(pid), status))
}
