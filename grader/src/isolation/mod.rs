//! Isolation: how a submission is kept from everything that is not its business.
//!
//! ```text
//! grader ── launcher ── … ── rustc                          a build: a jail of its own, no network
//! grader ── cell ── suite ── launcher ── … ── program       a check: the cell holds test and program, the jail only the program
//!        └─ janitor                                         removes what a killed grader leaves
//! ```
//!
//! Cell, launcher and janitor are the grader's own program under other names or arguments: see [`helper`]. The level is found by trying
//! ([`probe`]), never assumed, and everything fails closed: a jail that cannot be built runs nothing.

pub mod ended;
pub mod fault;
pub mod gaps;
mod level;
pub mod policy;
pub mod workplace;

#[cfg(target_os = "linux")]
mod cell;
#[cfg(target_os = "linux")]
mod control;
#[cfg(target_os = "linux")]
mod ending;
#[cfg(target_os = "linux")]
mod isolator;
#[cfg(target_os = "linux")]
mod jail;
#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
pub mod probe;
#[cfg(target_os = "linux")]
mod reached;
#[cfg(target_os = "linux")]
mod rights;
#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
mod slot;
#[cfg(target_os = "linux")]
mod view;

#[cfg(not(target_os = "linux"))]
mod elsewhere;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use level::{Finding, Isolation};
pub use workplace::Workplace;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Isolator, Slot, advice};
#[cfg(target_os = "linux")]
pub use {isolator::Isolator, probe::advice, slot::Slot};

/// The argument that makes the grader a cell.
const CELL: &str = "cell";

/// What a build needs to see.
#[derive(Debug, Clone, Copy)]
pub struct BuildView<'a> {
    /// The toolchain.
    pub sysroot: &'a Path,
    /// Libraries that submissions may use, and nothing else.
    pub libraries: &'a Path,
    /// The folder that the build reads and writes.
    pub stage: &'a Path,
}

/// What this process does if it was started as a cell, a launcher, a janitor or a probe, and not by a person.
pub fn helper() -> Option<ExitCode> {
    let mut args = std::env::args_os();
    let name = PathBuf::from(args.next()?);
    if name.file_name().is_some_and(|name| name == policy::LAUNCHER) {
        return launcher(name.parent()?, args.collect());
    }
    let what = args.next()?;
    if what == workplace::JANITOR {
        workplace::janitor(Path::new(&args.next()?));
        return Some(ExitCode::SUCCESS);
    }
    if what == CELL {
        let folder = PathBuf::from(args.next()?);
        let command: Vec<OsString> = args.collect();
        return Some(run_cell(&folder, &command));
    }
    looked_around(&what)
}

#[cfg(target_os = "linux")]
fn launcher(folder: &Path, command: Vec<OsString>) -> Option<ExitCode> {
    Some(jail::launch(folder, command))
}

#[cfg(target_os = "linux")]
fn run_cell(folder: &Path, command: &[OsString]) -> ExitCode {
    cell::run(folder, command)
}

#[cfg(target_os = "linux")]
fn looked_around(what: &std::ffi::OsStr) -> Option<ExitCode> {
    (what == probe::INSIDE).then(|| match probe::look_around() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn launcher(_: &Path, _: Vec<OsString>) -> Option<ExitCode> {
    None
}

#[cfg(not(target_os = "linux"))]
fn run_cell(_: &Path, command: &[OsString]) -> ExitCode {
    elsewhere::run_cell(command)
}

#[cfg(not(target_os = "linux"))]
fn looked_around(_: &std::ffi::OsStr) -> Option<ExitCode> {
    None
}

/// How many processes of this machine run the program with this device and inode, as far as they can be looked at.
pub fn running(device: u64, inode: u64) -> usize {
    use std::os::unix::fs::MetadataExt;
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let programs = processes.filter_map(|process| std::fs::metadata(process.path().join("exe")).ok());
    programs
        .filter(|program| (program.dev(), program.ino()) == (device, inode))
        .count()
}

/// Ends this process at once. For children that must not run what their parent left on the stack.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // _exit(2)
fn leave(code: i32) -> ! {
    // SAFETY: it does not return and touches nothing of ours.
    unsafe { nix::libc::_exit(code) }
}
