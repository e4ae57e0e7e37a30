//! The board as a page of lines: pins with their waves, the last things that happened, and the keys.

use std::time::Duration;

use crossterm::style::{StyledContent, Stylize};
use harness::pi::{Event, Kind};

use super::pins::{Pins, Role, Watched};
use crate::report::sanitize;
use crate::terminal::Line;

/// One column of a wave.
const STEP: Duration = Duration::from_millis(100);
/// What stands to the left of a wave.
const LEFT: usize = 28;

/// What the one who looks has chosen.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Buttons bounce.
    pub bounce: bool,
    /// A key presses, and the next one lets go.
    pub hold: bool,
    /// Somebody has asked the program to end.
    pub ending: bool,
}

/// The page for a terminal of this many columns and rows.
pub fn page(title: &str, pins: &Pins, now: Duration, choices: &Choices, (columns, rows): (usize, usize)) -> Vec<Line> {
    let mut lines = vec![head(title, now, columns), Line::default()];
    if pins.pins.is_empty() {
        lines.push(Line::plain("The program has not touched a pin yet."));
    }
    let buttons = pins.buttons();
    for (bcm, pin) in &pins.pins {
        let key = buttons.iter().position(|button| button == bcm);
        lines.push(row(*bcm, pin, key, now, columns));
    }
    lines.push(Line::default());
    let keys = keys(pins, choices, buttons.len());
    let room = rows.saturating_sub(lines.len() + keys.len() + 1);
    let last = pins.told.len().saturating_sub(room);
    lines.extend(pins.told[last..].iter().map(told));
    lines.resize_with(rows.saturating_sub(keys.len()).max(lines.len()), Line::default);
    lines.extend(keys);
    lines
}

fn head(title: &str, now: Duration, columns: usize) -> Line {
    let time = format!("{:.1} s", now.as_secs_f64());
    let title: String = sanitize::line(title)
        .chars()
        .take(columns.saturating_sub(time.len() + 2))
        .collect();
    let gap = columns.saturating_sub(title.chars().count() + time.len());
    Line(vec![title.bold(), " ".repeat(gap).stylize(), time.dim()])
}

fn row(bcm: u8, pin: &Watched, key: Option<usize>, now: Duration, columns: usize) -> Line {
    let (sign, what) = match pin.role() {
        Role::Led if pin.lit() => ("●".to_string().yellow().bold(), "LED"),
        Role::Led => ("○".to_string().dim(), "LED"),
        Role::Button => (named(key).bold(), "button"),
        Role::Other => (" ".to_string().stylize(), ""),
    };
    let word = format!(" BCM {bcm:<2}  {what:<6}  {:<9} ", pin.word());
    let word = match pin.lit() || pin.pressed() {
        true => word.bold(),
        false => word.stylize(),
    };
    let count = columns.saturating_sub(LEFT + 1);
    let from = now.saturating_sub(STEP * u32::try_from(count).unwrap_or(u32::MAX));
    // From the left until the line is full, and then it scrolls, a whole column at a time.
    let from = from - Duration::from_nanos((from.as_nanos() % STEP.as_nanos()) as u64);
    let shown = ((now - from).as_nanos().div_ceil(STEP.as_nanos()) as usize).min(count);
    let wave = pin.columns(from, STEP, shown);
    let wave = if pin.role() == Role::Led {
        wave.yellow()
    } else {
        wave.cyan()
    };
    Line(vec![sign, word, wave])
}

/// The key of the nth button.
fn named(key: Option<usize>) -> String {
    key.filter(|key| *key < 9)
        .map_or(" ".to_string(), |key| (key + 1).to_string())
}

/// One line about an event: `   0.300 s  BCM 17 goes high`.
pub fn told(event: &Event) -> Line {
    let at = format!("{:>9.3} s  ", event.at.as_secs_f64());
    Line(vec![at.dim(), words(event)])
}

fn words(event: &Event) -> StyledContent<String> {
    match &event.kind {
        Kind::Printed(text) => format!("│ {}", sanitize::line(said(text))).bold(),
        kind => sanitize::line(&kind.to_string()).stylize(),
    }
}

