//! The program `ex12`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex12 client HOST PORT [--idle-ms N] [--send-buffer BYTES]      stdin to the server, the server to stdout
//! ex12 probe                                                     then, for example: relay stdin:hello sent:2 eof
//! ```

use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use ex12::{Outcome, Relay, run};
use netlab::failure::Cause;
use netlab::probe::Request;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};

const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const IDLE: Parameter<Option<u32>> = Parameter::optional("idle-ms", "N", "end when nothing happens for N milliseconds");
const SEND_BUFFER: Parameter<Option<usize>> = Parameter::optional(
    "send-buffer",
    "BYTES",
    "give the socket so small a send buffer (SO_SNDBUF)",
);

fn main() -> ExitCode {
    let client = Command::new("client", "talk to a server: stdin to it, its words to stdout", client)
        .takes(&SERVER)
        .takes(&SERVER_PORT)
        .takes(&IDLE)
        .takes(&SEND_BUFFER);
    Program::new("ex12", "A client that listens to its user and to its server")
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: client
fn client(given: &Arguments) -> Result<(), Failure> {
    let (host, port) = (given.get(&SERVER), given.get(&SERVER_PORT));
    let server = format!("{host}:{port}");
    let stream = TcpStream::connect((host.as_str(), port)).during(Op::Connect, &server)?;
    if let Some(bytes) = given.get(&SEND_BUFFER) {
        setsockopt(&stream, sockopt::SndBuf, &bytes).during(Op::Socket, &server)?;
    }
    let idle = given.get(&IDLE).map(|millis| Duration::from_millis(millis.into()));
    match run(stream.into(), idle) {
        Ok(Outcome::Complete) => Ok(()),
        Ok(Outcome::ServerClosed) => {
            let words = Cause::Words("the server closed the connection".to_string());
            Err(Failure::new(Op::Recv, server, words))
        }
        Ok(Outcome::Idle) => Err(Failure::new(Op::Recv, server, Errno::ETIMEDOUT)),
        // An error of nix does not say which call it came from, but only writing can find the pipe broken.
        Err(Errno::EPIPE) => Err(Failure::new(Op::Send, server, Errno::EPIPE)),
        Err(other) => Err(Failure::new(Op::Recv, server, other)),
    }
}
// ANCHOR_END: client

/// `relay STEP…`: takes a new relay through these steps, and says what it is like then.
///
/// - `stdin:hello`: these bytes come from stdin; `bytes:65536`: so many come;
/// - `eof`: stdin ends;
/// - `sent:2`: the server has taken so many bytes.
fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "relay" => {
            let mut relay = Relay::default();
            for place in 1.. {
                let Ok(step) = request.argument::<String>(place, "a step") else {
                    break;
                };
                take(&mut relay, &step)?;
            }
            Ok(describe(&relay))
        }
        _ => request.unknown("relay STEP…, with steps such as stdin:hello bytes:65536 sent:2 eof"),
    }
}

fn take(relay: &mut Relay, step: &str) -> Result<(), String> {
    let (what, value) = step.split_once(':').unwrap_or((step, ""));
    let number = || {
        let number: Option<usize> = value.parse().ok();
        number.ok_or_else(|| format!("`{value}` is not a number of bytes"))
    };
    match what {
        "stdin" => relay.on_stdin(value.as_bytes()),
        "bytes" => relay.on_stdin(&vec![b'x'; number()?.min(1 << 20)]),
        "sent" => {
            let (sent, waiting) = (number()?, relay.unsent().len());
            if sent > waiting {
                return Err(format!("`{step}`: only {waiting} bytes wait to be sent"));
            }
            relay.on_sent(sent);
        }
        "eof" => relay.on_stdin_eof(),
        _ => return Err(format!("`{step}` is none of stdin:TEXT, bytes:N, sent:N, eof")),
    }
    Ok(())
}

/// `waits for stdin, receive, send; unsent hello; more to say`
fn describe(relay: &Relay) -> String {
    let interest = relay.interest();
    let names = [
        ("stdin", interest.stdin),
        ("receive", interest.receive),
        ("send", interest.send),
    ];
    let names: Vec<&str> = names.iter().filter(|(_, yes)| *yes).map(|(name, _)| *name).collect();
    let unsent = match relay.unsent() {
        [] => "nothing".to_string(),
        few if few.len() <= 40 => few.escape_ascii().to_string(),
        many => format!("{} bytes", many.len()),
    };
    let said = if relay.all_said() { "all said" } else { "more to say" };
    format!("waits for {}; unsent: {unsent}; {said}", names.join(", "))
}
