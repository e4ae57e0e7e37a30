//! Registers of a stopped thread: all that differs between x86_64 and 64-bit ARM.
//!
//! `get` and `set` move them; `number`, `arg`, `returned` read; `set_arg`, `set_number`, `set_returned` change. Changes take effect with `set`.
//! For a supervisor that answers in place of the kernel there is more: `rewind` and `call_from` move the thread to a call, `general` and
//! `set_general` name the registers by the number that instructions have for them.
#![allow(unsafe_code)] // the request for ARM's call number is in no library
use nix::{errno::Errno, sys::ptrace, unistd::Pid};

/// Bytes below the stack pointer that the calling convention lets a function use without moving the pointer.
pub(crate) const RED_ZONE: u64 = 128;

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::*;
    pub(crate) const AUDIT_ARCH: u32 = 0xC000_003E;
    /// Bytes of the instruction that makes a call.
    pub(crate) const CALL_LENGTH: u64 = 2;

    #[derive(Clone)]
    pub(crate) struct Registers(nix::libc::user_regs_struct);

    impl Registers {
        pub(crate) fn get(thread: Pid) -> Result<Registers, Errno> {
            ptrace::getregs(thread).map(Registers)
        }
        pub(crate) fn set(&self, thread: Pid) -> Result<(), Errno> {
            ptrace::setregs(thread, self.0)
        }
        pub(crate) fn number(&self) -> i64 {
            self.0.orig_rax as i64
        }
        pub(crate) fn set_number(&mut self, number: i64) {
            self.0.orig_rax = number as u64;
        }
        pub(crate) fn returned(&self) -> i64 {
            self.0.rax as i64
        }
        pub(crate) fn set_returned(&mut self, value: i64) {
            self.0.rax = value as u64;
        }
        pub(crate) fn arg(&self, n: usize) -> u64 {
            let r = &self.0;
            [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9][n]
        }
        pub(crate) fn set_arg(&mut self, n: usize, value: u64) {
            let r = &mut self.0;
            *[&mut r.rdi, &mut r.rsi, &mut r.rdx, &mut r.r10, &mut r.r8, &mut r.r9][n] = value;
        }
        pub(crate) fn stack(&self) -> u64 {
            self.0.rsp
        }
        pub(crate) fn pc(&self) -> u64 {
            self.0.rip
        }
        pub(crate) fn set_pc(&mut self, at: u64) {
            self.0.rip = at;
        }
        /// Taken at the entry of a call: back in front of its instruction, to make it once more.
        pub(crate) fn rewind(&mut self) {
            self.0.rip -= CALL_LENGTH;
            self.0.rax = self.0.orig_rax;
            self.0.orig_rax = u64::MAX;
        }
        /// In front of the call instruction at `at`, about to make the call `number`.
        pub(crate) fn call_from(&mut self, at: u64, number: i64) {
            self.0.rip = at;
            self.0.rax = number as u64;
            self.0.orig_rax = u64::MAX;
        }
        pub(crate) fn general(&self, n: u8) -> u64 {
            let r = &self.0;
            let all = [
                r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14,
                r.r15,
            ];
            all[usize::from(n & 15)]
        }
        pub(crate) fn set_general(&mut self, n: u8, value: u64) {
            let r = &mut self.0;
            let all = [
                &mut r.rax, &mut r.rcx, &mut r.rdx, &mut r.rbx, &mut r.rsp, &mut r.rbp, &mut r.rsi, &mut r.rdi,
                &mut r.r8, &mut r.r9, &mut r.r10, &mut r.r11, &mut r.r12, &mut r.r13, &mut r.r14, &mut r.r15,
            ];
            *all[usize::from(n & 15)] = value;
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::*;
    use nix::libc;
    pub(crate) const AUDIT_ARCH: u32 = 0xC000_00B7;
    /// Bytes of the instruction that makes a call.
    pub(crate) const CALL_LENGTH: u64 = 4;
    /// The register set that holds only the number of the call (Linux, `elf.h`).
    const NT_ARM_SYSTEM_CALL: usize = 0x404;

    #[derive(Clone)]
    pub(crate) struct Registers {
        general: libc::user_regs_struct,
        /// Writing x8 does not change the call; a number that differs from x8 goes through its own register set.
        number: Option<i64>,
    }

    impl Registers {
        pub(crate) fn get(thread: Pid) -> Result<Registers, Errno> {
            ptrace::getregset::<ptrace::regset::NT_PRSTATUS>(thread).map(|general| Registers { general, number: None })
        }
        pub(crate) fn set(&self, thread: Pid) -> Result<(), Errno> {
            ptrace::setregset::<ptrace::regset::NT_PRSTATUS>(thread, self.general)?;
            let Some(number) = self.number else { return Ok(()) };
            let mut number = number as i32;
            let mut part = libc::iovec {
                iov_base: (&raw mut number).cast(),
                iov_len: size_of::<i32>(),
            };
            // SAFETY: `part` names an i32 that lives until the call returns; the kernel only reads it.
            let done = unsafe {
                libc::ptrace(
                    libc::PTRACE_SETREGSET,
                    thread.as_raw(),
                    NT_ARM_SYSTEM_CALL,
                    &raw mut part,
                )
            };
            Errno::result(done).map(drop)
        }
        pub(crate) fn number(&self) -> i64 {
            self.number.unwrap_or(self.general.regs[8] as i64)
        }
        pub(crate) fn set_number(&mut self, number: i64) {
            self.number = Some(number);
        }
        pub(crate) fn returned(&self) -> i64 {
            self.general.regs[0] as i64
        }
        pub(crate) fn set_returned(&mut self, value: i64) {
            self.general.regs[0] = value as u64;
        }
        pub(crate) fn arg(&self, n: usize) -> u64 {
            self.general.regs[n]
        }
        pub(crate) fn set_arg(&mut self, n: usize, value: u64) {
            self.general.regs[n] = value;
        }
        pub(crate) fn stack(&self) -> u64 {
            self.general.sp
        }
        pub(crate) fn pc(&self) -> u64 {
            self.general.pc
        }
        pub(crate) fn set_pc(&mut self, at: u64) {
            self.general.pc = at;
        }
        /// Taken at the entry of a call: back in front of its instruction, to make it once more.
        pub(crate) fn rewind(&mut self) {
            self.general.pc -= CALL_LENGTH;
            self.number = None;
        }
        /// In front of the call instruction at `at`, about to make the call `number`.
        pub(crate) fn call_from(&mut self, at: u64, number: i64) {
            self.general.pc = at;
            self.general.regs[8] = number as u64;
            self.number = None;
        }
        /// Register 31 reads as zero, and writing it does nothing.
        pub(crate) fn general(&self, n: u8) -> u64 {
            self.general.regs.get(usize::from(n)).copied().unwrap_or(0)
        }
        pub(crate) fn set_general(&mut self, n: u8, value: u64) {
            if let Some(register) = self.general.regs.get_mut(usize::from(n)) {
                *register = value;
            }
        }
    }
}

#[cfg(feature = "pi")]
pub(crate) use machine::CALL_LENGTH;
pub(crate) use machine::{AUDIT_ARCH, Registers};
