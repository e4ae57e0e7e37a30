//! The program `ex13`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex13 server [--host 127.0.0.1] [--port 0] [--max-clients 100] [--outbuf 65536]      type `quit` to end it
//! ex13 probe                                                     then, for example: hub +|+|1:alice\n|2:bob\n|1:hello\n
//! ```

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::process::ExitCode;

use ex13::{Hub, Id, Lines, run};
use netlab::probe::Request;
use netlab::program::PORT;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, listening_on};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{setsockopt, sockopt};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const MAX_CLIENTS: Parameter<usize> =
    Parameter::with_default("max-clients", "N", "how many clients there is place for", "100");
const OUTBUF: Parameter<usize> = Parameter::with_default(
    "outbuf",
    "BYTES",
    "how much may wait for a client before it is dropped",
    "65536",
);

/// Descriptors that the program needs for itself: three that it is born with, the listener, one for a client who is sent away, and
/// some to spare.
const OWN: u64 = 16;

fn main() -> ExitCode {
    let server = Command::new("server", "let many clients talk to each other", server)
        .takes(&HOST)
        .takes(&PORT)
        .takes(&MAX_CLIENTS)
        .takes(&OUTBUF);
    Program::new("ex13", "A chat server: one process, many clients")
        .command(server)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    let listener = TcpListener::bind(asked).during(Op::Bind, asked)?;
    let address = listener.local_addr().during(Op::Bind, asked)?;
    // A line is short, and is to be sent at once. (Else it may wait for the acknowledgement of the line before, up to 40 ms: see
    // TCP_NODELAY in `man 7 tcp`.) The sockets that the listener accepts inherit it.
    setsockopt(&listener, sockopt::TcpNoDelay, &true).during(Op::Socket, address)?;
    // Whoever gets a place gets a descriptor, too. There are no more places than the system gives descriptors.
    let places = given.get(&MAX_CLIENTS).min(descriptors());
    listening_on(address);
    run(listener, places, given.get(&OUTBUF)).during(Op::Accept, address)
}
// ANCHOR_END: server

/// How many descriptors there are for clients (`ulimit -n`, less what the program itself needs).
fn descriptors() -> usize {
    let (most, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((256, 256));
    usize::try_from(most.saturating_sub(OWN)).unwrap_or(usize::MAX)
}

/// Runs your code without a network. `\n`, `\r` and `\xff` mean what they mean in Rust, and `|` stands between two steps.
///
/// - `lines TEXT`: the pieces of a stream, and the lines that come out;
/// - `hub STEPS`: `+` a client connects (the first one is 1), `1:hello\n` these bytes come from client 1, `-1` it goes. Shows what
///   each of them has been sent in the end.
fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "lines" => Ok(lines(&request.pieces()?)),
        "hub" => hub(&request.pieces()?),
        _ => request.unknown(r"lines he|llo\n, or hub +|+|1:alice\n|2:bob\n|1:hello\n|-1"),
    }
}

fn lines(pieces: &[Vec<u8>]) -> String {
    let mut lines = Lines::default();
    let mut seen = Vec::new();
    // Each line uses up a byte at least. Whoever gives more of them has stopped taking what it gives.
    let most: usize = pieces.iter().map(Vec::len).sum();
    for piece in pieces {
        lines.push(piece);
        while let Some(line) = lines.next_line() {
            seen.push(format!("\"{}\"", line.escape_ascii()));
            if seen.len() > most {
                return format!("{}, and so on: more lines than bytes", seen[0]);
            }
        }
    }
    match seen.len() {
        0 => "nothing".to_string(),
        _ => seen.join(", "),
    }
}

fn hub(steps: &[Vec<u8>]) -> Result<String, String> {
    let mut hub = Hub::default();
    let mut clients: Vec<Id> = Vec::new();
    let mut sent: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for step in steps {
        let wrong = || {
            let step = step.escape_ascii();
            format!("`{step}` is none of +, 1:TEXT, -1, with a client who has connected")
        };
        let client = |digits: &[u8]| {
            let number: Option<usize> = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
            let id = number.and_then(|number| clients.get(number.checked_sub(1)?));
            id.copied().ok_or_else(wrong)
        };
        let colon = step.iter().position(|&byte| byte == b':');
        let messages = match (step.as_slice(), colon) {
            (b"+", _) => {
                let (id, messages) = hub.connect();
                if clients.contains(&id) {
                    return Err(format!("client {} got the id of another one, {id}", clients.len() + 1));
                }
                clients.push(id);
                messages
            }
            ([b'-', number @ ..], None) => hub.disconnect(client(number)?),
            (step, Some(colon)) => hub.input(client(&step[..colon])?, &step[colon + 1..]),
            _ => return Err(wrong()),
        };
        for (to, bytes) in messages {
            // 0: nobody who has ever connected.
            let number = clients.iter().position(|id| *id == to).map_or(0, |place| place + 1);
            sent.entry(number).or_default().extend(bytes);
        }
    }
    let sent = sent
        .iter()
        .map(|(client, bytes)| format!("{client} gets \"{}\"", bytes.escape_ascii()));
    Ok(sent.collect::<Vec<_>>().join(", "))
}
