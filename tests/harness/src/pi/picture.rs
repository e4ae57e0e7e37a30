//! The pins drawn over time, for reports: one row for each pin that was used, and the last things that happened.

use super::{
    board::{PINS, Pin},
    event::{Event, Kind, Level, Mode, millis},
};
use std::time::Duration;

/// Columns of a row, and the widest line of a report.
const COLUMNS: usize = 60;
const WIDEST: usize = 76;
/// Events listed at the beginning and at the end.
const MOST: (usize, usize) = (6, 12);
/// More rows than this help nobody.
const ROWS: usize = 12;

/// The picture: lines of at most 76 characters, each ended by a newline.
pub(super) fn draw(events: &[Event], now: Duration) -> String {
    let used: Vec<u8> = (0..PINS as u8)
        .filter(|bcm| events.iter().any(|event| event.kind.pin() == Some(*bcm)))
        .collect();
    if used.is_empty() {
        return "the program touched no pin\n".to_owned() + &list(events);
    }
    let mut text = format!(
        "the pins, from 0 to {} of the Pi's time (▔ high, ▁ low, ░ floats)\n",
        millis(now)
    );
    for bcm in used.iter().take(ROWS) {
        let row = row(events, *bcm, now);
        let name = format!("BCM {bcm}");
        text += format!("{name:<7}{row}").trim_end();
        text.push('\n');
    }
    text + &list(events)
}

/// What a pin showed in each of the columns; the latest change in a column wins.
fn row(events: &[Event], bcm: u8, now: Duration) -> String {
    let mut pin = Pin {
        mode: Mode::Input,
        latch: Level::Low,
        pull: super::Pull::Off,
        wired: super::Drive::Open,
    };
    let mut events = events.iter().filter(|event| event.kind.pin() == Some(bcm)).peekable();
    let step = now.as_nanos() / COLUMNS as u128 + 1;
    let column = |column: usize| {
        let mut edge = false;
        let before = pin.level();
        while let Some(event) = events.next_if(|event| event.at.as_nanos() < step * (column as u128 + 1)) {
            apply(&mut pin, &event.kind);
            edge |= pin.level() != before;
        }
        match pin.level() {
            level if edge && level == before => '│',
            Some(Level::High) => '▔',
            Some(Level::Low) => '▁',
            None => '░',
        }
    };
    (0..COLUMNS).map(column).collect()
}

fn apply(pin: &mut Pin, kind: &Kind) {
    match kind {
        Kind::Latch(_, level) => pin.latch = *level,
        Kind::Mode(_, mode) => pin.mode = *mode,
        Kind::Pull(_, pull) => pin.pull = *pull,
        Kind::Wired(_, drive) => pin.wired = *drive,
        _ => {}
    }
}

fn list(events: &[Event]) -> String {
    let told: Vec<&Event> = events
        .iter()
        .filter(|event| !matches!(event.kind, Kind::Latch(..)))
        .collect();
    let last = told.len().saturating_sub(MOST.1).max(MOST.0.min(told.len()));
    let mut text = String::new();
    let line = |event: &&Event| {
        let line: String = event.to_string().chars().take(WIDEST).collect();
        line + "\n"
    };
    text.extend(told.iter().take(MOST.0).map(line));
    if last > MOST.0 {
        text += &format!("{:>12}  … {} more …\n", "", last - MOST.0);
    }
    text.extend(told[last..].iter().map(line));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ms: u64, kind: Kind) -> Event {
        Event {
            at: Duration::from_millis(ms),
            thread: 1,
            kind,
        }
    }

    #[test]
    fn a_blink_is_drawn_as_a_wave_of_bounded_width() {
        let mut events = vec![event(0, Kind::Mode(17, Mode::Output))];
        for n in 0..40 {
            events.push(event(100 * n, Kind::Latch(17, Level::from(n % 2 == 1))));
            events.push(event(100 * n, Kind::Driven(17, Some(Level::from(n % 2 == 1)))));
        }
        let picture = draw(&events, Duration::from_secs(4));
        assert!(picture.lines().all(|line| line.chars().count() <= WIDEST), "{picture}");
        let wave = picture.lines().nth(1).unwrap_or_default();
        assert!(wave.starts_with("BCM 17 ▁"), "{picture}");
        assert!(wave.contains("▁▔▔"), "{picture}");
        assert!(picture.contains("more …"), "{picture}");
    }
}
