// CANARY-7f3a91c2-hidden
//! Exercise 5: one client for many services. A URL says which one: protocol, host, port, resource.
//!
//! ```text
//! text ──▶ Url ──▶ addresses ──▶ connect_any ──▶ send request_for ──▶ receive ──▶ reply
//!         parse      resolve      try them all     speak the protocol
//! ```
//!
//! Everything up to the connection is the same for all services, and most of it never sees a socket: try it with
//! `ex05 probe`. Only [`fetch`] puts the parts together. `src/main.rs` is given: it reads the command line, calls
//! [`fetch`], and prints the reply.
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::str::FromStr;
use std::time::Duration;

use netlab::{During, Failure, Op};

/// A URL in its parts: `http://fbox.vt.edu:10021/engr/ece/`. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The protocol: `http`.
    pub scheme: String,
    /// A name or an address: `fbox.vt.edu`, `127.0.0.1`, `::1` (without its brackets). Empty for `unix`.
    pub host: String,
    /// The port, if the URL has one.
    pub port: Option<u16>,
    /// The resource: everything from the `/` behind the host to the end; perhaps empty.
    pub path: String,
}

/// Why a text is no URL. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not begin with a scheme and `://`.
    NoScheme,
    /// The host is missing, or is neither a name nor an IPv6 address in brackets.
    BadHost,
    /// What stands behind the host's `:` is no number from 0 to 65535.
    BadPort,
    /// There is a space in it, or something else that is not a visible ASCII character.
    BadCharacter,
}

impl Display for UrlError {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            UrlError::NoScheme => "a URL begins with a scheme and ://, as in http://",
            UrlError::BadHost => "the host has to be a name, or an IPv6 address in brackets",
            UrlError::BadPort => "the port has to be a number up to 65535",
            UrlError::BadCharacter => "a URL has only visible ASCII characters in it; write others as %20",
        })
    }
}

impl Error for UrlError {}

impl FromStr for Url {
    type Err = UrlError;

    /// Takes a URL apart: `scheme://host:port/path`.
    ///
    /// - **scheme**: a letter, then letters, digits, `+`, `-`, `.`
    /// - **host**: a name of letters, digits, `.`, `-`, `_`; or an IPv6 address in brackets, `[::1]`. For the scheme `unix` it has
    ///   to be empty, and for no other.
    /// - **port**: digits; it may be missing, together with its `:`
    /// - **path**: everything from the first `/` on; it may be missing. It belongs to the server, so nothing in it means
    ///   anything to you: `?`, `:`, `@`, `//`, `%2F` and a `/` at the end stay as they are.
    ///
    /// Each part is kept as it is written, except that an IPv6 address loses its brackets.
    ///
    /// # Errors
    /// A [`UrlError`] that says which part is wrong.
    fn from_str(text: &str) -> Result<Url, UrlError> {
        // SOLUTION todo!("Url::from_str: cut the text at ://, at the first / behind it, and between host and port")
        // The text will go into requests, whose parts end with spaces and lines. Whoever lets those through here lets
        // a URL write requests of its own.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::BadCharacter);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
        if !is_scheme(scheme) {
            return Err(UrlError::NoScheme);
        }
        // The path first: it may hold anything, colons and brackets too. Only what is in front of it has a structure.
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority)?;
        if host.is_empty() != (scheme == "unix") {
            return Err(UrlError::BadHost);
        }
        Ok(Url {
            scheme: scheme.to_string(),
            host: host.to_string(),
            port: port.map(port_number).transpose()?,
            path: path.to_string(),
        })
        // END SOLUTION
    }
}
// SOLUTION

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `fbox.vt.edu:10021` or `[::1]:80`, cut into host and port.
fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    // The colons of an IPv6 address are not the one that we look for: that is what the brackets are there for.
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (address, behind) = bracketed.split_once(']').ok_or(UrlError::BadHost)?;
        address.parse::<Ipv6Addr>().map_err(|_| UrlError::BadHost)?;
        return match behind.strip_prefix(':') {
            Some(port) => Ok((address, Some(port))),
            None if behind.is_empty() => Ok((address, None)),
            None => Err(UrlError::BadHost),
        };
    }
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (authority, None),
    };
    if name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    {
        Ok((name, port))
    } else {
        Err(UrlError::BadHost)
    }
}

/// Digits only (`parse` alone would take `+80`), and at most 65535: `as u16` would make 0 of 65536.
fn port_number(text: &str) -> Result<u16, UrlError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or(UrlError::BadPort)
}
// END SOLUTION

