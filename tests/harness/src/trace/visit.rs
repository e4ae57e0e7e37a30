//! A call's two stops: at its entry it is read, perhaps changed; at its return it is put back, kept in the books and recorded.
use super::{
    arch::Registers,
    bytes::u32_at,
    call::{BOOKKEEPING, Call},
    decode::{self, Args},
    event::{Decoded, Event},
    fault::{Fault, MAY_WAIT},
    memory::peek,
    rewrite,
    signals::{ERESTART_RESTARTBLOCK, is_restart},
    strike::{Strike, Target},
    tracer::{Pending, Resume, Tracer, resume},
};
use nix::{errno::Errno, libc, unistd::Pid};

impl Tracer {
    /// The stop before a call runs.
    pub(super) fn entered(&mut self, thread: Pid) {
        // An error means the thread has been killed; there is nothing to resume then, but resuming does no harm.
        let how = match Registers::get(thread) {
            Ok(mut registers) if self.started.is_none() => self.enter(thread, &mut registers),
            _ => Resume::Run,
        };
        resume(thread, how, 0);
    }

    fn enter(&mut self, thread: Pid, registers: &mut Registers) -> Resume {
        let Some(call) = Call::from_number(registers.number()) else {
            return Resume::Run;
        };
        let args = decode::args(registers);
        let begun = match self.begins_again(thread, call, &args) {
            Some(pending) => Some(pending),
            None => self.begin(thread, call, args),
        };
        let Some(mut pending) = begun else { return Resume::Run };
        match self.strike(thread, &mut pending) {
            Some(Strike::Fail(errno)) => return self.refuse(thread, registers, pending, errno),
            Some(Strike::Clamp(most)) => {
                pending.undo = rewrite::clamp(thread, registers, pending.call, most);
                if pending.undo.is_none() || registers.set(thread).is_err() {
                    (pending.undo, pending.fault) = (None, None);
                }
            }
            None => {}
        }
        self.admit(thread, pending)
    }

    /// A call that a signal broke off and that now begins again is not a new one. A handler's own calls may come in between.
    fn begins_again(&mut self, thread: Pid, call: Call, args: &Args) -> Option<Pending> {
        let task = self.tasks.get_mut(&thread.as_raw())?;
        let (pending, _) = task.restarting.take_if(|(pending, code)| match call {
            Call::RestartSyscall => *code == ERESTART_RESTARTBLOCK,
            call => call == pending.call && *args == pending.args,
        })?;
        Some(Pending {
            undo: None,
            counted: true,
            ..pending
        })
    }

    /// Reads a new call.
    fn begin(&mut self, thread: Pid, call: Call, args: Args) -> Option<Pending> {
        if call == Call::RestartSyscall {
            return None; // of a call that nobody wanted to see
        }
        let task = self.tasks.get(&thread.as_raw())?;
        let table = task.table.borrow();
        let fd = descriptor(call, &args, |fd| table.is_socket(fd));
        let on_socket = fd.is_some_and(|fd| table.is_socket(fd));
        let had_socket = table.had_socket;
        drop(table);
        let decoded = match self.plan.looks_into(call) {
            true => decode::asked(thread, call, &args),
            false => Decoded::Nothing,
        };
        let relevant = match call {
            call if call.waits() => had_socket,
            Call::Close | Call::CloseRange => true,
            call => on_socket || call.needs_socket(),
        };
        let recorded = self.plan.records(call) && (relevant || self.plan.files);
        let at = self.record.now();
        Some(Pending {
            call,
            args,
            fd,
            on_socket,
            recorded,
            decoded,
            fault: None,
            undo: None,
            key: None,
            counted: false,
            at,
        })
    }

    /// Asks the faults, once for each call: a restart keeps the decision that was made.
    fn strike(&mut self, thread: Pid, pending: &mut Pending) -> Option<Strike> {
        if pending.counted {
            return match pending.fault {
                Some(Fault::Clamp(most)) => Some(Strike::Clamp(most)),
                _ => None,
            };
        }
        let task = self.tasks.get(&thread.as_raw())?;
        let (fault, strike) = self.faults.decide(&target(pending), &mut task.table.borrow_mut())?;
        pending.fault = Some(fault);
        Some(strike)
    }

    /// The call returns `errno` without having run: this is its only stop.
    fn refuse(&mut self, thread: Pid, registers: &mut Registers, pending: Pending, errno: Errno) -> Resume {
        rewrite::fail(registers, errno);
        if registers.set(thread).is_ok() {
            self.finish(thread, pending, -(errno as i64));
        }
        Resume::Run
    }

