//! Exercise 17: a networked GPIO server. Lamps and buttons of a Raspberry Pi, for several clients at once.
//!
//! ```text
//!              thread 1: select loop                              thread 2: board
//!  TCP ◀──▶ ┌──────────────────────────────┐   Order, mpsc   ┌─────────────────────┐
//!  UDP ◀──▶ │ Conn ─▶ Parser ─▶ Core ──────┼────────────────▶│ LEDs, their blinking│──▶ pins
//!  signals ▶│                    ▲         │                 │ Debouncer ◀─ edges ─┼─── rppal's threads,
//!           └────────────────────┼─────────┘                 └──────────┬──────────┘    one per button
//!                                └── Report, mpsc and a byte that wakes ┘
//! ```
//!
//! | file | owns | knows nothing of |
//! |---|---|---|
//! | `messages.rs` | what the parts say to each other (given) | everything |
//! | `parser.rs` | bytes to requests | sockets, pins, time |
//! | `protocol.rs` | [`Core`](protocol::Core): what follows from a request, a report, or from time that passes | sockets, pins, threads |
//! | `debounce.rs` | edges to presses | pins, the clock |
//! | `board.rs` | the pins, and the thread that has them | clients |
//! | `server.rs` | the sockets, and the loop that has them | pins |
//! | `client.rs` | the program for the other end | all of the above |
//!
//! No thread shares anything with another one but a channel. Nothing waits in the select loop but `select`, and nothing in the board
//! thread but receiving from its channel. `src/main.rs` is given: it reads the command line, opens what is to be opened, and calls
//! [`serve`](server::serve) or [`converse`](client::converse).
//!
//! The protocol, GPIO/1, is in `README.md`, under *What goes over the wire*.
#![allow(dead_code, unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

pub mod board;
pub mod client;
pub mod debounce;
pub mod messages;
pub mod parser;
pub mod protocol;
pub mod server;
