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
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

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
        todo!("Url::from_str: cut the text at ://, at the first / behind it, and between host and port")
    }
}

impl Display for Url {
    /// The URL as text again: what [`from_str`](Url::from_str) has taken apart, put together.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        todo!("Url::fmt: write the parts, and brackets around an IPv6 address")
    }
}

/// The port on which servers of a protocol listen, unless they are told otherwise: ftp, telnet, http, echo, daytime.
///
/// `/etc/services` has the numbers. `None` for any other protocol.
pub fn default_port(scheme: &str) -> Option<u16> {
    todo!("default_port: a table of five")
}

/// The bytes that a text with percent-escapes stands for: `%2C` is the byte 0x2c, whatever it may mean.
///
/// A `%` without two hexadecimal digits behind it stands for itself, and so does everything else.
pub fn percent_decode(text: &str) -> Vec<u8> {
    todo!("percent_decode: copy bytes, and two hexadecimal digits behind a % as one")
}

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
    todo!("request_for: see the table")
}

/// The body of a whole HTTP reply: everything behind the first empty line (CR LF CR LF). It may be any bytes.
///
/// The reply begins with a line such as `HTTP/1.0 200 OK`: version, status, a reason for people.
///
/// # Errors
/// - [`Failure::answered`]`("http 404 Not Found")`, status and reason as they came, if the status is 400 or more;
/// - [`Failure::answered`]`("not an HTTP reply")`, if there is no such line or no empty line.
pub fn body_of(reply: &[u8]) -> Result<&[u8], Failure> {
    todo!("body_of: cut at the empty line, look at the status")
}

/// Receives everything up to the end of the stream, and asks for `block_size` bytes each time, no more and no fewer.
///
/// # Errors
/// Those of `read`.
pub fn receive<R: Read>(stream: &mut R, block_size: usize) -> io::Result<Vec<u8>> {
    todo!("receive: read blocks until a read returns 0")
}

/// Connects to the first of these addresses that answers, in this order; each may take `timeout`.
///
/// # Errors
/// All addresses, in order, each with its own error.
pub fn connect_any(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, Vec<(SocketAddr, io::Error)>> {
    todo!("connect_any: one address after the other")
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
    todo!("fetch: resolve, connect, send, receive; the functions above do most of it")
}
