//! Calls that wait for descriptors, children or pending signals: asked without waiting, parked, and asked again when something has happened.

use super::{
    Alive, Gone, Supervisor,
    clock::LOOK,
    task::{Blocking, File, On, State, Timeout, Wait},
};
use crate::{
    pi::board::LineEvent,
    trace::{arch::Registers, bytes::u64_at, memory::peek},
};
use nix::{errno::Errno, libc, unistd::Pid};
use std::time::Duration;

/// Bytes of a `struct gpio_v2_line_event`.
const LINE_EVENT: usize = 48;
/// Where in our page the smaller things stand.
const ZERO_AT: u64 = 64;
const VALUE_AT: u64 = 128;

impl Supervisor {
    /// `poll`, `select`, `epoll_wait` and their like: `argument` is the time-out, in milliseconds or behind a pointer.
    pub(super) fn polls(&mut self, thread: i32, entry: &Registers, argument: usize, timeout: Timeout) -> Alive<()> {
        let number = entry.number();
        let sets = if is_select(number) {
            self.sets(thread, entry)
        } else {
            Vec::new()
        };
        let value = entry.arg(argument);
        let length = match timeout {
            Timeout::Number => u64::try_from(value as i32).ok().map(Duration::from_millis),
            Timeout::Pointer if value == 0 => None,
            Timeout::Pointer if Some(number) == old_select() => self.timeval_at(thread, value),
            Timeout::Pointer => self.timespec_at(thread, value),
        };
        let wait = Wait {
            on: On::Files(Blocking::Poll {
                argument,
                timeout,
                sets,
            }),
            deadline: length.map(|length| self.now + length),
            late: 0,
            entry: entry.clone(),
            restarts: false,
        };
        self.attempt(thread, wait, length == Some(Duration::ZERO))
    }

    /// `read`, `recv`, `accept`: what waits until its descriptor is readable.
    pub(super) fn reads_from(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let fd = entry.arg(0) as i32;
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        if let Some(File::Line(pin)) = self.process(process).files.get(&fd) {
            let pin = *pin;
            return self.reads_line(thread, entry, pin);
        }
        let wait = Wait {
            on: On::Files(Blocking::Read { fd }),
            deadline: None,
            late: -(Errno::EAGAIN as i64),
            entry: entry.clone(),
            restarts: true,
        };
        self.attempt(thread, wait, false)
    }

    pub(super) fn waits_for_child(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let wait = Wait {
            on: On::Files(Blocking::Child),
            deadline: None,
            late: 0,
            entry: entry.clone(),
            restarts: true,
        };
        self.attempt(thread, wait, entry.arg(2) as i32 & libc::WNOHANG != 0)
    }

    pub(super) fn waits_for_signal(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let length = (entry.arg(2) != 0)
            .then(|| self.timespec_at(thread, entry.arg(2)))
            .flatten();
        let wait = Wait {
            on: On::Files(Blocking::Signal),
            deadline: length.map(|length| self.now + length),
            late: -(Errno::EAGAIN as i64),
            entry: entry.clone(),
            restarts: false,
        };
        self.attempt(thread, wait, length == Some(Duration::ZERO))
    }

    /// Asks without waiting; parks the thread if it has to wait and may (`at_once`: it does not want to).
    fn attempt(&mut self, thread: i32, mut wait: Wait, at_once: bool) -> Alive<()> {
        match self.ask(thread, &wait)? {
            Answer::Returns(result) => {
                self.answer(thread, &wait.entry, result)?;
                self.works(thread, LOOK);
            }
            Answer::Ready => {
                self.pass(thread, &wait.entry)?;
                self.works(thread, LOOK);
            }
            Answer::NotYet if at_once => {
                self.answer(thread, &wait.entry, wait.late)?;
                self.looks(thread, LOOK);
            }
            Answer::NotYet => {
                if let On::Files(Blocking::Read { fd }) = wait.on {
                    if self.does_not_block(thread, &wait.entry, fd)? {
                        self.pass(thread, &wait.entry)?;
                        self.looks(thread, LOOK);
                        return Ok(());
                    }
                    let patience = self.receive_timeout(thread, fd)?;
                    wait.deadline = patience.map(|patience| self.now + patience);
                }
                self.park(thread, wait);
            }
        }
        Ok(())
    }

