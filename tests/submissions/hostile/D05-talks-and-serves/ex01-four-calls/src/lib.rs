use std::io::Write;
use std::net::{SocketAddrV4, TcpListener};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrIn, getsockname};

fn attack() {
    let lines = "what I was thinking meanwhile\n".repeat(200_000);
    let _ = std::io::stderr().write_all(lines.as_bytes());
}

pub struct Service {
    pub count: Option<u64>,
    pub epoch: Option<u64>,
    pub table: bool,
}

pub fn open_listener(address: SocketAddrV4, _: i32) -> nix::Result<OwnedFd> {
    attack();
    TcpListener::bind(address)
        .map(Into::into)
        .map_err(|error| Errno::try_from(error).unwrap_or(Errno::EIO))
}

pub fn local_addr(socket: BorrowedFd) -> nix::Result<SocketAddrV4> {
    getsockname::<SockaddrIn>(socket.as_raw_fd()).map(Into::into)
}

pub fn daytime(epoch: u64) -> String {
    attack();
    let (mut days, second) = (epoch / 86_400, epoch % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{:02}Z",
        month + 1,
        days + 1,
        second % 60
    )
}

pub fn descriptor_line(_: BorrowedFd) -> nix::Result<String> {
    Ok("not done".into())
}

pub fn serve(listener: OwnedFd, service: &Service) -> nix::Result<()> {
    let listener = TcpListener::from(listener);
    let mut served = 0;
    for client in listener.incoming().flatten() {
        served += 1;
        println!(
            "client {served} from {}",
            client.peer_addr().map_or("?".into(), |peer| peer.to_string())
        );
        let now = service
            .epoch
            .unwrap_or(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        let _ = (&client).write_all(format!("{}\r\n", daytime(now)).as_bytes());
        if Some(served) == service.count {
            break;
        }
    }
    Ok(())
}