impl Display for Url {
    /// The URL as text again: what [`from_str`](Url::from_str) has taken apart, put together.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        // SOLUTION todo!("Url::fmt: write the parts, and brackets around an IPv6 address")
        write!(out, "{}://{}{}", self.scheme, authority(self), self.path)
        // END SOLUTION
    }
}
// SOLUTION

/// Host and port as they stand in the URL, which is also how HTTP's Host header wants them.
fn authority(url: &Url) -> String {
    let host = if url.host.contains(':') {
        format!("[{}]", url.host)
    } else {
        url.host.clone()
    };
    match url.port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}
// END SOLUTION

/// The port on which servers of a protocol listen, unless they are told otherwise: ftp, telnet, http, echo, daytime.
///
/// `/etc/services` has the numbers. `None` for any other protocol.
pub fn default_port(scheme: &str) -> Option<u16> {
    // SOLUTION todo!("default_port: a table of five")
    match scheme {
        "echo" => Some(7),
        "daytime" => Some(13),
        "ftp" => Some(21),
        "telnet" => Some(23),
        "http" => Some(80),
        _ => None,
    }
    // END SOLUTION
}

/// The bytes that a text with percent-escapes stands for: `%2C` is the byte 0x2c, whatever it may mean.
///
/// A `%` without two hexadecimal digits behind it stands for itself, and so does everything else.
pub fn percent_decode(text: &str) -> Vec<u8> {
    // SOLUTION todo!("percent_decode: copy bytes, and two hexadecimal digits behind a % as one")
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    // Bytes, not characters: what an escape stands for need not be text. And each is looked at once: in `%2541` the
    // `%` that comes out of `%25` is not the beginning of another escape.
    while let Some((&byte, behind)) = rest.split_first() {
        match (byte, escaped(behind)) {
            (b'%', Some(meant)) => {
                decoded.push(meant);
                rest = &behind[2..];
            }
            _ => {
                decoded.push(byte);
                rest = behind;
            }
        }
    }
    decoded
    // END SOLUTION
}
// SOLUTION

/// The byte that two hexadecimal digits stand for, if there are two.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}
// END SOLUTION

