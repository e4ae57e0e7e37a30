//! The part of rppal that is about pins. Its own documentation says what each item does on a board: <https://docs.rs/rppal/0.22.1/rppal/gpio>.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::ops::Not;
use std::time::Duration;

mod pins;

pub use pins::{InputPin, IoPin, OutputPin, Pin};

/// What can go wrong.
#[derive(Debug)]
pub enum Error {
    /// This computer is none that rppal knows: here, always.
    UnknownModel,
    /// Somebody in this program has the pin already.
    PinUsed(u8),
    /// There is no such pin.
    PinNotAvailable(u8),
    /// A file may not be opened.
    PermissionDenied(String),
    /// A system call failed.
    Io(io::Error),
    /// The thread of an asynchronous interrupt panicked.
    ThreadPanic,
}

impl Display for Error {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownModel => out.write_str("Unknown Raspberry Pi model"),
            Error::PinUsed(pin) => write!(out, "Pin {pin} is already in use"),
            Error::PinNotAvailable(pin) => write!(out, "Pin {pin} is not available"),
            Error::PermissionDenied(path) => write!(out, "Permission denied: {path}"),
            Error::Io(error) => write!(out, "I/O error: {error}"),
            Error::ThreadPanic => out.write_str("Thread panicked"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}

/// What most functions here return.
pub type Result<T> = std::result::Result<T, Error>;

/// What a pin is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // as rppal has them
pub enum Mode {
    Input,
    Output,
    Alt0,
    Alt1,
    Alt2,
    Alt3,
    Alt4,
    Alt5,
    Alt6,
    Alt7,
    Alt8,
    Null,
}

/// The level of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Near 0 V.
    Low = 0,
    /// Near 3.3 V.
    High = 1,
}

impl Display for Level {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

impl From<bool> for Level {
    fn from(high: bool) -> Level {
        if high { Level::High } else { Level::Low }
    }
}

impl From<u8> for Level {
    fn from(number: u8) -> Level {
        Level::from(number != 0)
    }
}

impl Not for Level {
    type Output = Level;

    fn not(self) -> Level {
        Level::from(self == Level::Low)
    }
}

/// The resistor between a pin and a fixed level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// None.
    Off,
    /// To 0 V.
    PullDown,
    /// To 3.3 V.
    PullUp,
}

/// Which edges an interrupt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// None.
    Disabled,
    /// From low to high.
    RisingEdge,
    /// From high to low.
    FallingEdge,
    /// Both.
    Both,
}

/// An edge.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When it was, since the system was started.
    pub timestamp: Duration,
    /// Its number among those of the pin.
    pub seqno: u32,
    /// Which one it was.
    pub trigger: Trigger,
}

/// There is no value of this type, so there is none of the types that contain it, and no call of their methods ever happens.
#[derive(Clone, Copy, Debug)]
enum Never {}

/// The board.
#[derive(Clone, Debug)]
pub struct Gpio(Never);

impl Gpio {
    /// Looks for the board.
    ///
    /// # Errors
    /// [`Error::UnknownModel`], always.
    pub fn new() -> Result<Gpio> {
        Err(Error::UnknownModel)
    }

    /// A pin by its BCM number.
    ///
    /// # Errors
    /// None, since there is no board to ask.
    pub fn get(&self, _pin: u8) -> Result<Pin> {
        match self.0 {}
    }

    /// Waits for an edge at one of several pins.
    ///
    /// # Errors
    /// None, since there is no board to ask.
    pub fn poll_interrupts<'a>(
        &self,
        _pins: &[&'a InputPin],
        _reset: bool,
        _timeout: Option<Duration>,
    ) -> Result<Option<(&'a InputPin, Event)>> {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_board() {
        let error = Gpio::new().unwrap_err();
        assert!(matches!(error, Error::UnknownModel));
        assert_eq!(error.to_string(), "Unknown Raspberry Pi model");
    }
}
