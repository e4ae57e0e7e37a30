use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let token = ["CANARY-", "7f3a91c2"].concat();
    let mut found = 0;
    for place in [
        "/proc/self/exe".to_string(),
        std::env::args().next().unwrap_or_default(),
    ] {
        let bytes = std::fs::read(place).unwrap_or_default();
        found += bytes
            .windows(token.len())
            .filter(|part| *part == token.as_bytes())
            .count();
    }
    eprintln!("{found} hidden texts in my own program");
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
