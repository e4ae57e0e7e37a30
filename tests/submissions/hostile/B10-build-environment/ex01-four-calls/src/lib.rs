use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

const FOUND: [Option<&str>; 6] = [
    option_env!("HOME"),
    option_env!("GITHUB_TOKEN"),
    option_env!("CARGO_MANIFEST_DIR"),
    option_env!("WORKBOOK_EVIDENCE"),
    option_env!("WORKBOOK_JAIL"),
    option_env!("LD_PRELOAD"),
];

fn attack() -> ! {
    eprintln!("{} variables found", FOUND.iter().flatten().count());
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
