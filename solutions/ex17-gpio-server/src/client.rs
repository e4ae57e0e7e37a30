// CANARY-7f3a91c2-hidden
//! The other end: a client that does one thing after the other, and asks again, with the same number, when a connection is lost.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use netlab::failure::Cause;
use netlab::{During, Failure, Op, event, resolve};
use nix::errno::Errno;

use crate::messages::ClientId;

/// Where a pin is: `gpio://HOST:PORT/PIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, or a number; one of IPv6 without its brackets.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The BCM number.
    pub pin: u8,
}

/// How often DISCOVER is sent before nobody is there.
pub const TRIES: u32 = 3;

/// Reads an address: `gpio://HOST:PORT/PIN`. An IPv6 number stands in brackets: `gpio://[::1]:5000/17`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn address(text: &str) -> Result<Address, String> {
    // SOLUTION todo!("address: take the text apart at its punctuation")
    let wrong = || format!("`{text}` is not gpio://HOST:PORT/PIN");
    let rest = text.strip_prefix("gpio://").ok_or_else(wrong)?;
    let (authority, pin) = rest.split_once('/').ok_or_else(wrong)?;
    let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if host.is_empty() || bare.is_none() && host.contains([':', '[', ']']) {
        return Err(wrong());
    }
    Ok(Address {
        host: bare.unwrap_or(host).to_string(),
        port: port.parse().map_err(|_| wrong())?,
        pin: pin.parse().map_err(|_| wrong())?,
    })
    // END SOLUTION
}

/// The requests, without their numbers, that these words of the command line mean: `lock blink 3 200 unlock` for pin 17 is `LOCK 17`,
/// `BLINK 17 3 200`, `UNLOCK 17`.
///
/// The words: `get`, `set 0`, `set 1`, `toggle`, `blink COUNT PERIOD_MS`, `lock`, `unlock`, and `watch`, which is the last one.
///
/// # Errors
/// A word that is none of them, in words.
pub fn requests(pin: u8, words: &[String]) -> Result<Vec<String>, String> {
    // SOLUTION todo!("requests: take one, two or three words at a time")
    let mut words = words.iter().map(String::as_str);
    let mut requests = Vec::new();
    while let Some(word) = words.next() {
        let mut next = || {
            let value = words
                .next()
                .filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
            value.ok_or_else(|| format!("a number is missing after `{word}`"))
        };
        requests.push(match word {
            "get" | "toggle" | "lock" | "unlock" | "watch" => format!("{} {pin}", word.to_uppercase()),
            "set" => format!("SET {pin} {}", next()?),
            "blink" => format!("BLINK {pin} {} {}", next()?, next()?),
            _ => {
                return Err(format!(
                    "`{word}` is none of get, set, toggle, blink, lock, unlock, watch"
                ));
            }
        });
        if word == "watch" && words.next().is_some() {
            return Err("nothing can be done after `watch`: it does not end".to_string());
        }
    }
    Ok(requests)
    // END SOLUTION
}

/// Connects, says HELLO as `cid`, sends the requests one after the other, and prints the reply to each with [`event`]: what stands behind
/// `OK`, or `ok` if nothing does. HELLO has the number 1, and the requests those from 2 on.
///
/// After the reply to `WATCH`, which is printed like any other, it prints every event, without its `! `, for ever. A `! bye` then is an
/// orderly end.
///
/// If the connection is lost while a request has no reply, or while events are awaited (its end, or an error of reading or writing), it
/// connects once more, says HELLO with the same id, and sends that request (or that `WATCH`) again, **with the same number**. This helps
/// once in a run; the next time it is an error. Events that come before a reply are left out.
///
/// # Errors
/// - `resolve`, `connect`: exit code 1.
/// - The server refused: `error: TOGGLE 17: locked somebody else has locked it`, exit code 3.
/// - `recv HOST:PORT: …`: the connection was lost again, the server said `! bye`, or a line is no reply: exit code 3.
/// - No reply for `patience`: exit code 4. While it watches, nothing is awaited.
pub fn converse(address: &Address, requests: &[String], cid: ClientId, patience: Duration) -> Result<(), Failure> {
    // SOLUTION todo!("converse: ask one thing after the other; if the line breaks, once more with the same number")
    let server = resolve(&address.host, address.port)?;
    let mut line = Line::open(server, cid, patience).map_err(Trouble::failure)?;
    let mut once_more = true;
    for (request, seq) in requests.iter().zip(2..) {
        let question = format!("{seq} {request}");
        let reply = match line.ask(&question) {
            Err(Trouble::Lost(_)) if once_more => {
                once_more = false;
                line = Line::open(server, cid, patience).map_err(Trouble::failure)?;
                line.ask(&question)
            }
            reply => reply,
        };
        match reply.map_err(Trouble::failure)? {
            Ok(words) if words.is_empty() => event("ok"),
            Ok(words) => event(words),
            Err(refused) => return Err(Failure::answered(format_args!("{request}: {refused}"))),
        }
        if request.starts_with("WATCH ") {
            return line.watch(&question, cid, once_more);
        }
    }
    Ok(())
    // END SOLUTION
}

