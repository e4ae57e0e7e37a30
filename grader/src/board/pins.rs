//! The pins as somebody looks at them: what each is used for, what it shows, and what it showed before. Made from events alone.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::pi::{Drive, Event, Kind, Level, Mode, Pin, Pull};

/// What happened at a board so far.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    /// By BCM number; only those that something happened to.
    pub pins: BTreeMap<u8, Watched>,
    /// All events that are worth a line, in order.
    pub told: Vec<Event>,
    /// How the program ended, when it has.
    pub ended: Option<String>,
}

/// One pin.
#[derive(Debug, Clone)]
pub struct Watched {
    now: Pin,
    /// It has been an output.
    drives: bool,
    /// It has had a resistor or an interrupt.
    listens: bool,
    /// Every level with the time from which it was there; `None`: it floats. Changes only.
    pub wave: Vec<(Duration, Option<Level>)>,
}

/// What a pin is for, as far as one can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The program drives it, or did: an LED hangs there.
    Led,
    /// The program listens to it: a button hangs there.
    Button,
    /// Neither.
    Other,
}

impl Pins {
    /// Takes what has happened since the last time.
    pub fn feed(&mut self, events: &[Event]) {
        for event in events {
            self.take(event);
        }
    }

    fn take(&mut self, event: &Event) {
        if let Some(bcm) = event.kind.pin() {
            self.pins.entry(bcm).or_insert_with(Watched::new).take(event);
        }
        if let Kind::Ended(how) = &event.kind {
            self.ended = Some(how.clone());
        }
        // A latch that is written is news only if the pin shows it, which is an event of its own.
        if !matches!(event.kind, Kind::Latch(..)) {
            self.told.push(event.clone());
        }
    }

    /// The pins at which somebody can press, in the order of their numbers.
    pub fn buttons(&self) -> Vec<u8> {
        let buttons = self.pins.iter().filter(|(_, pin)| pin.role() == Role::Button);
        buttons.map(|(bcm, _)| *bcm).collect()
    }

    /// When the last thing happened.
    pub fn last(&self) -> Duration {
        self.told.last().map(|event| event.at).unwrap_or_default()
    }
}

impl Watched {
    fn new() -> Watched {
        let now = Pin {
            mode: Mode::Input,
            latch: Level::Low,
            pull: Pull::Off,
            wired: Drive::Open,
        };
        Watched {
            now,
            drives: false,
            listens: false,
            wave: vec![(Duration::ZERO, None)],
        }
    }

    fn take(&mut self, event: &Event) {
        match event.kind {
            Kind::Latch(_, level) => self.now.latch = level,
            Kind::Mode(_, mode) => {
                self.now.mode = mode;
                self.drives |= mode == Mode::Output;
            }
            Kind::Pull(_, pull) => {
                self.now.pull = pull;
                self.listens |= pull != Pull::Off;
            }
            Kind::Wired(_, drive) => self.now.wired = drive,
            Kind::Interrupt(..) => self.listens = true,
            _ => {}
        }
        let level = self.now.level();
        if self.wave.last().is_none_or(|(_, last)| *last != level) {
            self.wave.push((event.at, level));
        }
    }

    /// What it is for.
    pub fn role(&self) -> Role {
        match (self.drives, self.listens) {
            (true, _) => Role::Led,
            (false, true) => Role::Button,
            (false, false) => Role::Other,
        }
    }

    /// Whether somebody holds it to ground.
    pub fn pressed(&self) -> bool {
        self.now.wired == Drive::Low
    }

    /// Whether the program lights it now.
    pub fn lit(&self) -> bool {
        self.now.driven() == Some(Level::High)
    }

    /// Its state in a word.
    pub fn word(&self) -> &'static str {
        match (self.role(), self.now.mode, self.now.level()) {
            (Role::Led, Mode::Output, Some(Level::High)) => "on",
            (Role::Led, Mode::Output, _) => "off",
            (Role::Led, ..) => "let go",
            (Role::Button, ..) if self.pressed() => "pressed",
            (Role::Button, ..) => "released",
            (_, _, Some(Level::High)) => "high",
            (_, _, Some(Level::Low)) => "low",
            (_, _, None) => "floats",
        }
    }

    /// The level at each of so many moments, `step` apart, the first one ending at `from + step`. A change and back in between is shown.
    pub fn columns(&self, from: Duration, step: Duration, count: usize) -> String {
        let mut wave = self.wave.iter().peekable();
        let mut level = None;
        while let Some((_, at_first)) = wave.next_if(|(at, _)| *at <= from) {
            level = *at_first;
        }
        let mut shown = String::new();
        let mut end = from;
        for _ in 0..count {
            end += step;
            let (before, mut changes) = (level, 0);
            while let Some((_, next)) = wave.next_if(|(at, _)| *at <= end) {
                level = *next;
                changes += 1;
            }
            shown.push(match level {
                _ if changes > 1 && level == before => '│',
                Some(Level::High) => '▔',
                Some(Level::Low) => '▁',
                None => '░',
            });
        }
        shown
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn event(ms: u64, kind: Kind) -> Event {
        Event {
            at: Duration::from_millis(ms),
            thread: 1,
            kind,
        }
    }

    /// What a lamp does: one press, on, the end.
    pub fn a_lamp() -> Vec<Event> {
        vec![
            event(0, Kind::Latch(17, Level::Low)),
            event(0, Kind::Mode(17, Mode::Output)),
            event(0, Kind::Pull(27, Pull::Up)),
            event(300, Kind::Wired(27, Drive::Low)),
            event(300, Kind::Latch(17, Level::High)),
            event(300, Kind::Driven(17, Some(Level::High))),
            event(300, Kind::Printed(r#""press 1 at 300 ms: led on\n""#.to_string())),
            event(310, Kind::Wired(27, Drive::Open)),
            event(320, Kind::Wired(27, Drive::Low)),
            event(500, Kind::Wired(27, Drive::Open)),
        ]
    }

    #[test]
    fn who_drives_a_pin_has_an_led_there_and_who_listens_a_button() {
        let mut pins = Pins::default();
        pins.feed(&a_lamp());
        assert_eq!(pins.pins[&17].role(), Role::Led);
        assert_eq!((pins.pins[&17].word(), pins.pins[&27].word()), ("on", "released"));
        assert_eq!(pins.buttons(), [27]);
        pins.feed(&[
            event(600, Kind::Mode(17, Mode::Input)),
            event(600, Kind::Ended("ended".into())),
        ]);
        assert_eq!(
            (pins.pins[&17].word(), pins.ended.as_deref()),
            ("let go", Some("ended"))
        );
    }

    #[test]
    fn a_wave_shows_levels_and_what_is_shorter_than_a_column() {
        let mut pins = Pins::default();
        pins.feed(&a_lamp());
        let columns =
            |bcm: u8, from: u64| pins.pins[&bcm].columns(Duration::from_millis(from), Duration::from_millis(100), 6);
        assert_eq!(columns(17, 0), "▁▁▔▔▔▔");
        assert_eq!(columns(27, 0), "▔▔▁│▔▔");
        assert_eq!(columns(27, 250), "▁▁▔▔▔▔");
    }
}
