//! Pins, of which there are none: the methods are there for the compiler only.

use std::time::Duration;

use super::{Bias, Event, Level, Mode, Never, Result, Trigger};

/// A pin that nobody has decided about yet.
#[derive(Debug)]
pub struct Pin(Never);

/// A pin that is read.
#[derive(Debug)]
pub struct InputPin(Never);

/// A pin that is written.
#[derive(Debug)]
pub struct OutputPin(Never);

/// A pin whose use changes.
#[derive(Debug)]
pub struct IoPin(Never);

/// Methods that are never called, since there is no `self`.
macro_rules! never {
    ($($(#[$doc:meta])+ $name:ident(&$self:ident $(, $argument:ident: $type:ty)*) $(-> $result:ty)?;)*) => {
        $($(#[$doc])+ pub fn $name(&$self $(, $argument: $type)*) $(-> $result)? {
            $(let _ = $argument;)*
            match $self.0 {}
        })*
    };
    (mut $($(#[$doc:meta])+ $name:ident(&mut $self:ident $(, $argument:ident: $type:ty)*) $(-> $result:ty)?;)*) => {
        $($(#[$doc])+ pub fn $name(&mut $self $(, $argument: $type)*) $(-> $result)? {
            $(let _ = $argument;)*
            match $self.0 {}
        })*
    };
    (once $($(#[$doc:meta])+ $name:ident($self:ident $(, $argument:ident: $type:ty)*) $(-> $result:ty)?;)*) => {
        $($(#[$doc])+ pub fn $name($self $(, $argument: $type)*) $(-> $result)? {
            $(let _ = $argument;)*
            match $self.0 {}
        })*
    };
}

impl Pin {
    never! {
        /// Its BCM number.
        pin(&self) -> u8;
        /// What it is used for.
        mode(&self) -> Mode;
        /// Its level.
        read(&self) -> Level;
    }
    never! { once
        /// To be read, with the resistor as it is.
        into_input(self) -> InputPin;
        /// To be read, with the resistor to 0 V.
        into_input_pulldown(self) -> InputPin;
        /// To be read, with the resistor to 3.3 V.
        into_input_pullup(self) -> InputPin;
        /// To be written, at the level that was written last.
        into_output(self) -> OutputPin;
        /// To be written, low from the beginning.
        into_output_low(self) -> OutputPin;
        /// To be written, high from the beginning.
        into_output_high(self) -> OutputPin;
        /// For both.
        into_io(self, mode: Mode) -> IoPin;
    }
}

impl InputPin {
    never! {
        /// Its BCM number.
        pin(&self) -> u8;
        /// Its level.
        read(&self) -> Level;
        /// Whether its level is low.
        is_low(&self) -> bool;
        /// Whether its level is high.
        is_high(&self) -> bool;
        /// Whether the pin is put back as it was found.
        reset_on_drop(&self) -> bool;
    }
    never! { mut
        /// The resistor.
        set_bias(&mut self, bias: Bias);
        /// Whether the pin is to be put back as it was found.
        set_reset_on_drop(&mut self, reset_on_drop: bool);
        /// Asks for edges.
        ///
        /// # Errors
        /// None; nobody can call it.
        set_interrupt(&mut self, trigger: Trigger, debounce: Option<Duration>) -> Result<()>;
        /// Wants no edges any more.
        ///
        /// # Errors
        /// None; nobody can call it.
        clear_interrupt(&mut self) -> Result<()>;
        /// Waits for an edge.
        ///
        /// # Errors
        /// None; nobody can call it.
        poll_interrupt(&mut self, reset: bool, timeout: Option<Duration>) -> Result<Option<Event>>;
        /// Wants no more calls about edges.
        ///
        /// # Errors
        /// None; nobody can call it.
        clear_async_interrupt(&mut self) -> Result<()>;
    }

    /// Asks to be called about edges.
    ///
    /// # Errors
    /// None; nobody can call it.
    pub fn set_async_interrupt<C>(&mut self, _trigger: Trigger, _debounce: Option<Duration>, _callback: C) -> Result<()>
    where
        C: FnMut(Event) + Send + 'static,
    {
        match self.0 {}
    }
}

impl OutputPin {
    never! {
        /// Its BCM number.
        pin(&self) -> u8;
        /// Whether its level is low.
        is_set_low(&self) -> bool;
        /// Whether its level is high.
        is_set_high(&self) -> bool;
        /// Whether the pin is put back as it was found.
        reset_on_drop(&self) -> bool;
    }
    never! { mut
        /// Gives it this level.
        write(&mut self, level: Level);
        /// Makes it low.
        set_low(&mut self);
        /// Makes it high.
        set_high(&mut self);
        /// Makes it the other one.
        toggle(&mut self);
        /// Whether the pin is to be put back as it was found.
        set_reset_on_drop(&mut self, reset_on_drop: bool);
    }
}

impl IoPin {
    never! {
        /// Its BCM number.
        pin(&self) -> u8;
        /// What it is used for.
        mode(&self) -> Mode;
        /// Its level.
        read(&self) -> Level;
        /// Whether its level is low.
        is_low(&self) -> bool;
        /// Whether its level is high.
        is_high(&self) -> bool;
    }
    never! { mut
        /// Uses it for something else.
        set_mode(&mut self, mode: Mode);
        /// The resistor.
        set_bias(&mut self, bias: Bias);
        /// Gives it this level.
        write(&mut self, level: Level);
        /// Makes it low.
        set_low(&mut self);
        /// Makes it high.
        set_high(&mut self);
        /// Makes it the other one.
        toggle(&mut self);
    }
}
