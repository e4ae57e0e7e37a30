//! Which calls stop for the supervisor, and who answers each.

use super::{
    Alive, Gone, Supervisor,
    clock::LOOK,
    task::{File, Timeout},
};
use crate::{
    pi::event::Kind,
    trace::{
        arch::{CALL_LENGTH, Registers},
        memory::peek,
    },
};
use nix::{errno::Errno, libc, unistd::Pid};
use std::time::Duration;

/// So much of a printed line is kept in the log.
const PRINTED: usize = 120;
/// How many processors the program is told of; it runs on one.
const PROCESSORS: u8 = 4;

/// The calls that stop. 64-bit ARM has only the newer one of each pair.
pub(super) const STOPPING: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_ioctl,
    libc::SYS_close,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_splice,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_connect,
    libc::SYS_shutdown,
    libc::SYS_socket,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_futex,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_wait4,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigaction,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    libc::SYS_timer_create,
    libc::SYS_setitimer,
    libc::SYS_exit_group,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pause,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_alarm,
];

/// Calls that only sockets have, and that give what came from somewhere else.
fn takes_from_a_socket(call: i64) -> bool {
    [
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_recvmmsg,
    ]
    .contains(&call)
}

impl Supervisor {
    /// The stop before a call runs.
    pub(super) fn entered(&mut self, thread: i32) -> Alive<()> {
        let entry = Registers::get(Pid::from_raw(thread))?;
        let task = self.tasks.get_mut(&thread).ok_or(Gone)?;
        let (process, number, passes) = (task.process, task.number, std::mem::take(&mut task.pass));
        self.process(process).call_at = entry.pc() - CALL_LENGTH;
        if passes {
            self.ready(thread, Duration::ZERO, 0);
            return Ok(());
        }
        self.shared.lock().called(number, takes_from_a_socket(entry.number()));
        match entry.number() {
            libc::SYS_clock_gettime => self.clock_gettime(thread, &entry),
            libc::SYS_gettimeofday => self.gettimeofday(thread, &entry),
            libc::SYS_nanosleep => self.nanosleep(thread, &entry),
            libc::SYS_clock_nanosleep => self.clock_nanosleep(thread, &entry),
            libc::SYS_futex => self.futex(thread, &entry),
            libc::SYS_ppoll => self.polls(thread, &entry, 2, Timeout::Pointer),
            libc::SYS_pselect6 => self.polls(thread, &entry, 4, Timeout::Pointer),
            libc::SYS_epoll_pwait => self.polls(thread, &entry, 3, Timeout::Number),
            libc::SYS_epoll_pwait2 => self.polls(thread, &entry, 3, Timeout::Pointer),
            libc::SYS_wait4 => self.waits_for_child(thread, &entry),
            libc::SYS_rt_sigtimedwait => self.waits_for_signal(thread, &entry),
            libc::SYS_read | libc::SYS_readv | libc::SYS_splice => self.reads_from(thread, &entry),
            number if takes_from_a_socket(number) => self.reads_from(thread, &entry),
            libc::SYS_openat => self.opens(thread, &entry, entry.arg(1)),
            libc::SYS_mmap => self.maps(thread, &entry),
            libc::SYS_ioctl => self.controls(thread, &entry),
            number => self.other_call(thread, &entry, number, process),
        }
    }

    fn other_call(&mut self, thread: i32, entry: &Registers, number: i64, process: i32) -> Alive<()> {
        match number {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_time => return self.time(thread, entry),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll => return self.polls(thread, entry, 2, Timeout::Number),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_select => return self.polls(thread, entry, 4, Timeout::Pointer),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_epoll_wait => return self.polls(thread, entry, 3, Timeout::Number),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_pause => return self.pause(thread, entry),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => return self.opens(thread, entry, entry.arg(0)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_alarm => self.no_timer(thread, entry, "alarm")?,
            libc::SYS_timerfd_create => return self.timerfd_create(thread, entry),
            libc::SYS_timerfd_settime => return self.timerfd_settime(thread, entry),
            libc::SYS_timerfd_gettime => return self.timerfd_gettime(thread, entry),
            libc::SYS_timer_create => self.no_timer(thread, entry, "timer_create")?,
            libc::SYS_setitimer => self.no_timer(thread, entry, "setitimer")?,
            libc::SYS_openat2 => self.refuse(thread, entry, Errno::ENOSYS)?,
            libc::SYS_exit_group => {
                self.leaves(thread, process);
                return Ok(());
            }
            libc::SYS_sched_setscheduler => self.refuse(thread, entry, Errno::EPERM)?,
            libc::SYS_sched_setaffinity => self.answer(thread, entry, 0)?,
            libc::SYS_sched_getaffinity => return self.processors(thread, entry),
            libc::SYS_sched_yield => {
                self.answer(thread, entry, 0)?;
                self.looks(thread, LOOK);
                return Ok(());
            }
            number => self.runs(thread, entry, number, process),
        }
        self.works(thread, LOOK);
        Ok(())
    }

    /// A timer of the kernel's would run by the real time. Whoever wonders why it never comes finds this in the report.
    fn no_timer(&mut self, thread: i32, entry: &Registers, call: &'static str) -> Alive<()> {
        self.log(thread, Kind::NoTimer(call));
        self.refuse(thread, entry, Errno::ENOSYS)
    }

    /// Calls that the kernel makes; some of them we want to know of.
    fn runs(&mut self, thread: i32, entry: &Registers, number: i64, process: i32) {
        match number {
            libc::SYS_write if entry.arg(0) == 1 => self.prints(thread, entry.arg(1), entry.arg(2) as usize),
            libc::SYS_socket => self.process(process).sockets = true,
            libc::SYS_rt_sigaction if entry.arg(1) != 0 => {
                if let Some(action) = self.peek::<16>(thread, entry.arg(1)) {
                    self.process(process).handlers.set(entry.arg(0) as i32, &action);
                }
            }
            libc::SYS_close => {
                let fd = entry.arg(0) as i32;
                self.process(process).awake.remove(&fd);
                self.process(process).timers.remove(&fd);
                let file = self.process(process).files.remove(&fd);
                self.release_lines(file.filter(|file| matches!(file, File::Line(_))).into_iter());
            }
            libc::SYS_munmap => self.process(process).pages.retain(|page| *page != entry.arg(0)),
            _ => {}
        }
        self.dirty = true;
    }

    fn prints(&mut self, thread: i32, at: u64, length: usize) {
        if let Ok(bytes) = peek(Pid::from_raw(thread), at, length.min(PRINTED)) {
            let text = crate::escape::quoted(&bytes, PRINTED);
            self.log(thread, Kind::Printed(text));
        }
    }

    /// The supervisor has bound it to one processor, which is nobody's business.
    fn processors(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let mut mask = [0u8; 8];
        mask[0] = (1 << PROCESSORS) - 1;
        let told = entry.arg(1) >= 8 && self.poke(thread, entry.arg(2), &mask);
        self.answer(thread, entry, if told { 8 } else { -(Errno::EINVAL as i64) })?;
        self.works(thread, LOOK);
        Ok(())
    }
}
