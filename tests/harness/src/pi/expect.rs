//! What a test may ask of the pins. Each failure shows the pins over time and says what was seen instead.

use super::{
    Pi,
    event::{Edges, Event, Kind, Level, Mode, Pull, millis},
    header, picture,
};
use std::{collections::BTreeSet, time::Duration};

/// Times are exact but for what the program's own steps cost: a fraction of this.
const TOLERANCE: Duration = Duration::from_micros(500);
/// Longer lists of levels are cut in a report.
const SHOWN: usize = 24;

impl Pi {
    /// Fails unless the program put exactly these levels on the pin, at these times in milliseconds. Times are exact to half a millisecond.
    /// What happens when the pin is let go is not part of it.
    pub fn expect_timeline(&self, bcm: u8, expected: &[(u64, Level)]) {
        let seen = self.driven(bcm);
        let fits = |((at, level), (ms, wanted)): (&(Duration, Level), &(u64, Level))| {
            level == wanted && at.abs_diff(Duration::from_millis(*ms)) <= TOLERANCE
        };
        let right = seen.len() == expected.len() && seen.iter().zip(expected).all(fits);
        let wanted = expected.iter().map(|(ms, level)| format!("{level} at {ms} ms"));
        let levels = seen.iter().map(|(at, level)| format!("{level} at {}", millis(*at)));
        self.ensure(
            right,
            &format!("looking at the levels of BCM {bcm}"),
            &listed(wanted),
            || listed(levels) + &self.instead(bcm),
        );
    }

    /// Fails unless the program changed the levels of these pins in this order, times aside. The first level of each pin, which comes
    /// with its becoming an output, counts as a change.
    pub fn expect_order(&self, expected: &[(u8, Level)]) {
        let pins: BTreeSet<u8> = expected.iter().map(|(pin, _)| *pin).collect();
        let events = self.events();
        let seen: Vec<(u8, Level)> = events
            .iter()
            .filter_map(|event| match event.kind {
                Kind::Driven(pin, Some(level)) if pins.contains(&pin) => Some((pin, level)),
                _ => None,
            })
            .collect();
        let words = |list: &[(u8, Level)]| listed(list.iter().map(|(pin, level)| format!("BCM {pin} {level}")));
        let untouched = pins.iter().find(|pin| seen.iter().all(|(used, _)| used != *pin));
        self.ensure(
            seen == expected,
            "looking at the order of levels",
            &words(expected),
            || words(&seen) + &untouched.map(|pin| self.instead(*pin)).unwrap_or_default(),
        );
    }

    /// Fails unless the pin became an output, and had this level from the first moment: the latch was set before the mode.
    pub fn expect_starts(&self, bcm: u8, level: Level) {
        let events = self.events();
        let becomes = events
            .iter()
            .position(|event| event.kind == Kind::Mode(bcm, Mode::Output));
        let first = becomes.and_then(|at| {
            events[at..].iter().find_map(|event| match event.kind {
                Kind::Driven(pin, level) if pin == bcm => level,
                _ => None,
            })
        });
        self.ensure(
            first == Some(level),
            &format!("looking at how BCM {bcm} became an output"),
            &format!("an output that is {level} from its first moment"),
            || match first {
                Some(first) => {
                    format!("it came up {first}: the level has to be there before the pin becomes an output")
                }
                None => format!("it never was an output{}", self.instead(bcm)),
            },
        );
    }

    /// Fails unless the program made the pin an input with this resistor, and with no other one before.
    pub fn expect_pull(&self, bcm: u8, pull: Pull) {
        let events = self.events();
        let first = events.iter().find_map(|event| match event.kind {
            Kind::Pull(pin, given) if pin == bcm && (given != Pull::Off || pull == Pull::Off) => Some(given),
            _ => None,
        });
        self.ensure(
            first == Some(pull),
            &format!("looking at the resistor of BCM {bcm}"),
            &format!("an input with {pull}"),
            || match first {
                Some(other) => format!("it has {other}"),
                None => format!(
                    "it has none: an input that nothing drives shows noise{}",
                    self.instead(bcm)
                ),
            },
        );
    }

    /// Fails unless the program asked for interrupts at the pin that include these edges.
    pub fn expect_interrupts(&self, bcm: u8, edges: Edges) {
        let events = self.events();
        let asked: Vec<Edges> = events
            .iter()
            .filter_map(|event| match event.kind {
                Kind::Interrupt(pin, edges, _) if pin == bcm => Some(edges),
                _ => None,
            })
            .collect();
        let right = asked.iter().any(|asked| *asked == edges || *asked == Edges::Both);
        self.ensure(
            right,
            &format!("looking at the interrupts of BCM {bcm}"),
            &format!("interrupts for {edges}"),
            || match asked.is_empty() {
                false => listed(asked.iter().map(|edges| format!("interrupts for {edges}"))),
                true => format!(
                    "it asked for none, and read the levels {} times{}",
                    self.level_reads(),
                    self.instead(bcm)
                ),
            },
        );
    }

