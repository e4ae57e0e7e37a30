//! What the world outside does, and when.

use super::event::{Drive, Level};
use std::{collections::BTreeMap, time::Duration};

/// One thing that happens outside the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Something is connected to a pin, or taken away.
    Wire(u8, Drive),
    /// The program gets a signal.
    Signal(i32),
    /// Reading the events of this pin's line fails from now on.
    Break(u8),
    /// The reader of this pin's line is told of an edge to this level, whatever the pin did.
    Report(u8, Level),
}

/// Actions by the time at which they happen; those of one time in the order in which they were written down.
#[derive(Debug, Default)]
pub(super) struct Script {
    actions: BTreeMap<(Duration, u64), Action>,
    count: u64,
}

impl Script {
    pub fn add(&mut self, at: Duration, action: Action) {
        self.count += 1;
        self.actions.insert((at, self.count), action);
    }

    /// When the next one happens.
    pub fn next(&self) -> Option<Duration> {
        self.actions.keys().next().map(|(at, _)| *at)
    }

    /// The next one, if its time has come.
    pub fn take(&mut self, now: Duration) -> Option<Action> {
        let due = self.actions.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(due.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_come_in_the_order_of_their_times_and_then_of_writing() {
        let mut script = Script::default();
        let ms = Duration::from_millis;
        script.add(ms(2), Action::Signal(2));
        script.add(ms(1), Action::Wire(27, Drive::Low));
        script.add(ms(1), Action::Wire(27, Drive::Open));
        assert_eq!(script.next(), Some(ms(1)));
        assert_eq!(script.take(Duration::ZERO), None);
        assert_eq!(script.take(ms(1)), Some(Action::Wire(27, Drive::Low)));
        assert_eq!(script.take(ms(1)), Some(Action::Wire(27, Drive::Open)));
        assert_eq!(script.take(ms(1)), None);
        assert_eq!(script.take(ms(3)), Some(Action::Signal(2)));
        assert_eq!(script.next(), None);
    }
}
