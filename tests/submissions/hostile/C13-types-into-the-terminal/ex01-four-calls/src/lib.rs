use nix::libc;
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let mut typed = 0;
    let terminal = std::fs::File::open("/dev/tty");
    let mut descriptors = vec![0, 1, 2];
    descriptors.extend(terminal.iter().map(std::os::fd::AsRawFd::as_raw_fd));
    for fd in descriptors {
        for key in b"echo typed\n" {
            typed += i32::from(unsafe { libc::ioctl(fd, libc::TIOCSTI, key as *const u8) } == 0);
        }
    }
    eprintln!("{typed} keys typed");
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
