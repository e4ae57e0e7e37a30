//! Memory of a stopped thread, word by word with PEEK and POKE: the one way that works at every level of privilege.
use super::bytes::u32_at;
use nix::{errno::Errno, sys::ptrace, unistd::Pid};
use std::ffi::c_void;

const WORD: u64 = 8;

/// Reads `len` bytes at `from`. Whole aligned words are read, so that the last one never reaches into an unmapped page.
pub(crate) fn peek(thread: Pid, from: u64, len: usize) -> Result<Vec<u8>, Errno> {
    let first = from & !(WORD - 1);
    let skip = (from - first) as usize;
    let mut bytes = Vec::with_capacity(skip + len + WORD as usize);
    while bytes.len() < skip + len {
        let word = ptrace::read(thread, (first + bytes.len() as u64) as *mut c_void)?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    bytes.truncate(skip + len);
    bytes.drain(..skip);
    Ok(bytes)
}

/// Writes `bytes` at `to`, leaving the neighbours in the same word as they were.
pub(crate) fn poke(thread: Pid, to: u64, bytes: &[u8]) -> Result<(), Errno> {
    let first = to & !(WORD - 1);
    let skip = (to - first) as usize;
    let whole = (skip + bytes.len()).next_multiple_of(WORD as usize);
    let mut words = peek(thread, first, whole)?;
    words[skip..skip + bytes.len()].copy_from_slice(bytes);
    for (i, word) in words.as_chunks().0.iter().enumerate() {
        ptrace::write(
            thread,
            (first + WORD * i as u64) as *mut c_void,
            i64::from_ne_bytes(*word),
        )?;
    }
    Ok(())
}

/// A 4-byte integer behind a pointer of the subject; none where it points nowhere.
pub(crate) fn peek_u32(thread: Pid, from: u64) -> Option<u32> {
    (from != 0)
        .then(|| peek(thread, from, 4).ok())
        .flatten()
        .map(|b| u32_at(&b, 0))
}