/// What a program printed, without the quotation marks and the line's end that are around it in an event.
pub fn said(text: &str) -> &str {
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inside.map_or(text, |text| text.strip_suffix(r"\n").unwrap_or(text))
}

/// The same as text.
pub fn plain(event: &Event) -> String {
    format!("{:>9.3} s  {}", event.at.as_secs_f64(), words(event).content())
}

fn keys(pins: &Pins, choices: &Choices, buttons: usize) -> Vec<Line> {
    if let Some(how) = &pins.ended {
        let how = format!(
            "The program is over: {}. Any key leaves the board.",
            sanitize::line(how)
        );
        return vec![how.bold().into()];
    }
    let switch = |on: bool| if on { "on" } else { "off" };
    let press = match buttons {
        0 => "no button yet".to_string(),
        1 => "space or 1: press".to_string(),
        more => format!("1 to {}: press", more.min(9)),
    };
    let end = if choices.ending { "q: kill" } else { "q: end" };
    let (hold, bounce) = (switch(choices.hold), switch(choices.bounce));
    let line = format!("{press}   h: hold ({hold})   b: bounce ({bounce})   {end}   Ctrl-C: SIGINT");
    vec![line.dim().into()]
}

#[cfg(test)]
mod tests {
    use super::super::pins::tests::{a_lamp, event};
    use super::*;

    fn text(lines: &[Line]) -> String {
        let line = |line: &Line| line.0.iter().map(|piece| piece.content().as_str()).collect::<String>();
        lines
            .iter()
            .map(|one| line(one).trim_end().to_string() + "\n")
            .collect()
    }

    fn shown(pins: &Pins, ms: u64, size: (usize, usize)) -> String {
        text(&page(
            "ex16 lamp",
            pins,
            Duration::from_millis(ms),
            &Choices::default(),
            size,
        ))
    }

    #[test]
    fn a_board_of_80_columns() {
        let mut pins = Pins::default();
        pins.feed(&a_lamp());
        insta::assert_snapshot!(shown(&pins, 1000, (80, 16)), @r"
        ex16 lamp                                                                  1.0 s

        ● BCM 17  LED     on        ▁▁▔▔▔▔▔▔▔▔
        1 BCM 27  button  released  ▔▔▁│▔▔▔▔▔▔

            0.000 s  BCM 17 becomes output
            0.000 s  BCM 27 has pull-up
            0.300 s  BCM 27 is connected to ground from outside
            0.300 s  BCM 17 goes high
            0.300 s  │ press 1 at 300 ms: led on
            0.310 s  BCM 27 is open from outside
            0.320 s  BCM 27 is connected to ground from outside
            0.500 s  BCM 27 is open from outside


        space or 1: press   h: hold (off)   b: bounce (off)   q: end   Ctrl-C: SIGINT
        ");
    }

    #[test]
    fn the_page_fits_whatever_size_the_terminal_has() {
        let mut pins = Pins::default();
        pins.feed(&a_lamp());
        for rows in [8, 24, 60] {
            for columns in [20, 80, 200] {
                let page = shown(&pins, 60_000, (columns, rows));
                assert_eq!(page.lines().count(), rows.max(8), "{columns} × {rows}");
                let waves = page.lines().filter(|line| line.contains('▁') || line.contains('▔'));
                assert!(
                    waves.into_iter().all(|line| line.chars().count() <= columns.max(LEFT)),
                    "{page}"
                );
            }
        }
    }

    #[test]
    fn the_end_is_said_and_what_a_program_prints_moves_no_cursor() {
        let mut pins = Pins::default();
        pins.feed(&[
            event(1, Kind::Printed("\x1b[2Jhello".into())),
            event(2, Kind::Ended("exit code 0".into())),
        ]);
        let page = shown(&pins, 2, (80, 12));
        assert!(page.contains("The program is over: exit code 0."), "{page}");
        assert!(!page.contains('\x1b'), "{page}");
    }
}
