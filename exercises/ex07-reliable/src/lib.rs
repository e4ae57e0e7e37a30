//! Exercise 7: requests and replies over datagrams that may be lost, damaged, doubled, or late.
//!
//! ```text
//! client:  text ──▶ Exchange ──actions──▶ drive ──▶ socket        server:  socket ──▶ decode ──▶ encode ──▶ socket
//!                   no socket, ◀──events── clock ◀──                               └────── serve ──────┘
//!                   no clock
//! ```
//!
//! An [`Exchange`] decides what to send, how long to wait and when to give up. It never sends, waits or looks at a clock:
//! it is told what has happened and at what time, and says what to do. So a minute of bad network can be tried in a
//! microsecond, with `ex07 probe`, and always goes the same way. Only [`drive`] and [`serve`] touch the network.
//!
//! The wire format is in `README.md`, under *What goes over the wire*. `src/main.rs` is given: it reads the command
//! line, opens the socket, and makes one exchange after the other.
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use netlab::{Failure, Op, event, report};

/// The first byte of every packet.
pub const MAGIC: u8 = 0x52;

/// Bytes in front of the payload.
pub const HEADER: usize = 8;

/// The longest payload, in bytes.
pub const MAX_PAYLOAD: usize = 1000;

/// What a packet is for. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the wire: type 1.
    Request,
    /// On the wire: type 2.
    Reply,
}

/// A packet without its wrapping. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Request or reply.
    pub kind: Kind,
    /// Which request; a reply has the number of the request that it answers.
    pub seq: u16,
    /// At most [`MAX_PAYLOAD`] bytes.
    pub payload: Vec<u8>,
}

/// Why a datagram is no packet. Given. If several things are wrong with it, any of them may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// There is not even a header.
    Short,
    /// The first byte is not [`MAGIC`].
    Magic,
    /// The type is neither 1 nor 2.
    Kind,
    /// The header says another length than there is, or more than [`MAX_PAYLOAD`].
    Length,
    /// A bit has changed on the way.
    Checksum,
}

/// The checksum of the internet protocols (RFC 1071).
///
/// Takes the bytes two by two as 16-bit numbers, the first byte being the more significant one. An odd byte at the end
/// counts as if a zero byte followed it. Adds all numbers in ones' complement: whenever a sum does not fit into 16 bits,
/// what is carried out at the top is added at the bottom. The checksum is the complement of that sum: every bit
/// inverted.
///
/// Over a whole packet, its own checksum field included, it is 0 if the packet is as it was sent.
pub fn inet_checksum(bytes: &[u8]) -> u16 {
    todo!("inet_checksum: add up 16-bit words with end-around carry, and invert the sum")
}

/// The bytes of a packet, as they go over the wire. All numbers are big-endian.
///
/// | bytes | what |
/// |---|---|
/// | 0 | [`MAGIC`] |
/// | 1 | type: 1 request, 2 reply |
/// | 2, 3 | seq |
/// | 4, 5 | length of the payload |
/// | 6, 7 | [`inet_checksum`] of the whole packet, computed while this field is zero |
/// | from 8 | payload |
pub fn encode(packet: &Packet) -> Vec<u8> {
    todo!("encode: header with a checksum of zero, payload, and then the checksum into its place")
}

/// The packet in a datagram.
///
/// The bytes come from the network: there may be none, or too many, and what they say about themselves may be false.
///
/// # Errors
/// [`Bad`]: the datagram is no packet, or none that is as it was sent.
pub fn decode(datagram: &[u8]) -> Result<Packet, Bad> {
    todo!("decode: check everything that can be wrong, and only then believe the rest")
}

/// What can happen to an [`Exchange`]. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It begins. Always the first event, and only the first.
    Start,
    /// A datagram came from the server's address. It may be anything.
    Datagram(&'a [u8]),
    /// The time of the last [`Action::WaitUntil`] has come.
    Timeout,
}

