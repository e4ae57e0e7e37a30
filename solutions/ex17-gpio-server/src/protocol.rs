// CANARY-7f3a91c2-hidden
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
    // SOLUTION settings: Settings,
    // STUB // What has to be remembered of each pin? Of each client? Of each connection?
    settings: Settings,
    leds: BTreeMap<u8, Led>,
    /// Presses so far, by button.
    buttons: BTreeMap<u8, u64>,
    conns: BTreeMap<ConnId, Conn>,
    clients: BTreeMap<ClientId, Client>,
    /// Counts what was heard of clients: who has the smallest number was silent for the longest time.
    heard: u64,
    // END SOLUTION
}

impl Core {
    /// All LEDs are low, nobody is connected, nothing is locked.
    pub fn new(settings: Settings) -> Core {
        // SOLUTION todo!("Core::new: pins that nobody has used yet")
        Core {
            leds: settings.leds.iter().map(|pin| (*pin, Led::default())).collect(),
            buttons: settings.buttons.iter().map(|pin| (*pin, 0)).collect(),
            conns: BTreeMap::new(),
            clients: BTreeMap::new(),
            heard: 0,
            settings,
        }
        // END SOLUTION
    }

    /// Somebody has connected. If there are [`MAX_CONNECTIONS`] already, it is told `0 ERR full` and sent away, and what comes from it is
    /// not looked at.
    pub fn connect(&mut self, conn: ConnId) -> Vec<Action> {
        // SOLUTION todo!("Core::connect: is there a place?")
        if self.conns.len() >= MAX_CONNECTIONS {
            let refusal = format!("0 ERR {} {MAX_CONNECTIONS} clients are here\n", Code::Full);
            return vec![Action::Send(conn, refusal), Action::Close(conn)];
        }
        self.conns.insert(conn, Conn::default());
        Vec::new()
        // END SOLUTION
    }

    /// The connection has ended, in whatever way. Its watches end with it; locks are its client's and stay.
    pub fn disconnect(&mut self, conn: ConnId) {
        // SOLUTION todo!("Core::disconnect: what belonged to the connection?")
        self.conns.remove(&conn);
        // END SOLUTION
    }

    /// The client at the other end, if it has said HELLO.
    pub fn client_of(&self, conn: ConnId) -> Option<ClientId> {
        // SOLUTION todo!("Core::client_of: whom did HELLO name?")
        self.conns.get(&conn)?.client
        // END SOLUTION
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
        // SOLUTION todo!("Core::line: who asks, what, and may it?")
        let mut actions = self.expire(now);
        if !self.conns.contains_key(&conn) {
            return actions;
        }
        let mut orders = Vec::new();
        let (seq, reply) = match line {
            Err(wrong) => (wrong.seq, refuse(Code::Proto, wrong.text)),
            Ok(Request { seq, verb }) => (seq, self.reply(now, conn, seq, verb, &mut orders)),
        };
        actions.push(Action::Send(conn, format!("{seq} {reply}\n")));
        actions.extend(orders);
        actions
        // END SOLUTION
    }

    /// A datagram came. Gives what to answer, if anything, and what has to be done.
    ///
    /// DISCOVER is answered `GPIO/1 PORT NAME`; a request `CID.SEQ` and what TCP would have had behind its number. It is its client's
    /// like any request that came over TCP: lease, locks and numbers are the same. One that is over is not answered.
    pub fn datagram(&mut self, now: Duration, datagram: Datagram) -> (Option<String>, Vec<Action>) {
        // SOLUTION todo!("Core::datagram: answer it, under the same rules as for lines")
        let mut actions = self.expire(now);
        let (cid, seq, reply) = match datagram {
            Datagram::Discover => {
                let Settings { port, name, .. } = &self.settings;
                return (Some(format!("GPIO/1 {port} {name}")), actions);
            }
            Datagram::Request(cid, Err(wrong)) => (cid, wrong.seq, Some(refuse(Code::Proto, wrong.text))),
            Datagram::Request(cid, Ok(Request { seq, verb })) => {
                let (reply, orders) = self.ask(now, cid, seq, verb);
                actions.extend(orders);
                (cid, seq, reply)
            }
        };
        (reply.map(|reply| format!("{cid:08x}.{seq} {reply}")), actions)
        // END SOLUTION
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
        // SOLUTION todo!("Core::ask: new, the same again, or over?")
        self.hear(now, cid);
        let mut actions = Vec::new();
        let client = self.clients.entry(cid).or_default();
        if seq < client.seq {
            return (None, actions);
        }
        if seq > client.seq {
            let reply = match self.execute(cid, verb, &mut actions) {
                Ok(reply) => reply,
                Err((code, text)) => refuse(code, text),
            };
            let client = self.clients.entry(cid).or_default();
            // The reply is kept whatever it says. A client that asks again wants to hear what happened then, not what would happen now.
            (client.seq, client.reply) = (seq, reply);
        }
        (self.clients.get(&cid).map(|client| client.reply.clone()), actions)
        // END SOLUTION
    }

