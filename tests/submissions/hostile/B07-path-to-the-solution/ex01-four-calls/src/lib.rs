#[path = "../../../../../../../solutions/ex01-four-calls/src/lib.rs"]
mod solution;

pub use solution::*;
