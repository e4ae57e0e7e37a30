//! The public checks.

harness::exercise!("../rubric.toml");

#[test]
fn doubles() {
    let lab = lab();
    let answers = lab.probe(&["double 3", "double 0"]);
    lab.expect_eq("doubling 3 and 0", answers, ["6", "0"]);
}