    /// The board has something to say. A press goes to all who watch the button: `! PIN press N T`.
    ///
    /// A level counts only if it belongs to the last order that was given for its LED: the loop may be ahead of the board.
    pub fn report(&mut self, report: &Report) -> Vec<Action> {
        // SOLUTION todo!("Core::report: remember a level, tell watchers of a press")
        match report {
            Report::Level { pin, number, level } => {
                if let Some(led) = self.leds.get_mut(pin).filter(|led| led.orders == *number) {
                    led.level = *level;
                }
                Vec::new()
            }
            Report::Press { pin, at_ms } => self.press(*pin, *at_ms),
            Report::Failed(_) => Vec::new(),
        }
        // END SOLUTION
    }

    /// Ends the leases that are over at `now`: of a client that was silent since `lease` ago, or for longer, all locks go, and the LEDs
    /// that they were for go low.
    pub fn expire(&mut self, now: Duration) -> Vec<Action> {
        // SOLUTION todo!("Core::expire: whose time is up?")
        let over = |cid: &ClientId| self.clients.get(cid).is_none_or(|client| client.until <= now);
        let abandoned = self.leds.iter().filter(|(_, led)| led.owner.as_ref().is_some_and(over));
        let abandoned: Vec<u8> = abandoned.map(|(pin, _)| *pin).collect();
        let mut actions = Vec::new();
        for pin in abandoned {
            if let Some(led) = self.leds.get_mut(&pin) {
                led.owner = None;
                // Whoever switched it on is gone and cannot switch it off. Imagine a heater.
                actions.push(led.order(pin, Task::Set(false)));
            }
        }
        actions
        // END SOLUTION
    }

    /// When the next lease is over; `None` if nothing is locked.
    pub fn next_expiry(&self) -> Option<Duration> {
        // SOLUTION todo!("Core::next_expiry: until when may the loop sleep?")
        let owners = self.leds.values().filter_map(|led| led.owner);
        owners
            .filter_map(|owner| self.clients.get(&owner).map(|client| client.until))
            .min()
        // END SOLUTION
    }
    // SOLUTION

    /// The reply to a line that could be read, without its number.
    fn reply(&mut self, now: Duration, conn: ConnId, seq: u32, verb: Verb, actions: &mut Vec<Action>) -> String {
        let known = self.client_of(conn);
        match (verb, known) {
            (Verb::Hello(cid), _) if known.is_some_and(|known| known != cid) => {
                refuse(Code::Order, "this connection is another client's")
            }
            (Verb::Hello(cid), _) => {
                self.conns.entry(conn).or_default().client = Some(cid);
                self.hear(now, cid);
                format!("OK {}", self.settings.lease.as_millis())
            }
            (Verb::Quit, _) => {
                self.conns.remove(&conn);
                actions.push(Action::Close(conn));
                "OK".to_string()
            }
            (_, None) => refuse(Code::Order, "say HELLO first"),
            (Verb::Pins, Some(cid)) => {
                self.hear(now, cid);
                self.pins()
            }
            (Verb::Watch(pin), Some(cid)) => {
                self.hear(now, cid);
                self.watch(conn, pin, true)
            }
            (Verb::Unwatch(pin), Some(cid)) => {
                self.hear(now, cid);
                self.watch(conn, pin, false)
            }
            (_, Some(cid)) => {
                let (reply, orders) = self.ask(now, cid, seq, verb);
                actions.extend(orders);
                reply.unwrap_or_else(|| refuse(Code::Order, "a greater number has been answered"))
            }
        }
    }

    /// The client is there: its lease begins anew. For a new one, the most silent one is forgotten.
    fn hear(&mut self, now: Duration, cid: ClientId) {
        self.heard += 1;
        if !self.clients.contains_key(&cid) && self.clients.len() >= MAX_CLIENTS {
            let owners: BTreeSet<ClientId> = self.leds.values().filter_map(|led| led.owner).collect();
            let silent = self.clients.iter().filter(|(cid, _)| !owners.contains(cid));
            // There is one: a Pi has fewer pins that could be locked than clients are remembered.
            if let Some(most) = silent.min_by_key(|(_, client)| client.heard).map(|(cid, _)| *cid) {
                self.clients.remove(&most);
            }
        }
        let client = self.clients.entry(cid).or_default();
        (client.heard, client.until) = (self.heard, now + self.settings.lease);
    }

