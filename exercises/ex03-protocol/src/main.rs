//! The program `ex03`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex03 server [--host 127.0.0.1] [--port 0] [--balance 100] [--epoch SECONDS]
//! ex03 probe          then, for example: decode HELLO al|ice\nTIME\n
//! ```

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ex03::{Bank, Decoder, ProtocolError, Request, converse};
use netlab::probe;
use netlab::program::PORT;
use netlab::script::{Script, Scripted};
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, listening_on, report};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const BALANCE: Parameter<u64> = Parameter::with_default("balance", "N", "how much there is at the start", "100");
const EPOCH: Parameter<Option<u64>> = Parameter::optional("epoch", "SECONDS", "tell this time instead of the clock's");

fn main() -> ExitCode {
    let server = Command::new("server", "speak OPS/1 with one client after the other", server)
        .takes(&HOST)
        .takes(&PORT)
        .takes(&BALANCE)
        .takes(&EPOCH);
    Program::new("ex03", "A server for the protocol OPS/1")
        .command(server)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    let listener = TcpListener::bind(asked).during(Op::Bind, asked)?;
    let address = listener.local_addr().during(Op::Bind, asked)?;
    let epoch = given.get(&EPOCH);
    let mut bank = Bank::new(given.get(&BALANCE), move || time_of_day(epoch.unwrap_or_else(now)));
    listening_on(address);

    let mut clients = 0;
    loop {
        let (mut stream, peer) = listener.accept().during(Op::Accept, address)?;
        clients += 1;
        // The bank is the server's and lives on; what belongs to one client lives and ends in `converse`.
        match converse(&mut stream, &mut bank) {
            Ok(replies) => event(format_args!("client {clients}: {replies} replies")),
            Err(error) => report(&Failure::new(Op::Recv, peer, error)),
        }
    }
}
// ANCHOR_END: server

/// Runs your code on bytes that are written as text: `\n`, `\r` and `\xff` as in Rust, and `|` where the stream is cut.
///
/// - `decode TEXT` pushes the pieces, one after the other, and shows the requests that come out;
/// - `converse TEXT` has a whole conversation with a client that sends them, and shows the server's replies.
fn probe(request: &probe::Request) -> Result<String, String> {
    match request.function() {
        "decode" => Ok(decode(&request.pieces()?)),
        "converse" => Ok(conversation(&request.pieces()?)),
        _ => request.unknown(r"decode HELLO al|ice\nTIME\n, or the same with converse"),
    }
}

fn decode(pieces: &[Vec<u8>]) -> String {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    // Each request uses up a byte at least. A decoder that gives more of them has stopped taking what it gives.
    let most: usize = pieces.iter().map(Vec::len).sum();
    for piece in pieces {
        decoder.push(piece);
        while let Some((what, last)) = next(&mut decoder) {
            seen.push(what);
            if seen.len() > most {
                return format!("{}, and so on: more requests than bytes", seen[0]);
            }
            if last {
                return seen.join(", ");
            }
        }
    }
    match seen.len() {
        0 => "nothing".to_string(),
        _ => seen.join(", "),
    }
}

/// What the decoder gives next, and whether it is the end of the conversation.
fn next(decoder: &mut Decoder) -> Option<(String, bool)> {
    match decoder.next_request() {
        Ok(request) => request.map(|request| (shown(&request), false)),
        Err(error) => Some((format!("{error:?}"), error != ProtocolError::BadRequest)),
    }
}

fn shown(request: &Request) -> String {
    let quoted = |bytes: &[u8]| format!("\"{}\"", bytes.escape_ascii());
    match request {
        Request::Hello(name) => format!("Hello {}", quoted(name.as_bytes())),
        Request::Sqrt(number) => format!("Sqrt {number}"),
        Request::Deduct(amount) => format!("Deduct {amount}"),
        Request::Append(body) => format!("Append {}", quoted(body)),
        Request::Time | Request::Balance | Request::Quit => format!("{request:?}"),
    }
}

fn conversation(pieces: &[Vec<u8>]) -> String {
    let lengths: Vec<String> = pieces.iter().map(|piece| piece.len().to_string()).collect();
    // A read of 0 bytes would be the end of the stream.
    let lengths: Vec<&str> = lengths
        .iter()
        .map(String::as_str)
        .filter(|length| *length != "0")
        .collect();
    let reads: Script = lengths.join(",").parse().unwrap_or_default();
    let mut stream = Scripted::new(reads, Script::default(), pieces.concat());
    let mut bank = Bank::new(100, || time_of_day(now()));
    let ended = converse(&mut stream, &mut bank);
    let replies = stream.outgoing().escape_ascii().to_string();
    match ended {
        Ok(_) => replies,
        Err(error) => format!("{replies}, then {error}"),
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The time of day in UTC, `epoch` seconds after the beginning of 1970. (Exercise 1 is where you write this yourself.)
fn time_of_day(epoch: u64) -> String {
    /// The last second whose year has four digits; the crate writes no others.
    const LAST: u64 = 253_402_300_799;
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(epoch.min(LAST))).to_string()
}
