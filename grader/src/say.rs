//! What the grader says to whoever runs it.
//!
//! A reader may go away in the middle of a class: `| head`, a pager that was left, a session that ended. The macros of the standard library
//! panic then. Here words without a reader are dropped, and the grading goes on to its gradebook.

use std::fmt::Arguments;
use std::io::{self, Write};

use nix::errno::Errno;

/// Says a line on standard error, as `eprintln!` does.
macro_rules! say {
    ($($words:tt)*) => { $crate::say::line(format_args!($($words)*)) };
}
pub(crate) use say;

/// One write, so that lines of several processes do not mix.
pub(crate) fn line(words: Arguments) {
    let _ = io::stderr().write_all(format!("{words}\n").as_bytes());
}

/// Standard output, for as long as somebody reads it.
#[derive(Debug, Default)]
pub(crate) struct Stdout {
    is_unread: bool,
}

impl Stdout {
    fn unless_unread(&mut self, done: io::Result<usize>, otherwise: usize) -> io::Result<usize> {
        match done {
            Err(error) if is_gone(&error) => {
                self.is_unread = true;
                Ok(otherwise)
            }
            done => done,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.is_unread {
            true => Ok(bytes.len()),
            false => self.unless_unread(io::stdout().write(bytes), bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.is_unread {
            true => Ok(()),
            false => self.unless_unread(io::stdout().flush().map(|()| 0), 0).map(drop),
        }
    }
}

/// A pipe without a reader, or a terminal that was closed.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(Errno::EIO as i32)
}
