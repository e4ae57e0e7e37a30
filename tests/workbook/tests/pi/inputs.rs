//! What comes to the program from outside: levels, edges, noise.
use super::{BUTTON, LED, Level, failure, lines, ms};
use harness::pi::{Drive, Edges, Kind};

#[test]
fn a_polled_button_is_seen_and_each_look_counted() {
    let (lab, pi) = pi!();
    pi.press(ms(2000), BUTTON);
    assert_eq!(lines(&lab, &pi, &["polled-button"]), ["pressed after 2000 ms"]);
    assert!((195..=205).contains(&pi.level_reads()), "{}", pi.level_reads());
    pi.expect_no_busy_waiting(0.01);
    let report = failure(|| pi.expect_level_reads_at_most(20));
    assert!(report.contains("again and again"), "{report}");
    let report = failure(|| pi.expect_interrupts(BUTTON, Edges::Falling));
    assert!(report.contains("it asked for none"), "{report}");
}

#[test]
fn a_busy_loop_on_a_level_is_busy() {
    let (lab, pi) = pi!();
    pi.press(ms(1000), BUTTON);
    let said = lines(&lab, &pi, &["busy-button"]);
    assert_eq!(said, ["pressed after 1000 ms"]);
    assert!(pi.spin_share() > 0.9, "{}", pi.spin_share());
    let report = failure(|| pi.expect_no_busy_waiting(0.05));
    assert!(report.contains("over and over"), "{report}");
}

#[test]
fn interrupts_arrive_when_their_edges_do() {
    let (lab, pi) = pi!();
    for at in [300, 800] {
        pi.press(ms(at), BUTTON);
        pi.release(ms(at + 100), BUTTON);
    }
    let said = lines(&lab, &pi, &["interrupts", "0", "1500"]);
    assert_eq!(
        said,
        [
            "FallingEdge 1 at 300 ms",
            "FallingEdge 2 at 800 ms",
            "nothing more at 2300 ms"
        ]
    );
    pi.expect_interrupts(BUTTON, Edges::Falling);
    pi.expect_level_reads_at_most(2);
    pi.expect_no_busy_waiting(0.01);
}

#[test]
fn the_kernel_debounces_where_it_is_asked_to() {
    let (lab, pi) = pi!();
    pi.bounce(ms(300), BUTTON, Drive::Low, 5, ms(1));
    pi.bounce(ms(800), BUTTON, Drive::Open, 3, ms(1));
    let said = lines(&lab, &pi, &["callbacks", "5", "1500"]);
    assert_eq!(said, ["FallingEdge at 309 ms", "RisingEdge at 807 ms"]);
}

#[test]
fn without_debouncing_each_edge_is_one() {
    let (lab, pi) = pi!();
    pi.bounce(ms(300), BUTTON, Drive::Low, 5, ms(1));
    let said = lines(&lab, &pi, &["callbacks", "0", "1500"]);
    let at: Vec<&str> = said.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(at, ["300", "301", "302", "303", "304"]);
}

#[test]
fn an_input_without_a_resistor_is_noisy_in_the_same_way_each_time() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (lab, pi) = pi!();
        seen.extend(lines(&lab, &pi, &["no-pull"]));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].contains('0') && seen[0].contains('1'), "{}", seen[0]);
    let (lab, pi) = pi!();
    pi.set_seed(2);
    assert_ne!(lines(&lab, &pi, &["no-pull"])[0], seen[0]);
}

#[test]
fn a_broken_board_is_an_error() {
    let (lab, pi) = pi!();
    pi.break_interrupts(ms(100), BUTTON);
    let finished = super::run(&lab, &pi, &["interrupts", "0", "1500"]).expect_code(1);
    assert!(finished.stderr_text().contains("os error 5"), "{finished:?}");
}

#[test]
fn who_waits_for_a_press_that_never_comes_is_told_so() {
    let (lab, pi) = pi!();
    let finished = super::run(&lab, &pi, &["waits-for-press"]);
    let report = failure(|| drop(finished.expect_code(0)));
    let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("it waits for ever") && flat.contains("waits for descriptors"),
        "{report}"
    );
    assert_eq!(pi.board().pin(LED).driven(), Some(Level::Low));
    assert!(
        pi.events()
            .iter()
            .any(|event| matches!(event.kind, Kind::Interrupt(BUTTON, ..)))
    );
}