    /// The call runs. Its return is waited for if somebody needs it.
    fn admit(&mut self, thread: Pid, mut pending: Pending) -> Resume {
        let key = matches!(pending.call, Call::Close | Call::CloseRange).then(|| self.key());
        let Some(task) = self.tasks.get_mut(&thread.as_raw()) else {
            return Resume::Run;
        };
        if pending.call == Call::CloseRange && pending.args[2] as u32 & libc::CLOSE_RANGE_UNSHARE != 0 {
            let own = task.table.borrow().clone();
            task.table = std::rc::Rc::new(own.into());
        }
        task.table.borrow_mut().entered(pending.call, &pending.args);
        pending.key = key;
        if let Some(bytes) = printed(&pending) {
            self.record.printed(pending.at, bytes);
        }
        if !pending.recorded && pending.undo.is_none() && !keeps_books(pending.call) {
            return Resume::Run;
        }
        if pending.recorded && (pending.call.same(Call::Connect) || MAY_WAIT.iter().any(|call| call.same(pending.call)))
        {
            self.record.entered(thread.as_raw(), pending.call, pending.fd);
        }
        task.pending = Some(pending);
        Resume::ToReturn
    }

    /// The stop after a call has run.
    pub(super) fn returned(&mut self, thread: Pid) {
        let pending = self
            .tasks
            .get_mut(&thread.as_raw())
            .and_then(|task| task.pending.take());
        if let (Some(pending), Ok(mut registers)) = (pending, Registers::get(thread)) {
            let result = registers.returned();
            let restored = pending
                .undo
                .as_ref()
                .is_none_or(|undo| undo.apply(thread, &mut registers).is_ok());
            if restored && is_restart(result) {
                if let Some(task) = self.tasks.get_mut(&thread.as_raw()) {
                    task.restarting = Some((pending, result));
                }
            } else if restored {
                self.finish(thread, pending, result);
            }
        }
        resume(thread, Resume::Run, 0);
    }

    /// A call has a result: into the books, and onto the record.
    pub(super) fn finish(&mut self, thread: Pid, mut pending: Pending, result: i64) {
        let Some(task) = self.tasks.get(&thread.as_raw()) else {
            return;
        };
        let process = task.group;
        if result >= 0 {
            keep_books(thread, task, &pending, result);
        }
        // Which closes of files are nobody's business is known now: a double close of a socket's number is.
        let unseen = matches!(pending.call, Call::Close) && !pending.on_socket && !self.plan.files;
        if !pending.recorded || (unseen && result != -(Errno::EBADF as i64)) {
            return;
        }
        let result = match result {
            value @ 0.. => Ok(value),
            errno => Err(Errno::from_raw(-errno as i32)),
        };
        if result.is_ok() {
            decode::answered(thread, pending.call, &pending.args, &mut pending.decoded);
        }
        let at = if pending.key.is_some() {
            pending.at
        } else {
            self.record.now()
        };
        let key = pending.key.unwrap_or_else(|| self.key());
        let event = Event {
            call: pending.call,
            args: pending.decoded,
            result,
            fd: pending.fd,
            on_socket: pending.on_socket,
            thread: thread.as_raw(),
            process,
            began: pending.at,
            at,
            fault: pending.fault.map(|fault| fault.to_string()),
        };
        self.record.push(key, event);
    }
}

/// The descriptor that a call is about. `splice` names two; the socket is the one of interest.
fn descriptor(call: Call, args: &Args, is_socket: impl Fn(i32) -> bool) -> Option<i32> {
    match call {
        Call::Splice if !is_socket(args[0] as i32) => Some(args[2] as i32),
        call => call.has_descriptor().then_some(args[0] as i32),
    }
}

/// How many bytes it writes to standard output, unless that is a socket.
fn printed(pending: &Pending) -> Option<u64> {
    match (pending.call, pending.fd, &pending.decoded) {
        (Call::Write | Call::Writev, Some(1), Decoded::Transfer { asked, .. }) if !pending.on_socket => Some(*asked),
        _ => None,
    }
}

fn target(pending: &Pending) -> Target<'_> {
    let (mut flags, mut domain, mut watched) = (0, 0, &[][..]);
    match &pending.decoded {
        Decoded::Transfer { flags: given, .. } => flags = *given,
        Decoded::Socket { domain: given, .. } => domain = given.0,
        Decoded::Watch { descriptors, .. } => watched = descriptors,
        _ => {}
    }
    Target {
        call: pending.call,
        fd: pending.fd,
        flags,
        watched,
        domain,
    }
}

/// Whether its return is needed to know what the subject has open, or how it handles signals.
fn keeps_books(call: Call) -> bool {
    call != Call::CloseRange && call != Call::Close && BOOKKEEPING.contains(&call)
}

fn keep_books(thread: Pid, task: &super::tracer::Task, pending: &Pending, result: i64) {
    let (args, call) = (&pending.args, pending.call);
    let mut table = task.table.borrow_mut();
    match call {
        Call::Socketpair => {
            if let Ok(pair) = peek(thread, args[3], 8) {
                table.pair(args, [u32_at(&pair, 0) as i32, u32_at(&pair, 4) as i32]);
            }
        }
        Call::Recvmsg => {
            let closes_on_exec = args[2] as i32 & libc::MSG_CMSG_CLOEXEC != 0;
            decode::passed(thread, args[1])
                .into_iter()
                .for_each(|fd| table.passed(fd, closes_on_exec));
        }
        Call::RtSigaction if args[1] != 0 => {
            if let Ok(action) = peek(thread, args[1], 16) {
                task.handlers.borrow_mut().set(args[0] as i32, &action);
            }
        }
        _ => table.returned(call, args, result as i32),
    }
}
