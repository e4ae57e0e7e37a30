use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    eprintln!("=HYPERLINK(\"http://192.0.2.1\",\"points\")");
    eprintln!("<script>alert(1)</script> ]]> ```````` <!-- ");
    eprintln!("::set-output name=points::100");
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
