//! How well this machine separates a submission from everything else. The level is found by trying and named in every report.

use std::fmt;

/// Isolation levels, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// A process group, a wall clock, an output cap, and on Linux the death of everything that escaped: for one's own work.
    None,
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Isolation::None => f.write_str("L0 none"),
        }
    }
}

/// The level that this grading has.
pub fn found() -> Isolation {
    Isolation::None
}
