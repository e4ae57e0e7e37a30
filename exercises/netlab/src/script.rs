//! A pretended stream that gives and takes bytes as a script says: few at a time, interrupted, or not at all.
//!
//! A real socket is allowed to do all of this, but on your machine it seldom does. With a script you can try it:
//! `2,eintr,1` means that the first call moves at most 2 bytes, the second fails with `Interrupted` and moves none, the
//! third moves at most 1 byte. When the script is over, a call moves as much as it was asked to.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::str::FromStr;

/// What the calls on a stream do, one after the other; `-` is an empty script.
#[derive(Default)]
pub struct Script(VecDeque<Step>);

#[derive(Clone, Copy)]
enum Step {
    AtMost(usize),
    Interrupted,
    Reset,
}

/// A stream with a script for its reads and one for its writes.
#[derive(Default)]
pub struct Scripted {
    reads: Script,
    writes: Script,
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
    calls: u32,
}

/// A scripted stream without `write_all`, for an exercise in which that loop is the thing to write.
pub struct OwnLoop<'a>(pub &'a mut Scripted);

/// Calls after which a stream gives up: a loop that has not ended by then never will.
const PATIENCE: u32 = 10_000;

impl Scripted {
    /// A stream from which `incoming` can be read, and then the end of the stream.
    pub fn new(reads: Script, writes: Script, incoming: Vec<u8>) -> Scripted {
        Scripted {
            reads,
            writes,
            incoming: incoming.into(),
            ..Scripted::default()
        }
    }

    /// All bytes that were written to the stream so far.
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing
    }

    fn count_call(&mut self) -> Result<()> {
        self.calls += 1;
        if self.calls > PATIENCE {
            Err(Error::other("still calling after 10000 calls"))
        } else {
            Ok(())
        }
    }
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.count_call()?;
        let n = self.reads.next_count(buffer.len().min(self.incoming.len()))?;
        for (place, byte) in buffer.iter_mut().zip(self.incoming.drain(..n)) {
            *place = byte;
        }
        Ok(n)
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.count_call()?;
        let n = self.writes.next_count(bytes.len())?;
        self.outgoing.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Write for OwnLoop<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write(bytes)
    }

    fn write_all(&mut self, _: &[u8]) -> Result<()> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "write_all was called: write the loop around write() yourself",
        ))
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

impl Script {
    /// How many bytes the next call moves, if it was asked for `wanted`.
    fn next_count(&mut self, wanted: usize) -> Result<usize> {
        match self.0.pop_front() {
            None => Ok(wanted),
            Some(Step::AtMost(limit)) => Ok(wanted.min(limit)),
            Some(Step::Interrupted) => Err(ErrorKind::Interrupted.into()),
            Some(Step::Reset) => Err(ErrorKind::ConnectionReset.into()),
        }
    }
}

impl FromStr for Script {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Script, ()> {
        let step = |word| match word {
            "eintr" => Ok(Step::Interrupted),
            "reset" => Ok(Step::Reset),
            number => number.parse().map(Step::AtMost).map_err(|_| ()),
        };
        match text {
            "-" => Ok(Script::default()),
            steps => Ok(Script(
                steps.split(',').map(step).collect::<std::result::Result<_, ()>>()?,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_follow_the_script_and_then_move_all() {
        let mut stream = Scripted::new("1,eintr".parse().unwrap(), "2,0".parse().unwrap(), b"abcdef".to_vec());
        let mut buffer = [0; 4];
        assert_eq!(stream.read(&mut buffer).unwrap(), 1);
        assert_eq!(stream.read(&mut buffer).unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(stream.read(&mut buffer).unwrap(), 4);
        assert_eq!((stream.read(&mut buffer).unwrap(), buffer[0]), (1, b'f'));
        assert_eq!(stream.read(&mut buffer).unwrap(), 0);
        assert_eq!([b"xyz"; 3].map(|bytes| stream.write(bytes).unwrap()), [2, 0, 3]);
        assert_eq!(stream.outgoing(), b"xyxyz");
    }

    #[test]
    fn write_all_can_be_taken_away() {
        let mut stream = Scripted::new(Script::default(), "1,1".parse().unwrap(), Vec::new());
        assert_eq!(
            OwnLoop(&mut stream).write_all(b"ab").unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        stream.write_all(b"abc").unwrap();
        assert_eq!(stream.outgoing(), b"abc");
    }

    #[test]
    fn endless_loops_end() {
        let mut stream = Scripted::default();
        let calls = std::iter::repeat_with(|| stream.read(&mut [0]))
            .take_while(Result::is_ok)
            .count();
        assert_eq!(calls, PATIENCE as usize);
    }

    #[test]
    fn a_script_is_numbers_and_names() {
        assert!("3,eintr,0,reset".parse::<Script>().is_ok());
        assert!("-".parse::<Script>().is_ok());
        assert!("3,,1".parse::<Script>().is_err());
    }
}
