//! The grader and the book on the whole repository. The tests are in one program because most of each is waiting for a deadline of some
//! wrong program, in which another one has the processor.

mod board;
mod book;
mod class;
#[cfg(target_os = "linux")]
mod hostile;
mod repository;
mod trace;

const GRADER: &str = env!("CARGO_BIN_EXE_workbook-grader");