/// Asks `to`, which may be everybody (a broadcast address), who is there, and prints the first answer: `gpio://127.0.0.1:5000/ lab`.
/// Sends DISCOVER [`TRIES`] times at most, and waits each time for a part of `patience`.
///
/// # Errors
/// - The socket: exit code 1.
/// - Nobody has answered: exit code 4.
pub fn discover(to: SocketAddr, patience: Duration) -> Result<(), Failure> {
    // SOLUTION todo!("discover: ask, wait, and ask again")
    let any = match to {
        SocketAddr::V4(_) => "0.0.0.0:0",
        SocketAddr::V6(_) => "[::]:0",
    };
    let socket = UdpSocket::bind(any).during(Op::Bind, any)?;
    socket.set_broadcast(true).during(Op::Socket, any)?;
    let each = (patience / TRIES).max(Duration::from_millis(1));
    socket.set_read_timeout(Some(each)).during(Op::Socket, any)?;
    for _ in 0..TRIES {
        socket.send_to(b"DISCOVER", to).during(Op::Send, to)?;
        let mut buffer = [0; 512];
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                if let Some((port, name)) = announcement(&buffer[..length]) {
                    event(format_args!("gpio://{}/ {name}", SocketAddr::new(from.ip(), port)));
                    return Ok(());
                }
            }
            Err(error) if is_silence(&error) || error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(Failure::new(Op::Recv, to, error)),
        }
    }
    Err(Failure::new(Op::Recv, to, Errno::ETIMEDOUT))
    // END SOLUTION
}
// SOLUTION

/// `GPIO/1 5000 lab`
fn announcement(bytes: &[u8]) -> Option<(u16, &str)> {
    let (port, name) = str::from_utf8(bytes).ok()?.strip_prefix("GPIO/1 ")?.split_once(' ')?;
    Some((port.parse().ok()?, name))
}

/// Why there is no reply.
enum Trouble {
    /// The connection is gone; another one may do.
    Lost(Failure),
    /// Anything else.
    Other(Failure),
}

impl Trouble {
    fn failure(self) -> Failure {
        let (Trouble::Lost(failure) | Trouble::Other(failure)) = self;
        failure
    }
}

/// A connection on which HELLO has been said.
struct Line {
    stream: BufReader<TcpStream>,
    server: SocketAddr,
    patience: Duration,
}

impl Line {
    fn open(server: SocketAddr, cid: ClientId, patience: Duration) -> Result<Line, Trouble> {
        let connected = TcpStream::connect(server).during(Op::Connect, server);
        let stream = connected.map_err(Trouble::Other)?;
        let ready = stream.set_read_timeout(Some(patience)).during(Op::Socket, server);
        ready.map_err(Trouble::Other)?;
        let mut line = Line {
            stream: BufReader::new(stream),
            server,
            patience,
        };
        match line.ask(&format!("1 HELLO {cid:08x}"))? {
            Ok(_) => Ok(line),
            Err(refused) => Err(Trouble::Other(Failure::answered(format_args!("HELLO: {refused}")))),
        }
    }

    /// Sends a request and waits for its reply: what stands behind `OK`, or behind `ERR`.
    fn ask(&mut self, question: &str) -> Result<Result<String, String>, Trouble> {
        let sent = self.stream.get_mut().write_all(format!("{question}\n").as_bytes());
        sent.during(Op::Send, self.server).map_err(Trouble::Lost)?;
        let seq = question.split(' ').next().unwrap_or_default();
        loop {
            let line = self.read()?;
            if line == "! bye" {
                return Err(Trouble::Other(self.broken("the server has said good-bye")));
            }
            let (number, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let (word, words) = rest.split_once(' ').unwrap_or((rest, ""));
            match (number, word) {
                ("!", _) => {}
                (number, "OK") if number == seq => return Ok(Ok(words.to_string())),
                // 0: the server could not read the number, or has no place for us.
                (number, "ERR") if number == seq || number == "0" => return Ok(Err(words.to_string())),
                _ => {
                    return Err(Trouble::Other(
                        self.broken(&format!("`{}` is no reply", line.escape_debug())),
                    ));
                }
            }
        }
    }

    fn read(&mut self) -> Result<String, Trouble> {
        let mut bytes = Vec::new();
        match self.stream.read_until(b'\n', &mut bytes) {
            Ok(_) if bytes.pop() == Some(b'\n') => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(_) => Err(Trouble::Lost(self.broken("the connection has ended"))),
            Err(error) if is_silence(&error) => {
                let words = format!("no reply for {} ms", self.patience.as_millis());
                Err(Trouble::Other(Failure::new(
                    Op::Recv,
                    self.server,
                    Cause::TimeIsUp(words),
                )))
            }
            Err(error) => Err(Trouble::Lost(Failure::new(Op::Recv, self.server, error))),
        }
    }

    /// Prints events until there are no more.
    fn watch(mut self, question: &str, cid: ClientId, mut once_more: bool) -> Result<(), Failure> {
        loop {
            // Nothing is awaited any more, so nothing can be late.
            let patient = self.stream.get_ref().set_read_timeout(None);
            patient.during(Op::Socket, self.server)?;
            match self.read() {
                Ok(line) if line == "! bye" => return Ok(()),
                Ok(line) => {
                    if let Some(news) = line.strip_prefix("! ") {
                        event(news);
                    }
                }
                Err(Trouble::Lost(_)) if once_more => {
                    once_more = false;
                    self = Line::open(self.server, cid, self.patience).map_err(Trouble::failure)?;
                    let reply = self.ask(question).map_err(Trouble::failure)?;
                    reply.map_err(|refused| Failure::answered(format_args!("{question}: {refused}")))?;
                }
                Err(trouble) => return Err(trouble.failure()),
            }
        }
    }

    fn broken(&self, words: &str) -> Failure {
        Failure::new(Op::Recv, self.server, Cause::Words(words.to_string()))
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
// END SOLUTION
