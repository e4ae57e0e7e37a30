//! The tracer's end of the wire: a launcher whose descriptor 3 is a SEQPACKET socket is being traced.
//!
//! The program's process, still with all its rights, sends `H`; the receiver's SO_PASSCRED adds its process id, translated to the
//! receiver's namespace. The tracer seizes it and answers `G`, followed by the numbers of the calls that are to stop for it, each four
//! bytes, least significant first. Only then does the process give up its rights.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockType, SockaddrLike, SockaddrStorage, getsockname, getsockopt, recv, send, sockopt,
};

use super::fault::{Fault, Stage, Staged};

/// Where the tracer puts its socket.
const DESCRIPTOR: i32 = 3;
/// More calls than any table has.
const LONGEST: usize = 1 + 4 * 1024;

/// The socket to the tracer.
#[derive(Debug)]
pub struct Control(OwnedFd);

impl Control {
    /// Takes descriptor 3 if it is a tracer's socket. To be called before anything else is opened.
    #[allow(unsafe_code)] // a descriptor that we were given by number
    pub fn from_launch() -> Option<Control> {
        // SAFETY: the borrow ends before the descriptor can be closed; a number that is not open is answered with EBADF.
        let given = unsafe { BorrowedFd::borrow_raw(DESCRIPTOR) };
        let packets = getsockopt(&given, sockopt::SockType).is_ok_and(|kind| kind == SockType::SeqPacket);
        let local = getsockname::<SockaddrStorage>(DESCRIPTOR)
            .ok()
            .and_then(|name| name.family())
            == Some(AddressFamily::Unix);
        // SAFETY: it is open, it was left to us by whoever started us, and nothing else in this process knows it.
        (packets && local).then(|| Control(unsafe { OwnedFd::from_raw_fd(DESCRIPTOR) }))
    }

    /// Announces this process and waits until it is traced; gives the calls that have to stop.
    pub fn await_tracer(&self) -> Staged<Vec<u32>> {
        let socket = self.0.as_raw_fd();
        send(socket, b"H", MsgFlags::MSG_NOSIGNAL).stage("speak to the tracer")?;
        let mut answer = vec![0; LONGEST];
        let length = loop {
            match recv(socket, &mut answer, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                received => break received.stage("listen to the tracer")?,
            }
        };
        match answer[..length].split_first() {
            Some((b'G', calls)) if calls.len() % 4 == 0 => {
                Ok(calls.as_chunks().0.iter().copied().map(u32::from_le_bytes).collect())
            }
            _ => Err(Fault::new("the tracer did not say `G`")),
        }
    }
}
