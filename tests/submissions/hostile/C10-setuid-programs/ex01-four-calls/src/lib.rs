use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let root = ["su", "sudo", "mount", "passwd", "newgrp", "chsh"]
        .iter()
        .filter(|name| {
            ["/bin", "/usr/bin", "/sbin", "/usr/sbin"].iter().any(|folder| {
                std::process::Command::new(format!("{folder}/{name}"))
                    .arg("--version")
                    .output()
                    .is_ok()
            })
        });
    eprintln!("{} programs of root started", root.count());
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
