//! The cell holds one test and the program that it starts, and dies whole.
//!
//! `grader cell -- SUITE ARGS…` is a process of its own:
//!
//! ```text
//! grader ── cell (subreaper) ── suite ── subject ── whatever the subject started
//! ```
//!
//! A process that detaches itself (setsid, double fork) is handed to the nearest subreaper when its parent ends: to the cell, not to
//! init. So after the suite's end the cell's children are what escaped; it kills them until there are none, and only then reports.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

/// Runs a suite in this process's cell; answers with the suite's exit status (128 + signal if a signal ended it).
///
/// # Errors
/// The suite cannot be started.
pub fn run(command: &[String]) -> Result<ExitCode> {
    ensure!(!command.is_empty(), "a cell needs a command");
    become_subreaper()?;
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", command[0]))?;
    kill_what_escaped();
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

#[cfg(target_os = "linux")]
fn become_subreaper() -> Result<()> {
    nix::sys::prctl::set_child_subreaper(true).context("cannot become the reaper of what a check leaves behind")
}

#[cfg(target_os = "linux")]
fn kill_what_escaped() {
    use nix::sys::signal::{Signal, kill};
    use nix::sys::wait::waitpid;
    use nix::unistd::Pid;

    let children = format!("/proc/self/task/{}/children", nix::unistd::gettid());
    loop {
        let escaped: Vec<i32> = std::fs::read_to_string(&children)
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect();
        if escaped.is_empty() {
            return;
        }
        // Its own children become ours at its end, so the next round meets them.
        for pid in escaped {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            let _ = waitpid(Pid::from_raw(pid), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn become_subreaper() -> Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn kill_what_escaped() {}
