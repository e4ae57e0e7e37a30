use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use netlab::{Failure, Op, event, report};

pub const SIZE: usize = 1024;

pub fn send_all<W: Write>(stream: &mut W, bytes: &[u8]) -> io::Result<()> {
    match stream.write(bytes) {
        Ok(0) if !bytes.is_empty() => Err(ErrorKind::WriteZero.into()),
        Ok(_sent) => Ok(()),
        Err(e) if e.kind() == ErrorKind::Interrupted => send_all(stream, bytes),
        Err(e) => Err(e),
    }
}

fn read_again<R: Read>(stream: &mut R, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        let r = stream.read(buf);
        if let Err(e) = &r {
            if e.kind() == ErrorKind::Interrupted {
                continue;
            }
        }
        return r;
    }
}

pub fn echo_once<S: Read + Write>(stream: &mut S, size: usize) -> io::Result<usize> {
    let mut buf = vec![0u8; size];
    let n = read_again(stream, &mut buf)?;
    buf.truncate(n);
    send_all(stream, &buf)?;
    Ok(n)
}

pub fn echo_until_eof<S: Read + Write>(stream: &mut S) -> io::Result<u64> {
    let mut total = 0;
    let mut buf = [0u8; 4096];
    loop {
        let n = read_again(stream, &mut buf)?;
        if n == 0 {
            break;
        }
        send_all(stream, &buf[..n])?;
        total += n as u64;
    }
    Ok(total)
}

pub fn recv_to_eof<R: Read>(stream: &mut R) -> io::Result<Vec<u8>> {
    let mut got = Vec::new();
    let mut buf = [0u8; 512];
    loop {
        let n = read_again(stream, &mut buf)?;
        if n == 0 {
            return Ok(got);
        }
        got.extend(&buf[..n]);
    }
}

pub fn converse(mut stream: TcpStream, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let server = stream
        .peer_addr()
        .map_or("?".to_string(), |address| address.to_string());
    let failed = |op: Op, error: io::Error| Failure::new(op, &server, error);
    send_all(&mut stream, message).map_err(|e| failed(Op::Send, e))?;
    stream.shutdown(Shutdown::Write).map_err(|e| failed(Op::Send, e))?;
    recv_to_eof(&mut stream).map_err(|e| failed(Op::Recv, e))
}

/// How the server treats a client. Given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As in the lecture: one [`echo_once`] of [`SIZE`].
    Lecture,
    /// [`echo_until_eof`].
    Stream,
}

pub fn serve(listener: &TcpListener, mode: Mode, count: Option<u64>) -> io::Result<()> {
    for n in 1..=count.unwrap_or(u64::MAX) {
        let (mut conn, peer) = listener.accept()?;
        let echoed = match mode {
            Mode::Lecture => echo_once(&mut conn, SIZE).map(|n| n as u64),
            Mode::Stream => echo_until_eof(&mut conn),
        };
        drop(conn);
        match echoed {
            Ok(bytes) => event(format!("client {n}: {bytes} bytes")),
            Err(e) => report(&Failure::new(Op::Recv, peer, e)),
        }
    }
    Ok(())
}
