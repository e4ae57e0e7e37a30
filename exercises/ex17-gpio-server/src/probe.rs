//! `ex17 probe`: runs your parser, your protocol and your debouncer without a network, a board or a clock. Given.
//!
//! `\n`, `\r` and `\xff` mean what they mean in Rust, and `|` stands between two steps.
//!
//! | request | shows |
//! |---|---|
//! | `parse 1 GET 17\n2 TOG\|GLE 17\n` | pieces of a stream, and the requests that come out |
//! | `datagram c0ffee01.1 TOGGLE 17` | what a datagram means |
//! | `debounce 20 0L 1H 2L 30H 60L` | which of these edges (milliseconds, level) are presses, with a window of 20 ms |
//! | `core +1\|1:1 HELLO c0ffee01\|1:2 SET 17 1` | what the protocol says to each step; the LEDs are 17 and 22, the button 27, a lease is 1000 ms |
//! | `address gpio://pi:5000/17` | an address, taken apart |
//! | `requests 17 lock toggle` | what the client's words mean for pin 17 |
//!
//! The steps of `core`: `+1` connection 1 is made, `-1` it ends, `1:TEXT` a line comes from it, `udp:TEXT` a datagram comes, `@250` it is
//! 250 ms by now, `press 27 120` and `level 17 2 0` (the pin, the order's number, the level) are reports of the board, `next` asks when
//! the next lease is over.

use std::time::Duration;

use ex17::client;
use ex17::debounce::Debouncer;
use ex17::messages::{Action, Datagram, Malformed, Order, Report, Request, Task};
use ex17::parser::{self, Parser};
use ex17::protocol::{Core, Settings};
use netlab::probe::Request as Question;

/// Answers one request line.
pub fn answer(question: &Question) -> Result<String, String> {
    match question.function() {
        "parse" => Ok(parse(&question.pieces()?)),
        "datagram" => Ok(datagram(&question.pieces()?.concat())),
        "debounce" => debounce(question),
        "core" => core(&question.pieces()?),
        "address" => {
            let address = client::address(&question.argument::<String>(1, "an address")?)?;
            Ok(format!(
                "host {}, port {}, pin {}",
                address.host, address.port, address.pin
            ))
        }
        "requests" => {
            let pin = question.argument(1, "a pin")?;
            let words: Vec<String> = (2..)
                .map_while(|place| question.argument(place, "a word").ok())
                .collect();
            Ok(client::requests(pin, &words)?.join(", "))
        }
        _ => question.unknown("parse, datagram, debounce, core, address or requests; examples are in src/probe.rs"),
    }
}

fn parse(pieces: &[Vec<u8>]) -> String {
    let mut parser = Parser::default();
    let mut seen = Vec::new();
    // Each request uses up a byte at least. Whoever gives more of them has stopped taking what it gives.
    let most: usize = pieces.iter().map(Vec::len).sum();
    for piece in pieces {
        parser.push(piece);
        while let Some(line) = parser.next() {
            seen.push(line_in_words(&line));
            if seen.len() > most {
                return format!("{}, and so on: more requests than bytes", seen[0]);
            }
        }
    }
    listed(&seen)
}

fn line_in_words(line: &Result<Request, Malformed>) -> String {
    match line {
        Ok(Request { seq, verb }) => format!("{seq} {verb:?}"),
        Err(Malformed { seq, .. }) => format!("{seq} malformed"),
    }
}

fn datagram(bytes: &[u8]) -> String {
    match parser::datagram(bytes) {
        None => "nothing".to_string(),
        Some(Datagram::Discover) => "discover".to_string(),
        Some(Datagram::Request(cid, line)) => format!("{cid:08x} {}", line_in_words(&line)),
    }
}

fn debounce(question: &Question) -> Result<String, String> {
    let mut debouncer = Debouncer::new(Duration::from_millis(question.argument(1, "a number of milliseconds")?));
    let mut presses = Vec::new();
    for place in 2.. {
        let Ok(word) = question.argument::<String>(place, "an edge") else {
            break;
        };
        let edge = word.strip_suffix('L').map(|at| (at, false));
        let edge = edge.or_else(|| word.strip_suffix('H').map(|at| (at, true)));
        let edge = edge.and_then(|(at, high)| Some((at.parse().ok()?, high)));
        let (at, high) = edge.ok_or_else(|| format!("`{word}` is not an edge, such as 30H or 60L"))?;
        if debouncer.feed(Duration::from_millis(at), high) {
            presses.push(format!("press at {at}"));
        }
    }
    Ok(listed(&presses))
}