    fn execute(&mut self, cid: ClientId, verb: Verb, actions: &mut Vec<Action>) -> Answer {
        match verb {
            Verb::Get(pin) => Ok(level(self.led(pin)?.level)),
            Verb::Set(pin, high) => self.set(cid, pin, Some(high), actions),
            Verb::Toggle(pin) => self.set(cid, pin, None, actions),
            Verb::Blink { pin, count, period_ms } => {
                let led = self.led(pin)?;
                if !COUNTS.contains(&count) || !PERIODS.contains(&period_ms) {
                    return Err((Code::Limit, "1 to 1000 times, with a period of 20 to 10000 ms"));
                }
                led.allows(cid)?;
                let period = Duration::from_millis(period_ms.into());
                actions.push(led.order(pin, Task::Blink { count, period }));
                Ok("OK".to_string())
            }
            Verb::Lock(pin) => {
                let led = self.led(pin)?;
                led.allows(cid)?;
                led.owner = Some(cid);
                Ok("OK".to_string())
            }
            Verb::Unlock(pin) => {
                let led = self.led(pin)?;
                led.allows(cid)?;
                led.owner = None;
                Ok("OK".to_string())
            }
            _ => Err((Code::Proto, "not about a pin")),
        }
    }

    /// Sets an LED to a level, or to the other one than now.
    fn set(&mut self, cid: ClientId, pin: u8, high: Option<bool>, actions: &mut Vec<Action>) -> Answer {
        let led = self.led(pin)?;
        led.allows(cid)?;
        let high = high.unwrap_or(!led.level);
        actions.push(led.order(pin, Task::Set(high)));
        Ok(level(high))
    }

    fn led(&mut self, pin: u8) -> Result<&mut Led, (Code, &'static str)> {
        match self.leds.get_mut(&pin) {
            Some(led) => Ok(led),
            None if self.buttons.contains_key(&pin) => Err((Code::Mode, "that pin is a button")),
            None => Err((Code::NoPin, "no such pin here")),
        }
    }

    fn pins(&self) -> String {
        let leds = self.settings.leds.iter().map(|pin| format!(" {pin}:led"));
        let buttons = self.settings.buttons.iter().map(|pin| format!(" {pin}:button"));
        format!("OK{}", leds.chain(buttons).collect::<String>())
    }

    fn watch(&mut self, conn: ConnId, pin: u8, on: bool) -> String {
        let Some(presses) = self.buttons.get(&pin) else {
            return match self.leds.contains_key(&pin) {
                true => refuse(Code::Mode, "that pin is an LED"),
                false => refuse(Code::NoPin, "no such pin here"),
            };
        };
        let watched = &mut self.conns.entry(conn).or_default().watched;
        if on {
            watched.insert(pin)
        } else {
            watched.remove(&pin)
        };
        format!("OK {presses}")
    }

    fn press(&mut self, pin: u8, at_ms: u64) -> Vec<Action> {
        let Some(presses) = self.buttons.get_mut(&pin) else {
            return Vec::new();
        };
        *presses += 1;
        let event = format!("! {pin} press {presses} {at_ms}\n");
        let watchers = self.conns.iter().filter(|(_, conn)| conn.watched.contains(&pin));
        watchers.map(|(conn, _)| Action::Send(*conn, event.clone())).collect()
    }
    // END SOLUTION
}
// SOLUTION

/// What stands behind the number of a reply, or why not.
type Answer = Result<String, (Code, &'static str)>;

/// An LED, as the loop believes it to be: what it was told to be, and what it has said since about its blinking.
#[derive(Debug, Default)]
struct Led {
    level: bool,
    /// How many orders were given for it.
    orders: u64,
    owner: Option<ClientId>,
}

impl Led {
    fn allows(&self, cid: ClientId) -> Result<(), (Code, &'static str)> {
        match self.owner {
            Some(owner) if owner != cid => Err((Code::Locked, "somebody else has locked it")),
            _ => Ok(()),
        }
    }

    fn order(&mut self, pin: u8, task: Task) -> Action {
        self.orders += 1;
        self.level = match task {
            Task::Set(level) => level,
            Task::Blink { .. } => true, // it begins with the light on
        };
        let number = self.orders;
        Action::Order(Order { pin, number, task })
    }
}

#[derive(Debug, Default)]
struct Conn {
    client: Option<ClientId>,
    watched: BTreeSet<u8>,
}

/// What is remembered of a client, whichever way it speaks.
#[derive(Debug, Default)]
struct Client {
    /// The greatest number that was done, and what was replied.
    seq: u32,
    reply: String,
    heard: u64,
    /// Until when its locks live without another word.
    until: Duration,
}

fn level(high: bool) -> String {
    format!("OK {}", u8::from(high))
}

fn refuse(code: Code, text: &str) -> String {
    format!("ERR {code} {text}")
}
// END SOLUTION
