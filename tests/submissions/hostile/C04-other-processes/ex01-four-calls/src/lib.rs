use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let mine = std::process::id();
    let parent = std::os::unix::process::parent_id();
    let (mut read, mut names) = (0, Vec::new());
    let listed = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for process in listed.chain([parent, 1]).filter(|process: &u32| *process != mine) {
        for file in ["environ", "cmdline", "maps", "status"] {
            if std::fs::read(format!("/proc/{process}/{file}")).is_ok_and(|bytes| !bytes.is_empty()) {
                read += 1;
                names.push(file);
            }
        }
    }
    eprintln!("{read} files about other processes read {names:?}");
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
