//! Looking whether a program has ended, without insisting on it.

use super::Program;
use std::time::Duration;

impl Program {
    /// Whether it ends within this time; returns as soon as it does. What the test makes of the answer is its own affair.
    pub fn ends_within(&self, how_long: Duration) -> bool {
        self.session.step();
        self.running.over(self.session.deadline(how_long)).is_some()
    }
}
