//! The hidden checks. CANARY-7f3a91c2-hidden

harness::exercise!("../../../exercises/ex01-small/rubric.toml");

#[test]
fn halves() {
    let lab = lab();
    let answers = lab.probe(&["halve 6", "halve 7"]);
    lab.expect_eq("halving an even and an odd number", answers, ["3", "3"]);
}