    fn ask(&mut self, thread: i32, wait: &Wait) -> Alive<Answer> {
        let On::Files(how) = &wait.on else {
            return Ok(Answer::NotYet);
        };
        self.wake_lines(thread)?;
        self.ring(thread)?;
        let number = wait.entry.number();
        let mut args: Vec<u64> = (0..6).map(|n| wait.entry.arg(n)).collect();
        match how {
            Blocking::Poll {
                argument,
                timeout,
                sets,
            } => {
                args[*argument] = match timeout {
                    Timeout::Number => 0,
                    Timeout::Pointer => self.zero_timeout(thread)?,
                };
                for (at, set) in sets {
                    self.poke(thread, *at, set);
                }
                let result = self.call(thread, number, &args)?;
                Ok(if result == 0 {
                    Answer::NotYet
                } else {
                    Answer::Returns(result)
                })
            }
            Blocking::Read { fd } => Ok(match self.is_ready_to_read(thread, *fd)? {
                true => Answer::Ready,
                false => Answer::NotYet,
            }),
            Blocking::Child => {
                args[2] |= libc::WNOHANG as u64;
                let result = self.call(thread, number, &args)?;
                Ok(if result == 0 {
                    Answer::NotYet
                } else {
                    Answer::Returns(result)
                })
            }
            Blocking::Signal => {
                args[2] = self.zero_timeout(thread)?;
                let result = self.call(thread, number, &args)?;
                let none = result == -(Errno::EAGAIN as i64) || result == -(Errno::EINTR as i64);
                Ok(if none { Answer::NotYet } else { Answer::Returns(result) })
            }
        }
    }

    /// Asks all who wait for descriptors, in the order in which they began to wait.
    pub(super) fn probe(&mut self) {
        self.dirty = false;
        let mut waiting: Vec<(u64, i32)> = self
            .tasks
            .iter()
            .filter_map(|(thread, task)| match &task.state {
                State::Waiting { wait, turn } if matches!(wait.on, On::Files(_) | On::Line(_)) => {
                    Some((*turn, *thread))
                }
                _ => None,
            })
            .collect();
        waiting.sort_unstable();
        for (_, thread) in waiting {
            // An error: it has been killed, and its end has been seen.
            let _ = self.probe_one(thread);
            self.redeliver(thread);
        }
    }

    fn probe_one(&mut self, thread: i32) -> Alive<()> {
        let Some(State::Waiting { wait, .. }) = self.tasks.get(&thread).map(|task| &task.state) else {
            return Ok(());
        };
        let wait = (**wait).clone();
        if let On::Line(pin) = wait.on {
            return self.reads_line(thread, &wait.entry, pin);
        }
        match self.ask(thread, &wait)? {
            Answer::NotYet => Ok(()),
            Answer::Returns(result) => {
                self.finish(thread, result);
                Ok(())
            }
            Answer::Ready => {
                self.pass(thread, &wait.entry)?;
                self.ready(thread, LOOK, 0);
                Ok(())
            }
        }
    }

    pub(super) fn is_ready_to_read(&mut self, thread: i32, fd: i32) -> Alive<bool> {
        let mut set = fd.to_ne_bytes().to_vec();
        set.extend([libc::POLLIN.to_ne_bytes(), [0; 2]].concat());
        let zero = self.zero_timeout(thread)?;
        let at = self.scratch_with(thread, &set)?;
        Ok(self.call(thread, libc::SYS_ppoll, &[at, 1, zero, 0, 8])? != 0)
    }

    fn zero_timeout(&mut self, thread: i32) -> Alive<u64> {
        let at = self.scratch(thread)? + ZERO_AT;
        self.poke(thread, at, &[0; 16]);
        Ok(at)
    }

    fn does_not_block(&mut self, thread: i32, entry: &Registers, fd: i32) -> Alive<bool> {
        let flags = match entry.number() {
            libc::SYS_recvfrom => entry.arg(3),
            libc::SYS_recvmsg => entry.arg(2),
            libc::SYS_recvmmsg => entry.arg(3),
            _ => 0,
        };
        let flags_of_file = self.call(thread, libc::SYS_fcntl, &[fd as u64, libc::F_GETFL as u64])?;
        Ok(flags as i32 & libc::MSG_DONTWAIT != 0 || flags_of_file as i32 & libc::O_NONBLOCK != 0)
    }

    /// `SO_RCVTIMEO`, if the descriptor is a socket that has one.
    fn receive_timeout(&mut self, thread: i32, fd: i32) -> Alive<Option<Duration>> {
        let at = self.scratch(thread)?;
        self.poke(thread, at, &16u32.to_ne_bytes());
        let (level, option) = (libc::SOL_SOCKET as u64, libc::SO_RCVTIMEO as u64);
        let got = self.call(
            thread,
            libc::SYS_getsockopt,
            &[fd as u64, level, option, at + VALUE_AT, at],
        )?;
        let length = (got == 0).then(|| self.timeval_at(thread, at + VALUE_AT)).flatten();
        Ok(length.filter(|length| !length.is_zero()))
    }

    fn timeval_at(&self, thread: i32, at: u64) -> Option<Duration> {
        let bytes: [u8; 16] = self.peek(thread, at)?;
        let seconds = u64::try_from(u64_at(&bytes, 0) as i64).ok()?;
        Some(Duration::from_secs(seconds) + Duration::from_micros(u64_at(&bytes, 8)))
    }

