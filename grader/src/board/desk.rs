//! Somebody in front of the board: on a terminal with keys, or as lines that are printed.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::Result;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use harness::pi::Drive;
use nix::sys::signal::Signal;

use super::page::{self, Choices};
use super::run::Running;
use super::script::touch;
use crate::terminal::{self, Happening, Screen};

/// How often the page is painted.
const TICK: Duration = Duration::from_millis(50);
/// A tap on a key is a press of this length.
const TAP: Duration = Duration::from_millis(150);

/// Lets somebody look and press until the program is over and a key is pressed.
///
/// # Errors
/// The terminal cannot be used.
pub fn sit(running: &mut Running, title: &str) -> Result<()> {
    let (tell, happenings) = mpsc::channel();
    let (from_keys, from_signals) = (tell.clone(), tell);
    terminal::listen_to_signals(move |one| drop(from_signals.send(one)))?;
    let mut screen = Screen::open()?;
    terminal::listen_to_the_terminal(move |one| drop(from_keys.send(one)));
    let mut choices = Choices::default();
    loop {
        running.look();
        let lines = page::page(title, &running.pins, running.until, &choices, screen.size());
        screen.paint(&lines)?;
        match happenings.recv_timeout(TICK) {
            Ok(Happening::Key(_)) if running.pins.ended.is_some() => return Ok(()),
            Ok(Happening::Key(key)) => match key_means(key) {
                Some(Key::End) if choices.ending => running.signal(Signal::SIGKILL),
                Some(Key::End) => {
                    choices.ending = true;
                    running.signal(Signal::SIGTERM);
                }
                Some(Key::Interrupt) => running.signal(Signal::SIGINT),
                Some(Key::Hold) => choices.hold ^= true,
                Some(Key::Bounce) => choices.bounce ^= true,
                Some(Key::Button(number)) => press(running, number, &choices),
                None => {}
            },
            Ok(Happening::Resized) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Happening::Ended(_)) | Err(RecvTimeoutError::Disconnected) => {
                running.ask_to_end();
                return Ok(());
            }
        }
    }
}

/// What a key is for.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Button(usize),
    Hold,
    Bounce,
    Interrupt,
    End,
}

fn key_means(key: KeyEvent) -> Option<Key> {
    match (key.code, key.modifiers) {
        (KeyCode::Char('c'), KeyModifiers::CONTROL) => Some(Key::Interrupt),
        (KeyCode::Char(' '), _) => Some(Key::Button(0)),
        (KeyCode::Char(digit @ '1'..='9'), _) => Some(Key::Button(digit as usize - '1' as usize)),
        (KeyCode::Char('h'), _) => Some(Key::Hold),
        (KeyCode::Char('b'), _) => Some(Key::Bounce),
        (KeyCode::Char('q') | KeyCode::Esc, _) => Some(Key::End),
        _ => None,
    }
}

/// A tap: press and release. While keys hold, each of them does the one that is due.
fn press(running: &Running, number: usize, choices: &Choices) {
    let Some(bcm) = running.pins.buttons().get(number).copied() else {
        return;
    };
    let now = running.pi().now();
    let pressed = running.pins.pins.get(&bcm).is_some_and(|pin| pin.pressed());
    match pressed {
        true => touch(running.pi(), now, bcm, Drive::Open, choices.bounce),
        false => touch(running.pi(), now, bcm, Drive::Low, choices.bounce),
    }
    if !pressed && !choices.hold {
        touch(running.pi(), now + TAP, bcm, Drive::Open, choices.bounce);
    }
}

/// Prints what happens, a line for each thing, until the program is over. A signal ends it.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(running: &mut Running) -> Result<()> {
    let (tell, signals) = mpsc::channel();
    terminal::listen_to_signals(move |one| drop(tell.send(one)))?;
    let result = print_until(running, &signals);
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()), // `| head`
        done => Ok(done?),
    }
}

fn print_until(running: &mut Running, signals: &Receiver<Happening>) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    loop {
        for event in running.look() {
            writeln!(out, "{}", page::plain(&event))?;
        }
        out.flush()?;
        if running.pins.ended.is_some() {
            return Ok(());
        }
        if signals.recv_timeout(TICK).is_ok() {
            running.ask_to_end();
            for event in running.look() {
                writeln!(out, "{}", page::plain(&event))?;
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_a_meaning() {
        let key = |c| key_means(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        assert_eq!(
            (key(' '), key('1'), key('9')),
            (Some(Key::Button(0)), Some(Key::Button(0)), Some(Key::Button(8)))
        );
        assert_eq!(
            (key('h'), key('b'), key('q'), key('c')),
            (Some(Key::Hold), Some(Key::Bounce), Some(Key::End), None)
        );
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(key_means(control), Some(Key::Interrupt));
    }
}
