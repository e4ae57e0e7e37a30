//! The program `ex02`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex02 server [--host 127.0.0.1] [--port 0] [--mode lecture|stream] [--count N]
//! ex02 client HOST PORT --message TEXT      prints: Received: TEXT
//! ex02 client HOST PORT --raw               sends its stdin, prints the reply and nothing else
//! ex02 probe                                then, for example: send_all 1,2,3 48656c6c6f
//! ```

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::str::FromStr;

use ex02::{Mode, converse, echo_once, echo_until_eof, recv_to_eof, send_all, serve};
use netlab::probe::{Request, to_hex};
use netlab::program::PORT;
use netlab::script::{OwnLoop, Script, Scripted};
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, listening_on};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const MODE: Parameter<ModeName> =
    Parameter::with_default("mode", "lecture|stream", "echo once, or to the end", "stream");
const COUNT: Parameter<Option<u64>> = Parameter::optional("count", "N", "end after N clients");

const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const MESSAGE: Parameter<Option<String>> = Parameter::optional("message", "TEXT", "send this");
const RAW: Parameter<bool> = Parameter::switch("raw", "send stdin, print the bytes of the reply only");

fn main() -> ExitCode {
    let server = Command::new("server", "send back to every client what it sent", server)
        .takes(&HOST)
        .takes(&PORT)
        .takes(&MODE)
        .takes(&COUNT);
    let client = Command::new("client", "send a message and print what comes back", client)
        .takes(&SERVER)
        .takes(&SERVER_PORT)
        .takes(&MESSAGE)
        .takes(&RAW)
        .one_of(&["message", "raw"]);
    Program::new("ex02", "An echo server and its client")
        .command(server)
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    // std makes socket(), setsockopt(SO_REUSEADDR), bind() and listen() in one go: exercise 1 in a line.
    let listener = TcpListener::bind(asked).during(Op::Bind, asked)?;
    let address = listener.local_addr().during(Op::Bind, asked)?;
    listening_on(address);
    serve(&listener, given.get(&MODE).0, given.get(&COUNT)).during(Op::Accept, address)
}
// ANCHOR_END: server

// ANCHOR: client
fn client(given: &Arguments) -> Result<(), Failure> {
    let (host, port) = (given.get(&SERVER), given.get(&SERVER_PORT));
    let text = given.get(&MESSAGE);
    let message = match &text {
        Some(text) => text.clone().into_bytes(),
        None => all_of_stdin()?,
    };
    // A name can have several addresses; connect() tries one after the other.
    let addresses: Vec<SocketAddr> = (host.as_str(), port)
        .to_socket_addrs()
        .during(Op::Resolve, &host)?
        .collect();
    let stream = TcpStream::connect(&addresses[..]).during(Op::Connect, format_args!("{host}:{port}"))?;
    let reply = converse(stream, &message)?;
    match text {
        Some(_) => event(format_args!("Received: {}", String::from_utf8_lossy(&reply))),
        None => io::stdout().write_all(&reply).during(Op::Send, "stdout")?,
    }
    Ok(())
}
// ANCHOR_END: client

fn all_of_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).during(Op::Recv, "stdin")?;
    Ok(bytes)
}

/// `--mode lecture` or `--mode stream`.
#[derive(Clone)]
struct ModeName(Mode);

impl FromStr for ModeName {
    type Err = io::Error;

    fn from_str(name: &str) -> io::Result<ModeName> {
        match name {
            "lecture" => Ok(ModeName(Mode::Lecture)),
            "stream" => Ok(ModeName(Mode::Stream)),
            _ => Err(io::Error::other("the modes are `lecture` and `stream`")),
        }
    }
}

/// Runs one function on a pretended stream. `SCRIPT` is such as `1,eintr,2` or `-`, `BYTES` is hexadecimal:
///
/// - `send_all SCRIPT BYTES`: the script is for the writes, and BYTES are to be sent;
/// - `recv_to_eof SCRIPT BYTES`: the script is for the reads, and BYTES are what arrives;
/// - `echo_once SIZE SCRIPT BYTES`, `echo_until_eof SCRIPT BYTES`: the script is for both, BYTES are what arrives.
fn probe(request: &Request) -> Result<String, String> {
    let script = |place| request.argument::<Script>(place, "a script, such as 1,eintr,2");
    match request.function() {
        "send_all" => {
            let mut stream = Scripted::new(Script::default(), script(1)?, Vec::new());
            let outcome = send_all(&mut OwnLoop(&mut stream), &request.bytes(2)?).map(|()| "ok".to_string());
            Ok(answer(outcome, &stream))
        }
        "recv_to_eof" => {
            let mut stream = Scripted::new(script(1)?, Script::default(), request.bytes(2)?);
            Ok(received(recv_to_eof(&mut stream)))
        }
        "echo_once" => {
            let mut stream = Scripted::new(script(2)?, script(2)?, request.bytes(3)?);
            let size = request.argument(1, "a size in bytes")?;
            let outcome = echo_once(&mut stream, size).map(|n| n.to_string());
            Ok(answer(outcome, &stream))
        }
        "echo_until_eof" => {
            let mut stream = Scripted::new(script(1)?, script(1)?, request.bytes(2)?);
            let outcome = echo_until_eof(&mut stream).map(|n| n.to_string());
            Ok(answer(outcome, &stream))
        }
        _ => request.unknown("send_all, recv_to_eof, echo_once or echo_until_eof"),
    }
}

/// What a function returned, and what it wrote to its stream: `ok, wrote 48656c6c6f`.
fn answer(returned: io::Result<String>, stream: &Scripted) -> String {
    let returned = returned.unwrap_or_else(describe);
    format!("{returned}, wrote {}", to_hex(stream.outgoing()))
}

fn received(returned: io::Result<Vec<u8>>) -> String {
    returned.map_or_else(describe, |bytes| format!("received {}", to_hex(&bytes)))
}

fn describe(error: io::Error) -> String {
    format!("{:?} ({error})", error.kind())
}