    /// Fails when the program read the levels more often: then it polls instead of waiting.
    pub fn expect_level_reads_at_most(&self, most: u64) {
        let reads = self.level_reads();
        let time = millis(self.now());
        self.ensure(
            reads <= most,
            "counting how often the program read the levels",
            &format!("at most {most} times"),
            || format!("{reads} times in {time}: it asks again and again instead of waiting"),
        );
    }

    /// Fails when more than this part of the time (0.0 to 1.0) was spent in a busy loop.
    pub fn expect_no_busy_waiting(&self, most: f64) {
        let share = self.spin_share();
        self.ensure(
            share <= most,
            "looking how the program waits",
            &format!("busy for at most {:.0} % of the Pi's time", 100.0 * most),
            || {
                format!(
                    "it was busy for {:.0} % of it, looking at the clock or at a level over and over",
                    100.0 * share
                )
            },
        );
    }

    /// Fails unless these pins, as the program left them, are driven by nobody: they are inputs again.
    pub fn expect_let_go(&self, pins: &[u8]) {
        let board = self.board();
        for bcm in pins {
            let mode = board.pin(*bcm).mode;
            self.ensure(
                mode == Mode::Input,
                &format!("looking at how BCM {bcm} was left"),
                "an input, which drives nothing",
                || {
                    let level = board
                        .pin(*bcm)
                        .driven()
                        .map_or_else(String::new, |level| format!(", {level}"));
                    format!("it is still {mode}{level}: what is connected to it goes on")
                },
            );
        }
    }

    /// Fails unless the last level that the program put on each of these pins was low. A pin that was never driven is dark.
    pub fn expect_dark(&self, pins: &[u8]) {
        for bcm in pins {
            let last = self.driven(*bcm).last().copied();
            self.ensure(
                last.is_none_or(|(_, level)| level == Level::Low),
                &format!("looking at the last level of BCM {bcm}"),
                "low",
                || match last {
                    Some((at, level)) => format!("{level}, since {}", millis(at)),
                    None => String::new(),
                },
            );
        }
    }

    /// The pins over time and the last things that happened, as reports show them: lines of at most 76 characters.
    pub fn picture(&self) -> String {
        picture::draw(&self.events(), self.now())
    }

    /// The levels that the program put on a pin.
    fn driven(&self, bcm: u8) -> Vec<(Duration, Level)> {
        let timeline = self.timeline(bcm).into_iter();
        timeline.filter_map(|(at, level)| Some((at, level?))).collect()
    }

    fn ensure(&self, right: bool, doing: &str, expected: &str, received: impl FnOnce() -> String) {
        if let Some(session) = &self.session {
            session.step();
        }
        if !right {
            self.fail(doing, expected, &received());
        }
    }

    pub(super) fn fail(&self, doing: &str, expected: &str, received: &str) -> ! {
        let received = match self.stopped() {
            Some(why) if !received.contains(&why) => format!("{received}\nThe program was stopped: {why}"),
            _ => received.to_owned(),
        };
        match &self.session {
            Some(session) => session.fail(doing, expected, &received),
            None => panic!("{doing}: expected {expected}, received {received}"),
        }
    }

    /// A sentence about pins that were used although this one was meant.
    fn instead(&self, meant: u8) -> String {
        let events = self.events();
        let touched = |event: &&Event| {
            matches!(
                event.kind,
                Kind::Mode(..) | Kind::Driven(..) | Kind::Pull(..) | Kind::Interrupt(..)
            )
        };
        let used: BTreeSet<u8> = events
            .iter()
            .filter(touched)
            .filter_map(|event| event.kind.pin())
            .collect();
        if used.contains(&meant) {
            return String::new();
        }
        if let Some(why) = used.iter().find_map(|used| header::mistake(meant, *used)) {
            return format!("\n{why}");
        }
        match used.is_empty() {
            true if self.shared.lock().opened => "\nNo pin was used".to_owned(),
            true => "\nThe program never asked for the GPIO (Gpio::new)".to_owned(),
            false => format!("\nUsed were {}", listed(used.iter().map(|bcm| format!("BCM {bcm}")))),
        }
    }
}

fn listed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    let more = words.len().saturating_sub(SHOWN);
    let mut text = words.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if words.is_empty() {
        text += "nothing";
    }
    if more > 0 {
        text += &format!(", and {more} more");
    }
    text
}
