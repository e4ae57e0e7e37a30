//! FSP, the protocol of the file servers: the words that all its versions have in common.
//!
//! ```text
//! request = id SP verb *( SP arg ) LF [ data ]                          3 READ /tmp/test.txt 0 200
//! reply   = id SP ( "OK" *( SP field ) / "ERR" SP code ) LF [ data ]    3 OK 200, and behind the LF 200 bytes
//! ```
//!
//! One request is one datagram, and so is one reply. Here is what no exercise asks you to write: the names of the errors,
//! the client's side of a question, and the loop that receives requests. Reading a request, doing what it says and writing
//! the reply are the exercises.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::str::FromStr;

use nix::errno::Errno;

use crate::rpc::Caller;
use crate::{During, Failure, Op, event};

/// The most data that a request or a reply may carry, in bytes.
pub const MAX_DATA: usize = 1024;

/// The longest path, in bytes, after decoding.
pub const MAX_PATH: usize = 255;

/// No datagram of the protocol is longer than 1400 bytes.
const ROOM: usize = 2048;

/// Why a request was refused: the code behind `ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FsError {
    /// Not a request: a wrong verb, a wrong number of arguments, data of another length than announced.
    Eproto,
    /// A request with a number or a path beyond the protocol's limits.
    Einval,
    /// There is no such handle.
    Ebadf,
    /// A handle of an earlier life of the server, or of a client that was given up.
    Estale,
    /// The path leads out of the served folder, or the file may not be used in this way.
    Eacces,
    /// Somebody else has locked the file.
    Elocked,
    /// There is no such file.
    Enoent,
    /// It is a folder.
    Eisdir,
    /// Too many are open.
    Emfile,
    /// Something went wrong meanwhile. The only error after which nobody knows how much was done.
    Eio,
}

/// Every error, and its name in a reply.
const NAMES: [(FsError, &str); 10] = [
    (FsError::Eproto, "EPROTO"),
    (FsError::Einval, "EINVAL"),
    (FsError::Ebadf, "EBADF"),
    (FsError::Estale, "ESTALE"),
    (FsError::Eacces, "EACCES"),
    (FsError::Elocked, "ELOCKED"),
    (FsError::Enoent, "ENOENT"),
    (FsError::Eisdir, "EISDIR"),
    (FsError::Emfile, "EMFILE"),
    (FsError::Eio, "EIO"),
];

impl Display for FsError {
    /// The code: `ENOENT`.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(error, _)| error == self);
        out.write_str(name.map_or("EIO", |(_, name)| name))
    }
}

impl std::error::Error for FsError {}

impl FromStr for FsError {
    type Err = ();

    fn from_str(code: &str) -> Result<FsError, ()> {
        let known = NAMES.iter().find(|(_, name)| *name == code);
        known.map(|(error, _)| *error).ok_or(())
    }
}

impl From<io::Error> for FsError {
    /// What the file system said, in the protocol's words. So `?` works behind calls on files.
    fn from(error: io::Error) -> FsError {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR) => FsError::Enoent,
            Some(Errno::EISDIR) => FsError::Eisdir,
            Some(Errno::EACCES | Errno::EPERM | Errno::ELOOP | Errno::EROFS) => FsError::Eacces,
            Some(Errno::EMFILE | Errno::ENFILE) => FsError::Emfile,
            Some(Errno::EINVAL | Errno::ENAMETOOLONG | Errno::EFBIG) => FsError::Einval,
            Some(_) => FsError::Eio,
            // A path with a NUL in it, which no call takes.
            None if error.kind() == ErrorKind::InvalidInput => FsError::Einval,
            None => FsError::Eio,
        }
    }
}

/// What stands behind `OK`, and what comes behind that line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The words behind `OK`, in order.
    pub fields: Vec<String>,
    /// The bytes behind the line.
    pub data: Vec<u8>,
}

/// The outcome of a request.
pub type Reply = Result<Answer, FsError>;

impl Answer {
    /// The answer with these words and without data.
    pub fn with<const N: usize>(fields: [&dyn Display; N]) -> Answer {
        Answer {
            fields: fields.iter().map(ToString::to_string).collect(),
            data: Vec::new(),
        }
    }

    /// The answer with these bytes, and their number as its only word.
    pub fn with_data(data: Vec<u8>) -> Answer {
        Answer {
            fields: vec![data.len().to_string()],
            data,
        }
    }
}

/// Why a client has no answer.
#[derive(Debug)]
pub enum AskError {
    /// The server said no.
    Refused(FsError),
    /// The server said nothing, or nothing that can be understood.
    Broken(Failure),
}

impl From<FsError> for AskError {
    fn from(error: FsError) -> AskError {
        AskError::Refused(error)
    }
}

impl From<Failure> for AskError {
    fn from(failure: Failure) -> AskError {
        AskError::Broken(failure)
    }
}

impl AskError {
    /// The failure of a client that was `doing` something with `path`: `get /x: ENOENT`.
    pub fn during(self, doing: &str, path: &str) -> Failure {
        match self {
            AskError::Refused(error) => Failure::answered(format_args!("{doing} {path}: {error}")),
            AskError::Broken(failure) => failure,
        }
    }
}

