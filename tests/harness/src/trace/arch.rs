//! Registers of a stopped thread: all that differs between x86_64 and 64-bit ARM.
//!
//! `get` and `set` move them; `number`, `arg`, `returned` read; `set_arg`, `set_number`, `set_returned` change. Changes take effect with `set`.
#![allow(unsafe_code)] // the request for ARM's call number is in no library
use nix::{errno::Errno, sys::ptrace, unistd::Pid};

/// Bytes below the stack pointer that the calling convention lets a function use without moving the pointer.
pub(super) const RED_ZONE: u64 = 128;

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::*;
    pub(in crate::trace) const AUDIT_ARCH: u32 = 0xC000_003E;

    #[derive(Clone)]
    pub(in crate::trace) struct Registers(nix::libc::user_regs_struct);

    impl Registers {
        pub(in crate::trace) fn get(thread: Pid) -> Result<Registers, Errno> {
            ptrace::getregs(thread).map(Registers)
        }
        pub(in crate::trace) fn set(&self, thread: Pid) -> Result<(), Errno> {
            ptrace::setregs(thread, self.0)
        }
        pub(in crate::trace) fn number(&self) -> i64 {
            self.0.orig_rax as i64
        }
        pub(in crate::trace) fn set_number(&mut self, number: i64) {
            self.0.orig_rax = number as u64;
        }
        pub(in crate::trace) fn returned(&self) -> i64 {
            self.0.rax as i64
        }
        pub(in crate::trace) fn set_returned(&mut self, value: i64) {
            self.0.rax = value as u64;
        }
        pub(in crate::trace) fn arg(&self, n: usize) -> u64 {
            let r = &self.0;
            [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9][n]
        }
        pub(in crate::trace) fn set_arg(&mut self, n: usize, value: u64) {
            let r = &mut self.0;
            *[&mut r.rdi, &mut r.rsi, &mut r.rdx, &mut r.r10, &mut r.r8, &mut r.r9][n] = value;
        }
        pub(in crate::trace) fn stack(&self) -> u64 {
            self.0.rsp
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::*;
    use nix::libc;
    pub(in crate::trace) const AUDIT_ARCH: u32 = 0xC000_00B7;
    /// The register set that holds only the number of the call (Linux, `elf.h`).
    const NT_ARM_SYSTEM_CALL: usize = 0x404;

    #[derive(Clone)]
    pub(in crate::trace) struct Registers {
        general: libc::user_regs_struct,
        /// Writing x8 does not change the call; a number that differs from x8 goes through its own register set.
        number: Option<i64>,
    }

    impl Registers {
        pub(in crate::trace) fn get(thread: Pid) -> Result<Registers, Errno> {
            ptrace::getregset::<ptrace::regset::NT_PRSTATUS>(thread).map(|general| Registers { general, number: None })
        }
        pub(in crate::trace) fn set(&self, thread: Pid) -> Result<(), Errno> {
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
        pub(in crate::trace) fn number(&self) -> i64 {
            self.number.unwrap_or(self.general.regs[8] as i64)
        }
        pub(in crate::trace) fn set_number(&mut self, number: i64) {
            self.number = Some(number);
        }
        pub(in crate::trace) fn returned(&self) -> i64 {
            self.general.regs[0] as i64
        }
        pub(in crate::trace) fn set_returned(&mut self, value: i64) {
            self.general.regs[0] = value as u64;
        }
        pub(in crate::trace) fn arg(&self, n: usize) -> u64 {
            self.general.regs[n]
        }
        pub(in crate::trace) fn set_arg(&mut self, n: usize, value: u64) {
            self.general.regs[n] = value;
        }
        pub(in crate::trace) fn stack(&self) -> u64 {
            self.general.sp
        }
    }
}

pub(super) use machine::{AUDIT_ARCH, Registers};
