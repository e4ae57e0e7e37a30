//! Descriptors: how many the test itself may have, and how a program has opened one of its own.

use crate::{Lab, Program, proc};
use nix::{
    libc,
    sys::resource::{Resource, getrlimit, setrlimit},
};

impl Lab {
    /// Lets this test open so many descriptors at once: a crowd of clients is more than the 1024 that a process usually gets. False marks
    /// the check `not run here`, since this machine allows fewer: the test then returns.
    pub fn can_open(&self, descriptors: u64) -> bool {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, 0));
        let enough = soft >= descriptors
            || (hard >= descriptors && setrlimit(Resource::RLIMIT_NOFILE, descriptors, hard).is_ok());
        if !enough {
            self.not_run_here(&format!(
                "a process may open {hard} descriptors here, and the check needs {descriptors}"
            ));
        }
        enough
    }
}

impl Program {
    /// Whether its descriptor `fd` is non-blocking (`O_NONBLOCK`); None where the system does not tell, or there is no such descriptor.
    pub fn is_nonblocking(&self, fd: i32) -> Option<bool> {
        proc::open_flags(self.subject(), fd).map(|flags| flags & libc::O_NONBLOCK != 0)
    }
}