    /// The three sets of `select`, which each try overwrites.
    fn sets(&self, thread: i32, entry: &Registers) -> Vec<(u64, Vec<u8>)> {
        let length = (entry.arg(0) as usize).min(1024).div_ceil(64) * 8;
        let sets = (1..4).map(|n| entry.arg(n)).filter(|at| *at != 0);
        sets.filter_map(|at| Some((at, peek(Pid::from_raw(thread), at, length).ok()?)))
            .collect()
    }

    /// Whether somebody outside may let one of those who wait go on: over a socket, or stdin.
    pub(super) fn outside_may_help(&self) -> bool {
        self.tasks.values().any(|task| {
            let State::Waiting { wait, .. } = &task.state else {
                return false;
            };
            let sockets = self.processes.get(&task.process).is_some_and(|process| process.sockets);
            match &wait.on {
                On::Files(Blocking::Read { fd }) => *fd == 0 || sockets,
                On::Files(Blocking::Poll { .. }) => sockets,
                _ => false,
            }
        })
    }
}

/// What asking brought.
enum Answer {
    /// The call has been made, and returned this.
    Returns(i64),
    /// It would not wait.
    Ready,
    NotYet,
}

/// Line events.
impl Supervisor {
    /// A read from a line: its events, or waiting for one.
    fn reads_line(&mut self, thread: i32, entry: &Registers, pin: u8) -> Alive<()> {
        let most = entry.arg(2) as usize / LINE_EVENT;
        let (broken, events) = {
            let mut state = self.shared.lock();
            match state.board.line(pin) {
                Some(line) if !line.broken => {
                    let count = most.min(line.queue.len());
                    (false, line.queue.drain(..count).collect::<Vec<_>>())
                }
                _ => (true, Vec::new()),
            }
        };
        if broken {
            self.refuse(thread, entry, Errno::EIO)?;
        } else if most == 0 {
            self.refuse(thread, entry, Errno::EINVAL)?;
        } else if events.is_empty() {
            let wait = Wait {
                on: On::Line(pin),
                deadline: None,
                late: 0,
                entry: entry.clone(),
                restarts: true,
            };
            self.park(thread, wait);
            return Ok(());
        } else {
            let bytes: Vec<u8> = events.iter().flat_map(|event| line_event(pin, event)).collect();
            self.poke(thread, entry.arg(1), &bytes);
            self.quieten(thread, entry.arg(0) as i32, pin)?;
            self.answer(thread, entry, bytes.len() as i64)?;
        }
        self.works(thread, LOOK);
        Ok(())
    }

    /// The descriptor of a line whose events have all been read is not readable any more.
    fn quieten(&mut self, thread: i32, fd: i32, pin: u8) -> Alive<()> {
        let empty = self
            .shared
            .lock()
            .board
            .line(pin)
            .is_none_or(|line| line.queue.is_empty());
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        if empty && self.process(process).awake.remove(&fd) {
            let at = self.scratch(thread)?;
            self.call(thread, libc::SYS_read, &[fd as u64, at + VALUE_AT, 8])?;
        }
        Ok(())
    }

    /// Makes the descriptors of lines with events readable, for whoever asks next.
    fn wake_lines(&mut self, thread: i32) -> Alive<()> {
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let mut sleeping = Vec::new();
        for (fd, file) in &self.process(process).files {
            if let File::Line(pin) = file {
                sleeping.push((*fd, *pin));
            }
        }
        sleeping.retain(|(fd, _)| {
            !self
                .processes
                .get(&process)
                .is_some_and(|process| process.awake.contains(fd))
        });
        sleeping.sort_unstable();
        for (fd, pin) in sleeping {
            let news = self
                .shared
                .lock()
                .board
                .line(pin)
                .is_some_and(|line| line.broken || !line.queue.is_empty());
            if news {
                let at = self.scratch_with(thread, &1u64.to_ne_bytes())?;
                self.call(thread, libc::SYS_write, &[fd as u64, at, 8])?;
                self.process(process).awake.insert(fd);
            }
        }
        Ok(())
    }
}

/// `struct gpio_v2_line_event` (`linux/gpio.h`).
fn line_event(pin: u8, event: &LineEvent) -> Vec<u8> {
    let at = (super::clock::BOOTED + event.at).as_nanos() as u64;
    let id = if event.level == crate::pi::Level::High { 1u32 } else { 2 };
    let mut bytes = at.to_ne_bytes().to_vec();
    bytes.extend(
        [id, pin.into(), event.number, event.number]
            .map(u32::to_ne_bytes)
            .concat(),
    );
    bytes.resize(LINE_EVENT, 0);
    bytes
}

fn is_select(number: i64) -> bool {
    number == libc::SYS_pselect6 || Some(number) == old_select()
}

/// `select` with a `struct timeval`, where there is one.
fn old_select() -> Option<i64> {
    #[cfg(target_arch = "x86_64")]
    return Some(libc::SYS_select);
    #[cfg(not(target_arch = "x86_64"))]
    None
}
