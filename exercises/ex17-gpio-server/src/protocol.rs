//! GPIO/1 as a state machine: what follows from a request, from a report of the board, and from time that passes.
//!
//! Nothing here touches a socket, a pin or a clock. Time comes in as an argument, in whatever the caller counts from; it never goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::messages::{Action, ClientId, Code, ConnId, Datagram, Malformed, Order, Report, Request, Task, Verb};

/// TCP connections at one time.
pub const MAX_CONNECTIONS: usize = 32;
/// Clients whose last reply is kept.
pub const MAX_CLIENTS: usize = 64;
/// What BLINK takes: how many times.
pub const COUNTS: std::ops::RangeInclusive<u32> = 1..=1000;
/// What BLINK takes: milliseconds from one rising edge to the next.
pub const PERIODS: std::ops::RangeInclusive<u32> = 20..=10_000;

/// What a server is, and stays as long as it runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The BCM numbers of the LEDs.
    pub leds: Vec<u8>,
    /// The BCM numbers of the buttons. None is an LED, too.
    pub buttons: Vec<u8>,
    /// What DISCOVER is answered.
    pub name: String,
    /// The port of both sockets.
    pub port: u16,
    /// How long locks outlive the last word of their owner.
    pub lease: Duration,
}

/// Everything that the server knows.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    // What has to be remembered of each pin? Of each client? Of each connection?
}

impl Core {
    /// All LEDs are low, nobody is connected, nothing is locked.
    pub fn new(settings: Settings) -> Core {
        todo!("Core::new: pins that nobody has used yet")
    }

    /// Somebody has connected. If there are [`MAX_CONNECTIONS`] already, it is told `0 ERR full` and sent away, and what comes from it is
    /// not looked at.
    pub fn connect(&mut self, conn: ConnId) -> Vec<Action> {
        todo!("Core::connect: is there a place?")
    }

    /// The connection has ended, in whatever way. Its watches end with it; locks are its client's and stay.
    pub fn disconnect(&mut self, conn: ConnId) {
        todo!("Core::disconnect: what belonged to the connection?")
    }

    /// The client at the other end, if it has said HELLO.
    pub fn client_of(&self, conn: ConnId) -> Option<ClientId> {
        todo!("Core::client_of: whom did HELLO name?")
    }

    /// A line came over a connection. Gives what has to be done, the reply first of all that is sent.
    ///
    /// Leases that are over at `now` end before the request is looked at. Then, in this order (`README.md` has each rule in full):
    /// 1. A malformed line is `proto`.
    /// 2. HELLO and QUIT. Without a HELLO before it, any other request is `order`.
    /// 3. The request is heard: its client's lease begins anew.
    /// 4. PINS, WATCH and UNWATCH are about the connection. Their numbers are only repeated.
    /// 5. The others are about a pin and are done at most once: see [`ask`](Core::ask). One that is over is `order`.
    pub fn line(&mut self, now: Duration, conn: ConnId, line: Result<Request, Malformed>) -> Vec<Action> {
        todo!("Core::line: who asks, what, and may it?")
    }

    /// A datagram came. Gives what to answer, if anything, and what has to be done.
    ///
    /// DISCOVER is answered `GPIO/1 PORT NAME`; a request `CID.SEQ` and what TCP would have had behind its number. It is its client's
    /// like any request that came over TCP: lease, locks and numbers are the same. One that is over is not answered.
    pub fn datagram(&mut self, now: Duration, datagram: Datagram) -> (Option<String>, Vec<Action>) {
        todo!("Core::datagram: answer it, under the same rules as for lines")
    }

    /// Does what a client asks of a pin, unless it has been done: GET, SET, TOGGLE, BLINK, LOCK and UNLOCK.
    ///
    /// | the number, against the client's greatest | then |
    /// |---|---|
    /// | greater (gaps are allowed) | it is done, and the reply is kept as the only one of this client |
    /// | equal | the reply that was kept, whatever the request says now; nothing is done |
    /// | smaller | `None`: the client has its answer, and has gone on |
    ///
    /// The replies of [`MAX_CLIENTS`] clients are kept. For one more, that of the client is forgotten which was not heard for the longest
    /// time; but never one that owns a lock.
    ///
    /// Gives the reply, which is the part behind the number (`OK 1`, or `ERR locked` and words), and orders for the board.
    pub fn ask(&mut self, now: Duration, cid: ClientId, seq: u32, verb: Verb) -> (Option<String>, Vec<Action>) {
        todo!("Core::ask: new, the same again, or over?")
    }

    /// The board has something to say. A press goes to all who watch the button: `! PIN press N T`.
    ///
    /// A level counts only if it belongs to the last order that was given for its LED: the loop may be ahead of the board.
    pub fn report(&mut self, report: &Report) -> Vec<Action> {
        todo!("Core::report: remember a level, tell watchers of a press")
    }

    /// Ends the leases that are over at `now`: of a client that was silent since `lease` ago, or for longer, all locks go, and the LEDs
    /// that they were for go low.
    pub fn expire(&mut self, now: Duration) -> Vec<Action> {
        todo!("Core::expire: whose time is up?")
    }

    /// When the next lease is over; `None` if nothing is locked.
    pub fn next_expiry(&self) -> Option<Duration> {
        todo!("Core::next_expiry: until when may the loop sleep?")
    }
}
