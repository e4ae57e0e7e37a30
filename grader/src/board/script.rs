//! Inputs by time, written down: what somebody does to a board, for a run that can be repeated.
//!
//! ```text
//! # milliseconds, what, pin
//! 100  press 27
//! 180  release 27
//! 400  press 27 bouncing
//! 900  signal TERM
//! ```

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::pi::{Drive, HEADER, Pi};
use nix::sys::signal::Signal;

/// A contact that bounces does so for so many edges, this far apart.
pub const BOUNCES: u32 = 5;
/// See [`BOUNCES`].
pub const BOUNCE_GAP: Duration = Duration::from_millis(1);
/// A script that does not end the program does so this long after its last line.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    at: Duration,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Button { bcm: u8, to: Drive, bouncing: bool },
    Signal(Signal),
}

/// A whole script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script(Vec<Line>);

impl Script {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or a line in it is no action; the error names file and line.
    pub fn load(file: &Path) -> Result<Script> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Script::parse(&text).with_context(|| format!("{} has a mistake", file.display()))
    }

    fn parse(text: &str) -> Result<Script> {
        let mut script = Script::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            if !words.is_empty() {
                script
                    .0
                    .push(action(&words).with_context(|| format!("line {number}: `{}`", line.trim()))?);
            }
        }
        Ok(script)
    }

    /// Writes all of it down for this Pi. A script without a signal ends the program a second after its last line.
    pub fn give_to(&self, pi: &Pi) {
        for line in &self.0 {
            match line.what {
                What::Button { bcm, to, bouncing } => touch(pi, line.at, bcm, to, bouncing),
                What::Signal(signal) => pi.signal(line.at, signal),
            }
        }
        if !self.0.iter().any(|line| matches!(line.what, What::Signal(_))) {
            let last = self.0.iter().map(|line| line.at).max().unwrap_or_default();
            pi.signal(last + AFTERWARDS, Signal::SIGTERM);
        }
    }
}

/// A finger comes or goes.
pub fn touch(pi: &Pi, at: Duration, bcm: u8, to: Drive, bouncing: bool) {
    match bouncing {
        true => pi.bounce(at, bcm, to, BOUNCES, BOUNCE_GAP),
        false => pi.wire(at, bcm, to),
    }
}

fn action(words: &[&str]) -> Result<Line> {
    let [at, what, whom, rest @ ..] = words else {
        bail!("an action has a time in milliseconds, a verb and a pin: `100 press 27`");
    };
    let at = at
        .parse()
        .map(Duration::from_millis)
        .with_context(|| format!("`{at}` is not a number of milliseconds"))?;
    let bouncing = match rest {
        [] => false,
        ["bouncing"] => true,
        more => bail!("`{}` is too much; only `bouncing` may follow", more.join(" ")),
    };
    let what = match *what {
        "press" => button(whom, Drive::Low, bouncing)?,
        "release" => button(whom, Drive::Open, bouncing)?,
        "signal" => {
            ensure!(!bouncing, "signals do not bounce");
            let name = format!("SIG{}", whom.trim_start_matches("SIG"));
            What::Signal(
                name.parse()
                    .ok()
                    .with_context(|| format!("`{whom}` is no signal; try TERM or INT"))?,
            )
        }
        other => bail!("`{other}` is no verb; there are press, release and signal"),
    };
    Ok(Line { at, what })
}

fn button(pin: &str, to: Drive, bouncing: bool) -> Result<What> {
    let bcm = pin.parse().ok().filter(|bcm| *bcm <= HEADER);
    let bcm = bcm.with_context(|| format!("`{pin}` is no pin of the header, BCM 0 to {HEADER}"))?;
    Ok(What::Button { bcm, to, bouncing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_a_line_for_each_action() {
        let script =
            Script::parse("# a press\n100 press 27 bouncing # and\n\n180 release 27\n900 signal TERM\n").unwrap();
        let line = |ms, what| Line {
            at: Duration::from_millis(ms),
            what,
        };
        let press = |to, bouncing| What::Button { bcm: 27, to, bouncing };
        assert_eq!(
            script.0,
            [
                line(100, press(Drive::Low, true)),
                line(180, press(Drive::Open, false)),
                line(900, What::Signal(Signal::SIGTERM)),
            ]
        );
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, complaint) in [
            ("100 press", "a time in milliseconds, a verb and a pin"),
            ("1s press 27", "`1s` is not a number of milliseconds"),
            ("1 push 27", "there are press, release and signal"),
            ("1 press 28", "no pin of the header"),
            ("1 press 27 hard", "only `bouncing` may follow"),
            ("1 signal USR", "is no signal"),
            ("1 signal TERM bouncing", "signals do not bounce"),
        ] {
            let error = format!("{:#}", Script::parse(&format!("\n{text}\n")).unwrap_err());
            assert!(error.contains(complaint) && error.contains("line 2"), "{text}: {error}");
        }
    }
}
