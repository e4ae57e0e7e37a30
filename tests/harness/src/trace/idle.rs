//! Idleness, looked at from outside: a program that waits makes no call, and time does not make it do so.
use super::{Calls, Event};
use std::time::Duration;

/// A stretch of time in which a program did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// From the start of the conversation, as in [`Event`].
    pub from: Duration,
    /// The same.
    pub to: Duration,
}

impl Calls {
    /// The `select`, `poll` or `epoll_wait` in which the program sat during all of this time. It is recorded when it returns, so wake the
    /// program before asking.
    pub fn waited_through(&self, idle: Idle) -> Option<&Event> {
        self.iter()
            .find(|event| event.call.waits() && event.began <= idle.from && event.at >= idle.to)
    }
}

#[cfg(target_os = "linux")]
mod here {
    use super::Idle;
    use crate::{Program, escape::seconds, trace::Call};
    use std::{
        thread,
        time::{Duration, Instant},
    };

    const WAITS: [Call; 3] = [Call::Select, Call::Poll, Call::EpollWait];
    /// Processor time that a waiting program may seem to use; it is counted in steps of 10 ms.
    const NOTHING: f64 = 0.05;

    impl Program {
        /// Waits until the program sits inside `select`, `poll` or `epoll_wait` and has made no recorded call for `how_long`. Fails if it
        /// does not come to that within a step, or if it uses the processor meanwhile. To be asked when everything that the program has to do
        /// is seen to be done.
        pub fn expect_idle(&self, how_long: Duration, doing: &str) -> Idle {
            let (began, deadline) = (Instant::now(), self.session().step());
            let fail = |expected: &str, received: &str| self.session().fail_at(self.lane(), doing, expected, received);
            let record = self
                .record()
                .unwrap_or_else(|| panic!("`{}` was started without trace() or fault()", self.lane()));
            if record.wait_inside_one_of(&WAITS, deadline).is_err() {
                let calls = self.calls();
                let last = calls.last().map_or("no call at all".to_owned(), ToString::to_string);
                let received = format!("it is in none of them; the last recorded call was {last}");
                fail("the program waits in select, poll or epoll_wait", &received);
            }
            loop {
                let (from, used) = (record.now(), self.cpu_seconds());
                look_on(how_long);
                let idle = Idle { from, to: record.now() };
                let used = self.cpu_seconds() - used;
                let within = seconds(how_long);
                let calls = self.calls().within(idle.from, idle.to);
                // A kernel may take a while to deliver the last of what was sent; a program that looks up every now and then never stops.
                if !calls.is_empty() && Instant::now() < deadline {
                    continue;
                }
                if !calls.is_empty() {
                    let received = format!(
                        "calls in each {within} of {}; in the last one {}:\n{}",
                        seconds(began.elapsed()),
                        calls.len(),
                        calls.list()
                    );
                    fail(&format!("no call for {within}: there is nothing to do"), &received);
                }
                if used > NOTHING {
                    let received = format!("{used:.2} s of processor time within {within}");
                    fail("next to no processor time: there is nothing to do", &received);
                }
                let note = format!("makes no call for {within}");
                self.session().transcript.note(self.lane(), note);
                return idle;
            }
        }
    }

    #[allow(clippy::disallowed_methods)] // that nothing happens can only be seen by looking on for a while
    fn look_on(how_long: Duration) {
        thread::sleep(how_long);
    }
}

#[cfg(not(target_os = "linux"))]
#[allow(missing_docs, unused_variables)]
impl crate::Program {
    pub fn expect_idle(&self, how_long: Duration, doing: &str) -> Idle {
        panic!("only Linux can trace; ask `lab.can_trace()` first")
    }
}
