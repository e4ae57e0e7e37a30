//! The program `ex11`. Given: it connects the command line, your guard in `lib.rs` and a file server (`server.rs`).
//!
//! ```text
//! ex11 server --root DIR --state DIR [--lease-ms 1000] [--clock real]     serve the files below DIR
//!             [--host 127.0.0.1] [--port 0]
//! ex11 client HOST PORT get PATH [--chunk 200]                            copy a file to stdout
//! ex11 client HOST PORT hold PATH [--lock x:10]                           hold an exclusive lock for ten seconds
//! ex11 probe                                                              then, for example: locks a x|b s|-a|b s
//! ```

mod clock;
mod files;
mod hold;
mod request;
mod server;

use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clock::Clock;
use ex11::{Arrival, Guard, Kind, Leases, Locks, get_with_recovery, next_epoch};
use files::Folder;
use hold::{Hold, hold};
use netlab::fsp::{FsError, open};
use netlab::program::PORT;
use netlab::rpc::Caller;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, probe, resolve};
use request::{Id, Message, read, split, written};
use server::{FileServer, Known};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const ROOT: Parameter<Folder> = Parameter::with_default("root", "DIR", "serve the files below this folder", ".");
const STATE: Parameter<PathBuf> = Parameter::with_default(
    "state",
    "DIR",
    "keep here what must survive a crash: the epoch",
    "state",
);
const LEASE: Parameter<NonZeroU64> =
    Parameter::with_default("lease-ms", "MS", "how long a client may be silent", "1000");
const CLOCK: Parameter<Clock> = Parameter::with_default(
    "clock",
    "CLOCK",
    "`real`, or `manual`: it stands still until somebody sends ADVANCE MS",
    "real",
);

const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const WHAT: Parameter<What> = Parameter::positional("what", "get|hold", "what to do: `get` or `hold`");
const PATH: Parameter<String> =
    Parameter::positional("path", "PATH", "the file, as the server knows it: /tmp/test.txt");
const CHUNK: Parameter<usize> = Parameter::with_default("chunk", "BYTES", "get: how much to ask for at a time", "200");
const LOCK: Parameter<Hold> = Parameter::with_default("lock", "KIND:SECONDS", "hold: which lock, for how long", "x:10");

fn main() -> ExitCode {
    let server = Command::new(
        "server",
        "serve files to many clients, and survive their crashes",
        server,
    )
    .takes(&ROOT)
    .takes(&STATE)
    .takes(&LEASE)
    .takes(&CLOCK)
    .takes(&HOST)
    .takes(&PORT);
    let client = Command::new("client", "copy a file, or hold a lock", client)
        .takes(&SERVER)
        .takes(&SERVER_PORT)
        .takes(&WHAT)
        .takes(&PATH)
        .takes(&CHUNK)
        .takes(&LOCK);
    Program::new("ex11", "A file server with leases and locks, and its client (FSP/3)")
        .command(server)
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let (state, lease_ms, mut clock) = (given.get(&STATE), given.get(&LEASE).get(), given.get(&CLOCK));
    let epoch = next_epoch(&state).during(Op::Open, state.join("epoch").display())?;
    let mut files = FileServer::new(given.get(&ROOT), epoch);
    let mut guard = Guard::new(epoch, lease_ms);
    let socket = open(SocketAddr::new(given.get(&HOST), given.get(&PORT)))?;
    socket
        .set_read_timeout(clock.patience(lease_ms))
        .during(Op::Socket, "a time-out")?;
    let mut room = [0; 2048];
    loop {
        let (length, from) = match socket.recv_from(&mut room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // Nothing came for a while. Leases end also when nobody asks.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                guard.expire(&mut files, clock.now_ms());
                continue;
            }
            other => other.during(Op::Recv, "a request")?,
        };
        let Some((id, rest)) = split(&room[..length]) else {
            event("dropped malformed datagram");
            continue;
        };
        let (reply, how) = match read(rest) {
            Message::Request(request) => {
                guard.heard(&mut files, id.cid, clock.now_ms());
                match files.known(id) {
                    Known::Said(reply) => (Some(reply.to_vec()), " (again)"),
                    Known::Over => (None, ""),
                    Known::No => (Some(executed(&mut guard, &mut files, id, from, request)), ""),
                }
            }
            Message::Advance(ms) => (clock.advance(ms).map(|now| format!("OK {now}\n").into_bytes()), ""),
            Message::Nonsense => (Some(b"ERR EPROTO\n".to_vec()), ""),
        };
        let name = format!("{:08x}.{} ", id.cid, id.seq);
        if let Some(reply) = &reply {
            // A client that cannot be reached has gone, or asks again.
            let _ = socket.send_to(&[name.as_bytes(), reply].concat(), from);
        }
        let said = reply.map_or("(nothing)".to_string(), |reply| line(&reply));
        event(format_args!("{name}{} -> {said}{how}", line(rest)));
    }
}

/// Answers a new request, and remembers what was said.
fn executed(
    guard: &mut Guard,
    files: &mut FileServer,
    id: Id,
    from: SocketAddr,
    request: Result<ex11::Request, FsError>,
) -> Vec<u8> {
    if !files.has_room_for(id.cid) {
        return written(&Err(FsError::Emfile));
    }
    let cid = id.cid;
    let reply = written(&request.and_then(|request| {
        let request = &request;
        guard.answer(files, &Arrival { from, cid, request })
    }));
    files.remember(id, &reply);
    reply
}
// ANCHOR_END: server

