//! The processes that a program under test has started, as far as Linux shows them in `/proc`.

use crate::{Lab, Program, proc};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::time::{Duration, Instant};

impl Lab {
    /// Gives this process id a stable name in snapshots, `PID1`, as those of the programs that the lab started have one. For a process
    /// that the program under test started; a process knows its own id best (`sh -c 'echo $$'`), and in a jail nobody else does.
    pub fn saw_pid(&self, pid: u32) {
        self.session().saw_pid(pid.cast_signed());
    }

    /// Whether this system shows the processes that a program has started. If not, the check is marked as one that cannot run here.
    pub fn can_see_processes(&self) -> bool {
        let can = cfg!(target_os = "linux") && proc::shows_processes();
        if !can {
            self.not_run_here("this system does not show which processes a program has started");
        }
        can
    }
}

impl Program {
    /// Stops the program with SIGSTOP, but none of the processes that it started, which [`freeze`](Program::freeze) may stop too; returns
    /// when no thread of it runs any more. [`thaw`](Program::thaw) lets it go on.
    pub fn freeze_alone(&self) {
        let deadline = self.session().step();
        let note = "is frozen (SIGSTOP), its children are not";
        self.session().transcript.note(self.lane(), note);
        let subject = self.subject();
        let _ = kill(subject, Signal::SIGSTOP);
        let frozen = || {
            #[cfg(target_os = "linux")]
            if let Some(record) = self.record() {
                // In /proc, every stop of a traced call looks like a frozen thread.
                return record.wait_frozen(true, deadline);
            }
            !cfg!(target_os = "linux") || proc::is_stopped(subject)
        };
        while !frozen() {
            assert!(Instant::now() < deadline, "SIGSTOP did not stop process {subject}");
            proc::pause();
        }
    }

    /// Fails if the program uses the processor now, when there is nothing for it to do.
    ///
    /// How much a program could use in a second depends on what else the machine does, so no second is measured here: the test works
    /// until it has had 0.12 s of processor time itself. A program that looks all the time has had about as much by then, on the same
    /// processor or on another; one that waits has had none. Where the system does not tell, there is nothing to fail.
    #[cfg(target_os = "linux")]
    pub fn expect_at_rest(&self, doing: &str) {
        self.session().step();
        let before = self.cpu_seconds();
        work(Duration::from_millis(120));
        let used = self.cpu_seconds() - before;
        if used > AT_REST {
            let expected = format!(
                "at most {AT_REST} s of processor time: a program waits until there is something that it can do"
            );
            let received = format!("{used:.2} s, while this test itself used 0.12 s");
            self.session().fail_at(self.lane(), doing, &expected, &received);
        }
    }

    /// Here no system tells.
    #[cfg(not(target_os = "linux"))]
    pub fn expect_at_rest(&self, _: &str) {
        self.session().step();
    }

    /// Waits until at least so many of the processes that the program started are zombies: ended, and nobody has waited for them. 0 is for
    /// none at all.
    ///
    /// At least, because one that has just said its last word becomes a zombie only a moment later: nobody outside can tell when.
    pub fn expect_zombies(&self, count: usize, doing: &str) {
        let (since, deadline) = (Instant::now(), self.session().step());
        let subject: Pid = self.subject();
        loop {
            let zombies = proc::zombies(subject);
            if zombies.len() == count || (count > 0 && zombies.len() > count) {
                return;
            }
            if Instant::now() >= deadline {
                let expected = match count {
                    0 => "no zombie: a process that has ended and that nobody has waited for".to_owned(),
                    _ => format!("{count} of its children have ended"),
                };
                let waited = crate::escape::seconds(since.elapsed());
                let received = match zombies.len() {
                    0 => format!("no zombie after {waited}"),
                    1 => format!("1 zombie after {waited}: {}", zombies.join(", ")),
                    n => format!("{n} zombies after {waited}: {}", zombies.join(", ")),
                };
                self.session().fail_at(self.lane(), doing, &expected, &received);
            }
            proc::pause();
        }
    }
}

/// What a program at rest may use, in seconds; it is counted in steps of 10 ms.
#[cfg(target_os = "linux")]
const AT_REST: f64 = 0.04;

/// Uses the processor for so long, by this thread's own clock.
#[cfg(target_os = "linux")]
fn work(time: Duration) {
    use nix::sys::resource::{UsageWho, getrusage};
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap_or_else(|e| panic!("getrusage: {e}"));
        let micros = |t: nix::sys::time::TimeVal| t.tv_sec() * 1_000_000 + t.tv_usec();
        Duration::from_micros((micros(usage.user_time()) + micros(usage.system_time())).unsigned_abs())
    };
    let end = used() + time;
    while used() < end {
        for number in 0..10_000u32 {
            std::hint::black_box(number);
        }
    }
}
