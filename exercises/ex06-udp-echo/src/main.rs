//! The program `ex06`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex06 server [--host 127.0.0.1] [--port 0]
//! ex06 client HOST PORT MSG… [--timeout-ms 1000]      prints for each: Received: MSG
//! ex06 probe                                          then, for example: is_answer 127.0.0.1:53 127.0.0.1:54 6869 6869
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use ex06::{ReqError, is_answer, request, serve};
use netlab::failure::Cause;
use netlab::probe::Request;
use netlab::program::PORT;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, resolve};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to receive at; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const MESSAGES: Parameter<Vec<String>> = Parameter::several("messages", "MSG", "send these, a datagram each");
const TIMEOUT: Parameter<NonZero<u32>> =
    Parameter::with_default("timeout-ms", "MS", "wait so long for each reply", "1000");

fn main() -> ExitCode {
    let server = Command::new("server", "send every datagram back to its sender", server)
        .takes(&HOST)
        .takes(&PORT);
    let client = Command::new("client", "send messages and print their echoes", client)
        .takes(&SERVER)
        .takes(&SERVER_PORT)
        .takes(&MESSAGES)
        .takes(&TIMEOUT);
    Program::new("ex06", "An echo server and its client, over UDP")
        .command(server)
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    // socket() and bind(), and that is all: no listen(), no accept(). From here on datagrams can arrive.
    let socket = UdpSocket::bind(asked).during(Op::Bind, asked)?;
    let address = socket.local_addr().during(Op::Bind, asked)?;
    event(format_args!("listening on {address}/udp"));
    serve(&socket)
}
// ANCHOR_END: server

// ANCHOR: client
fn client(given: &Arguments) -> Result<(), Failure> {
    let server = resolve(&given.get(&SERVER), given.get(&SERVER_PORT))?;
    // A client needs an address as well, or nobody could answer it: any free port, on whichever address suits.
    let anywhere: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((anywhere, 0)).during(Op::Bind, anywhere)?;
    let timeout = Duration::from_millis(given.get(&TIMEOUT).get().into());
    for message in given.get(&MESSAGES) {
        let reply = request(&socket, server, message.as_bytes(), timeout).map_err(|error| failure(server, error))?;
        event(format_args!("Received: {}", String::from_utf8_lossy(&reply)));
    }
    Ok(())
}
// ANCHOR_END: client

/// The error line and the exit code for a request that failed.
fn failure(server: SocketAddr, error: ReqError) -> Failure {
    match error {
        ReqError::TimedOut => Failure::new(Op::Recv, server, Cause::TimeIsUp("timed out".to_string())),
        // "Nobody listens there": a socket learns that only if it was connected. It is the same news as for TCP.
        ReqError::Send(error) | ReqError::Recv(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Failure::new(Op::Connect, server, error)
        }
        ReqError::Send(error) => Failure::new(Op::Send, server, error),
        ReqError::Recv(error) => Failure::new(Op::Recv, server, error),
    }
}

/// `is_answer SERVER FROM MESSAGE DATAGRAM`: two addresses, such as 127.0.0.1:5000, and two times bytes in hexadecimal.
fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "is_answer" => {
            let address = |place| request.argument::<SocketAddr>(place, "an address, such as 127.0.0.1:5000");
            let (server, from) = (address(1)?, address(2)?);
            let answers = is_answer(&request.bytes(3)?, server, &request.bytes(4)?, from);
            Ok(if answers { "yes" } else { "no" }.to_string())
        }
        _ => request.unknown("is_answer SERVER FROM MESSAGE DATAGRAM"),
    }
}