/// Asks a server: `request` is a verb and its arguments, such as `READ /tmp/test.txt 0 200`; `data` comes behind that line.
///
/// # Errors
/// The server refused, or there is no answer.
pub fn ask(caller: &mut Caller, request: impl Display, data: &[u8]) -> Result<Answer, AskError> {
    let question = [format!("{request}\n").as_bytes(), data].concat();
    let reply = caller.call(&question)?;
    let nonsense = || io::Error::other(format!("`{}` is no reply", reply.escape_ascii()));
    understood(&reply).unwrap_or_else(|| Err(Failure::new(Op::Recv, caller.server(), nonsense()).into()))
}

/// A reply without its id; `None` if it is none.
fn understood(reply: &[u8]) -> Option<Result<Answer, AskError>> {
    let mut parts = reply.splitn(2, |byte| *byte == b'\n');
    let (line, data) = (str::from_utf8(parts.next()?).ok()?, parts.next()?);
    let mut words = line.split(' ').map(str::to_string);
    match words.next()?.as_str() {
        "OK" => Some(Ok(Answer {
            fields: words.collect(),
            data: data.to_vec(),
        })),
        "ERR" => Some(Err(words.next()?.parse::<FsError>().ok()?.into())),
        _ => None,
    }
}

/// A path as it stands in a request: every byte but letters, digits and `/._-` as `%` and two hexadecimal digits.
pub fn in_request(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let written = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.bytes().map(written).collect()
}

/// Opens a server's socket, and says so: `listening on 127.0.0.1:5000/udp`.
///
/// # Errors
/// That of binding it.
pub fn open(asked: SocketAddr) -> Result<UdpSocket, Failure> {
    let socket = UdpSocket::bind(asked).during(Op::Bind, asked)?;
    let address = socket.local_addr().during(Op::Bind, asked)?;
    event(format_args!("listening on {address}/udp"));
    Ok(socket)
}

/// Receives datagrams for ever, and sends each one's answer to where it came from.
///
/// Prints a line for each: `READ /tmp/test.txt 0 200 -> OK 200`. An answer that is an `Err` is not sent; it says what was
/// dropped: `dropped malformed datagram`.
///
/// # Errors
/// That of receiving.
pub fn answer_all(
    socket: &UdpSocket,
    mut answer: impl FnMut(&[u8]) -> Result<Vec<u8>, &'static str>,
) -> Result<(), Failure> {
    let mut room = [0; ROOM];
    loop {
        let (length, client) = match socket.recv_from(&mut room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other.during(Op::Recv, "a request")?,
        };
        let request = &room[..length];
        match answer(request) {
            Ok(reply) => {
                // A client that cannot be reached has gone, or asks again.
                let _ = socket.send_to(&reply, client);
                event(format_args!("{} -> {}", behind_id(request), behind_id(&reply)));
            }
            Err(what) => event(format_args!("dropped {what}")),
        }
    }
}

/// The line of a request or a reply without its id, for people to read.
fn behind_id(datagram: &[u8]) -> String {
    let line: Vec<u8> = datagram.iter().copied().take_while(|byte| *byte != b'\n').collect();
    let line = line.escape_ascii().to_string();
    line.split_once(' ').map_or(line.clone(), |(_, rest)| rest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_name_and_the_name_its_error() {
        for (error, name) in NAMES {
            assert_eq!((error.to_string().as_str(), name.parse()), (name, Ok(error)));
        }
        assert_eq!("ENOTHING".parse::<FsError>(), Err(()));
    }

    #[test]
    fn errors_of_files_become_errors_of_the_protocol() {
        let missing = std::fs::File::open("/nonexistent/x").unwrap_err();
        assert_eq!(FsError::from(missing), FsError::Enoent);
        let nul = std::fs::File::open("a\0b").unwrap_err();
        assert_eq!(FsError::from(nul), FsError::Einval);
        assert_eq!(FsError::from(io::Error::other("?")), FsError::Eio);
    }

    #[test]
    fn replies_are_understood() {
        let understand = |reply: &[u8]| {
            understood(reply).map(|reply| {
                reply.map_err(|error| match error {
                    AskError::Refused(error) => error,
                    AskError::Broken(_) => FsError::Eio,
                })
            })
        };
        assert_eq!(understand(b"OK 3\na\nb"), Some(Ok(Answer::with_data(b"a\nb".to_vec()))));
        assert_eq!(understand(b"OK 32 1000\n"), Some(Ok(Answer::with([&32, &1000]))));
        assert_eq!(understand(b"OK\n"), Some(Ok(Answer::default())));
        assert_eq!(understand(b"ERR ENOENT no such file\n"), Some(Err(FsError::Enoent)));
        for wrong in [&b"OK 3"[..], b"", b"ERR\n", b"ERR 404\n", b"YES\n", b"\xff\n"] {
            assert_eq!(understand(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn paths_in_requests_have_no_spaces() {
        assert_eq!(in_request("/tmp/a-b_c.txt"), "/tmp/a-b_c.txt");
        assert_eq!(in_request("/a b%20\n"), "/a%20b%2520%0A");
        assert_eq!(in_request("/ü"), "/%C3%BC");
    }

    #[test]
    fn a_refusal_names_what_was_done_to_what() {
        let failure = AskError::from(FsError::Enoent).during("get", "/x");
        assert_eq!(
            (failure.to_string().as_str(), failure.exit_code()),
            ("get /x: ENOENT", 3)
        );
    }

    #[test]
    fn lines_are_shown_without_their_ids() {
        assert_eq!(behind_id(b"7 READ /x 0 5\n"), "READ /x 0 5");
        assert_eq!(behind_id(b"7 OK 2\n\nx"), "OK 2");
        assert_eq!(behind_id(b"7 \xff\x01"), r"\xff\x01");
    }
}
