//! What can happen at the pins, and the words for it.

use std::{fmt, time::Duration};

/// A logic level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// 0 V
    Low,
    /// 3.3 V
    High,
}

/// What a pin does (BCM2835 ARM Peripherals, table 6-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The pin listens.
    Input,
    /// The program drives the pin.
    Output,
    /// One of the six alternate functions; the number is the one of the data sheet.
    Alt(u8),
}

/// The resistor inside the chip that gives an input a level when nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pull {
    /// None.
    Off,
    /// Towards 0 V.
    Down,
    /// Towards 3.3 V.
    Up,
}

/// What is connected to a pin outside the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Drive {
    /// Nothing: a button that is not pressed.
    Open,
    /// Ground: a button that is pressed.
    Low,
    /// 3.3 V.
    High,
}

/// Which changes of level an interrupt is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edges {
    /// From low to high.
    Rising,
    /// From high to low.
    Falling,
    /// Each change.
    Both,
}

/// One thing that happened, by the clock of the fake Pi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the program started, in the Pi's own time.
    pub at: Duration,
    /// Who did it: 1 is the program's first thread, 2 the next one that was born; 0 is the world outside.
    pub thread: u32,
    /// What it was.
    pub kind: Kind,
}

/// One access of the program to the registers of the chip, as it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Bytes from the first register (BCM2835 ARM Peripherals, section 6.1).
    pub offset: u64,
    /// What was stored, or what the load got.
    pub value: u32,
    /// A store, not a load.
    pub stores: bool,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The program set or cleared the output latch of a pin, whether or not that changed anything (GPSETn, GPCLRn).
    Latch(u8, Level),
    /// The level that the program puts on a pin is another one now; `None`: it drives the pin no longer.
    Driven(u8, Option<Level>),
    /// The program changed what a pin does (GPFSELn).
    Mode(u8, Mode),
    /// The program changed the resistor of a pin (GPPUD, GPPUDCLKn).
    Pull(u8, Pull),
    /// Something outside was connected to a pin, or taken away.
    Wired(u8, Drive),
    /// The program asked for interrupts at a pin (`GPIO_V2_GET_LINE_IOCTL`), with the time for which the kernel is to ignore bouncing.
    Interrupt(u8, Edges, Option<Duration>),
    /// It wants them no longer.
    NoInterrupt(u8),
    /// It was told of an edge: the level after it.
    Edge(u8, Level),
    /// The program wrote this to its stdout, shortened.
    Printed(String),
    /// This signal was sent to it.
    Signal(i32),
    /// It made this call, which starts a timer that the Pi's clock knows nothing of: the call failed (ENOSYS).
    NoTimer(&'static str),
    /// The program is over, in words.
    Ended(String),
}

impl Level {
    /// The other one.
    pub fn other(self) -> Level {
        Level::from(self == Level::Low)
    }
}

impl From<bool> for Level {
    fn from(high: bool) -> Level {
        if high { Level::High } else { Level::Low }
    }
}

impl Edges {
    /// Whether a change to `level` is one of these.
    pub fn wants(self, level: Level) -> bool {
        match self {
            Edges::Both => true,
            Edges::Rising => level == Level::High,
            Edges::Falling => level == Level::Low,
        }
    }
}

impl Kind {
    /// The pin that it is about, if it is about one.
    pub fn pin(&self) -> Option<u8> {
        match self {
            Kind::Latch(pin, _) | Kind::Driven(pin, _) | Kind::Mode(pin, _) | Kind::Pull(pin, _) => Some(*pin),
            Kind::Wired(pin, _) | Kind::Interrupt(pin, ..) | Kind::NoInterrupt(pin) | Kind::Edge(pin, _) => Some(*pin),
            Kind::Printed(_) | Kind::Signal(_) | Kind::NoTimer(_) | Kind::Ended(_) => None,
        }
    }
}

/// Milliseconds with two digits behind the point: `2500.00 ms`. Finer than that, times are costs of our own making.
pub fn millis(at: Duration) -> String {
    let hundredths = (at.as_micros() + 5) / 10;
    format!("{}.{:02} ms", hundredths / 100, hundredths % 100)
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Level::High { "high" } else { "low" })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Input => f.write_str("input"),
            Mode::Output => f.write_str("output"),
            Mode::Alt(n) => write!(f, "alternate function {n}"),
        }
    }
}

impl fmt::Display for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pull::Off => "no pull",
            Pull::Down => "pull-down",
            Pull::Up => "pull-up",
        })
    }
}

impl fmt::Display for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Drive::Open => "open",
            Drive::Low => "connected to ground",
            Drive::High => "connected to 3.3 V",
        })
    }
}

impl fmt::Display for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Edges::Rising => "rising edges",
            Edges::Falling => "falling edges",
            Edges::Both => "both edges",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Latch(pin, level) => write!(f, "BCM {pin}: latch {level}"),
            Kind::Driven(pin, Some(level)) => write!(f, "BCM {pin} goes {level}"),
            Kind::Driven(pin, None) => write!(f, "BCM {pin} is driven no longer"),
            Kind::Mode(pin, mode) => write!(f, "BCM {pin} becomes {mode}"),
            Kind::Pull(pin, pull) => write!(f, "BCM {pin} has {pull}"),
            Kind::Wired(pin, drive) => write!(f, "BCM {pin} is {drive} from outside"),
            Kind::Interrupt(pin, edges, None) => write!(f, "BCM {pin}: interrupts for {edges}"),
            Kind::Interrupt(pin, edges, Some(debounce)) => {
                write!(
                    f,
                    "BCM {pin}: interrupts for {edges}, debounced for {}",
                    millis(*debounce)
                )
            }
            Kind::NoInterrupt(pin) => write!(f, "BCM {pin}: no more interrupts"),
            Kind::Edge(pin, level) => write!(f, "BCM {pin}: interrupt, {level}"),
            Kind::Printed(text) => write!(f, "prints {text}"),
            Kind::Signal(number) => write!(f, "gets signal {number}"),
            Kind::NoTimer(call) => write!(f, "calls {call}, which the fake Pi has not"),
            Kind::Ended(how) => f.write_str(how),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12}  {}", millis(self.at), self.kind)
    }
}
