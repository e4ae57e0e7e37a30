//! The program `ex05`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex05 get [--block-size 1024] [--timeout-ms 2000] URL      prints what the URL names
//! ex05 get --parse URL                                      prints the URL's parts
//! ex05 probe                                                then, for example: parse http://[::1]:80/
//! ```

use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::process::ExitCode;
use std::time::Duration;

use ex05::{Settings, Url, body_of, connect_any, default_port, fetch, request_for};
use netlab::probe::Request;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event};

const URL: Parameter<Url> = Parameter::positional("url", "URL", "what to get: scheme://host:port/path");
const PARSE: Parameter<bool> = Parameter::switch("parse", "print the parts of the URL, and connect to nobody");
const BLOCK_SIZE: Parameter<NonZeroUsize> =
    Parameter::with_default("block-size", "BYTES", "how much to ask for in each receive", "1024");
const TIMEOUT: Parameter<NonZeroU64> =
    Parameter::with_default("timeout-ms", "MS", "how long each address has to accept", "2000");

fn main() -> ExitCode {
    let get = Command::new("get", "get what a URL names, whatever the service", get)
        .takes(&PARSE)
        .takes(&BLOCK_SIZE)
        .takes(&TIMEOUT)
        .takes(&URL);
    Program::new("ex05", "One client for many services")
        .command(get)
        .probe(probe)
        .run()
}

// ANCHOR: get
fn get(given: &Arguments) -> Result<(), Failure> {
    // If the URL is none, the program has ended already: with a usage error, exit code 2.
    let url = given.get(&URL);
    if given.get(&PARSE) {
        let port = url.port.or_else(|| default_port(&url.scheme));
        event(format_args!("protocol: {}", url.scheme));
        event(format_args!("host: {}", url.host));
        event(format_args!("port: {}", or_none(port)));
        event(format_args!("resource: {}", url.path));
        return Ok(());
    }
    let settings = Settings {
        block_size: given.get(&BLOCK_SIZE).get(),
        timeout: Duration::from_millis(given.get(&TIMEOUT).get()),
    };
    let reply = fetch(&url, &settings)?;
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(&reply).and_then(|()| stdout.flush());
    printed.during(Op::Send, "stdout")
}
// ANCHOR_END: get

/// Runs one function:
///
/// - `parse URL` and `default_port SCHEME`;
/// - `display SCHEME HOST PORT PATH` writes a URL that has these parts (`-`: empty, or no port);
/// - `request URL` shows what the client would send, and `body TEXT` the body of an HTTP reply, with `\r\n` as in Rust;
/// - `connect MS ADDRESS…` connects to the first of these addresses that answers within so many milliseconds.
fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "parse" => Ok(request.argument::<String>(1, "a URL")?.parse().map_or_else(
            |error| format!("refused: {error:?}"),
            |url: Url| {
                let port = or_none(url.port);
                format!(
                    "scheme {:?}, host {:?}, port {port}, path {:?}",
                    url.scheme, url.host, url.path
                )
            },
        )),
        "display" => Ok(assembled(request)?.to_string()),
        "default_port" => Ok(or_none(default_port(&request.argument::<String>(1, "a scheme")?))),
        "request" => {
            let sent = request_for(&request.argument(1, "a URL")?);
            Ok(sent.map_or("none".to_string(), |bytes| bytes.escape_ascii().to_string()))
        }
        "body" => {
            let reply = request.pieces()?.concat();
            let body = body_of(&reply);
            Ok(body.map_or_else(
                |failure| format!("error: {failure}"),
                |body| body.escape_ascii().to_string(),
            ))
        }
        "connect" => connected(request),
        _ => request.unknown("parse, display, default_port, request, body or connect"),
    }
}

/// A URL made of parts, not of text.
fn assembled(request: &Request) -> Result<Url, String> {
    let text = |place, what| {
        let word: String = request.argument(place, what)?;
        Ok::<_, String>(if word == "-" { String::new() } else { word })
    };
    let port = text(3, "a port or -")?;
    Ok(Url {
        scheme: text(1, "a scheme")?,
        host: text(2, "a host or -")?,
        port: if port.is_empty() {
            None
        } else {
            Some(request.argument(3, "a port or -")?)
        },
        path: text(4, "a path or -")?,
    })
}

fn connected(request: &Request) -> Result<String, String> {
    let timeout = Duration::from_millis(request.argument(1, "a number of milliseconds")?);
    let mut addresses: Vec<SocketAddr> = Vec::new();
    // The first one has to be there; then as many as there are.
    while addresses.is_empty() || request.argument::<String>(2 + addresses.len(), "").is_ok() {
        addresses.push(request.argument(2 + addresses.len(), "an address, such as 127.0.0.1:5000")?);
    }
    match connect_any(&addresses, timeout) {
        Ok(stream) => Ok(format!(
            "connected to {}",
            stream.peer_addr().map_err(|error| error.to_string())?
        )),
        Err(tried) => {
            let each = tried
                .iter()
                .map(|(address, error)| format!("{address} {:?}", error.kind()));
            Ok(format!("no connection: {}", each.collect::<Vec<_>>().join(", ")))
        }
    }
}

fn or_none(port: Option<u16>) -> String {
    port.map_or("none".to_string(), |port| port.to_string())
}
