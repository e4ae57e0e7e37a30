//! The grader on a course of one small exercise that each test breaks in its own way: bad input, traps, limits, the audit.
//!
//! Such courses share one folder to build in, so these tests take turns whatever the number of threads.

mod audit;
mod course;
mod evening;
mod ledger;
#[cfg(target_os = "linux")]
mod limits;
mod reports;
mod roster;
mod traps;

const GRADER: &str = env!("CARGO_BIN_EXE_workbook-grader");
