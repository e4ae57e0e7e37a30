//! Starts a subject behind a launcher that puts it into a jail, and is its tracer before it has given up its rights.
//!
//! ```text
//! tracer ── launcher ── … ── subject          descriptor 3 of all of them: one end of a SEQPACKET socket, ours is the other
//!    ◀──────────── H ────────────             the subject, with all its rights; the kernel adds its process id, as we see it
//!   seize
//!    ───────────── G numbers ───▶             the calls that are to stop: it puts them into its seccomp program, at last
//! ```
//!
//! Seizing comes first because it may be refused afterwards: a process that has changed its user is nobody's to trace.

use super::spawn::{Image, fork, give_up, seize};
use nix::{
    cmsg_space,
    errno::Errno,
    libc::c_char,
    sys::{
        socket::{
            AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixCredentials, recvmsg, send,
            setsockopt, socketpair, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
    unistd::Pid,
};
use std::{
    io::IoSliceMut,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

/// A jail is built in milliseconds. A launcher that says nothing for so long is broken.
const PATIENCE_SECONDS: i64 = 5;

/// Starts the launcher and seizes the subject: their process ids. `numbers` are the calls that have to stop.
pub(super) fn start(
    image: &Image,
    argv: &[*const c_char],
    envp: &[*const c_char],
    say: RawFd,
    numbers: &[i64],
) -> Result<(Pid, Pid), String> {
    let (ours, theirs) = control().map_err(|errno| format!("a socket for the jail: {errno}"))?;
    let launcher = fork(|| image.become_launcher(argv, envp, theirs.as_raw_fd(), say))?;
    // So that the death of all who could speak is an end of file.
    drop(theirs);
    let begun = announced(&ours).and_then(|subject| {
        seize(subject)?;
        let calls = numbers.iter().flat_map(|number| (*number as u32).to_le_bytes());
        let word: Vec<u8> = (*b"G").into_iter().chain(calls).collect();
        match send(ours.as_raw_fd(), &word, MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Ok((launcher, subject)),
            Err(errno) => Err(format!("the jail does not listen: {errno}")),
        }
    });
    begun.inspect_err(|_| give_up(launcher))
}

/// Our end and the launcher's. Ours asks the kernel for the sender of every word, before there is anybody who could send one.
fn control() -> Result<(OwnedFd, OwnedFd), Errno> {
    let ends = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    setsockopt(&ends.0, sockopt::PassCred, &true)?;
    setsockopt(&ends.0, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_SECONDS))?;
    Ok(ends)
}

/// Waits for the subject's word; its process id in our namespace.
fn announced(ours: &OwnedFd) -> Result<Pid, String> {
    let mut word = [0u8; 8];
    let mut room = cmsg_space!(UnixCredentials);
    loop {
        let mut parts = [IoSliceMut::new(&mut word)];
        match recvmsg::<()>(
            ours.as_raw_fd(),
            &mut parts,
            Some(&mut room),
            MsgFlags::MSG_CMSG_CLOEXEC,
        ) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(format!("the jail says nothing: {errno}")),
            Ok(received) if received.bytes == 0 => return Err("the jail could not be built".into()),
            Ok(received) => {
                let mut words = received.cmsgs().map_err(|errno| format!("the jail's word: {errno}"))?;
                let sender = words.find_map(|word| match word {
                    ControlMessageOwned::ScmCredentials(sender) => Some(Pid::from_raw(sender.pid())),
                    _ => None,
                });
                return sender
                    .filter(|pid| pid.as_raw() > 0)
                    .ok_or_else(|| "the jail's word has no sender".into());
            }
        }
    }
}
