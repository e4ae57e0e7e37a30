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
    let mut reply = Vec::with_capacity(message.len());
    let mut byte = [0u8; 1];
    while reply.len() < message.len() {
        match read_again(&mut stream, &mut byte) {
            Ok(0) => break,
            Ok(_) => reply.push(byte[0]),
            Err(e) => return Err(failed(Op::Recv, e)),
        }
    }
    Ok(reply)
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
    let mut number = 0;
    loop {
        if count == Some(number) {
            break Ok(());
        }
        number += 1;
        let (stream, from) = listener.accept()?;
        match one_client(stream, mode) {
            Ok(bytes) => event(format!("client {}: {} bytes", number, bytes)),
            Err(error) => report(&Failure::new(Op::Recv, from, error)),
        }
    }
}

fn one_client(mut stream: TcpStream, mode: Mode) -> io::Result<u64> {
    if mode == Mode::Lecture {
        let n = echo_once(&mut stream, SIZE)?;
        Ok(n as u64)
    } else {
        echo_until_eof(&mut stream)
    }
}
