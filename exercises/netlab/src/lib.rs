//! What every exercise program does the same way, so that the exercises can be about networking.
//!
//! You do not have to change anything here, but you may read all of it.
//!
//! | file | owns |
//! |---|---|
//! | `program.rs` | the command line: subcommands, `--options`, the exit code |
//! | `failure.rs` | one error line on stderr that says which call failed, on what, and how |
//! | `fsp.rs` | what the file servers and their clients say to each other |
//! | `event.rs` | the lines that a program prints on stdout |
//! | `probe.rs` | `exNN probe`: try one of your functions without a network |
//! | `restless.rs` | threads that are interrupted in places where nobody expects it |
//! | `resolve.rs` | one address of a server's name |
//! | `rpc.rs` | ask a server in datagrams, and ask again until it answers |
//! | `signals.rs` | descriptors that can be read when the program is asked to end, or a child of it has ended |
//! | `script.rs` | a pretended stream that takes and gives as few bytes at a time as you ask it to |
//!
//! All programs of the course keep this contract:
//! - The first line on stdout of a server is `listening on IP:PORT`. Then comes one line per event, and nothing else.
//! - An error is one line on stderr: `error: bind 127.0.0.1:80: EACCES: Permission denied`.
//! - The exit code is 0 when all went well, and otherwise says what kind of thing went wrong: see [`failure`].

pub mod event;
pub mod failure;
pub mod fsp;
pub mod probe;
pub mod program;
pub mod resolve;
pub mod restless;
pub mod rpc;
pub mod script;
pub mod signals;

pub use event::{event, listening_on, report};
pub use failure::{During, Failure, Op};
pub use program::{Arguments, Command, Parameter, Program};
pub use resolve::resolve;
