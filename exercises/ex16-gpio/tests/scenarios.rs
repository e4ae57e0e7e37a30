//! Something to look at: `cargo grader trace ex16` draws the first one.
//!
//! Nothing here is graded. For pins that you can watch and press, there is `cargo grader board ex16`.

harness::exercise!("../rubric.toml");

/// Your lamp on a computer without pins.
#[test]
fn no_board() {
    let lab = lab().recorded();
    lab.run(["lamp"]).expect_code(1);
}
