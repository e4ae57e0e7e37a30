//! Systems that are not Linux: level L0, for one's own work. The same names as on Linux, and nothing behind them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, RwLock};

use anyhow::{Context, Result};

use super::fault::Fault;
use super::policy::{JailLimits, Visible};
use super::{BuildView, Finding, Isolation, Workplace};

/// What one worker grades with.
#[derive(Debug)]
pub struct Slot;

/// The level of this grading.
#[derive(Debug)]
pub struct Isolator {
    /// What was found here.
    pub finding: Finding,
    grader: PathBuf,
    /// Held by a check: two programs that want the same port have to take turns.
    pub one_network: Mutex<()>,
    /// Shared by all that builds or runs; held alone by a check that was lost because the machine was busy, when it is run again.
    pub machine: RwLock<()>,
}

impl Isolator {
    /// L0.
    ///
    /// # Errors
    /// None.
    pub fn find(grader: &Path, _: Isolation) -> Result<Isolator> {
        let failed = vec![(Isolation::SameUid, Fault::new("Linux"))];
        let finding = Finding {
            level: Isolation::None,
            proc: false,
            failed,
        };
        Ok(Isolator {
            finding,
            grader: grader.into(),
            one_network: Mutex::new(()),
            machine: RwLock::new(()),
        })
    }

    /// L0.
    pub fn level(&self) -> Isolation {
        Isolation::None
    }

    /// One for each of `workers`.
    ///
    /// # Errors
    /// None.
    pub fn slots(&self, workers: usize) -> Result<Vec<Slot>> {
        Ok((0..workers).map(|_| Slot).collect())
    }

    /// The folder of this run.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn workplace(&self, wanted: &Path) -> Result<Workplace> {
        Workplace::new(wanted, false, &self.grader)
    }

    /// Nothing is hidden here.
    ///
    /// # Errors
    /// None.
    pub fn refuse_visible(&self, _: &[&Path]) -> Result<()> {
        Ok(())
    }

    /// The program itself.
    ///
    /// # Errors
    /// None.
    pub fn build(&self, _: &Slot, _: &Path, _: BuildView, _: JailLimits, program: &Path) -> Result<Command> {
        Ok(Command::new(program))
    }

    /// Nothing is hidden here.
    ///
    /// # Errors
    /// None.
    pub fn programs(&self, _: &[String]) -> Result<Vec<Visible>> {
        Ok(Vec::new())
    }

    /// A process around the suite, without a launcher.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn cell_with(
        &self,
        _: &Slot,
        folder: &Path,
        _: JailLimits,
        _: &Path,
        _: &[Visible],
    ) -> Result<(Command, Option<PathBuf>)> {
        std::fs::create_dir_all(folder.join(super::policy::TMP)).context("cannot make a temporary folder")?;
        let mut command = Command::new(&self.grader);
        command.arg(super::CELL).arg(folder);
        Ok((command, None))
    }
}

/// The suite and nothing around it.
pub fn run_cell(command: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else {
        return ExitCode::FAILURE;
    };
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).status();
    status
        .ok()
        .and_then(|status| status.code())
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8))
}

/// What would raise the level.
pub fn advice(_: Isolation, _: &Fault) -> String {
    "grade on Linux, or in a container".into()
}
