//! Streams that are not lines: input as a pipe brings it, and output that waits for no newline.

use super::Program;
use crate::escape::{quoted, size};
use std::time::{Duration, Instant};

impl Program {
    /// Writes as much of `bytes` to its stdin as it takes, and says how much that was: less than all when nothing was taken for `pause`. Part
    /// of it is still in the pipe, up to 64 KiB.
    pub fn stdin_pour(&self, bytes: &[u8], pause: Duration) -> usize {
        self.session.step();
        let mut taken = 0;
        while taken < bytes.len() && Instant::now() < self.session.end() {
            match self.write_until(&bytes[taken..], self.session.deadline(pause)) {
                Ok(()) => taken = bytes.len(),
                Err((0, _)) => break,
                Err((some, _)) => taken += some,
            }
        }
        let note = format!("stdin: {} offered, {} taken", size(bytes.len()), size(taken));
        self.session.transcript.note(&self.running.lane, note);
        taken
    }

    /// Writes `bytes` to its stdin and then ends it, while the test does something else: the program may well print before it has read
    /// everything.
    pub fn stdin_feed(&self, bytes: &[u8]) {
        self.session.step();
        self.feed(bytes);
    }

    /// Fails unless this is what comes next on its stdout, byte for byte, whether or not it ends a line.
    pub fn expect_printed(&self, expected: &str) {
        let (since, deadline) = (Instant::now(), self.session.step());
        let printed = self.running.stdout.part(expected.len(), deadline);
        if printed == expected.as_bytes() {
            return;
        }
        let why = match Instant::now() < deadline {
            _ if printed.len() == expected.len() => String::new(),
            true => self.why_no_line(deadline),
            false => self.session.waited(since),
        };
        let parts = [quoted(&printed, 300), why];
        let parts: Vec<&str> = parts
            .iter()
            .map(String::as_str)
            .filter(|part| !["", "\"\""].contains(part))
            .collect();
        let received = parts.join(", then ");
        let lane = &self.running.lane;
        let doing = format!("reading what `{lane}` prints next, be it a line or not");
        let expected = quoted(expected.as_bytes(), 300);
        self.session.fail_at(lane, &doing, &expected, &received);
    }
}
