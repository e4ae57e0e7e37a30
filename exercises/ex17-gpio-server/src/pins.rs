//! A list of pins on the command line: `17,22`. Given.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// BCM numbers, in the order in which they were named.
#[derive(Clone, Debug)]
pub struct Pins(pub Vec<u8>);

/// A word that is no pin.
#[derive(Debug)]
pub struct NoPin(String);

impl FromStr for Pins {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Pins, NoPin> {
        let words = text.split(',').filter(|_| !text.is_empty());
        let pins = words.map(|word| word.parse().map_err(|_| NoPin(word.to_string())));
        pins.collect::<Result<_, _>>().map(Pins)
    }
}

impl Display for NoPin {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is not the number of a pin", self.0)
    }
}

impl std::error::Error for NoPin {}
