//! Changes a call that is about to run, and puts every register and byte back when it has returned.
use super::{
    arch::{RED_ZONE, Registers},
    bytes::u64_at,
    call::Call,
    decode::{MESSAGE_HEADER, pieces},
    memory::{peek, poke},
};
use nix::{errno::Errno, unistd::Pid};

/// What has to be put back.
#[derive(Debug)]
pub(super) struct Undo {
    number: i64,
    args: [u64; 6],
    scratch: Option<Scratch>,
}

/// The copy of a `struct msghdr` with one piece, below the subject's stack.
#[derive(Debug)]
struct Scratch {
    at: u64,
    before: Vec<u8>,
    /// The subject's own header, where the kernel is to answer in it (`recvmsg`).
    original: Option<u64>,
}

/// Lets the call fail with `errno` without running.
pub(super) fn fail(registers: &mut Registers, errno: Errno) {
    registers.set_number(-1);
    registers.set_returned(-(errno as i64));
}

/// Makes the call move at most `most` bytes. None: it would not move more anyway, or cannot be changed; then nothing was touched.
pub(super) fn clamp(thread: Pid, registers: &mut Registers, call: Call, most: u64) -> Option<Undo> {
    let mut undo = Undo {
        number: registers.number(),
        args: super::decode::args(registers),
        scratch: None,
    };
    match call {
        Call::Read | Call::Write | Call::Recvfrom | Call::Sendto => shorten(registers, 2, most)?,
        Call::Sendfile => shorten(registers, 3, most)?,
        Call::Splice => shorten(registers, 4, most)?,
        Call::Readv | Call::Writev => first_piece(thread, registers, call, most)?,
        Call::Recvmsg | Call::Sendmsg => undo.scratch = Some(short_message(thread, registers, call, most)?),
        _ => return None,
    }
    Some(undo)
}

fn shorten(registers: &mut Registers, arg: usize, most: u64) -> Option<()> {
    (registers.arg(arg) > most).then(|| registers.set_arg(arg, most))
}

/// `readv` and `writev` become `read` and `write` of the first piece that is not empty; the subject's list stays as it is.
fn first_piece(thread: Pid, registers: &mut Registers, call: Call, most: u64) -> Option<()> {
    let (start, length) = short_piece(&pieces(thread, registers.arg(1), registers.arg(2)), most)?;
    let plain = if call == Call::Readv { Call::Read } else { Call::Write };
    registers.set_number(plain.number()?);
    registers.set_arg(1, start);
    registers.set_arg(2, length);
    Some(())
}

/// The first piece with bytes, cut to `most`; none when all pieces together are no longer than that.
fn short_piece(pieces: &[(u64, u64)], most: u64) -> Option<(u64, u64)> {
    let total = pieces.iter().fold(0u64, |sum, (_, length)| sum.saturating_add(*length));
    let (start, length) = pieces.iter().find(|(_, length)| *length > 0)?;
    (total > most).then_some((*start, (*length).min(most)))
}

/// The message gets a header of its own with one short piece, in memory that the calling convention leaves unused.
fn short_message(thread: Pid, registers: &mut Registers, call: Call, most: u64) -> Option<Scratch> {
    let original = registers.arg(1);
    let mut bytes = peek(thread, original, MESSAGE_HEADER).ok()?;
    let (start, length) = short_piece(&pieces(thread, u64_at(&bytes, 16), u64_at(&bytes, 24)), most)?;
    let size = MESSAGE_HEADER + 16;
    let at = (registers.stack() - RED_ZONE - size as u64) & !15;
    bytes[16..24].copy_from_slice(&(at + MESSAGE_HEADER as u64).to_ne_bytes());
    bytes[24..32].copy_from_slice(&1u64.to_ne_bytes());
    bytes.extend_from_slice(&start.to_ne_bytes());
    bytes.extend_from_slice(&length.to_ne_bytes());
    let before = peek(thread, at, size).ok()?;
    poke(thread, at, &bytes).ok()?;
    registers.set_arg(1, at);
    Some(Scratch {
        at,
        before,
        original: (call == Call::Recvmsg).then_some(original),
    })
}

impl Undo {
    /// Puts everything back, in `registers` and in memory. What the kernel told about a message goes where the subject expects it.
    pub(super) fn apply(&self, thread: Pid, registers: &mut Registers) -> Result<(), Errno> {
        let returned = registers.returned();
        for (n, value) in self.args.iter().enumerate() {
            registers.set_arg(n, *value);
        }
        if self.number != registers.number() {
            registers.set_number(self.number);
        }
        // On ARM one register holds both the first argument and what was returned.
        registers.set_returned(returned);
        registers.set(thread)?;
        let Some(scratch) = &self.scratch else { return Ok(()) };
        if let Some(original) = scratch.original.filter(|_| returned >= 0) {
            let header = peek(thread, scratch.at, MESSAGE_HEADER)?;
            poke(thread, original + 8, &header[8..12])?;
            poke(thread, original + 40, &header[40..52])?;
        }
        poke(thread, scratch.at, &scratch.before)
    }
}
