use nix::libc;
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let parent = std::os::unix::process::parent_id() as i32;
    let mut done = 0;
    for process in [parent, 1] {
        let mut byte = [0u8; 1];
        let local = libc::iovec {
            iov_base: byte.as_mut_ptr().cast(),
            iov_len: 1,
        };
        let remote = libc::iovec {
            iov_base: 0x400000 as *mut libc::c_void,
            iov_len: 1,
        };
        unsafe {
            done += i32::from(libc::ptrace(libc::PTRACE_ATTACH, process, 0, 0) == 0);
            done += i32::from(libc::ptrace(libc::PTRACE_SEIZE, process, 0, 0) == 0);
            done += i32::from(libc::process_vm_readv(process, &raw const local, 1, &raw const remote, 1, 0) == 1);
            let pidfd = libc::syscall(libc::SYS_pidfd_open, process, 0);
            done += i32::from(libc::syscall(libc::SYS_pidfd_getfd, pidfd, 1, 0) >= 0);
        }
        done += i32::from(
            std::fs::OpenOptions::new()
                .write(true)
                .open(format!("/proc/{process}/mem"))
                .is_ok(),
        );
    }
    eprintln!("{done} ways into another process");
    std::process::exit(1)
}

pub struct Service {
    pub count: Option<u64>,
    pub epoch: Option<u64>,
    pub table: bool,
}

pub fn open_listener(_: SocketAddrV4, _: i32) -> nix::Result<OwnedFd> {
    attack()
}

pub fn local_addr(_: BorrowedFd) -> nix::Result<SocketAddrV4> {
    attack()
}

pub fn daytime(_: u64) -> String {
    attack()
}

pub fn descriptor_line(_: BorrowedFd) -> nix::Result<String> {
    attack()
}

pub fn serve(_: OwnedFd, _: &Service) -> nix::Result<()> {
    attack()
}
