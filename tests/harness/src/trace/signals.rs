//! What a process does with signals, so that the tracer can tell an interrupted call from one that is started again.
//!
//! A call broken off by a signal leaves with a restart code. Whether the program ever sees EINTR is decided by the handler's flags, and
//! no stop tells; so the tracer remembers what `rt_sigaction` asked for.
use nix::libc;

/// Results that are no results: "start me again", each with its own condition.
const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;
const ERESTARTNOHAND: i64 = -514;
pub(super) const ERESTART_RESTARTBLOCK: i64 = -516;

pub(super) fn is_restart(result: i64) -> bool {
    matches!(
        result,
        ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND | ERESTART_RESTARTBLOCK
    )
}

/// Sets of signals, one bit each (bit 0 is signal 1). Handlers are shared by threads and copied by `fork`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Handlers {
    caught: u64,
    ignored: u64,
    restarting: u64,
}

fn bit(signal: i32) -> u64 {
    1u64.checked_shl(signal as u32 - 1).unwrap_or(0)
}

impl Handlers {
    /// `rt_sigaction(signal, {handler, flags, …})` succeeded; `action` holds its first 16 bytes.
    pub(crate) fn set(&mut self, signal: i32, action: &[u8]) {
        let handler = super::bytes::u64_at(action, 0) as libc::sighandler_t;
        let flags = super::bytes::u64_at(action, 8) as i32;
        let put = |set: &mut u64, yes: bool| *set = if yes { *set | bit(signal) } else { *set & !bit(signal) };
        put(&mut self.caught, handler != libc::SIG_DFL && handler != libc::SIG_IGN);
        put(&mut self.ignored, handler == libc::SIG_IGN);
        put(&mut self.restarting, flags & libc::SA_RESTART != 0);
    }

    /// Whether the signal means nothing to the process: it asked for that, or that is what it does by default.
    pub(crate) fn ignores(&self, signal: i32) -> bool {
        let by_default = matches!(signal, libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT);
        self.ignored & bit(signal) != 0 || (by_default && self.caught & bit(signal) == 0)
    }

    /// Whether a call that waits is started again after this signal's handler, if it is one of those that may be (`signal(7)`).
    pub(crate) fn restarts(&self, signal: i32) -> bool {
        self.restarting & bit(signal) != 0
    }

    /// Whether a call that left with restart code `code` gives EINTR to the program once `signal` is delivered.
    pub(crate) fn interrupts(&self, code: i64, signal: i32) -> bool {
        let caught = self.caught & bit(signal) != 0;
        let restarts = self.restarting & bit(signal) != 0;
        match code {
            ERESTARTSYS => caught && !restarts,
            ERESTARTNOHAND | ERESTART_RESTARTBLOCK => caught,
            _ => false,
        }
    }
}