/// What an [`Exchange`] wants to be done. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this datagram to the server.
    Send(Vec<u8>),
    /// Wait for a datagram until this time, in milliseconds; then it is time for [`Event::Timeout`]. Holds until the next
    /// `WaitUntil`.
    WaitUntil(u64),
    /// The reply's payload. The exchange is over.
    Done(Vec<u8>),
    /// All tries were in vain. The exchange is over.
    GiveUp,
}

/// One request and the wait for its reply.
///
/// Put into it what it has to remember from one event to the next.
#[derive(Debug)]
pub struct Exchange {
    // the request as it goes out, and how far the timer and the tries have got
}

impl Exchange {
    /// A request with the number `seq` that is going to be sent up to `tries` times (at least 1).
    ///
    /// After the first send it waits `rto_ms` milliseconds for the reply, after each further send twice as long as
    /// before, but never longer than 8 × `rto_ms`. (RTO: retransmission time-out.) With 50 ms and 5 tries it sends at
    /// 0, 50, 150, 350 and 750 ms, and gives up at 1150.
    pub fn new(seq: u16, payload: &[u8], rto_ms: u64, tries: u32) -> Exchange {
        todo!("Exchange::new: remember what is going to be sent, and how long and how often")
    }

    /// Says what to do now that `event` has happened, at `now_ms`. Times are in milliseconds, from any beginning.
    ///
    /// | event | actions |
    /// |---|---|
    /// | `Start` | `Send` the request, `WaitUntil` now + wait |
    /// | `Timeout`, tries left | `Send` the same bytes again, `WaitUntil` now + the next wait |
    /// | `Timeout`, no try left | `GiveUp` |
    /// | `Datagram`, the reply to this request | `Done` with its payload |
    /// | any other `Datagram` | none: the time said last still holds |
    ///
    /// The reply to this request is an undamaged packet, a reply, with this exchange's `seq`. After `Done` or `GiveUp`
    /// nobody calls this any more.
    pub fn step(&mut self, now_ms: u64, event: Event) -> Vec<Action> {
        todo!("Exchange::step: one arm for each line of the table")
    }
}

/// How an exchange ended. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The payload of the reply, and how often the request was sent.
    Reply {
        /// The answer.
        payload: Vec<u8>,
        /// At least 1.
        tries: u32,
    },
    /// Nothing usable came, although the request was sent so often.
    NoReply {
        /// At least 1.
        tries: u32,
    },
}

/// Plays an exchange over a real socket, with a real clock, until it is over.
///
/// Tells the exchange what happens ([`Exchange::step`]) and does what it asks for. `socket` is bound and not connected;
/// datagrams go to `server`, and what comes from any other address is nobody's business here: the exchange never hears
/// of it. While there is nothing to do, the program waits in the kernel: it does not ask again and again.
///
/// # Errors
/// Those of sending and receiving; but that the time was up (`ErrorKind::WouldBlock`, on some systems `TimedOut`), that
/// a signal came (`Interrupted`), or that the server's port was closed a moment ago (`ConnectionRefused`) is no error
/// here: whether the exchange goes on is for its deadline to say.
pub fn drive(socket: &UdpSocket, server: SocketAddr, mut exchange: Exchange) -> io::Result<Outcome> {
    todo!("drive: do what the exchange says, wait for a datagram or the deadline, tell it, again")
}

/// Answers requests, until receiving fails.
///
/// The service: the reply has the request's number and its payload with `a`…`z` turned into `A`…`Z`, byte by byte. For
/// each, prints with [`event()`] the number, the client's address and the length of the payload:
/// `request 1 from 127.0.0.1:40000: 5 bytes`. If the reply cannot be sent, prints the failure with [`report`] instead:
/// `Failure::new(Op::Send, client, error)`.
///
/// Everything that is not an undamaged request gets no answer at all, only a line:
/// `dropped 13 bytes from 127.0.0.1:40000`. Nobody knows what a damaged request was, so whatever one answered would be
/// the answer to something else; its client is going to ask again.
///
/// # Errors
/// Those of receiving, except `Interrupted` and `ConnectionRefused` (news about an earlier reply): receive again.
pub fn serve(socket: &UdpSocket) -> io::Result<()> {
    todo!("serve: receive, decode, answer what is a request, drop the rest; again")
}
