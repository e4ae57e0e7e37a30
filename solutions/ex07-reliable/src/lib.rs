// CANARY-7f3a91c2-hidden
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
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

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
    // SOLUTION todo!("inet_checksum: add up 16-bit words with end-around carry, and invert the sum")
    // 32 bits have room for the carries of 65 536 additions, more than a datagram has words: add first, fold later.
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    // The end-around carry. The first round can carry once more, so it is a loop.
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
    // END SOLUTION
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
    // SOLUTION todo!("encode: header with a checksum of zero, payload, and then the checksum into its place")
    let kind = match packet.kind {
        Kind::Request => 1,
        Kind::Reply => 2,
    };
    let length = packet.payload.len() as u16;
    let mut bytes = vec![MAGIC, kind];
    bytes.extend_from_slice(&packet.seq.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&packet.payload);
    // The field holds zero while the sum is taken, so it adds nothing. With the checksum in it, the sum of everything
    // becomes 0xffff, whose complement is 0: that is how the receiver checks.
    let checksum = inet_checksum(&bytes);
    bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
    bytes
    // END SOLUTION
}

/// The packet in a datagram.
///
/// The bytes come from the network: there may be none, or too many, and what they say about themselves may be false.
///
/// # Errors
/// [`Bad`]: the datagram is no packet, or none that is as it was sent.
pub fn decode(datagram: &[u8]) -> Result<Packet, Bad> {
    // SOLUTION todo!("decode: check everything that can be wrong, and only then believe the rest")
    let Some((header, payload)) = datagram.split_at_checked(HEADER) else {
        return Err(Bad::Short);
    };
    if header[0] != MAGIC {
        return Err(Bad::Magic);
    }
    let kind = match header[1] {
        1 => Kind::Request,
        2 => Kind::Reply,
        _ => return Err(Bad::Kind),
    };
    // The length was written by a stranger or changed on the way; how many bytes arrived is what we know. Comparing the
    // two, and never slicing by the first, is what keeps a lie from becoming a panic.
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if length != payload.len() || length > MAX_PAYLOAD {
        return Err(Bad::Length);
    }
    // Over everything that arrived, the checksum's own field included.
    if inet_checksum(datagram) != 0 {
        return Err(Bad::Checksum);
    }
    Ok(Packet {
        kind,
        seq: u16::from_be_bytes([header[2], header[3]]),
        payload: payload.to_vec(),
    })
    // END SOLUTION
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
    // SOLUTION // the request as it goes out, and how far the timer and the tries have got
    /// The request, encoded once: every copy that goes out is this one.
    datagram: Vec<u8>,
    /// A reply has to have this number.
    seq: u16,
    /// How long to wait after the next send, in milliseconds.
    wait_ms: u64,
    /// The wait does not grow beyond this.
    longest_ms: u64,
    /// How many sends are left.
    left: u32,
    // END SOLUTION
}

impl Exchange {
    /// A request with the number `seq` that is going to be sent up to `tries` times (at least 1).
    ///
    /// After the first send it waits `rto_ms` milliseconds for the reply, after each further send twice as long as
    /// before, but never longer than 8 × `rto_ms`. (RTO: retransmission time-out.) With 50 ms and 5 tries it sends at
    /// 0, 50, 150, 350 and 750 ms, and gives up at 1150.
    pub fn new(seq: u16, payload: &[u8], rto_ms: u64, tries: u32) -> Exchange {
        // SOLUTION todo!("Exchange::new: remember what is going to be sent, and how long and how often")
        let packet = Packet {
            kind: Kind::Request,
            seq,
            payload: payload.to_vec(),
        };
        Exchange {
            datagram: encode(&packet),
            seq,
            wait_ms: rto_ms,
            longest_ms: 8 * rto_ms,
            left: tries,
        }
        // END SOLUTION
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
        // SOLUTION todo!("Exchange::step: one arm for each line of the table")
        match event {
            Event::Start => self.send(now_ms),
            Event::Timeout if self.left > 0 => self.send(now_ms),
            Event::Timeout => vec![Action::GiveUp],
            Event::Datagram(bytes) => match decode(bytes) {
                Ok(reply) if reply.kind == Kind::Reply && reply.seq == self.seq => vec![Action::Done(reply.payload)],
                // Damaged, late, or never meant for us: as if it had not come. No action also means that the deadline
                // stays. If every datagram set a new one, a chatty stranger could postpone the retry for ever.
                _ => vec![],
            },
        }
        // END SOLUTION
    }
    // SOLUTION