/// What the client has to say first; `None` if it only listens.
///
/// | scheme | request |
/// |---|---|
/// | `echo` | the path without its first `/`, [decoded](percent_decode) |
/// | `http` | `GET path HTTP/1.0`, a line `Host: …`, and an empty line; each ends with CR LF |
/// | any other | none |
///
/// An HTTP path is sent as it is, escapes and all: it is the server's to decode. If it is empty, `/` is sent. The Host is
/// what the URL has between `//` and the path: with the port if the URL has one, and with the brackets of an IPv6 address.
pub fn request_for(url: &Url) -> Option<Vec<u8>> {
    // SOLUTION todo!("request_for: see the table")
    match url.scheme.as_str() {
        "echo" => Some(percent_decode(url.path.strip_prefix('/').unwrap_or(""))),
        "http" => {
            let path = if url.path.is_empty() { "/" } else { &url.path };
            // HTTP/1.0: the server closes behind its reply, and that is how we know that we have all of it. HTTP/1.1 would
            // keep the connection open for the next request. The Host says which of the names of its address we mean.
            let host = authority(url);
            Some(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").into_bytes())
        }
        _ => None,
    }
    // END SOLUTION
}

/// The body of a whole HTTP reply: everything behind the first empty line (CR LF CR LF). It may be any bytes.
///
/// The reply begins with a line such as `HTTP/1.0 200 OK`: version, status, a reason for people.
///
/// # Errors
/// - [`Failure::answered`]`("http 404 Not Found")`, status and reason as they came, if the status is 400 or more;
/// - [`Failure::answered`]`("not an HTTP reply")`, if there is no such line or no empty line.
pub fn body_of(reply: &[u8]) -> Result<&[u8], Failure> {
    // SOLUTION todo!("body_of: cut at the empty line, look at the status")
    const EMPTY_LINE: &[u8] = b"\r\n\r\n";
    let strange = || Failure::answered("not an HTTP reply");
    // Only the head is text. The body may be a photograph, and may well have an empty line in it, too.
    let end = reply
        .windows(EMPTY_LINE.len())
        .position(|four| four == EMPTY_LINE)
        .ok_or_else(strange)?;
    let head = String::from_utf8_lossy(&reply[..end]);
    let line = head.lines().next().unwrap_or_default();
    let (version, answer) = line.split_once(' ').ok_or_else(strange)?;
    let status = answer.split(' ').next().unwrap_or_default();
    let status: u16 = status.parse().map_err(|_| strange())?;
    if !version.starts_with("HTTP/") {
        Err(strange())
    } else if status >= 400 {
        Err(Failure::answered(format_args!("http {}", answer.trim_end())))
    } else {
        Ok(&reply[end + EMPTY_LINE.len()..])
    }
    // END SOLUTION
}

/// Receives everything up to the end of the stream, and asks for `block_size` bytes each time, no more and no fewer.
///
/// # Errors
/// Those of `read`.
pub fn receive<R: Read>(stream: &mut R, block_size: usize) -> io::Result<Vec<u8>> {
    // SOLUTION todo!("receive: read blocks until a read returns 0")
    let mut everything = Vec::new();
    let mut block = vec![0; block_size];
    loop {
        match stream.read(&mut block) {
            Ok(0) => return Ok(everything),
            Ok(received) => everything.extend_from_slice(&block[..received]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // END SOLUTION
}

/// Connects to the first of these addresses that answers, in this order; each may take `timeout`.
///
/// # Errors
/// All addresses, in order, each with its own error.
pub fn connect_any(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, Vec<(SocketAddr, io::Error)>> {
    // SOLUTION todo!("connect_any: one address after the other")
    let mut tried = Vec::new();
    for address in addresses {
        // Each address gets a socket of its own family; std takes care of that. Without a time-out, one address whose
        // packets get lost would keep us from the others for minutes.
        match TcpStream::connect_timeout(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => tried.push((*address, error)),
        }
    }
    Err(tried)
    // END SOLUTION
}

/// What can be said about a client, beside where to go. Given.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many bytes to ask for in each receive.
    pub block_size: usize,
    /// How long to wait for one address to accept a connection.
    pub timeout: Duration,
}

/// What to say when none of the addresses could be connected to: every address with its error, in one line. Given.
pub fn unreachable(url: &Url, mut tried: Vec<(SocketAddr, io::Error)>) -> Failure {
    let Some((address, error)) = tried.pop() else {
        return Failure::new(Op::Resolve, url, io::Error::other("this name has no address"));
    };
    let mut target = String::new();
    for (address, error) in tried {
        let failure = Failure::new(Op::Connect, address, error).to_string();
        target += failure.trim_start_matches("connect ");
        target += "; ";
    }
    Failure::new(Op::Connect, target + &address.to_string(), error)
}

/// Gets the resource that the URL names, and returns it: for `http` the body, for all others the whole reply.
///
/// - `unix`: connects to the socket at `url.path`, a file ([`UnixStream::connect`]).
/// - All others: asks the system for the host's addresses ([`ToSocketAddrs`] for a pair of host and port), with the port of
///   the URL or the default one, and connects to [any of them](connect_any).
///
/// Then, over either of them: sends what [`request_for`] says, if it says anything; for `echo` it then half-closes, since
/// nothing else tells that server where the text ends; and receives the reply with [`receive`].
///
/// # Errors
/// - No port in the URL and no default one: [`Op::Resolve`] on the URL, with an `io::Error::other` that says so.
/// - The host's addresses cannot be found: [`Op::Resolve`] on the host.
/// - No connection: what [`unreachable`] makes of it; for `unix`, [`Op::Connect`] on the URL.
/// - The conversation broke: [`Op::Send`] or [`Op::Recv`] on the URL.
/// - That of [`body_of`].
pub fn fetch(url: &Url, settings: &Settings) -> Result<Vec<u8>, Failure> {
    // SOLUTION todo!("fetch: resolve, connect, send, receive; the functions above do most of it")
    if url.scheme == "unix" {
        // Another family of addresses, the same kind of stream: from here on nobody can tell the difference.
        let mut stream = UnixStream::connect(&url.path).during(Op::Connect, url)?;
        return receive(&mut stream, settings.block_size).during(Op::Recv, url);
    }
    let no_port = || io::Error::other(format!("{} has no usual port, and the URL names none", url.scheme));
    let port = url
        .port
        .or_else(|| default_port(&url.scheme))
        .ok_or_else(no_port)
        .during(Op::Resolve, url)?;
    // One name, perhaps several addresses, of IPv6 and of IPv4. An address is its own name.
    let addresses: Vec<SocketAddr> = (url.host.as_str(), port)
        .to_socket_addrs()
        .during(Op::Resolve, &url.host)?
        .collect();
    let mut stream = connect_any(&addresses, settings.timeout).map_err(|tried| unreachable(url, tried))?;
    if let Some(request) = request_for(url) {
        stream.write_all(&request).during(Op::Send, url)?;
    }
    if url.scheme == "echo" {
        stream.shutdown(Shutdown::Write).during(Op::Send, url)?;
    }
    let reply = receive(&mut stream, settings.block_size).during(Op::Recv, url)?;
    if url.scheme == "http" {
        return body_of(&reply).map(<[u8]>::to_vec);
    }
    Ok(reply)
    // END SOLUTION
}
