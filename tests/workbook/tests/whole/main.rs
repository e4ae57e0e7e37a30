//! The grader and the book on the whole repository. The tests are in one program because most of each is waiting for a deadline of some
//! wrong program, in which another one has the processor.

mod board;
mod book;
mod class;
#[cfg(target_os = "linux")]
mod hostile;
mod repository;
mod trace;

use std::sync::Once;

const GRADER: &str = env!("CARGO_BIN_EXE_workbook-grader");

/// The grader on this repository.
fn grader() -> assert_cmd::Command {
    begin_what_takes_long();
    workbook::grader_in(GRADER, &workbook::repository())
}

/// The hostile programs mostly wait for deadlines, at the lower levels one after the other: the trials are begun before their turn, beside the
/// other tests. Not so when only some tests were asked for.
fn begin_what_takes_long() {
    static BEGUN: Once = Once::new();
    let some_were_asked_for = std::env::args().skip(1).any(|argument| !argument.starts_with('-'));
    BEGUN.call_once(|| {
        #[cfg(target_os = "linux")]
        if !some_were_asked_for {
            std::thread::spawn(|| {
                for trial in [&hostile::AT_L2, &hostile::AT_L1, &hostile::AT_L3] {
                    std::sync::LazyLock::force(trial);
                }
            });
        }
    });
}
