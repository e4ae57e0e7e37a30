use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

extern "C" fn leave() {
    unsafe { nix::libc::_exit(0) }
}

fn attack() -> ! {
    unsafe { nix::libc::atexit(leave) };
    std::thread::spawn(|| std::process::exit(0)).join().ok();
    panic!("a failed assertion");
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
