//! Something to look at: `cargo grader trace ex16` draws the first one, `cargo grader trace ex16 no_board` the second.
//!
//! Nothing here is graded. Change a scenario, or write one more. On a fake Pi calls are not drawn, only what is said and what happens at
//! the pins. For pins that you can watch and press, there is `cargo grader board ex16`.

use std::time::Duration;

use harness::pi::Drive;

harness::exercise!("../rubric.toml");

/// One press that bounces at both ends, and a clean one.
#[test]
fn two_presses() {
    let lab = lab().recorded();
    let Some(pi) = lab.pi() else { return };
    pi.bounce(ms(100), 27, Drive::Low, 5, ms(1));
    pi.bounce(ms(180), 27, Drive::Open, 5, ms(1));
    pi.press(ms(400), 27);
    pi.release(ms(480), 27);
    lab.program(["lamp", "--presses", "2"]).on(&pi).run(b"");
}

/// Your lamp on a computer without pins.
#[test]
fn no_board() {
    let lab = lab().recorded();
    lab.run(["lamp"]).expect_code(1);
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