    fn send(&mut self, now_ms: u64) -> Vec<Action> {
        self.left -= 1;
        let until = now_ms + self.wait_ms;
        // Perhaps the reply is lost because the network has too much to do. Asking less and less often gives it time
        // to recover; the limit keeps the last waits bearable.
        self.wait_ms = (2 * self.wait_ms).min(self.longest_ms);
        // The same bytes, so the same number: for the server and for the reply it is the same request.
        vec![Action::Send(self.datagram.clone()), Action::WaitUntil(until)]
    }
    // END SOLUTION
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
    // SOLUTION todo!("drive: do what the exchange says, wait for a datagram or the deadline, tell it, again")
    let clock = Instant::now();
    let now_ms = || clock.elapsed().as_millis() as u64;
    let mut buffer = [0; HEADER + MAX_PAYLOAD + 1];
    let (mut tries, mut deadline) = (0, 0);
    let mut actions = exchange.step(now_ms(), Event::Start);
    loop {
        for action in actions {
            match action {
                Action::Send(datagram) => {
                    socket.send_to(&datagram, server)?;
                    tries += 1;
                }
                Action::WaitUntil(at) => deadline = at,
                Action::Done(payload) => return Ok(Outcome::Reply { payload, tries }),
                Action::GiveUp => return Ok(Outcome::NoReply { tries }),
            }
        }
        // The deadline is a moment, the socket's time-out a duration: what is left is computed anew before every wait.
        // Whatever wakes us before the moment, the next wait is shorter by so much.
        let left = deadline.saturating_sub(now_ms());
        actions = if left == 0 {
            exchange.step(now_ms(), Event::Timeout)
        } else {
            match receive(socket, server, Duration::from_millis(left), &mut buffer)? {
                Some(datagram) => exchange.step(now_ms(), Event::Datagram(datagram)),
                None => vec![],
            }
        };
    }
    // END SOLUTION
}
// SOLUTION

/// Waits for one datagram, at most so long (not zero: std refuses that); `None` if nothing came, or nothing from `server`.
fn receive<'a>(
    socket: &UdpSocket,
    server: SocketAddr,
    at_most: Duration,
    buffer: &'a mut [u8],
) -> io::Result<Option<&'a [u8]>> {
    socket.set_read_timeout(Some(at_most))?;
    match socket.recv_from(buffer) {
        // Anybody may send to this port. The address is the only thing that says who it was (and even that can be
        // forged, from outside this machine).
        Ok((length, from)) if from == server => Ok(Some(&buffer[..length])),
        Ok(_) => Ok(None),
        Err(error) if is_no_news(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Errors of a receive after which the socket is as good as before.
fn is_no_news(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionRefused)
}
// END SOLUTION

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
    // SOLUTION todo!("serve: receive, decode, answer what is a request, drop the rest; again")
    // One byte more than the longest packet: a longer datagram shows itself by filling it, and is dropped for its length.
    let mut buffer = [0; HEADER + MAX_PAYLOAD + 1];
    loop {
        let (length, client) = match socket.recv_from(&mut buffer) {
            Err(error) if is_no_news(&error) => continue,
            other => other?,
        };
        // A reply has no business here. Two servers that answered each other's replies would never stop.
        let Some(reply) = decode(&buffer[..length]).ok().and_then(answer) else {
            event(format_args!("dropped {length} bytes from {client}"));
            continue;
        };
        match socket.send_to(&encode(&reply), client) {
            Ok(_) => event(format_args!(
                "request {} from {client}: {} bytes",
                reply.seq,
                reply.payload.len()
            )),
            Err(error) => report(&Failure::new(Op::Send, client, error)),
        }
    }
    // END SOLUTION
}
// SOLUTION

/// The reply to a request. The server keeps nothing: the same request gets the same reply, however often it comes.
fn answer(packet: Packet) -> Option<Packet> {
    (packet.kind == Kind::Request).then(|| Packet {
        kind: Kind::Reply,
        seq: packet.seq,
        payload: packet.payload.to_ascii_uppercase(),
    })
}
// END SOLUTION
