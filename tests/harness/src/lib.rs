//! What the tests of every exercise are written with: start the program under test, talk to it over real sockets and pipes, fail readably.
//!
//! A test opens one [`Lab`] and does everything through it. Each step has a deadline and is recorded; the first step that goes wrong ends
//! the test with one report: what the test was doing, what it expected, what came, the conversation so far, and where to read about it.
//!
//! ```text
//! test ── Lab ──┬─ Launch ─▶ Program / Server      process.rs starts it, running.rs watches it, output.rs keeps what it prints
//!               ├─ TcpPeer, Listener, UdpPeer      the test's own ends of the conversation
//!               ├─ Tool ─▶ Program                 somebody else's
//!               └─ Session                         transcript ─▶ chart ─▶ report; steps and failure ─▶ evidence
//! ```

#![cfg_attr(not(all(feature = "fsp", feature = "pi")), allow(dead_code))] // what only those parts use

mod blackhole;
mod busy;
pub mod chart;
mod clue;
mod connect;
mod descriptors;
mod escape;
pub mod evidence;
mod explain;
mod family;
mod flow;
mod fold;
mod folder;
#[cfg(feature = "fsp")]
pub mod fsp;
mod json;
mod lab;
mod launch;
mod loss;
#[cfg(target_os = "linux")]
mod meanwhile;
mod merge;
pub mod mistakes;
mod output;
#[cfg(feature = "pi")]
pub mod pi;
mod proc;
mod process;
mod program;
mod readable;
#[cfg(feature = "read")]
mod reading;
pub mod recording;
mod redact;
mod refusing;
mod relay;
mod report;
mod rubric;
mod running;
mod session;
mod sheet;
#[doc(hidden)]
pub mod snapshot;
mod tcp;
mod threads;
mod tool;
pub mod trace;
mod transcript;
mod udp;
mod unix;
pub mod words;

pub use blackhole::Blackhole;
pub use connect::Listener;
#[cfg(feature = "insta")]
#[doc(hidden)]
pub use insta;
pub use lab::{Exercise, Grading, Lab, STEP, WALL};
pub use launch::Launch;
pub use loss::Loss;
pub use process::Exit;
pub use program::{Finished, Program, Server};
pub use refusing::Refusing;
pub use relay::{Relay, Tally};
pub use report::Report;
pub use tcp::TcpPeer;
pub use tool::{Tool, find_tool};
pub use udp::{Arrival, UdpPeer};
pub use unix::{UnixPeer, UnixServer};

/// Names the exercise that a file of tests belongs to, and defines `fn lab() -> harness::Lab` for it.
///
/// The path leads to the exercise's `rubric.toml`, as `include_str!` reads it.
#[macro_export]
macro_rules! exercise {
    ($rubric:literal) => {
        #[allow(dead_code)]
        fn lab() -> $crate::Lab {
            $crate::Lab::open($crate::Exercise {
                package: env!("CARGO_PKG_NAME"),
                rubric: include_str!($rubric),
                built: option_env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
            })
        }
    };
}
