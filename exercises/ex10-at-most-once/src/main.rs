//! The program `ex10`. Given: it connects the command line, your cache in `lib.rs` and a file server (`server.rs`).
//!
//! ```text
//! ex10 server --root DIR [--clients 64] [--host 127.0.0.1] [--port 0]      serve the files below DIR
//! ex10 client HOST PORT append PATH                                        append each line of stdin to a file
//! ex10 probe                                                               then, for example: cache 2 a.1|a.1|b.1
//! ```

mod files;
mod server;

use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::str::FromStr;

use ex10::{Arrival, ReplyCache, Verdict, answer};
use files::Folder;
use netlab::fsp::{AskError, MAX_DATA, ask, in_request, open};
use netlab::program::PORT;
use netlab::rpc::Caller;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, probe, resolve};
use server::{FileServer, Kind};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const ROOT: Parameter<Folder> = Parameter::with_default("root", "DIR", "serve the files below this folder", ".");
const CLIENTS: Parameter<NonZeroUsize> =
    Parameter::with_default("clients", "NUMBER", "remember at most so many clients", "64");

const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const WHAT: Parameter<Append> = Parameter::positional("what", "append", "what to do: `append`");
const PATH: Parameter<String> = Parameter::positional("path", "PATH", "the file, as the server knows it: /notes/log");

fn main() -> ExitCode {
    let server = Command::new("server", "serve files, and do nothing twice", server)
        .takes(&ROOT)
        .takes(&CLIENTS)
        .takes(&HOST)
        .takes(&PORT);
    let client = Command::new("client", "append each line of stdin to a file", client)
        .takes(&SERVER)
        .takes(&SERVER_PORT)
        .takes(&WHAT)
        .takes(&PATH);
    Program::new("ex10", "A file server that executes every request at most once (FSP/2)")
        .command(server)
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let mut cache = ReplyCache::new(given.get(&CLIENTS).get());
    let mut files = FileServer::new(given.get(&ROOT));
    let (mut replays, mut drops) = (0, 0);
    let socket = open(SocketAddr::new(given.get(&HOST), given.get(&PORT)))?;
    let mut room = [0; 2048];
    loop {
        let (length, from) = match socket.recv_from(&mut room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other.during(Op::Recv, "a request")?,
        };
        let Some((id, cid, seq, request)) = split(&room[..length]) else {
            event("dropped malformed datagram");
            continue;
        };
        let executed = files.executed();
        let (answered, how) = match server::kind(request) {
            // What changes nothing may be done as often as anybody likes. It stays out of the cache.
            Kind::Nonsense => (Some((b"ERR EPROTO\n".to_vec(), from)), ""),
            Kind::Stats => {
                let (clients, handles) = (cache.clients(), files.handles());
                let counted = format!("clients={clients} handles={handles} replays={replays} drops={drops}");
                (Some((format!("OK\n{counted}").into_bytes(), from)), "")
            }
            Kind::Order => {
                let arrival = Arrival {
                    from,
                    cid,
                    seq,
                    request,
                };
                let answered = answer(&mut cache, &mut files, arrival);
                (answered, if files.executed() == executed { " (again)" } else { "" })
            }
        };
        let Some((reply, to)) = answered else {
            drops += 1;
            event(format_args!("{id} {} -> (nothing)", line(request)));
            continue;
        };
        replays += u64::from(!how.is_empty());
        // A client that cannot be reached has gone, or asks again.
        let _ = socket.send_to(&[id.as_bytes(), b" ", &reply].concat(), to);
        event(format_args!("{id} {} -> {}{how}", line(request), line(&reply)));
    }
}
// ANCHOR_END: server

/// The line of a request or a reply, for people to read.
fn line(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.escape_ascii().to_string()
}

/// `c0ffee01.7 STAT 32`: the id, the client and the number in it, and the request behind it.
fn split(datagram: &[u8]) -> Option<(&str, u32, u32, &[u8])> {
    let end = datagram.iter().position(|byte| *byte == b' ')?;
    let id = str::from_utf8(&datagram[..end]).ok()?;
    let (cid, seq) = id.split_once('.')?;
    let hexadecimal = cid.len() == 8 && cid.bytes().all(|digit| b"0123456789abcdef".contains(&digit));
    let decimal = !seq.starts_with('0') && seq.bytes().all(|digit| digit.is_ascii_digit());
    let cid = u32::from_str_radix(cid, 16).ok().filter(|_| hexadecimal)?;
    Some((id, cid, seq.parse().ok().filter(|_| decimal)?, &datagram[end + 1..]))
}

fn client(given: &Arguments) -> Result<(), Failure> {
    let (host, port, path) = (given.get(&SERVER), given.get(&SERVER_PORT), given.get(&PATH));
    // Drawn anew at each start: the numbers begin at 1 again, and with another id they are other numbers.
    let mut caller = Caller::new(resolve(&host, port)?)?.named(RandomState::new().hash_one(()) as u32);
    append(&mut caller, &path).map_err(|error| error.during("append", &path))
}

fn append(caller: &mut Caller, path: &str) -> Result<(), AskError> {
    let opened = ask(caller, format_args!("OPEN {} w", in_request(path)), b"")?;
    let handle = opened.fields.first().cloned().unwrap_or_default();
    for line in io::stdin().lock().lines() {
        let record = line.during(Op::Recv, "stdin")? + "\n";
        for piece in record.as_bytes().chunks(MAX_DATA) {
            ask(caller, format_args!("APPEND {handle} {}", piece.len()), piece)?;
        }
    }
    ask(caller, format_args!("CLOSE {handle}"), b"").map(drop)
}

/// The only thing the client can do.
#[derive(Clone)]
struct Append;

impl FromStr for Append {
    type Err = io::Error;

    fn from_str(what: &str) -> io::Result<Append> {
        match what {
            "append" => Ok(Append),
            _ => Err(io::Error::other("the client can only `append`")),
        }
    }
}

/// Plays a conversation with a new cache, without a server.
///
/// - `cache CLIENTS a.1|a.1|b.1`: the ids of the requests, in the order in which they arrive. What the cache says is done: a
///   request that it lets through is executed and recorded, the first one with the reply `r1`, the next one with `r2`.
fn probe(request: &probe::Request) -> Result<String, String> {
    if request.function() != "cache" {
        return request.unknown("cache 64 a.1|a.1|b.1");
    }
    let most: NonZeroUsize = request.argument(1, "how many clients")?;
    let ids: String = request.argument(2, "the ids of the requests")?;
    let (mut cache, mut executed) = (ReplyCache::new(most.get()), 0);
    let mut shown = Vec::new();
    for id in ids.split('|') {
        let (cid, seq) = id.split_once('.').ok_or("an id looks like a.1")?;
        let cid = u32::from_str_radix(cid, 16).map_err(|_| format!("`{cid}` is no hexadecimal number"))?;
        let seq = seq.parse().map_err(|_| format!("`{seq}` is no number"))?;
        shown.push(match cache.check(cid, seq) {
            Verdict::Execute => {
                executed += 1;
                match cache.record(cid, seq, format!("r{executed}").as_bytes()) {
                    None => format!("execute r{executed}"),
                    Some(forgotten) => format!("execute r{executed} forget {forgotten:x}"),
                }
            }
            Verdict::Replay(reply) => format!("replay {}", reply.escape_ascii()),
            Verdict::Drop => "drop".to_string(),
        });
    }
    Ok(shown.join("|"))
}
