//! A peer for the file-server exercises: a client that asks, a server that stands in for a right one, and what both ought to hear.
//!
//! ```text
//! message.rs   one request, one reply, and how they look in a report
//! tree.rs      files whose bytes tell where they stand
//! model.rs     what a right server answers: one model, four oracles; lives.rs: what the last of them adds
//! client.rs    asks a server and looks at every reply
//! service.rs   a server that can be killed and started again on its port; a server that stands in for a right one
//! trial.rs     one conversation with a copy of one request in it, on three schedules; fault.rs: crashes, time and clients that move
//! columns.rs   expected and received, side by side
//! hostile.rs   paths that try to get out
//! ```
//! All of this is handed out, and nothing in it is a server that somebody could hand in: the model keeps the log of the conversation and
//! nothing else, and works out everything it has to know from that, each time anew.

mod client;
mod columns;
mod hostile;
mod message;
mod model;
mod service;
mod tree;
mod trial;

pub use client::Client;
pub use hostile::{Aim, Attempt, Hostile};
pub use message::{Reply, Request};
pub use model::{Model, Oracle};
pub use service::{Service, StandIn};
pub use tree::{Tree, numbered};
pub use trial::{Schedule, Trial};

use crate::proc;

/// Replies that nobody asked for have come by then.
const QUIET: std::time::Duration = std::time::Duration::from_millis(150);

/// Stops the test when the kernel threw datagrams away because a queue was full: then nothing that follows is the program's doing.
fn expect_no_drops<const N: usize>(ports: [u16; N]) {
    for port in ports {
        let dropped = proc::udp_drops(port);
        assert!(dropped == 0, "the kernel dropped {dropped} datagrams at port {port}");
    }
}
