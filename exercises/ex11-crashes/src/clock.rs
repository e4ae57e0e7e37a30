//! What time it is, for the server: the time that passes, or the time that somebody says. Given.

use std::str::FromStr;
use std::time::{Duration, Instant};

/// A clock that shows milliseconds since the server has started.
#[derive(Clone, Copy)]
pub enum Clock {
    /// The real one.
    Real(Instant),
    /// One that stands still, until somebody moves its hands: `ADVANCE 1500`.
    Manual(u64),
}

impl FromStr for Clock {
    type Err = std::io::Error;

    fn from_str(which: &str) -> std::io::Result<Clock> {
        match which {
            "real" => Ok(Clock::Real(Instant::now())),
            "manual" => Ok(Clock::Manual(0)),
            _ => Err(std::io::Error::other("there are two clocks, `real` and `manual`")),
        }
    }
}

impl Clock {
    /// What it shows.
    pub fn now_ms(self) -> u64 {
        match self {
            Clock::Real(since) => since.elapsed().as_millis() as u64,
            Clock::Manual(ms) => ms,
        }
    }

    /// Moves its hands, and gives what it shows then. `None`: nobody moves the real one.
    pub fn advance(&mut self, ms: u64) -> Option<u64> {
        let Clock::Manual(now) = self else {
            return None;
        };
        *now = now.saturating_add(ms);
        Some(*now)
    }

    /// How long the server waits for a request before it looks whose lease is over. `None`: for ever.
    pub fn patience(self, lease_ms: u64) -> Option<Duration> {
        match self {
            Clock::Real(_) => Some(Duration::from_millis((lease_ms / 4).clamp(5, 250))),
            Clock::Manual(_) => None,
        }
    }
}
