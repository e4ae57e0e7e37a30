//! One output stream of a program: drained all the time, kept within bounds, read line by line with a deadline.
//!
//! A program must never block because nobody reads, and one that prints without end must fill neither memory nor the report: the first
//! 4 MiB and the last 64 KiB are kept. The pipe is read without blocking and under the lock, so that whoever learns of the program's end can
//! empty it at once, although a child of the program may still hold the other end open.

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::read,
};
use std::{
    collections::VecDeque,
    os::fd::{AsFd, OwnedFd},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

const HEAD: usize = 4 << 20;
const TAIL: usize = 64 << 10;
/// Most bytes taken in one go: the lock is released in between, and a child that prints on cannot hold up the end of its parent.
const AT_ONCE: usize = 256 << 10;

pub(crate) struct Output {
    pipe: OwnedFd,
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    lost: usize,
    /// All that was read, kept or not.
    written: u64,
    /// Up to where the test has read, and up to where it has looked for the end of a line.
    cursor: usize,
    searched: usize,
    /// Nothing will follow: end of file, or the program has ended and the pipe is empty.
    over: bool,
    /// The same for the transcript.
    noted: usize,
    scanned: usize,
}

/// What waiting for a line led to.
#[derive(Debug, PartialEq)]
pub(crate) enum Line {
    Text(String),
    /// Nothing more will come.
    Over,
    /// The deadline has passed; this much of a line without its end had come.
    Late(Vec<u8>),
    /// So many bytes without an end of line that no end is waited for.
    Endless(Vec<u8>),
}

impl Output {
    pub fn new(pipe: OwnedFd) -> Output {
        let flags = fcntl(&pipe, FcntlArg::F_GETFL)
            .map(OFlag::from_bits_retain)
            .unwrap_or(OFlag::empty());
        fcntl(&pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).expect("a pipe can be made non-blocking");
        Output {
            pipe,
            kept: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Reads until the end of the stream. `note` is told of complete lines, in batches; `look` is called after each piece.
    pub fn read_all(&self, note: &dyn Fn(&[u8]), look: &dyn Fn()) {
        while !self.lock().over {
            let mut wanted = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
            if matches!(poll(&mut wanted, PollTimeout::NONE), Err(error) if error != Errno::EINTR) {
                return;
            }
            self.drain(note, false);
            look();
        }
    }

    /// The program has ended: takes what is left and declares the stream over.
    pub fn finish(&self, note: &dyn Fn(&[u8])) {
        self.drain(note, true);
    }

    /// The next line, without its end.
    pub fn line(&self, deadline: Instant) -> Line {
        let mut kept = self.lock();
        loop {
            if let Some(line) = kept.take_line() {
                return line;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Line::Late(kept.head[kept.cursor..].to_vec());
            }
            kept = self
                .changed
                .wait_timeout(kept, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The next `n` bytes, whether or not they end a line; fewer at the end of the stream or at the deadline.
    pub fn part(&self, n: usize, deadline: Instant) -> Vec<u8> {
        let kept = self.lock();
        let left = deadline.saturating_duration_since(Instant::now());
        let short = |kept: &mut Kept| kept.head.len() - kept.cursor < n && !kept.over;
        let (mut kept, _) = self
            .changed
            .wait_timeout_while(kept, left, short)
            .unwrap_or_else(PoisonError::into_inner);
        let part: Vec<u8> = kept.head[kept.cursor..].iter().copied().take(n).collect();
        kept.cursor += part.len();
        kept.searched = kept.searched.max(kept.cursor);
        part
    }

    /// Everything kept; where something was lost, a line says how much.
    pub fn bytes(&self) -> Vec<u8> {
        let kept = self.lock();
        let mut bytes = kept.head.clone();
        if kept.lost > 0 {
            bytes.extend(format!("\n[… {} bytes were not kept …]\n", kept.lost).bytes());
        }
        bytes.extend(&kept.tail);
        bytes
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// How many bytes the program has written, as far as they were read.
    pub fn written(&self) -> u64 {
        self.lock().written
    }

    pub fn is_empty(&self) -> bool {
        self.lock().head.is_empty()
    }

    fn drain(&self, note: &dyn Fn(&[u8]), ended: bool) {
        let mut kept = self.lock();
        let mut buffer = [0; 16 << 10];
        let mut taken = 0;
        while !kept.over && taken < AT_ONCE {
            match read(&self.pipe, &mut buffer) {
                Ok(0) => kept.over = true,
                Ok(n) => {
                    kept.keep(&buffer[..n]);
                    taken += n;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(_) => kept.over = true,
            }
        }
        kept.over |= ended;
        let news = kept.news();
        // The transcript learns of a line before a waiting test does, so that the chart is in the order of cause and effect.
        if !news.is_empty() {
            note(&news);
        }
        drop(kept);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend(first);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
        self.lost += excess;
    }

    fn take_line(&mut self) -> Option<Line> {
        let rest = &self.head[self.cursor..];
        let found = self.head[self.searched..]
            .iter()
            .position(|&b| b == b'\n')
            .map(|at| self.searched + at - self.cursor);
        let (text, used) = match found {
            Some(end) => (&rest[..end], end + 1),
            None if self.over && rest.is_empty() => return Some(Line::Over),
            None if self.head.len() == HEAD => return Some(Line::Endless(rest.to_vec())),
            None if self.over => (rest, rest.len()),
            None => {
                self.searched = self.head.len();
                return None;
            }
        };
        let text = String::from_utf8_lossy(text).into_owned();
        self.cursor += used;
        self.searched = self.cursor;
        Some(Line::Text(text))
    }

    /// The complete lines that the transcript has not seen; at the end of the stream also an incomplete one.
    fn news(&mut self) -> Vec<u8> {
        let last_end = self.head[self.scanned..]
            .iter()
            .rposition(|&b| b == b'\n')
            .map(|at| self.scanned + at + 1);
        self.scanned = self.head.len();
        let end = if self.over { Some(self.head.len()) } else { last_end };
        let news = self.head[self.noted..end.unwrap_or(self.noted)].to_vec();
        self.noted += news.len();
        news
    }
}
