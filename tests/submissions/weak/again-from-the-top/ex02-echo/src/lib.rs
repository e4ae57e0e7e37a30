use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use netlab::{Failure, Op, event, report};

pub const SIZE: usize = 1024;

pub fn send_all<W: Write>(stream: &mut W, bytes: &[u8]) -> io::Result<()> {
    let mut left = bytes.len() as isize;
    while left > 0 {
        let n = stream.write(bytes);
        if let Err(e) = &n {
            if e.kind() == ErrorKind::Interrupted {
                continue;
            }
        }
        let n = n?;
        if n == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        left -= n as isize;
    }
    Ok(())
}

pub fn echo_once<S: Read + Write>(stream: &mut S, size: usize) -> io::Result<usize> {
    let mut data = vec![0; size];
    loop {
        match stream.read(&mut data) {
            Ok(n) => return send_all(stream, &data[0..n]).map(|_| n),
            Err(e) if e.kind() == ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
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
