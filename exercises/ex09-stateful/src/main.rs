//! The program `ex09`. Given: it connects the command line, requests and files with your table in `lib.rs`.
//!
//! ```text
//! ex09 server --root DIR [--host 127.0.0.1] [--port 0]      serve the files below DIR
//! ex09 client HOST PORT get PATH [--chunk 200]              copy a file to stdout
//! ex09 probe                                                then, for example: table OPEN /a r|READ 32 3|STAT 32
//! ```

mod files;
mod request;

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::str::FromStr;

use ex09::{Files, HandleTable, get};
use files::{Folder, Memory};
use netlab::fsp::{Answer, Reply, answer_all, open};
use netlab::probe;
use netlab::program::PORT;
use netlab::rpc::Caller;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, resolve};
use request::{Request, encode, parse};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const ROOT: Parameter<Folder> = Parameter::with_default("root", "DIR", "serve the files below this folder", ".");

const SERVER: Parameter<String> = Parameter::positional("server", "HOST", "the server's name or address");
const SERVER_PORT: Parameter<u16> = Parameter::positional("server-port", "PORT", "the server's port");
const WHAT: Parameter<Get> = Parameter::positional("what", "get", "what to do: `get`");
const PATH: Parameter<String> =
    Parameter::positional("path", "PATH", "the file, as the server knows it: /tmp/test.txt");
const CHUNK: Parameter<usize> = Parameter::with_default("chunk", "BYTES", "how much to ask for at a time", "200");

fn main() -> ExitCode {
    let server = Command::new("server", "serve files, and remember who is where in them", server)
        .takes(&ROOT)
        .takes(&HOST)
        .takes(&PORT);
    let client = Command::new("client", "copy a file from a server to stdout", client)
        .takes(&SERVER)
        .takes(&SERVER_PORT)
        .takes(&WHAT)
        .takes(&PATH)
        .takes(&CHUNK);
    Program::new("ex09", "A stateful file server and its client (FSP/1)")
        .command(server)
        .command(client)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let folder = given.get(&ROOT);
    let socket = open(SocketAddr::new(given.get(&HOST), given.get(&PORT)))?;
    // This variable outlives every request. It is the server's state.
    let mut table = HandleTable::empty();
    answer_all(&socket, |datagram| {
        let (id, request) = parse(datagram).ok_or("malformed datagram")?;
        let reply = request.and_then(|request| answer(&mut table, &folder, request));
        Ok(encode(&id, &reply))
    })
}

fn answer(table: &mut HandleTable, files: &dyn Files, request: Request) -> Reply {
    Ok(match request {
        Request::Open { path, mode } => {
            let (handle, size) = table.open(&path, mode, files)?;
            Answer::with([&handle, &size])
        }
        Request::Read { handle, length } => Answer::with_data(table.read(handle, length, files)?),
        Request::Write { handle, data } => {
            table.write(handle, &data, files)?;
            Answer::with([&data.len()])
        }
        Request::Append { handle, data } => Answer::with([&table.append(handle, &data, files)?]),
        Request::Seek { handle, offset } => {
            table.seek(handle, offset)?;
            Answer::with([&offset])
        }
        Request::Stat { handle } => Answer {
            data: table.stat(handle)?.into_bytes(),
            ..Answer::default()
        },
        Request::Close { handle } => {
            table.close(handle)?;
            Answer::default()
        }
    })
}
// ANCHOR_END: server

fn client(given: &Arguments) -> Result<(), Failure> {
    let (host, port, path) = (given.get(&SERVER), given.get(&SERVER_PORT), given.get(&PATH));
    let mut caller = Caller::new(resolve(&host, port)?)?;
    let copy = get(&mut caller, &path, given.get(&CHUNK)).map_err(|error| error.during("get", &path))?;
    io::stdout().write_all(&copy).during(Op::Send, "stdout")
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

/// Runs a whole conversation with a new table, and files in memory: `/a` holds `abcdefghij`, `/b` holds `0123456789`.
///
/// - `table REQUEST|REQUEST|…`: requests without ids; shows what each is answered. Data comes behind `\n`, as in
///   `WRITE 32 2\nhi`.
fn probe(request: &probe::Request) -> Result<String, String> {
    if request.function() != "table" {
        return request.unknown(r"table OPEN /a w|READ 32 3|WRITE 32 2\nhi|STAT 32");
    }
    let (mut table, files) = (HandleTable::empty(), Memory::new());
    let mut answers = Vec::new();
    for text in request.pieces()? {
        let line_end: &[u8] = if text.contains(&b'\n') { b"" } else { b"\n" };
        let (_, request) = parse(&[b"1 ", &text[..], line_end].concat()).ok_or("no request")?;
        let reply = request.and_then(|request| answer(&mut table, &files, request));
        answers.push(shown(&reply));
    }
    Ok(answers.join("|"))
}

/// A reply's line, and its data in quotes.
fn shown(reply: &Reply) -> String {
    match reply {
        Err(error) => format!("ERR {error}"),
        Ok(answer) => {
            let data = (!answer.data.is_empty()).then(|| format!("\"{}\"", answer.data.escape_ascii()));
            let words = answer.fields.iter().cloned().chain(data);
            words.fold("OK".to_string(), |line, word| line + " " + &word)
        }
    }
}
