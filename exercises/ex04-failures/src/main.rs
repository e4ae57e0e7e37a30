//! The program `ex04`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex04 server [--host 127.0.0.1] [--port 0]
//! ex04 client HOST PORT TEXT [--timeout-ms 2000]     prints: Received: TEXT
//! ex04 probe                                         then, for example: classify_accept EMFILE
//! ```

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::time::Duration;

use ex04::{
    Cause, NetError, Op, classify_accept, classify_io, connect_within, converse, open_server, report, resolve, serve,
};
use netlab::probe::Request;
use netlab::program::PORT;
use netlab::{Arguments, Command, Parameter, Program, event, listening_on};
use nix::errno::Errno;

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const TEXT: Parameter<String> = Parameter::positional("text", "TEXT", "send this");
const TIMEOUT: Parameter<NonZeroU64> =
    Parameter::with_default("timeout-ms", "N", "how long to wait for the server, in ms", "2000");

fn main() -> ExitCode {
    let server = Command::with_exit_code("server", "send back to every client what it sent", |given| {
        exit_code(server(given))
    });
    let client = Command::with_exit_code("client", "send a text and print what comes back", |given| {
        exit_code(client(given))
    });
    let client = client.takes(&SERVER).takes(&SERVER_PORT).takes(&TEXT).takes(&TIMEOUT);
    Program::new("ex04", "An echo server and its client that survive failures")
        .command(server.takes(&HOST).takes(&PORT))
        .command(client)
        .probe(probe)
        .run()
}

fn exit_code(ended: Result<(), NetError>) -> u8 {
    ended.map_or_else(
        |error| {
            report(&error);
            error.exit_code()
        },
        |()| 0,
    )
}

// ANCHOR: programs
fn server(given: &Arguments) -> Result<(), NetError> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    let listener = TcpListener::from(open_server(asked)?);
    // Where it really listens, if it was asked for port 0.
    listening_on(listener.local_addr().unwrap_or(asked));
    serve(&listener)
}

fn client(given: &Arguments) -> Result<(), NetError> {
    let timeout = Duration::from_millis(given.get(&TIMEOUT).get());
    let addresses = resolve(&given.get(&SERVER), given.get(&SERVER_PORT))?;
    let stream = connect_within(&addresses, timeout)?;
    let echo = converse(stream, given.get(&TEXT).as_bytes(), timeout)?;
    event(format_args!("Received: {}", String::from_utf8_lossy(&echo)));
    Ok(())
}
// ANCHOR_END: programs

/// Asks single functions:
///
/// - `classify_accept ERRNO`, `classify_io ERRNO`: an error number by its name, such as EMFILE;
/// - `error OP TARGET CAUSE`: the line and the exit code of an error. TARGET may be `-`, for none; CAUSE is the name of an
///   error number, or `timed-out`, or such as `5/12` for a stream that closed early;
/// - `connect_within ADDRESSES MS`: addresses such as `127.0.0.1:5000`, with commas between them.
fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "classify_accept" => Ok(format!("{:?}", classify_accept(errno(request, 1)?))),
        "classify_io" => Ok(format!("{:?}", classify_io(errno(request, 1)?))),
        "error" => {
            let target: String = request.argument(2, "a target")?;
            let target = if target == "-" { "" } else { &target };
            let error = NetError::new(op(request)?, target, cause(request)?);
            Ok(format!("error: {error} (exit code {})", error.exit_code()))
        }
        "connect_within" => {
            let addresses: String = request.argument(1, "addresses")?;
            let parsed: Result<Vec<SocketAddr>, _> = addresses.split(',').map(str::parse).collect();
            let parsed = parsed.map_err(|_| format!("`{addresses}` is not a list of addresses"))?;
            let timeout = Duration::from_millis(request.argument(2, "a number of milliseconds")?);
            Ok(
                match connect_within(&parsed, timeout).map(|stream| stream.peer_addr()) {
                    Ok(Ok(server)) => format!("connected to {server}"),
                    Ok(Err(error)) => format!("connected, and yet without a peer: {error}"),
                    Err(error) => format!("error: {error}"),
                },
            )
        }
        _ => request
            .unknown("classify_accept ERRNO, classify_io ERRNO, error OP TARGET CAUSE, connect_within ADDRESSES MS"),
    }
}

fn errno(request: &Request, place: usize) -> Result<Errno, String> {
    let name: String = request.argument(place, "the name of an error number")?;
    let mut known = (1..200).map(Errno::from_raw);
    known
        .find(|errno| format!("{errno:?}") == name)
        .ok_or_else(|| format!("`{name}` is not the name of an error number, such as EMFILE"))
}

fn op(request: &Request) -> Result<Op, String> {
    let name: String = request.argument(1, "the name of an operation")?;
    let all = [
        Op::Resolve,
        Op::Socket,
        Op::Bind,
        Op::Listen,
        Op::Connect,
        Op::Accept,
        Op::Send,
        Op::Recv,
    ];
    let mut all = all.into_iter();
    all.find(|op| op.name() == name)
        .ok_or_else(|| format!("`{name}` is not the name of an operation, such as bind"))
}

fn cause(request: &Request) -> Result<Cause, String> {
    let text: String = request.argument(3, "a cause")?;
    if text == "timed-out" {
        return Ok(Cause::TimedOut);
    }
    let Some((received, expected)) = text.split_once('/') else {
        return errno(request, 3).map(Cause::Errno);
    };
    match (received.parse(), expected.parse()) {
        (Ok(received), Ok(expected)) => Ok(Cause::ClosedEarly { received, expected }),
        _ => Err(format!("`{text}` is not how much of how much came, such as 5/12")),
    }
}
