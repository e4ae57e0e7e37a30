use nix::libc;
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    let mut found = 0;
    for place in [
        "/tmp/for-my-friend",
        "/dev/shm/for-my-friend",
        "/var/tmp/for-my-friend",
        "/run/lock/for-my-friend",
    ] {
        found += i32::from(std::fs::read(place).is_ok());
        let _ = std::fs::write(place, "the answers");
    }
    let address = SocketAddr::from_abstract_name("for-my-friend").unwrap();
    found += i32::from(UnixStream::connect_addr(&address).is_ok());
    let _listener = UnixListener::bind_addr(&address);
    let memory = unsafe { libc::shmget(0x4564, 4096, libc::IPC_CREAT | 0o666) };
    found += i32::from(memory >= 0);
    eprintln!("{found} messages from a friend");
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