fn core(steps: &[Vec<u8>]) -> Result<String, String> {
    let mut trial = Trial {
        core: Core::new(Settings {
            leds: vec![17, 22],
            buttons: vec![27],
            name: "lab".to_string(),
            port: 5000,
            lease: Duration::from_secs(1),
        }),
        now: Duration::ZERO,
        seen: Vec::new(),
    };
    for step in steps {
        let text = step.escape_ascii().to_string();
        let known = match text.split_once(':') {
            Some(("udp", _)) => trial.datagram(&step[4..]),
            Some((conn, _)) => trial.line(conn, &step[conn.len() + 1..]),
            None => trial.step(&text),
        };
        known.ok_or_else(|| format!("`{text}` is none of the steps; they are in src/probe.rs"))?;
    }
    Ok(listed(&trial.seen))
}

/// A protocol, the time by its clock, and what it has said so far.
struct Trial {
    core: Core,
    now: Duration,
    seen: Vec<String>,
}

impl Trial {
    fn line(&mut self, conn: &str, line: &[u8]) -> Option<()> {
        let conn = conn.parse().ok()?;
        let actions = self.core.line(self.now, conn, parser::request(line));
        self.note(actions);
        Some(())
    }

    fn datagram(&mut self, bytes: &[u8]) -> Option<()> {
        let (answer, actions) = match parser::datagram(bytes) {
            Some(datagram) => self.core.datagram(self.now, datagram),
            None => (None, Vec::new()),
        };
        self.seen
            .push(format!("udp<{}", answer.unwrap_or_else(|| "nothing".to_string())));
        self.note(actions);
        Some(())
    }

    fn step(&mut self, text: &str) -> Option<()> {
        let words: Vec<&str> = text.split(' ').collect();
        let actions = match *words.as_slice() {
            ["next"] => {
                let next = self.core.next_expiry().map(|at| format!("next at {}", at.as_millis()));
                self.seen.push(next.unwrap_or_else(|| "next never".to_string()));
                Vec::new()
            }
            ["press", pin, at] => self.core.report(&Report::Press {
                pin: pin.parse().ok()?,
                at_ms: at.parse().ok()?,
            }),
            ["level", pin, number, level] => self.core.report(&Report::Level {
                pin: pin.parse().ok()?,
                number: number.parse().ok()?,
                level: level == "1",
            }),
            [word] => match word.split_at_checked(1)? {
                ("+", conn) => self.core.connect(conn.parse().ok()?),
                ("-", conn) => {
                    self.core.disconnect(conn.parse().ok()?);
                    Vec::new()
                }
                ("@", at) => {
                    self.now = Duration::from_millis(at.parse().ok()?);
                    self.core.expire(self.now)
                }
                _ => return None,
            },
            _ => return None,
        };
        self.note(actions);
        Some(())
    }

    fn note(&mut self, actions: Vec<Action>) {
        self.seen.extend(actions.iter().map(action_in_words));
    }
}

fn action_in_words(action: &Action) -> String {
    match action {
        Action::Send(conn, line) => format!("{conn}<{}", in_short(line)),
        Action::Close(conn) => format!("close {conn}"),
        Action::Order(Order { pin, number, task }) => match task {
            Task::Set(level) => format!("order {pin} #{number} {}", u8::from(*level)),
            Task::Blink { count, period } => format!("order {pin} #{number} blink {count} x {}", period.as_millis()),
        },
    }
}

/// The words for people behind an error's code are everybody's own.
fn in_short(line: &str) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, ""),
        None => (line, " without an LF"),
    };
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        [seq, "ERR", code, ..] => format!("{seq} ERR {code}{end}"),
        _ => format!("{text}{end}"),
    }
}

fn listed(seen: &[String]) -> String {
    match seen {
        [] => "nothing".to_string(),
        seen => seen.join(", "),
    }
}
