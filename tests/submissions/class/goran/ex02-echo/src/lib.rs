use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use netlab::{Failure, Op, event, report};

pub const SIZE: usize = 1024;

pub fn send_all<W: Write>(stream: &mut W, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match stream.write(&bytes[done..]) {
            Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero)),
            Ok(n) => done += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
    }
    Ok(())
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
    let mut sum = 0u64;
    let mut n = echo_once(stream, SIZE)?;
    while n > 0 {
        sum += n as u64;
        n = echo_once(stream, SIZE)?;
    }
    return Ok(sum);
}

pub fn recv_to_eof<R: Read>(stream: &mut R) -> io::Result<Vec<u8>> {
    let mut all = vec![];
    let mut eof = false;
    while !eof {
        let mut piece = [0; SIZE];
        match stream.read(&mut piece) {
            Ok(0) => eof = true,
            Ok(n) => {
                for b in &piece[0..n] {
                    all.push(*b);
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}

pub fn converse(mut stream: TcpStream, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let server = stream
        .peer_addr()
        .map_or("?".to_string(), |address| address.to_string());
    let failed = |op: Op, error: io::Error| Failure::new(op, &server, error);
    if let Err(e) = send_all(&mut stream, message) {
        return Err(failed(Op::Send, e));
    }
    // no more to say
    if let Err(e) = stream.shutdown(Shutdown::Write) {
        return Err(failed(Op::Send, e));
    }
    match recv_to_eof(&mut stream) {
        Ok(reply) => Ok(reply),
        Err(e) => Err(failed(Op::Recv, e)),
    }
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
