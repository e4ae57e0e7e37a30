//! What the rest of the grader uses: it knows the level and makes the commands that run a build or a check at that level.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, RwLock};

use anyhow::{Context, Result, ensure};

use super::level::{Finding, Isolation};
use super::policy::{JailLimits, Policy, Visible};
use super::probe;
use super::slot::Slot;
use super::view::{self, Runtime};
use super::workplace::{Workplace, reachable};
use super::{BuildView, CELL};

/// The level of this grading, and how to give it to a build or a check.
#[derive(Debug)]
pub struct Isolator {
    /// What was found here.
    pub finding: Finding,
    grader: PathBuf,
    runtime: Runtime,
    /// Held by a check that has no network of its own: two programs that want the same port have to take turns.
    pub one_network: Mutex<()>,
    /// Shared by all that builds or runs; held alone by a check that was lost because the machine was busy, when it is run again.
    pub machine: RwLock<()>,
}

impl Isolator {
    /// Finds the best level up to `at_most`. `grader` is the grader's own program: cell and launcher.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn find(grader: &Path, at_most: Isolation) -> Result<Isolator> {
        let runtime = Runtime::of(grader)?;
        let finding = probe::probe(grader, &runtime, at_most);
        Ok(Isolator {
            finding,
            grader: grader.to_path_buf(),
            runtime,
            one_network: Mutex::new(()),
            machine: RwLock::new(()),
        })
    }

    /// The level of this grading.
    pub fn level(&self) -> Isolation {
        self.finding.level
    }

    /// One slot for each of `workers`.
    ///
    /// # Errors
    /// No user ids are free.
    pub fn slots(&self, workers: usize) -> Result<Vec<Slot>> {
        let users = self.level() >= Isolation::OwnUid && Slot::users_exist();
        Slot::several(workers, users)
    }

    /// The folder of this run, in `wanted` if every slot can reach it there.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn workplace(&self, wanted: &Path) -> Result<Workplace> {
        Workplace::new(wanted, self.level() == Isolation::OwnUid, &self.grader)
    }

    /// Refuses folders that hold what no submission may see, where every build sees them.
    ///
    /// # Errors
    /// One of them lies in a folder of the system.
    pub fn refuse_visible(&self, hidden: &[&Path]) -> Result<()> {
        let seen = if self.level() == Isolation::None {
            None
        } else {
            view::seen_by_build(hidden)
        };
        let said = seen.map(|path| path.display().to_string()).unwrap_or_default();
        ensure!(
            seen.is_none(),
            "{said} lies in a folder that every compiler sees; move the course elsewhere, for example to /srv"
        );
        Ok(())
    }

    /// `program` of the toolchain in a jail of its own without a network; `folder` becomes the jail's home. At L0 it just runs.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn build(
        &self,
        slot: &Slot,
        folder: &Path,
        see: BuildView,
        limits: JailLimits,
        program: &Path,
    ) -> Result<Command> {
        if self.level() == Isolation::None {
            return Ok(Command::new(program));
        }
        if let Some(uid) = slot.uid {
            std::os::unix::fs::chown(see.stage, Some(uid), Some(uid)).context("cannot give the build its folder")?;
        }
        // Below L3 the compiler stays where it is, even if that is root's own home.
        let closed = [see.sysroot, see.libraries, see.stage]
            .iter()
            .any(|path| !reachable(&path.join("inside")));
        let policy = Policy {
            network: false,
            visible: view::of_build(see.sysroot, see.libraries, see.stage),
            texts: Vec::new(),
            links: view::links(),
            passes_closed_folders: self.level() == Isolation::OwnUid && closed,
            ..self.policy(slot, limits)
        };
        let launcher = policy
            .install(folder, &self.grader)
            .context("cannot prepare a jail for the compiler")?;
        let mut command = Command::new(launcher);
        command.arg(program);
        Ok(command)
    }

    /// The programs of the system with these names, and what they are loaded from. One that this machine lacks is left out: a check
    /// that needs it says so.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub fn programs(&self, names: &[String]) -> Result<Vec<Visible>> {
        if self.level() == Isolation::None {
            return Ok(Vec::new());
        }
        view::of_programs(names)
    }

    /// A cell whose jails hold `program`; `folder` becomes their home. The command still needs the suite and its arguments.
    /// Answers with the launcher too; there is none at L0.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn cell(
        &self,
        slot: &Slot,
        folder: &Path,
        limits: JailLimits,
        program: &Path,
    ) -> Result<(Command, Option<PathBuf>)> {
        self.cell_with(slot, folder, limits, program, &[])
    }

    /// The same for a program that may start others, which are `beside` it in the jail.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn cell_with(
        &self,
        slot: &Slot,
        folder: &Path,
        limits: JailLimits,
        program: &Path,
        beside: &[Visible],
    ) -> Result<(Command, Option<PathBuf>)> {
        let mut visible = view::of_run(&self.runtime, program);
        for one in beside {
            // Most libraries are there already.
            if visible.iter().all(|known| known.at != one.at) {
                visible.push(one.clone());
            }
        }
        if self.level() < Isolation::Namespaces {
            visible.extend(view::names_of_this_machine());
        }
        let policy = Policy {
            visible,
            texts: view::names(),
            ..self.policy(slot, limits)
        };
        let launcher = policy.install(folder, &self.grader).context("cannot prepare a jail")?;
        let mut command = Command::new(&self.grader);
        command.arg(CELL).arg(folder);
        Ok((command, (self.level() > Isolation::None).then_some(launcher)))
    }

    fn policy(&self, slot: &Slot, limits: JailLimits) -> Policy {
        Policy {
            level: self.level(),
            uid: slot.uid,
            cpu: slot.cpu,
            network: true,
            proc: self.finding.proc,
            visible: Vec::new(),
            texts: Vec::new(),
            links: Vec::new(),
            passes_closed_folders: false,
            limits,
        }
    }
}
