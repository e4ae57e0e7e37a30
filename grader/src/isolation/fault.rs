//! Our own failures on the way into a cell or jail: which stage, and what the kernel said.

use std::fmt;
use std::io;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// A stage that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What was being done: `mount /proc`.
    pub stage: String,
    /// The kernel's error number; 0 when it was not the kernel.
    pub errno: i32,
}

/// The outcome of one stage.
pub type Staged<T> = Result<T, Fault>;

impl Fault {
    /// A failure that is not the kernel's.
    pub fn new(stage: impl Into<String>) -> Fault {
        Fault {
            stage: stage.into(),
            errno: 0,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errno {
            0 => f.write_str(&self.stage),
            errno => write!(f, "{}: {}", self.stage, Errno::from_raw(errno)),
        }
    }
}

impl std::error::Error for Fault {}

/// Names the stage in which a call failed.
pub trait Stage<T> {
    /// `mount(…).stage("mount /proc")`.
    fn stage(self, stage: &str) -> Staged<T>;
}

impl<T> Stage<T> for nix::Result<T> {
    fn stage(self, stage: &str) -> Staged<T> {
        self.map_err(|errno| Fault {
            stage: stage.to_string(),
            errno: errno as i32,
        })
    }
}

impl<T> Stage<T> for io::Result<T> {
    fn stage(self, stage: &str) -> Staged<T> {
        self.map_err(|error| match error.raw_os_error() {
            Some(errno) => Fault {
                stage: stage.to_string(),
                errno,
            },
            None => Fault::new(format!("{stage}: {error}")),
        })
    }
}
