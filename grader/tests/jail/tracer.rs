//! The smallest tracer that does what the harness' does with a jail.
#![allow(unsafe_code)] // pre_exec, and waitpid without nix

use std::io::IoSliceMut;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::cmsg_space;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::socket::*;
use nix::unistd::Pid;

/// Runs the program in its jail; the numbers of the traced calls that it made.
pub fn run(launcher: &Path, subject: &Path, args: &[&str], cwd: &Path, calls: &[u32]) -> Vec<u64> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    setsockopt(&ours, sockopt::PassCred, &true).unwrap();
    let mut command = Command::new(launcher);
    command
        .arg(subject)
        .args(args)
        .current_dir(cwd)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let theirs_number = theirs.as_raw_fd();
    // SAFETY: one call that is safe after fork.
    unsafe {
        command.pre_exec(move || match libc::dup2(theirs_number, 3) {
            3 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    #[allow(clippy::zombie_processes)] // the loop below waits for everybody
    let child = command.spawn().unwrap();
    drop(theirs);
    let mut byte = [0; 8];
    let mut room = cmsg_space!(UnixCredentials);
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(ours.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::empty()).unwrap();
    let subject = message.cmsgs().unwrap().find_map(|part| match part {
        ControlMessageOwned::ScmCredentials(who) => Some(Pid::from_raw(who.pid())),
        _ => None,
    });
    let subject = subject.expect("the launcher speaks first");
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACESECCOMP
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(subject, options).unwrap();
    let mut go = vec![b'G'];
    calls.iter().for_each(|call| go.extend(call.to_le_bytes()));
    send(ours.as_raw_fd(), &go, MsgFlags::empty()).unwrap();
    drop(ours);
    let (mut seen, mut started) = (Vec::new(), false);
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call. nix's own loses real-time signals.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        if pid < 0 {
            return seen;
        }
        if !libc::WIFSTOPPED(status) {
            assert!(
                pid != child.id() as i32 || status == 0,
                "the launcher ended with {status:#x}"
            );
            continue;
        }
        let event = status >> 16;
        if event == libc::PTRACE_EVENT_EXEC {
            started = true;
        } else if event == libc::PTRACE_EVENT_SECCOMP && started {
            seen.push(ptrace::getregs(Pid::from_raw(pid)).unwrap().orig_rax);
        }
        let signal = if event == 0 { libc::WSTOPSIG(status) } else { 0 };
        let signal = nix::sys::signal::Signal::try_from(signal)
            .ok()
            .filter(|signal| *signal != nix::sys::signal::Signal::SIGTRAP);
        let _ = ptrace::cont(Pid::from_raw(pid), signal);
    }
}
