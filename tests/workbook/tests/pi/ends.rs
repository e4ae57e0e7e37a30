//! How the board is left, however the program ends.
use super::{Exit, LED, failure, ms, run};
use nix::sys::signal::Signal;

#[test]
fn drop_lets_go_of_the_pins_and_whatever_skips_it_does_not() {
    for (how, exit, let_go) in [
        ("by-return", Exit::Code(0), true),
        ("by-error", Exit::Code(1), true),
        ("by-panic", Exit::Code(101), true),
        ("by-exit", Exit::Code(7), false),
        ("by-abort", Exit::Signal(6), false),
        ("by-null", Exit::Signal(11), false),
    ] {
        let (lab, pi) = pi!();
        let finished = run(&lab, &pi, &["left", how]);
        assert_eq!(finished.exit, exit, "{how}: {finished:?}");
        if let_go {
            pi.expect_let_go(&[LED]);
        } else {
            let report = failure(|| pi.expect_let_go(&[LED]));
            assert!(report.contains("it is still output, high"), "{how}: {report}");
        }
        let report = failure(|| pi.expect_dark(&[LED]));
        assert!(report.contains("high, since"), "{how}: {report}");
    }
}

#[test]
fn a_signal_comes_at_its_time() {
    for (signal, number) in [(Signal::SIGINT, 2), (Signal::SIGTERM, 15), (Signal::SIGKILL, 9)] {
        let (lab, pi) = pi!();
        pi.signal(ms(1300), signal);
        let finished = run(&lab, &pi, &["left", "by-waiting"]);
        assert_eq!(finished.exit, Exit::Signal(number), "{finished:?}");
        assert!((ms(1300)..ms(1301)).contains(&pi.now()), "{:?}", pi.now());
        failure(|| pi.expect_let_go(&[LED]));
    }
}

#[test]
fn a_handler_gets_its_signal_and_sleep_its_rest() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (lab, pi) = pi!();
        pi.signal(ms(1310), signal);
        let finished = run(&lab, &pi, &["left", "by-handler"]);
        assert_eq!(finished.exit, Exit::Code(0), "{finished:?}");
        pi.expect_let_go(&[LED]);
        // std goes on sleeping for what is left of its nap, so the flag is seen at its end.
        assert!((ms(1350)..ms(1351)).contains(&pi.now()), "{:?}", pi.now());
    }
}