/// The line of a request or a reply, for people to read.
fn line(text: &[u8]) -> String {
    let line: Vec<u8> = text.iter().copied().take_while(|byte| *byte != b'\n').collect();
    line.escape_ascii().to_string()
}

fn client(given: &Arguments) -> Result<(), Failure> {
    let (host, port, path) = (given.get(&SERVER), given.get(&SERVER_PORT), given.get(&PATH));
    // Drawn anew at each start: the numbers begin at 1 again, and with another id they are other numbers.
    let mut caller = Caller::new(resolve(&host, port)?)?.named(RandomState::new().hash_one(()) as u32);
    match given.get(&WHAT) {
        What::Get => {
            let copied = get_with_recovery(&mut caller, &path, given.get(&CHUNK), &mut io::stdout().lock());
            copied.map(drop).map_err(|error| error.during("get", &path))
        }
        What::Hold => hold(&mut caller, &path, &given.get(&LOCK)).map_err(|error| error.during("hold", &path)),
    }
}

/// What the client can do.
#[derive(Clone)]
enum What {
    Get,
    Hold,
}

impl FromStr for What {
    type Err = io::Error;

    fn from_str(what: &str) -> io::Result<What> {
        match what {
            "get" => Ok(What::Get),
            "hold" => Ok(What::Hold),
            _ => Err(io::Error::other("the client can `get` and `hold`")),
        }
    }
}

/// Tries the parts, without a server.
///
/// - `locks a s|b x /b|-a|a?`: one client after the other locks a file (`s` or `x`), gives its lock back (`-a`), asks what
///   it may do (`a?`: `rw`, `r` or `-`), or loses all its locks (`a!`: how many). The file is `/a` if none is named.
/// - `leases MS 0 a|500 b|1001`: at these times a client is heard, or it is asked whose lease is over.
/// - `epoch DIR`: begins a life.
fn probe(request: &probe::Request) -> Result<String, String> {
    match request.function() {
        "locks" => locks(request),
        "leases" => leases(request),
        "epoch" => {
            let state: String = request.argument(1, "a folder")?;
            next_epoch(Path::new(&state)).map_or_else(|error| Err(error.to_string()), |epoch| Ok(epoch.to_string()))
        }
        _ => request.unknown("locks a x|b s, leases 1000 0 a|1001, epoch DIR"),
    }
}

fn locks(request: &probe::Request) -> Result<String, String> {
    let mut locks = Locks::default();
    let said = |outcome: Result<(), FsError>| outcome.map_or_else(|error| error.to_string(), |()| "OK".to_string());
    let mut shown = Vec::new();
    for step in steps(request)? {
        let words: Vec<&str> = step.split_whitespace().collect();
        let (who, rest) = words
            .split_first()
            .ok_or("a step looks like `a x`, `-a`, `a?` or `a!`")?;
        let name = who.trim_matches(['-', '?', '!']);
        let cid = client_named(name)?;
        shown.push(match (who.strip_suffix(name), who.strip_prefix(name), rest) {
            (_, Some(""), [kind @ ("s" | "x"), file @ ..]) => {
                let kind = if *kind == "x" { Kind::Exclusive } else { Kind::Shared };
                said(locks.lock(file.first().unwrap_or(&"/a"), cid, kind))
            }
            (Some("-"), _, file) => said(locks.unlock(file.first().unwrap_or(&"/a"), cid)),
            (_, Some("!"), []) => locks.release(cid).to_string(),
            (_, Some("?"), file) => {
                let file = file.first().unwrap_or(&"/a");
                match (locks.may_read(file, cid), locks.may_write(file, cid)) {
                    (true, true) => "rw".to_string(),
                    (true, false) => "r".to_string(),
                    (false, true) => "w".to_string(),
                    (false, false) => "-".to_string(),
                }
            }
            _ => return Err(format!("`{step}` is none of `a x`, `-a`, `a?`, `a!`")),
        });
    }
    Ok(shown.join("|"))
}

fn leases(request: &probe::Request) -> Result<String, String> {
    let lease_ms: NonZeroU64 = request.argument(1, "the lease in milliseconds")?;
    let mut leases = Leases::new(lease_ms.get());
    let steps = steps(request)?;
    let mut shown = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let mut words: Vec<&str> = step.split_whitespace().collect();
        if at == 0 {
            words.remove(0);
        }
        let (time, names) = words.split_first().ok_or("a step looks like `500 a` or `1001`")?;
        let now_ms = time
            .parse()
            .map_err(|_| format!("`{time}` is no time in milliseconds"))?;
        for name in names {
            leases.touch(client_named(name)?, now_ms);
        }
        if names.is_empty() {
            let over: Vec<String> = leases.expired(now_ms).iter().map(|cid| format!("{cid:x}")).collect();
            shown.push(if over.is_empty() {
                "-".to_string()
            } else {
                over.join(" ")
            });
        }
    }
    Ok(shown.join("|"))
}

/// What stands behind the function's name, cut at each `|`.
fn steps(request: &probe::Request) -> Result<Vec<String>, String> {
    let text = |piece: Vec<u8>| String::from_utf8_lossy(&piece).into_owned();
    Ok(request.pieces()?.into_iter().map(text).collect())
}

fn client_named(name: &str) -> Result<u32, String> {
    u32::from_str_radix(name, 16).map_err(|_| format!("`{name}` is no hexadecimal number, such as a"))
}
