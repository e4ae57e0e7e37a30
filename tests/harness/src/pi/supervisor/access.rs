//! An access to the board's registers: a page fault, since the program may not touch that page. Loads and stores that are known are carried
//! out here and skipped; for any other instruction the page is opened for that one instruction, and compared.
#![allow(unsafe_code)] // the address in a siginfo

use super::{
    Alive, Gone, Supervisor,
    decode::{Access, LONGEST, Move, decode},
    stops::Stopped,
};
use crate::trace::{arch::Registers, bytes::u32_at, memory::peek, tracer::Resume};
use nix::{libc, sys::ptrace, unistd::Pid};
use std::time::Duration;

/// What an access costs.
const ACCESS: Duration = Duration::from_nanos(100);
const PAGE: u64 = 4096;
/// Instructions remembered.
const MOST_KNOWN: usize = 4096;
/// Bytes with registers in them: rppal maps 61 words.
const REGISTERS: usize = 256;
/// GPFSELn, and from GPPUD on: rppal holds a lock around these, for which others would spin. They are not parted from what follows.
const MODES: std::ops::Range<u64> = 0..0x1c;
const LEVELS: std::ops::Range<u64> = 0x34..0x3c;
const PULLS: std::ops::Range<u64> = 0x94..0xa0;

impl Supervisor {
    pub(super) fn page_fault(&mut self, thread: i32) -> Alive<()> {
        let info = ptrace::getsiginfo(Pid::from_raw(thread))?;
        // SAFETY: the signal is SIGSEGV, for which the kernel fills in the address.
        let address = unsafe { info.si_addr() } as u64;
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let pages = &self.process(process).pages;
        let page = pages
            .iter()
            .copied()
            .find(|page| (*page..*page + PAGE).contains(&address));
        let Some(page) = page.filter(|_| info.si_code > 0) else {
            self.ready(thread, Duration::ZERO, libc::SIGSEGV);
            return Ok(());
        };
        let mut registers = Registers::get(Pid::from_raw(thread))?;
        match self.known(thread, process, registers.pc()) {
            Some(access) => {
                self.carry_out(thread, address - page, access.what, &mut registers);
                registers.set_pc(registers.pc() + access.length);
                registers.set(Pid::from_raw(thread))?;
            }
            None => self.step(thread, page, address - page, &registers)?,
        }
        self.pays(thread, address - page);
        Ok(())
    }

    /// The access that the instruction at `at` makes, if it is one of those known.
    fn known(&mut self, thread: i32, process: i32, at: u64) -> Option<Access> {
        if let Some(known) = self.process(process).code.get(&at) {
            return *known;
        }
        let here = (PAGE - at % PAGE).min(LONGEST as u64) as usize;
        let read = |length| peek(Pid::from_raw(thread), at, length).ok();
        let access = read(LONGEST).or_else(|| read(here)).and_then(|code| decode(&code));
        let code = &mut self.process(process).code;
        if code.len() >= MOST_KNOWN {
            code.clear();
        }
        code.insert(at, access);
        access
    }

    fn carry_out(&mut self, thread: i32, offset: u64, what: Move, registers: &mut Registers) {
        let value = match what {
            Move::Load(register) => {
                let value = self.board(0, |state, _| state.load(offset));
                return registers.set_general(register, value.into());
            }
            Move::Store(register) => registers.general(register) as u32,
            Move::Number(value) => value,
        };
        self.store(thread, offset, value);
    }

    fn store(&mut self, thread: i32, offset: u64, value: u32) {
        let number = self.tasks.get(&thread).map_or(0, |task| task.number);
        self.board(number, |state, _| state.store(offset, value));
    }

    fn pays(&mut self, thread: i32, offset: u64) {
        if LEVELS.contains(&offset) {
            return self.looks(thread, ACCESS);
        }
        if MODES.contains(&offset) || PULLS.contains(&offset) {
            self.works(thread, Duration::ZERO);
            self.stay = Some(thread);
            if let Some(task) = self.tasks.get_mut(&thread) {
                task.debt += ACCESS;
            }
            return;
        }
        self.works(thread, ACCESS);
    }

    /// The slow road: the page shows what the registers read as, the instruction runs, and what it changed was stored. Nobody else runs.
    fn step(&mut self, thread: i32, page: u64, offset: u64, registers: &Registers) -> Alive<()> {
        let pid = Pid::from_raw(thread);
        self.call(
            thread,
            libc::SYS_mprotect,
            &[page, PAGE, (libc::PROT_READ | libc::PROT_WRITE) as u64],
        )?;
        let before: Vec<u8> = {
            let state = self.shared.lock();
            let word = |n: usize| state.board.peek(4 * n as u64, self.now).to_ne_bytes();
            (0..REGISTERS / 4).flat_map(word).collect()
        };
        self.poke(thread, page, &before);
        registers.set(pid)?;
        loop {
            match self.until_stop(thread, Resume::Step, 0)? {
                Stopped::Signal(libc::SIGTRAP) => break,
                Stopped::Signal(libc::SIGSTOP) => {}
                // It faults for another reason too: then that is its own affair.
                Stopped::Signal(_) => break,
                _ => {}
            }
        }
        let after = peek(pid, page, REGISTERS)?;
        let changed: Vec<usize> = (0..REGISTERS)
            .step_by(4)
            .filter(|at| before[*at..*at + 4] != after[*at..*at + 4])
            .collect();
        if changed.is_empty() {
            self.board(0, |state, _| state.load(offset));
        }
        for at in changed {
            self.store(thread, at as u64, u32_at(&after, at));
        }
        let behind = Registers::get(pid)?;
        self.call(thread, libc::SYS_mprotect, &[page, PAGE, libc::PROT_NONE as u64])?;
        Ok(behind.set(pid)?)
    }
}
