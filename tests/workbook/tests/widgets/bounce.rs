//! The bounce scope: which falling edges are presses, asked of `ex16`'s debouncer.

use std::collections::BTreeMap;

use bookkit::widget::{Frame, Widget};
use serde_json::json;

use super::programs::Probe;
use super::{frame, holds, setting, strip, table};

/// Milliseconds for which a level lasts at least, in the drawing.
const TICK: u64 = 5;
/// The window that is chosen at first.
const WINDOW: u64 = 20;
const WINDOWS: [(&str, &str); 4] = [("5", "5 ms"), ("20", "20 ms"), ("30", "30 ms"), ("60", "60 ms")];
/// The level at each tick: a press with a bounce, its release with another one, and a short press.
const TRAIN: [bool; 24] = {
    let (high, low) = (true, false);
    [
        high, high, low, high, low, low, low, low, low, low, high, low, high, high, high, high, high, high, low, low,
        high, high, high, high,
    ]
};

#[test]
fn bounce() {
    let mut probe = Probe::of("ex16");
    let presses = rule(&mut probe);
    every_short_train_follows_the_rule(&mut probe, &presses);
    let first = first(&presses);
    let train: Vec<u8> = TRAIN.map(u8::from).to_vec();
    let widget = Widget {
        title: "Contacts bounce".into(),
        lead: "A button pulls its pin low. Press a number to change the level from there on for 5 ms, and choose how long a rest has to be before a press counts. *Step through the edges.*".into(),
        settings: vec![setting("Window", &WINDOWS)],
        ends: Vec::new(),
        first: WINDOW.to_string(),
        runs: BTreeMap::from([(WINDOW.to_string(), vec![first])]),
        rules: json!({ "tick": TICK, "train": train, "presses": presses }),
    };
    holds("bounce", &widget);
}

/// The debouncer's answers to each kind of edge.
fn rule(probe: &mut Probe) -> BTreeMap<&'static str, bool> {
    let cases = [
        ("first/low", "100L", 100),
        ("first/high", "100H", 100),
        ("soon/low", "0L 50H 69L", 69),
        ("soon/high", "0L 19H", 19),
        ("rested/low", "0L 50H 70L", 70),
        ("rested/high", "0L 50H", 50),
    ];
    cases
        .into_iter()
        .map(|(key, edges, at)| (key, pressed(probe, edges).contains(&at)))
        .collect()
}

/// The times of the presses that the debouncer finds in these edges.
fn pressed(probe: &mut Probe, edges: &str) -> Vec<u64> {
    let answer = probe.ask(&format!("debounce {WINDOW} {edges}"));
    if answer == "no press" {
        return Vec::new();
    }
    let times = answer
        .strip_prefix("pressed at ")
        .and_then(|rest| rest.strip_suffix(" ms"));
    let times = times.unwrap_or_else(|| panic!("debounce {edges}: {answer}"));
    times.split(", ").map(|time| time.parse().unwrap()).collect()
}

/// The drawing knows no other edges than these, so the rule has to tell the presses of every train. Tried: all of eight ticks.
fn every_short_train_follows_the_rule(probe: &mut Probe, presses: &BTreeMap<&'static str, bool>) {
    for number in 0..256_u32 {
        let train: Vec<bool> = (0..8).map(|tick| number & (1 << tick) != 0).collect();
        let edges = edges(&train, WINDOW, presses);
        if edges.is_empty() {
            continue;
        }
        let asked: Vec<String> = edges
            .iter()
            .map(|edge| format!("{}{}", edge.at, if edge.high { "H" } else { "L" }))
            .collect();
        let expected: Vec<u64> = edges.iter().filter(|edge| edge.press).map(|edge| edge.at).collect();
        assert_eq!(pressed(probe, &asked.join(" ")), expected, "{asked:?}");
    }
}

struct Edge {
    at: u64,
    high: bool,
    rest: Option<u64>,
    press: bool,
}

/// The edges of a train that begins high, as `scripts/bounce.js` finds them.
fn edges(train: &[bool], window: u64, presses: &BTreeMap<&'static str, bool>) -> Vec<Edge> {
    let (mut level, mut last, mut found) = (true, None, Vec::new());
    for (tick, high) in train.iter().copied().enumerate() {
        if high == level {
            continue;
        }
        let at = TICK * u64::try_from(tick).unwrap();
        let rest = last.map(|last| at - last);
        let kind = match rest {
            None => "first",
            Some(rest) if rest >= window => "rested",
            Some(_) => "soon",
        };
        let press = presses[format!("{kind}/{}", if high { "high" } else { "low" }).as_str()];
        found.push(Edge { at, high, rest, press });
        (level, last) = (high, Some(at));
    }
    found
}

/// The first frame; `scripts/bounce.js` puts all others together in the same way.
fn first(presses: &BTreeMap<&'static str, bool>) -> Frame {
    let edge = &edges(&TRAIN, WINDOW, presses)[0];
    assert!(
        edge.press && !edge.high && edge.rest.is_none(),
        "the drawing begins with a press"
    );
    let mut next = frame(format!(
        "The level goes down at {} ms: a press. Presses so far: 1.",
        edge.at
    ));
    let cell = |(tick, high): (usize, &bool)| {
        let at = TICK * u64::try_from(tick).unwrap();
        let new = if at == edge.at { " new" } else { "" };
        (at.to_string(), format!("{}{new}", if *high { "high" } else { "low" }))
    };
    next.strips.push(strip(
        "The level of the pin; low is pressed",
        TRAIN.iter().enumerate().map(cell).collect(),
    ));
    let row = [format!("{} ms", edge.at), "down".into(), "-".into(), "press".into()];
    next.tables.push(table(
        &format!("Edges, with a window of {WINDOW} ms"),
        &["at", "edge", "rest before", "press?"],
        vec![row.to_vec()],
    ));
    next
}
