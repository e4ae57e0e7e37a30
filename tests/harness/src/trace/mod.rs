//! Runs a program under `ptrace` and records its system calls, or lets some of them go wrong.
//!
//! ```text
//! test thread            tracer thread (one per subject)          subject and all its descendants
//!   spawn ───────────────▶ fork ──────────────────────────────────▶ waits
//!                          SEIZE, then "go" ──────────────────────▶ rights away, seccomp filter, exec
//!   calls, wait_for_call ◀─ record ◀── stops: entry, return, fork, exec, signal, end
//!   kill_everything ──────────────────────────────────────────────▶ SIGKILL to all of them
//! ```
//! A filter inside the subject lets only the calls of interest stop, so that the others keep their speed, and refuses the few calls by
//! which a program could escape. The order *seize, give up rights, filter, exec* works at every level of privilege; a launcher in front of
//! the subject would have to do the same handshake before its last exec.
//!
//! Known limits: a signal that the subject ignores wakes a call with a time-out (EINTR), which it would not without a tracer; a
//! descriptor that came in a `recvmmsg` is not known to be a socket.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "elsewhere recordings can only be talked about")
)]

mod assert;
pub(crate) mod bytes;
mod call;
mod constants;
mod event;
mod fault;
mod idle;
mod plan;
mod plug;
mod values;

#[cfg(target_os = "linux")]
pub(crate) mod arch;
#[cfg(target_os = "linux")]
mod decode;
#[cfg(target_os = "linux")]
mod family;
#[cfg(target_os = "linux")]
mod fds;
#[cfg(target_os = "linux")]
pub(crate) mod filter;
#[cfg(target_os = "linux")]
mod jailed;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod rewrite;
#[cfg(target_os = "linux")]
pub(crate) mod signals;
#[cfg(target_os = "linux")]
pub(crate) mod spawn;
#[cfg(target_os = "linux")]
mod strike;
#[cfg(target_os = "linux")]
pub(crate) mod tracer;
#[cfg(target_os = "linux")]
mod visit;

pub use assert::{Calls, Finding, Pattern};
pub use call::{Call, SOCKET_CALLS};
pub use event::{Decoded, Event};
pub use fault::Fault;
pub use idle::Idle;
#[cfg(target_os = "linux")]
pub use probe::available;
pub use values::{Address, Domain, SocketType};

pub(crate) use event::{Seen, Waiting};
pub(crate) use plan::Plan;
#[cfg(target_os = "linux")]
pub(crate) use {record::Record, spawn::spawn};

/// Whether programs can be traced here; if not, a sentence that says why.
#[cfg(not(target_os = "linux"))]
pub fn available() -> Result<(), String> {
    Err("only Linux can trace programs".into())
}
