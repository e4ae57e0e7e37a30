//! The program `ex07`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex07 server [--host 127.0.0.1] [--port 0]
//! ex07 client HOST PORT [--rto-ms 200] [--tries 5] TEXT…      prints, for each text: 1: HELLO (tries=1)
//! ex07 probe                                                  then, for example: exchange 1 hello 50 5 | 0 start | 50 timeout
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::str::FromStr;

use ex07::{Action, Event, Exchange, Kind, MAX_PAYLOAD, Outcome, Packet, decode, drive, encode, inet_checksum, serve};
use netlab::failure::Cause;
use netlab::probe::{Request, to_hex};
use netlab::program::PORT;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, resolve};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to receive on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);

const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const RTO: Parameter<NonZeroU32> = Parameter::with_default(
    "rto-ms",
    "MS",
    "how long to wait before the request is sent again",
    "200",
);
const TRIES: Parameter<NonZeroU32> =
    Parameter::with_default("tries", "N", "how often to send a request before giving up", "5");
const TEXTS: Parameter<Vec<Text>> = Parameter::several("text", "TEXT", "a request each, one after the other");

fn main() -> ExitCode {
    let server = Command::new("server", "answer every request with its text in capitals", server)
        .takes(&HOST)
        .takes(&PORT);
    let client = Command::new(
        "client",
        "send requests, each as often as it takes, and print the replies",
        client,
    )
    .takes(&SERVER)
    .takes(&SERVER_PORT)
    .takes(&RTO)
    .takes(&TRIES)
    .takes(&TEXTS);
    Program::new("ex07", "Reliable requests over datagrams")
        .command(server)
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    let socket = UdpSocket::bind(asked).during(Op::Bind, asked)?;
    let address = socket.local_addr().during(Op::Bind, asked)?;
    event(format_args!("listening on {address}/udp"));
    serve(&socket).during(Op::Recv, address)
}
// ANCHOR_END: server

// ANCHOR: client
fn client(given: &Arguments) -> Result<(), Failure> {
    let server = resolve(&given.get(&SERVER), given.get(&SERVER_PORT))?;
    let socket = any_port_for(server)?;
    let (rto_ms, tries) = (given.get(&RTO).get(), given.get(&TRIES).get());

    // Stop-and-wait: the next request begins when the one before it has its reply. The numbers start again after 65535.
    for (seq, text) in (1..=u16::MAX).cycle().zip(given.get(&TEXTS)) {
        let exchange = Exchange::new(seq, text.0.as_bytes(), rto_ms.into(), tries);
        match drive(&socket, server, exchange).during(Op::Recv, server)? {
            Outcome::Reply { payload, tries } => {
                let text = String::from_utf8_lossy(&payload);
                event(format_args!("{seq}: {text} (tries={tries})"));
            }
            Outcome::NoReply { tries } => {
                let why = Cause::TimeIsUp(format!("no reply after {tries} tries"));
                return Err(Failure::new(Op::Recv, server, why));
            }
        }
    }
    Ok(())
}
// ANCHOR_END: client

/// A socket of the server's family, with a port that the kernel chooses.
fn any_port_for(server: SocketAddr) -> Result<UdpSocket, Failure> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).during(Op::Bind, any)
}

/// A text that fits into a packet.
#[derive(Clone)]
struct Text(String);

impl FromStr for Text {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Text> {
        match text.len() {
            ..=MAX_PAYLOAD => Ok(Text(text.to_string())),
            longer => Err(io::Error::other(format!("{longer} bytes; at most {MAX_PAYLOAD} fit"))),
        }
    }
}

/// Runs one of your functions. BYTES are in hexadecimal.
///
/// - `checksum BYTES`
/// - `encode request|reply SEQ [TEXT]`, `decode BYTES`
/// - `exchange SEQ TEXT RTO TRIES | TIME EVENT | TIME EVENT …` with the events `start`, `timeout` and `datagram BYTES`:
///   for each event, the actions that it leads to.
fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "checksum" => Ok(format!("{:04x}", inet_checksum(&request.bytes(1)?))),
        "encode" => {
            let kind = match request.argument::<String>(1, "`request` or `reply`")?.as_str() {
                "request" => Kind::Request,
                "reply" => Kind::Reply,
                other => return Err(format!("`{other}` is neither `request` nor `reply`")),
            };
            let seq = request.argument(2, "a number up to 65535")?;
            let payload = request.argument::<String>(3, "a text").unwrap_or_default().into_bytes();
            Ok(to_hex(&encode(&Packet { kind, seq, payload })))
        }
        "decode" => Ok(match decode(&request.bytes(1)?) {
            Ok(Packet { kind, seq, payload }) => format!("{kind:?} {seq} {}", quoted(&payload)),
            Err(bad) => format!("{bad:?}"),
        }),
        "exchange" => exchange(request),
        _ => request.unknown("checksum BYTES, encode request 1 hello, decode BYTES, exchange 1 hello 50 5 | 0 start"),
    }
}

fn exchange(request: &Request) -> Result<String, String> {
    let parts: Vec<String> = request
        .pieces()?
        .into_iter()
        .map(|part| String::from_utf8_lossy(&part).into_owned())
        .collect();
    let text: Text = request.argument(2, "a text that fits")?;
    let mut exchange = Exchange::new(
        request.argument(1, "a number up to 65535")?,
        text.0.as_bytes(),
        request.argument(3, "a time in milliseconds")?,
        request.argument(4, "a number of tries")?,
    );
    let mut first = None;
    let mut steps = Vec::new();
    for part in &parts[1..] {
        // Its first word is the time, then come the event and its bytes.
        let words = Request::new(part);
        let now: u64 = words
            .function()
            .parse()
            .map_err(|_| format!("`{part}` does not begin with a time"))?;
        let bytes = words.bytes(2)?;
        let event = match words.argument::<String>(1, "an event")?.as_str() {
            "start" => Event::Start,
            "timeout" => Event::Timeout,
            "datagram" => Event::Datagram(&bytes),
            other => return Err(format!("`{other}` is none of start, timeout, datagram")),
        };
        let actions: Vec<String> = exchange
            .step(now, event)
            .iter()
            .map(|action| shown(action, &mut first))
            .collect();
        let actions = if actions.is_empty() {
            "nothing".to_string()
        } else {
            actions.join(", ")
        };
        steps.push(format!("{now}: {actions}"));
    }
    Ok(steps.join("; "))
}

/// An action in words. What has been sent before need not be read again.
fn shown(action: &Action, first: &mut Option<Vec<u8>>) -> String {
    match action {
        Action::Send(bytes) if first.as_ref() == Some(bytes) => "send the same".to_string(),
        Action::Send(bytes) => {
            first.get_or_insert_with(|| bytes.clone());
            format!("send {}", to_hex(bytes))
        }
        Action::WaitUntil(at) => format!("wait until {at}"),
        Action::Done(payload) => format!("done {}", quoted(payload)),
        Action::GiveUp => "give up".to_string(),
    }
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}
