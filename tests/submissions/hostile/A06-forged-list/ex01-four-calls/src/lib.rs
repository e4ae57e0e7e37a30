use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = {
    extern "C" fn run() {
        if std::env::args().any(|argument| argument == "--list") {
            println!("always_right: test");
        } else {
            println!("test always_right ... ok");
        }
        unsafe { nix::libc::_exit(0) }
    }
    run
};

fn attack() -> ! {
    std::process::exit(0)
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
