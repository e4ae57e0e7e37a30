//! Tracing as a test meets it: on [`Launch`], [`Program`] and [`Lab`].
use super::{Call, Calls, Event, Fault, Finding};
use crate::{Lab, Launch, Program};

impl Launch {
    /// Records these calls, under all their names ([`SOCKET_CALLS`](super::SOCKET_CALLS) is a good list). Of `read`, `write`, `close`
    /// and their like, those on sockets.
    pub fn trace(mut self, calls: &[Call]) -> Launch {
        self.plan().calls.extend_from_slice(calls);
        self
    }

    /// Records `read`, `write`, `close` and their like on files and pipes too.
    pub fn trace_files(mut self) -> Launch {
        self.plan().files = true;
        self
    }

    /// Lets socket calls go wrong. Several faults: each counts by itself. A call that is to fail is
    /// not clamped; of two that would fail it the first one wins.
    ///
    /// # Panics
    /// When no program could get on with the fault: `Clamp(0)`, `Eintr(1)`.
    pub fn fault(mut self, fault: Fault) -> Launch {
        fault.check().unwrap_or_else(|why| panic!("{why}"));
        self.plan().faults.push(fault);
        self
    }
}

impl Lab {
    /// Whether programs can be traced here. If not, the check is marked as `not run here`, and the test returns.
    pub fn can_trace(&self) -> bool {
        self.tracing().map_err(|why| self.not_run_here(&why)).is_ok()
    }

    /// Whether programs can be traced here; if not, why.
    pub(crate) fn tracing(&self) -> Result<(), String> {
        super::available()
    }

    /// Fails with the finding, if there is one.
    pub fn expect_calls(&self, doing: &str, finding: Result<(), Finding>) {
        match finding {
            Ok(()) => self.expect(doing, "", "", true),
            Err(Finding { expected, received }) => self.fail(doing, expected, received),
        }
    }
}

#[cfg(target_os = "linux")]
mod here {
    use super::*;
    use crate::trace::record::{Missed, Record};
    use std::time::Instant;

    impl Program {
        fn recording(&self) -> &Record {
            self.record()
                .unwrap_or_else(|| panic!("`{}` was started without trace() or fault()", self.lane()))
        }

        /// The recorded calls so far.
        ///
        /// # Panics
        /// When the recording has a hole, because the program made a million calls or the tracer failed: it would prove nothing.
        pub fn calls(&self) -> Calls {
            let taken = self.recording().now();
            Calls::new(self.recording().events(), taken)
        }

        /// Waits for the next `call` that returns. "Next" starts at the first call of the program, and goes on behind the one that the last
        /// such wait brought: nothing is missed by asking late.
        pub fn wait_for_call(&self, call: Call, doing: &str) -> Event {
            self.wait_for(call, doing, |event| event.is(call))
        }

        /// Like [`wait_for_call`](Program::wait_for_call), on this descriptor.
        pub fn wait_for_call_on(&self, fd: i32, call: Call, doing: &str) -> Event {
            self.wait_for(call, doing, |event| event.is(call) && event.fd == Some(fd))
        }

        fn wait_for(&self, call: Call, doing: &str, wanted: impl Fn(&Event) -> bool) -> Event {
            let (since, deadline) = (Instant::now(), self.session().step());
            match self.recording().wait_next(deadline, wanted) {
                Ok(event) => event,
                Err(missed) => self.missed(call, doing, "is called and returns", missed, since),
            }
        }

        /// Waits until the program is inside `call`: it has called and not returned. Gives the descriptor, where the call names one.
        pub fn wait_inside(&self, call: Call, doing: &str) -> Option<i32> {
            let (since, deadline) = (Instant::now(), self.session().step());
            match self.recording().wait_inside(call, deadline) {
                Ok(fd) => fd,
                Err(missed) => self.missed(call, doing, "is called and waits", missed, since),
            }
        }

        fn missed(&self, call: Call, doing: &str, expected: &str, missed: Missed, since: Instant) -> ! {
            let calls = self.calls();
            let last = calls.last().map_or("no call was recorded".to_owned(), |event| {
                format!("the last recorded call was {event}")
            });
            let why = match missed {
                Missed::Deadline => format!("no {call} within {}; {last}", self.session().late(since)),
                Missed::Ended => format!("no {call} before the program ended; {last}"),
            };
            self.session()
                .fail_at(self.lane(), doing, &format!("{call} {expected}"), &why)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::*;
    const NEVER: &str = "only Linux can trace; ask `lab.can_trace()` first";

    #[allow(missing_docs, unused_variables)]
    impl Program {
        pub fn calls(&self) -> Calls {
            panic!("{NEVER}")
        }
        pub fn wait_for_call(&self, call: Call, doing: &str) -> Event {
            panic!("{NEVER}")
        }
        pub fn wait_for_call_on(&self, fd: i32, call: Call, doing: &str) -> Event {
            panic!("{NEVER}")
        }
        pub fn wait_inside(&self, call: Call, doing: &str) -> Option<i32> {
            panic!("{NEVER}")
        }
    }
}
