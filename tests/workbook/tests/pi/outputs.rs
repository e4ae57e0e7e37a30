//! What the program does to its pins.
use super::{BUTTON, Kind, LED, Level, failure, levels, lines, run};
use harness::pi::{Mode, Pull};
use std::collections::HashMap;

#[test]
fn a_blink_has_an_exact_timeline_and_the_same_one_twice() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (lab, pi) = pi!();
        lines(&lab, &pi, &["blink", "17", "3", "1000"]);
        let (high, low) = (Level::High, Level::Low);
        pi.expect_timeline(
            LED,
            &[
                (0, low),
                (0, high),
                (500, low),
                (1000, high),
                (1500, low),
                (2000, high),
                (2500, low),
            ],
        );
        pi.expect_starts(LED, low);
        pi.expect_let_go(&[LED]);
        pi.expect_dark(&[LED]);
        pi.expect_no_busy_waiting(0.01);
        runs.push(pi.events());
    }
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn none_of_forty_thousand_writes_by_four_threads_is_lost_and_their_order_is_kept() {
    let (lab, pi) = pi!();
    lines(&lab, &pi, &["burst", "4", "10000"]);
    let mut last: HashMap<u8, (Level, u32)> = HashMap::new();
    for event in pi.events() {
        if let Kind::Latch(pin, level) = event.kind {
            let before = last.get(&pin).map_or((Level::High, 0), |before| *before);
            assert_ne!(before.0, level, "BCM {pin}, write {}", before.1);
            last.insert(pin, (level, before.1 + 1));
        }
    }
    // The first one is of `into_output_low`.
    assert_eq!(last.len(), 4);
    assert!(last.values().all(|(_, writes)| *writes == 10_001), "{last:?}");
}

#[test]
fn a_latch_that_is_set_after_the_mode_is_seen() {
    let (lab, pi) = pi!();
    lines(&lab, &pi, &["high-from-the-start"]);
    pi.expect_starts(LED, Level::High);
    let report = failure(|| pi.expect_starts(22, Level::High));
    assert!(report.contains("it came up low"), "{report}");
    assert!(report.contains("BCM 22 ") && report.contains("▔"), "{report}");
}

#[test]
fn a_pin_by_its_position_on_the_header_is_recognised() {
    let (lab, pi) = pi!();
    lines(&lab, &pi, &["blink", "11", "1", "10"]);
    let report = failure(|| pi.expect_timeline(LED, &[(0, Level::Low)]));
    let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("11 is the position of BCM 17 on the header"), "{report}");
}

#[test]
fn the_order_of_levels_goes_across_pins() {
    let (lab, pi) = pi!();
    lines(&lab, &pi, &["high-from-the-start"]);
    let (high, low) = (Level::High, Level::Low);
    pi.expect_order(&[(LED, high), (LED, low), (22, low), (22, high), (22, low)]);
    let report = failure(|| pi.expect_order(&[(22, low), (22, high), (22, low), (LED, high), (LED, low)]));
    assert!(report.contains("BCM 17 high"), "{report}");
}

#[test]
fn a_program_that_tells_of_pins_has_not_touched_any() {
    let (lab, pi) = pi!();
    run(&lab, &pi, &["liar"]);
    let touched = |kind: &Kind| matches!(kind, Kind::Latch(..) | Kind::Driven(..) | Kind::Mode(..));
    assert!(
        !pi.events().iter().any(|event| touched(&event.kind)),
        "{}",
        pi.picture()
    );
    assert_eq!(pi.board().pin(LED).mode, Mode::Input);
}

#[test]
fn accesses_that_are_no_plain_moves_are_seen_too() {
    let (lab, pi) = pi!();
    assert_eq!(lines(&lab, &pi, &["folded"]), ["1"]);
    let seen: Vec<Option<Level>> = levels(&pi, LED).into_iter().map(|(_, level)| level).collect();
    assert_eq!(seen, [Some(Level::Low), Some(Level::High), Some(Level::Low), None]);
}

#[test]
fn rppal_finds_a_raspberry_pi_3_and_what_it_has() {
    let (lab, pi) = pi!();
    let said = lines(&lab, &pi, &["model"]);
    assert_eq!(said[0], "Raspberry Pi 3 B");
    assert!(said[1].contains("99") && said[2].contains("17"), "{said:?}");
    assert_eq!(said[3], "4");
}

#[test]
fn a_resistor_is_seen() {
    let (lab, pi) = pi!();
    pi.press(super::ms(20), BUTTON);
    lines(&lab, &pi, &["polled-button"]);
    pi.expect_pull(BUTTON, Pull::Up);
    let report = failure(|| pi.expect_pull(BUTTON, Pull::Down));
    assert!(report.contains("it has pull-up"), "{report}");
}
