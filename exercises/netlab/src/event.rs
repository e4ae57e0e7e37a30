//! The lines that a program prints: events on stdout, errors on stderr.
//!
//! Each line leaves the program at once. The reader may be another program that waits for it, and a line that stays
//! in a buffer is a line that was never said. If nobody reads any more, the line is lost and the program goes on: a
//! server does not stop serving because its log was closed (`println!` would panic).

use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;

use crate::Failure;

/// Prints one line on stdout, at once.
pub fn event(line: impl Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Prints the first line of every server: where clients can reach it.
///
/// Print it when clients can really connect (after `listen`), with the real port (never 0). People and tests that
/// start the server wait for this line, and then connect.
pub fn listening_on(address: impl Into<SocketAddr>) {
    event(format_args!("listening on {}", address.into()));
}

/// Prints a failure that the program survives, as one line on stderr.
pub fn report(failure: &Failure) {
    let _ = writeln!(std::io::stderr().lock(), "error: {failure}");
}
