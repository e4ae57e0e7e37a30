//! What a program is doing while a test waits for it in vain: in which call it waits, and what became of the connection. `/proc` tells.
//!
//! It is asked after the deadline only, changes nothing, and everything in it may be missing (other systems, jails): then there is no clue.

use crate::proc;
use nix::{libc, unistd::Pid};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// A TCP socket in the kernel's table (proc_net(5)).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Socket {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub listens: bool,
    /// Bytes that have arrived and were not read.
    pub unread: u64,
    /// Zero while nobody has accepted it.
    inode: u64,
}

/// What a program waits for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Waits {
    /// For the next client.
    Accept,
    /// For bytes: at this connection, if it is one.
    Read(Option<Socket>),
    /// For somebody to take bytes.
    Write,
    /// In this call, which is about something else.
    Call(&'static str),
    /// It does not wait: it computes, or makes calls that return at once.
    Never,
}

/// What `pid` waits for after a test has waited so long for it.
pub(crate) fn waits(pid: Pid, waited: Duration) -> Option<Waits> {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    // Whoever does nothing but wait needs no processor, and is in no call only by chance.
    let share = proc::cpu_seconds(pid) / waited.as_secs_f64();
    if share > 0.5 || share > 0.1 && text.starts_with("running") {
        return Some(Waits::Never);
    }
    let mut fields = text.split_whitespace();
    let number: i64 = fields.next()?.parse().ok()?;
    let fd = i32::try_from(hexadecimal(fields.next()?)?).ok();
    Some(match number {
        libc::SYS_accept | libc::SYS_accept4 => Waits::Accept,
        libc::SYS_recvfrom | libc::SYS_read | libc::SYS_recvmsg | libc::SYS_readv => {
            Waits::Read(fd.and_then(|fd| socket_of(pid, fd)))
        }
        libc::SYS_sendto | libc::SYS_write | libc::SYS_sendmsg | libc::SYS_writev => Waits::Write,
        other => Waits::Call(name(other)?),
    })
}

fn name(number: i64) -> Option<&'static str> {
    Some(match number {
        libc::SYS_connect => "in connect()",
        libc::SYS_ppoll => "in poll()",
        libc::SYS_pselect6 => "in select()",
        libc::SYS_epoll_pwait => "in epoll_wait()",
        libc::SYS_futex => "for a lock, a channel or a thread",
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => "in a sleep",
        libc::SYS_wait4 | libc::SYS_waitid => "for the end of a child process",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => "in poll()",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_select => "in select()",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait => "in epoll_wait()",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_pause => "in pause()",
        _ => return None,
    })
}

/// The TCP sockets that `pid` has open; none where its descriptors may not be looked at.
pub(crate) fn sockets_of(pid: Pid) -> Option<Vec<Socket>> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let inodes: Vec<u64> = open.filter_map(|entry| inode(&entry.path())).collect();
    let all = all().into_iter();
    Some(all.filter(|socket| inodes.contains(&socket.inode)).collect())
}

/// Whether it has any socket at all, be it one that neither listens nor is connected.
pub(crate) fn has_a_socket(pid: Pid) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| inode(&entry.path())).next().is_some()
}

/// The program's end of the connection whose other end is at `peer`.
pub(crate) fn other_end(peer: SocketAddr, at: SocketAddr) -> Option<Socket> {
    let mut all = all().into_iter();
    all.find(|socket| !socket.listens && socket.remote == peer && socket.local == at)
}

impl Socket {
    /// Somebody has taken it out of the listener's queue.
    pub(crate) fn is_accepted(&self) -> bool {
        self.inode != 0
    }
}

fn socket_of(pid: Pid, fd: i32) -> Option<Socket> {
    let wanted = inode(format!("/proc/{pid}/fd/{fd}").as_ref())?;
    all().into_iter().find(|socket| socket.inode == wanted)
}

/// `socket:[4711]`
fn inode(link: &std::path::Path) -> Option<u64> {
    let target = fs::read_link(link).ok()?;
    let number = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

fn all() -> Vec<Socket> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    table.lines().skip(1).filter_map(socket).collect()
}

/// `0: 0100007F:9733 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 368131 …`
fn socket(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, unread) = fields.get(4)?.split_once(':')?;
    Some(Socket {
        local: address(fields.get(1)?)?,
        remote: address(fields.get(2)?)?,
        listens: *fields.get(3)? == "0A",
        unread: hexadecimal(unread)?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The address is printed as a number of this machine, the port as people write it.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let ip = u32::try_from(hexadecimal(ip)?).ok()?;
    let ip = Ipv4Addr::from(ip.to_ne_bytes());
    Some((IpAddr::from(ip), u16::try_from(hexadecimal(port)?).ok()?).into())
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_is_seen_from_both_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let peer = client.local_addr().unwrap();
        if other_end(peer, at).is_none() {
            return; // no /proc here
        }
        assert!(!other_end(peer, at).unwrap().is_accepted());
        std::io::Write::write_all(&mut &client, b"hello").unwrap();
        let _held = listener.accept().unwrap();
        let accepted = other_end(peer, at).unwrap();
        assert_eq!((accepted.is_accepted(), accepted.unread), (true, 5));
        let ours = sockets_of(Pid::this()).unwrap();
        assert!(ours.iter().any(|socket| socket.listens && socket.local == at));
        assert!(has_a_socket(Pid::this()));
    }
}
