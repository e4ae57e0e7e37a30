//! The program `ex08`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex08 server --root DIR [--host 127.0.0.1] [--port 0]      serve the files below DIR
//! ex08 client HOST PORT get PATH [--chunk 200]              copy a file to stdout
//! ex08 probe                                                then, for example: parse 7 READ /a%20b 0 200\n
//! ```

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use ex08::{Request, encode, get, parse, safe_path, serve};
use netlab::fsp::{answer_all, open};
use netlab::probe;
use netlab::program::PORT;
use netlab::rpc::Caller;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, resolve};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const ROOT: Parameter<Root> = Parameter::with_default("root", "DIR", "serve the files below this folder", ".");

const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const WHAT: Parameter<Get> = Parameter::positional("what", "get", "what to do: `get`");
const PATH: Parameter<String> =
    Parameter::positional("path", "PATH", "the file, as the server knows it: /tmp/test.txt");
const CHUNK: Parameter<usize> = Parameter::with_default("chunk", "BYTES", "how much to ask for at a time", "200");

fn main() -> ExitCode {
    let server = Command::new("server", "serve files, and remember nothing", server)
        .takes(&ROOT)
        .takes(&HOST)
        .takes(&PORT);
    let client = Command::new("client", "copy a file from a server to stdout", client)
        .takes(&SERVER)
        .takes(&SERVER_PORT)
        .takes(&WHAT)
        .takes(&PATH)
        .takes(&CHUNK);
    Program::new("ex08", "A stateless file server and its client (FSP/0)")
        .command(server)
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let root = given.get(&ROOT).0;
    let socket = open(SocketAddr::new(given.get(&HOST), given.get(&PORT)))?;
    answer_all(&socket, |datagram| {
        // No variable outside of this block changes: the next request finds everything as this one did.
        let (id, request) = parse(datagram).ok_or("malformed datagram")?;
        let reply = request.and_then(|request| serve(&root, &request));
        Ok(encode(&id, &reply))
    })
}
// ANCHOR_END: server

fn client(given: &Arguments) -> Result<(), Failure> {
    let (host, port, path) = (given.get(&SERVER), given.get(&SERVER_PORT), given.get(&PATH));
    let mut caller = Caller::new(resolve(&host, port)?)?;
    let copy = get(&mut caller, &path, given.get(&CHUNK)).map_err(|error| error.during("get", &path))?;
    io::stdout().write_all(&copy).during(Op::Send, "stdout")
}

/// A folder that exists, as an absolute path without links and dots.
#[derive(Clone)]
struct Root(PathBuf);

impl FromStr for Root {
    type Err = io::Error;

    fn from_str(folder: &str) -> io::Result<Root> {
        PathBuf::from(folder).canonicalize().map(Root)
    }
}

/// The only thing the client can do.
#[derive(Clone)]
struct Get;

impl FromStr for Get {
    type Err = io::Error;

    fn from_str(what: &str) -> io::Result<Get> {
        match what {
            "get" => Ok(Get),
            _ => Err(io::Error::other("the client can only `get`")),
        }
    }
}

/// Runs one function. `\n`, `\x00` and `\\` in a text mean what they mean in Rust.
///
/// - `parse TEXT`: the datagram that the text is; shows the id and what was asked for.
/// - `safe_path ROOT TEXT`: the text is a decoded path, ROOT a folder; shows where the path leads.
fn probe(request: &probe::Request) -> Result<String, String> {
    let text = request.pieces()?.concat();
    match request.function() {
        "parse" => Ok(match parse(&text) {
            None => "no id".to_string(),
            Some((id, Ok(request))) => format!("{id} {}", shown(&request)),
            Some((id, Err(error))) => format!("{id} {error}"),
        }),
        "safe_path" => {
            let text = String::from_utf8(text).map_err(|_| "a path is text")?;
            let (root, path) = text.split_once(' ').ok_or("try safe_path ROOT /PATH")?;
            let root: Root = root.parse().map_err(|error| format!("{root}: {error}"))?;
            let path = safe_path(&root.0, path);
            Ok(path.map_or_else(
                |error| error.to_string(),
                |path| path.to_string_lossy().escape_debug().to_string(),
            ))
        }
        _ => request.unknown(r"parse 7 READ /tmp/test.txt 0 200\n, or safe_path . /../x"),
    }
}

fn shown(request: &Request) -> String {
    match request {
        Request::Open { path, mode } => format!("Open {path:?} {mode:?}"),
        Request::Read { path, offset, length } => format!("Read {path:?} {offset} {length}"),
        Request::Write { path, offset, data } => format!("Write {path:?} {offset} \"{}\"", data.escape_ascii()),
        Request::Append { path, data } => format!("Append {path:?} \"{}\"", data.escape_ascii()),
        Request::Close { path } => format!("Close {path:?}"),
    }
}
