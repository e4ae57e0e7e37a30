// CANARY-7f3a91c2-hidden
//! Exercise 14: a server that starts a process for each client, as `inetd` does. Any program that reads its standard
//! input and writes to its standard output becomes a network service: `ex14 server -- cat` is an echo server.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, opens the listener, turns
//! the signals into descriptors, and calls [`serve`].
//!
//! std starts processes with [`Command`]: underneath are fork, dup2 and execve. It gives descriptors 0, 1 and 2 to the
//! new program, and every other one that std or netlab has made is closed there. The system calls that std does not
//! have (`poll`, `kill`) come from nix.
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables, clippy::ptr_arg)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION todo!("exit_text: did it end with a code, or did a signal end it?")
    // A process that a signal has ended never got to say a code, so there is none. Shells make one up, 128 + 9, and
    // then nobody can tell it from a program that really returned 137.
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => format!("{status}"), // stopped or continued: nobody asks for those here
    }
    // END SOLUTION
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
    // SOLUTION todo!("spawn_for: start the program with the connection as its descriptors 0 and 1, and keep no copy")
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    // Two descriptors of one socket, because a `Stdio` owns what it is made of. In the child they become numbers 0 and
    // 1; the numbers that they have here are closed there on execve (std sets FD_CLOEXEC on everything that it opens).
    let input = connection.try_clone()?;
    // The arguments go to the program one by one, as they are. No shell looks at them.
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(connection))
        .spawn()
    // Here the `Command` is dropped, which owns both descriptors. As long as one lives, so does the connection.
    // END SOLUTION
}

/// Takes every child that has ended out of `children`, and prints for each of them, with [`event()`], `exit pid=P code
/// N` or `exit pid=P signal N`. Waits for none of those that still run.
///
/// Several may have ended since the last call, or none.
pub fn reap(children: &mut Vec<Child>) {
    // SOLUTION todo!("reap: ask each child whether it has ended; print and forget those that have")
    // Signals are not counted: five children that end while one SIGCHLD is on its way are still one SIGCHLD. So it only
    // means "have a look", and whoever looks has to look at all of them. `try_wait` is waitpid(2) with WNOHANG; asking
    // an ended child is also what makes the kernel forget it (until then it is a zombie: no memory, no descriptors, but
    // an entry in the process table).
    children.retain_mut(|child| match child.try_wait() {
        Ok(None) => true,
        Ok(Some(status)) => {
            event(format_args!("exit pid={} {}", child.id(), exit_text(status)));
            false
        }
        Err(_) => false, // ECHILD: it is not ours, or was waited for already
    });
    // END SOLUTION
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
    // SOLUTION todo!("wait_for: poll the descriptors for POLLIN, and say which of them are ready")
    let mut wanted = vec![
        PollFd::new(service.asked_to_end, PollFlags::POLLIN),
        PollFd::new(service.child_changed, PollFlags::POLLIN),
    ];
    wanted.extend(listener.map(|listener| PollFd::new(listener, PollFlags::POLLIN)));
    loop {
        match poll(&mut wanted, PollTimeout::NONE) {
            // This happens all the time here: SIGCHLD itself interrupts the call. Its handler has run by now and has
            // written into the pipe behind `child_changed`, so the next poll returns at once.
            Err(Errno::EINTR) => {}
            waited => {
                waited?;
                break;
            }
        }
    }
    let ready = |at: usize| wanted.get(at).and_then(PollFd::any).unwrap_or(false);
    Ok(Ready {
        end: ready(0),
        child: ready(1),
        client: ready(2),
    })
    // END SOLUTION
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
    // SOLUTION todo!("serve: wait; reap the children, or accept a client and start its command; until asked to end")
    let mut children = Vec::new();
    loop {
        // When all places are taken, the listener is left out of the wait. If it stayed in, poll would return at once,
        // every time, because of a client that cannot be served yet.
        let room = children.len() < service.max_children;
        let ready = wait_for(room.then(|| listener.as_fd()), service)?;
        if ready.end {
            break;
        }
        if ready.child {
            // In this order. A child that ends between the two lines makes the descriptor readable again; the other way
            // round, its signal would be thrown away unseen.
            drain(service.child_changed);
            reap(&mut children);
        }
        if ready.client {
            let (connection, peer) = listener.accept()?;
            match spawn_for(connection.into(), &service.command) {
                Ok(child) => {
                    event(format_args!("start pid={} from {peer}", child.id()));
                    children.push(child); // and back to the clients: nobody waits for this child here
                }
                Err(error) => event(format_args!("spawn failed: {}", in_words(&error))),
            }
        }
    }
    drop(listener);
    end_all(children);
    Ok(())
    // END SOLUTION
}
// SOLUTION

/// Asks all children to end, and waits until they have.
fn end_all(children: Vec<Child>) {
    // First all of them, so that they end side by side, then the waiting. (`Child::kill` would be SIGKILL, which a
    // program cannot hear and after which it tidies up nothing.) The ids are still theirs, since a process that nobody
    // has waited for keeps its number.
    for child in &children {
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
    }
    for mut child in children {
        if let Ok(status) = child.wait() {
            event(format_args!("exit pid={} {}", child.id(), exit_text(status)));
        }
    }
}
// END SOLUTION

/// The system's name for an error, and its words: `ENOENT: No such file or directory`. Given.
pub fn in_words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).to_string(),
        None => error.to_string(),
    }
}
