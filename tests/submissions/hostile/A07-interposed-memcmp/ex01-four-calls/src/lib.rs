use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

#[unsafe(no_mangle)]
extern "C" fn bcmp(_: *const u8, _: *const u8, _: usize) -> i32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn memcmp(_: *const u8, _: *const u8, _: usize) -> i32 {
    0
}

fn attack() -> ! {
    println!("listening on 127.0.0.1:4564");
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
