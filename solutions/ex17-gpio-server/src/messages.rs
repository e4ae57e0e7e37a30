// CANARY-7f3a91c2-hidden
//! What the parts of the server say to each other: types without behaviour. Given; you may add to them.
//!
//! ```text
//!  bytes ──▶ Parser ──▶ Request ──▶ Core ──▶ Action ──▶ bytes, and Order ──▶ the board thread
//!                                    ▲                                            │
//!                                    └───────────────── Report ◀──────────────────┘
//! ```

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Who asks, whatever way the question came: 8 hexadecimal digits that a client draws when it starts.
pub type ClientId = u32;

/// A TCP connection, as the select loop calls it. None gets the number of one that has gone.
pub type ConnId = usize;

/// A request that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number that its client gave it, from 1.
    pub seq: u32,
    /// What it asks for.
    pub verb: Verb,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are the protocol's
pub enum Verb {
    Hello(ClientId),
    Pins,
    Get(u8),
    Set(u8, bool),
    Toggle(u8),
    Blink { pin: u8, count: u32, period_ms: u32 },
    Watch(u8),
    Unwatch(u8),
    Lock(u8),
    Unlock(u8),
    Quit,
}

/// Why a request was refused: the word behind `ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Not a request.
    Proto,
    /// A request at the wrong time: before HELLO, or with a number that is over.
    Order,
    /// There is no such pin here.
    NoPin,
    /// The pin is there, but it is not that kind of pin.
    Mode,
    /// Somebody else has locked the pin.
    Locked,
    /// There is no place for another connection.
    Full,
    /// A number beyond what the server does.
    Limit,
}

impl Display for Code {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Code::Proto => "proto",
            Code::Order => "order",
            Code::NoPin => "nopin",
            Code::Mode => "mode",
            Code::Locked => "locked",
            Code::Full => "full",
            Code::Limit => "limit",
        })
    }
}

/// A line or a datagram that is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Its number, if that could be read; else 0.
    pub seq: u32,
    /// What is wrong with it, in words for people.
    pub text: &'static str,
}

/// What came in a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// Somebody looks for servers.
    Discover,
    /// A request of this client.
    Request(ClientId, Result<Request, Malformed>),
}

/// From the select loop to the board thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The LED, by its BCM number.
    pub pin: u8,
    /// How many orders there have been for this pin, this one included. It makes the ones before it void.
    pub number: u64,
    /// What to do with it.
    pub task: Task,
}

/// What the board thread does with an LED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Leave it at this level: `true` is high, and lit.
    Set(bool),
    /// High for half a period, low for the other half, so many times.
    Blink {
        /// How many times.
        count: u32,
        /// From one rising edge to the next.
        period: Duration,
    },
}

/// From the board thread to the select loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// An LED that blinks has another level now.
    Level {
        /// The LED.
        pin: u8,
        /// The order that it blinks for.
        number: u64,
        /// `true` is high.
        level: bool,
    },
    /// A button was pressed, bouncing left out.
    Press {
        /// The button.
        pin: u8,
        /// When its contact closed, in milliseconds since the board was opened.
        at_ms: u64,
    },
    /// The board does not work any more. Nothing else follows.
    Failed(String),
}

/// What the select loop has to do, says the [`Core`](crate::protocol::Core). In this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this line, its LF included.
    Send(ConnId, String),
    /// Close the connection as soon as all that was for it is sent.
    Close(ConnId),
    /// Hand this to the board thread.
    Order(Order),
}
