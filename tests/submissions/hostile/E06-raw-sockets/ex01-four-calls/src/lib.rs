use nix::libc;
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    let kinds = [
        (libc::AF_PACKET, libc::SOCK_RAW, 0x0300),
        (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_UDP),
        (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        (libc::AF_NETLINK, libc::SOCK_RAW, 0),
        (libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        (libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
    ];
    let opened = kinds
        .iter()
        .filter(|(family, kind, protocol)| unsafe { libc::socket(*family, *kind, *protocol) } >= 0)
        .count();
    eprintln!("{opened} special sockets opened");
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
