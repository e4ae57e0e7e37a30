//! New namespaces for a child, its user id maps, and a loopback that is up.
#![allow(unsafe_code)] // clone(2) and an ioctl that no crate wraps

use std::fs;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{ForkResult, Pid, getegid, geteuid};

use super::fault::{Stage, Staged};

/// Every namespace but the network's: what a jail gets inside its cell.
pub const JAIL: CloneFlags = CloneFlags::CLONE_NEWUSER
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);
/// With the network: what a cell gets, and a jail without a cell.
pub const CELL: CloneFlags = JAIL.union(CloneFlags::CLONE_NEWNET);

/// Forks into new namespaces. The child is process 1 there and has no user ids yet: see [`map_ids`].
pub fn fork_into(flags: CloneFlags) -> nix::Result<ForkResult> {
    let flags = (flags.bits() | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: without CLONE_VM and without a stack this is a fork. Cell and launcher have one thread, so every lock that the child may need is free.
    match Errno::result(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })? {
        0 => Ok(ForkResult::Child),
        child => Ok(ForkResult::Parent {
            child: Pid::from_raw(child as i32),
        }),
    }
}

/// Forks a process that may do anything: ours has one thread.
pub fn fork() -> nix::Result<ForkResult> {
    // SAFETY: cell and launcher have one thread, so every lock that the child may need is free.
    unsafe { nix::unistd::fork() }
}

/// Gives the child in its new user namespace its ids: the same as ours where we may map them, else our own id alone as `alone`.
pub fn map_ids(child: Pid, alone: u32) -> Staged<()> {
    let several = all_ids("/proc/self/uid_map").filter(|_| geteuid().is_root());
    if let (Some(users), Some(groups)) = (several, all_ids("/proc/self/gid_map")) {
        let write = |file, text| fs::write(format!("/proc/{child}/{file}"), text);
        match write("uid_map", users) {
            Ok(()) => return write("gid_map", groups).stage("map group ids"),
            // Root by name only: one id, as everybody.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {}
            Err(error) => return Err(error).stage("map user ids"),
        }
    }
    let write = |file: &str, text: String| fs::write(format!("/proc/{child}/{file}"), text);
    write("setgroups", "deny".into()).stage("give up setgroups")?;
    write("uid_map", format!("{alone} {} 1\n", geteuid())).stage("map the user id")?;
    write("gid_map", format!("{alone} {} 1\n", getegid())).stage("map the group id")
}

/// Every id that exists in our own namespace, mapped to itself; `None` when there is only one.
fn all_ids(map: &str) -> Option<String> {
    let text = fs::read_to_string(map).ok()?;
    let extents = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().map(|field| field.parse::<u64>().ok());
        let (inside, _outside, count) = (fields.next()??, fields.next()??, fields.next()??);
        Some((inside, count))
    });
    let extents: Vec<(u64, u64)> = extents.collect();
    (extents.iter().map(|(_, count)| count).sum::<u64>() > 1).then(|| {
        extents
            .iter()
            .map(|(inside, count)| format!("{inside} {inside} {count}\n"))
            .collect()
    })
}

/// Whether `uid` exists in our user namespace, so that a program could run as it.
pub fn exists(uid: u32) -> bool {
    let text = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    text.lines().any(|line| {
        let fields: Vec<u64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        matches!(fields[..], [inside, _, count] if (inside..inside + count).contains(&u64::from(uid)))
    })
}

/// `ip link set lo up`, with multicast.
pub fn loopback_up() -> Staged<()> {
    let any = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).stage("a socket for lo")?;
    // SAFETY: an all-zero ifreq is a valid value: a name and a union of plain numbers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    let flags = libc::IFF_UP | libc::IFF_RUNNING | libc::IFF_MULTICAST;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: `any` is an open socket, and the request lives until the call returns.
    let set = unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    Errno::result(set).map(drop).stage("loopback up")
}
