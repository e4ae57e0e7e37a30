//! How many threads a program has, as far as Linux shows them in `/proc`.

use crate::{Program, proc};
use std::time::Instant;

impl Program {
    /// Fails if the program has more than `most` threads now, its first one included. Where the system does not tell, there is nothing to
    /// fail.
    pub fn expect_threads_at_most(&self, most: usize, doing: &str) {
        self.session().step();
        let threads = proc::threads(self.subject());
        if threads > most {
            self.too_many(threads, most, doing);
        }
    }

    /// The same, of a program that has something to finish first: waits until it is so.
    pub fn expect_threads_to_fall_to(&self, most: usize, doing: &str) {
        let deadline: Instant = self.session().step();
        loop {
            let threads = proc::threads(self.subject());
            if threads <= most {
                return;
            }
            if Instant::now() >= deadline {
                self.too_many(threads, most, doing);
            }
            proc::pause();
        }
    }

    fn too_many(&self, threads: usize, most: usize, doing: &str) -> ! {
        let expected = format!("at most {most} threads, the program's first one included");
        self.session()
            .fail_at(self.lane(), doing, &expected, &format!("{threads} threads"))
    }
}
