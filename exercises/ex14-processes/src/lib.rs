//! Exercise 14: a server that starts a process for each client, as `inetd` does. Any program that reads its standard
//! input and writes to its standard output becomes a network service: `ex14 server -- cat` is an echo server.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the listener, turns
//! the signals into descriptors, and calls [`serve`].
//!
//! std starts processes with [`Command`]: underneath are fork, dup2 and execve. It gives descriptors 0, 1 and 2 to the
//! new program, and every other one that std or netlab has made is closed there. The system calls that std does not
//! have (`poll`, `kill`) come from nix.
#![allow(unused_imports, unused_mut, unused_variables, clippy::ptr_arg)] // delete this line when you have written everything

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use netlab::event;
use netlab::signals::drain;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How a process ended, in two words: `code 3`, or `signal 9` if a signal ended it.
///
/// The kernel has one number for both (`man 2 wait`); [`ExitStatus::code`] and [`ExitStatusExt::signal`] take it apart.
pub fn exit_text(status: ExitStatus) -> String {
    todo!("exit_text: did it end with a code, or did a signal end it?")
}

/// Starts `command` (a program and its arguments) for a client: its standard input and output are the connection, its
/// standard error is the server's own.
///
/// When this returns, the server has no descriptor of the connection any more, whether it went well or not: the client
/// sees the end of the stream when the *last* copy is closed, and that has to be the child's.
///
/// # Errors
/// The program cannot be started: there is none of that name, it may not be executed, or there are too many processes.
pub fn spawn_for(connection: OwnedFd, command: &[OsString]) -> io::Result<Child> {
    todo!("spawn_for: start the program with the connection as its descriptors 0 and 1, and keep no copy")
}

/// Takes every child that has ended out of `children`, and prints for each of them, with [`event()`], `exit pid=P code
/// N` or `exit pid=P signal N`. Waits for none of those that still run.
///
/// Several may have ended since the last call, or none.
pub fn reap(children: &mut Vec<Child>) {
    todo!("reap: ask each child whether it has ended; print and forget those that have")
}

/// What the server is asked to do. Given.
pub struct Service {
    /// The program to start for each client, and its arguments.
    pub command: Vec<OsString>,
    /// How many children may run at the same time.
    pub max_children: usize,
    /// Readable as soon as somebody has asked the server to end (SIGTERM, SIGINT), and from then on.
    pub asked_to_end: BorrowedFd<'static>,
    /// Readable when something has happened to a child (SIGCHLD) since the last [`drain`] of it.
    pub child_changed: BorrowedFd<'static>,
}

/// What has happened while the server waited; several things at once, perhaps. Given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// A client is in the listener's queue.
    pub client: bool,
    /// [`Service::child_changed`] is readable.
    pub child: bool,
    /// [`Service::asked_to_end`] is readable.
    pub end: bool,
}

/// Waits until something has happened, with `poll(2)`: with no time limit, and without using the processor.
///
/// Without a `listener`, clients are nothing to wait for: those that come stay in the kernel's queue.
///
/// A signal that arrives while the call waits makes it fail with EINTR. Nothing is wrong then: wait again.
///
/// # Errors
/// That of `poll`, except EINTR.
pub fn wait_for(listener: Option<BorrowedFd>, service: &Service) -> io::Result<Ready> {
    todo!("wait_for: poll the descriptors for POLLIN, and say which of them are ready")
}

/// Serves until it is asked to end; the listener is already listening.
///
/// For each client: accepts the connection, starts the command for it, and prints `start pid=P from 127.0.0.1:40000`,
/// where P is the child's process id. If the command cannot be started, it prints `spawn failed: ENOENT: No such file
/// or directory` instead (see [`in_words`]), closes the connection, and goes on.
///
/// No child is waited for while others could be served. At most [`Service::max_children`] run at the same time; further
/// clients wait in the kernel's queue, and nobody is refused.
///
/// Children that have ended are taken note of at once, see [`reap`].
///
/// When it is asked to end, it accepts nobody any more, sends SIGTERM to each child that still runs, waits until all
/// have ended, prints for each how it ended, as [`reap`] does, and returns.
///
/// # Errors
/// Those of [`wait_for`] and of accepting a connection.
pub fn serve(listener: TcpListener, service: &Service) -> io::Result<()> {
    todo!("serve: wait; reap the children, or accept a client and start its command; until asked to end")
}

/// The system's name for an error, and its words: `ENOENT: No such file or directory`. Given.
pub fn in_words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).to_string(),
        None => error.to_string(),
    }
}
