//! The test's own server in the file system: a socket of the family AF_UNIX, whose address is the name of a file.

use crate::{
    escape::{quoted, size},
    session::Session,
    tcp::at_least_a_moment,
};
use std::{
    fs::{self, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::AsFd,
        unix::{fs::PermissionsExt, net},
    },
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Instant,
};

const SHOWN: usize = 120;

/// A server of the test at a path in the lab's folder.
pub struct UnixServer {
    session: Arc<Session>,
    socket: net::UnixListener,
    who: String,
    path: PathBuf,
}

/// One connection to it.
pub struct UnixPeer {
    session: Arc<Session>,
    stream: net::UnixStream,
    who: String,
    other: String,
}

impl UnixServer {
    pub(crate) fn open(session: &Arc<Session>, who: &str, file: &str) -> Result<UnixServer, String> {
        session.step();
        let path = session.folder.join(file);
        // An address has room for a short path only, and the folder is where the machine's owner wants it to be.
        if let Err(error) = net::SocketAddr::from_pathname(&path) {
            return Err(format!("{} is no address of a socket: {error}", path.display()));
        }
        let socket = net::UnixListener::bind(&path)
            // The program under test may run as somebody else, and connecting means writing to the file.
            .and_then(|socket| fs::set_permissions(&path, Permissions::from_mode(0o777)).map(|()| socket))
            .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
            .unwrap_or_else(|e| panic!("a server of the test at {}: {e}", path.display()));
        Ok(UnixServer {
            session: session.clone(),
            socket,
            who: who.to_owned(),
            path,
        })
    }

    /// Its address: an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for one client.
    pub fn accept(&self) -> UnixPeer {
        let (since, deadline) = (Instant::now(), self.session.step());
        loop {
            match self.socket.accept() {
                Ok((stream, _)) => return self.met(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("a server of the test: {error}"),
            }
            if !self.session.wait_readable(self.socket.as_fd(), deadline) {
                let doing = format!(
                    "waiting for a client to connect to {} ({})",
                    self.who,
                    self.path.display()
                );
                self.session
                    .fail_at(&self.who, &doing, "a connection", &self.session.waited(since));
            }
        }
    }

    /// A client's end has no name: it is taken for the program started last.
    fn met(&self, stream: net::UnixStream) -> UnixPeer {
        stream
            .set_nonblocking(false)
            .unwrap_or_else(|e| panic!("a connection of the test: {e}"));
        let other = self.session.latest_lane().unwrap_or_else(|| "client".to_owned());
        self.session.transcript.message(&other, &self.who, "connects", "");
        UnixPeer {
            session: self.session.clone(),
            stream,
            who: self.who.clone(),
            other,
        }
    }
}

impl UnixPeer {
    /// Sends all of `bytes`.
    pub fn send(&mut self, bytes: &[u8]) {
        let deadline = self.session.step();
        self.session
            .transcript
            .message(&self.who, &self.other, size(bytes.len()), quoted(bytes, SHOWN));
        let _ = self.stream.set_write_timeout(Some(at_least_a_moment(deadline)));
        if let Err(error) = self.stream.write_all(bytes) {
            let doing = format!("sending {} to {}", size(bytes.len()), self.other);
            self.session
                .fail_at(&self.who, &doing, "the other side takes them", &error.to_string());
        }
    }

    /// Reads up to the end of the stream.
    pub fn read_to_eof(&mut self, doing: &str) -> Vec<u8> {
        let since = Instant::now();
        let deadline = self.session.step();
        let mut bytes = Vec::new();
        let ended = self.read_until(deadline, &mut bytes);
        if !bytes.is_empty() {
            let (label, data) = (size(bytes.len()), quoted(&bytes, SHOWN));
            self.session.transcript.message(&self.other, &self.who, label, data);
        }
        let Err(error) = ended else {
            self.session
                .transcript
                .message(&self.other, &self.who, "end", "end of stream");
            return bytes;
        };
        let end = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                format!("{}; the connection is still open", self.session.waited(since))
            }
            _ => error.to_string(),
        };
        let received = format!("{} {}, then {end}", size(bytes.len()), quoted(&bytes, SHOWN));
        self.session
            .fail_at(&self.who, doing, "bytes and then the end of the stream", &received)
    }

    /// Closes the connection.
    pub fn close(self) {
        self.session.step();
    }

    fn read_until(&self, deadline: Instant, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            self.stream.set_read_timeout(Some(at_least_a_moment(deadline)))?;
            match (&self.stream).read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => bytes.extend(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for UnixPeer {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.session.transcript.message(&self.who, &self.other, "closes", "");
        }
    }
}
