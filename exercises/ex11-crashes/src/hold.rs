//! The client that holds a lock for a while. Given: what you have to write of a client is in `lib.rs`.

use std::io;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use ex11::handle_and_size;
use netlab::event;
use netlab::fsp::{AskError, ask, in_request};
use netlab::rpc::Caller;

/// How long to hold which lock.
#[derive(Clone)]
pub struct Hold {
    kind: &'static str,
    time: Duration,
}

impl FromStr for Hold {
    type Err = io::Error;

    /// `x:10`: an exclusive lock, for ten seconds.
    fn from_str(text: &str) -> io::Result<Hold> {
        let (kind, seconds) = text.split_once(':').unwrap_or((text, ""));
        let kind = ["s", "x"].into_iter().find(|known| *known == kind);
        let time = seconds.parse().map(Duration::from_secs);
        match (kind, time) {
            (Some(kind), Ok(time)) => Ok(Hold { kind, time }),
            _ => Err(io::Error::other("a lock and seconds are written like x:10 or s:10")),
        }
    }
}

/// Opens the file, locks it, says so, and renews its lease three times in each lease. Gives the lock back in the end.
#[allow(clippy::disallowed_methods)] // time is what this is about: nothing happens while the lock is held
pub fn hold(caller: &mut Caller, path: &str, how: &Hold) -> Result<(), AskError> {
    let hello = ask(caller, "HELLO", b"")?;
    let lease_ms: u64 = hello.fields.last().and_then(|ms| ms.parse().ok()).unwrap_or(1000);
    let (handle, _) = handle_and_size(&ask(caller, format_args!("OPEN {} r", in_request(path)), b"")?)?;
    ask(caller, format_args!("LOCK {handle} {}", how.kind), b"")?;
    event(format_args!("locked {path}"));
    let since = Instant::now();
    while let Some(left) = how.time.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
        thread::sleep(left.min(Duration::from_millis(lease_ms / 3)));
        ask(caller, "RENEW", b"")?;
    }
    ask(caller, format_args!("UNLOCK {handle}"), b"")?;
    event(format_args!("unlocked {path}"));
    ask(caller, format_args!("CLOSE {handle}"), b"").map(drop)
}
