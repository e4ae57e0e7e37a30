//! What a jail shows, allows and limits. The grader writes it as JSON beside the launcher; cell and jail read it there.
//!
//! ```text
//! <folder>/jail        a link to the grader: the launcher that WORKBOOK_JAIL names
//! <folder>/jail.json   this policy
//! <folder>/ended       what cell and jail found, one JSON line each; no jail shows it
//! <folder>/root        where a jail builds its root (L3)
//! <folder>/tmp         temporary files of the suite; below L3 it is an ordinary folder
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault::{Fault, Stage, Staged};
use super::level::Isolation;

/// The launcher's name, by which the grader's program knows that it is one.
pub const LAUNCHER: &str = "jail";
/// The policy beside it.
pub const POLICY: &str = "jail.json";
/// Where a jail builds its root.
pub const ROOT: &str = "root";
/// The suite's temporary files.
pub const TMP: &str = "tmp";

/// All that cell and jail have to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Policy {
    /// The level to give, no other.
    pub level: Isolation,
    /// The user id of the program, where it gets one of its own.
    pub uid: Option<u32>,
    /// The CPU that everything in the cell runs on.
    pub cpu: Option<usize>,
    /// The network of the cell around it; `false`: none at all.
    pub network: bool,
    /// Whether a new `/proc` can be mounted here.
    pub proc: bool,
    /// Files and folders that exist for the program, with where they stand in its root.
    pub visible: Vec<Visible>,
    /// Files made up for it (L3): where they stand and what is in them.
    pub texts: Vec<(PathBuf, String)>,
    /// Symbolic links in its root (L3).
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Keep the right to pass folders that are closed to others: for a build whose compiler lies in root's home.
    pub passes_closed_folders: bool,
    /// What it may use.
    pub limits: JailLimits,
}

/// One thing that the program can see.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Visible {
    /// Where it is.
    pub path: PathBuf,
    /// Where the program sees it (L3); everywhere else in its own place.
    pub at: PathBuf,
    /// What may be done with it.
    pub access: Access,
}

/// What may be done with something visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Read it.
    Read,
    /// Read it, run it, map it as code.
    Execute,
    /// Read and change it, but not run it.
    Write,
    /// Read and write a device.
    Device,
}

/// What the program may use. Bytes, seconds and counts; for one process where the kernel counts so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JailLimits {
    /// Processor time of one process.
    pub cpu_seconds: u64,
    /// Private memory of one process.
    pub memory: u64,
    /// Address space of one process.
    pub address_space: u64,
    /// Processes and threads together.
    pub processes: u64,
    /// Open descriptors of one process.
    pub open_files: u64,
    /// One file.
    pub file: u64,
    /// All temporary files (L3).
    pub disk: u64,
}

impl Visible {
    /// Seen where it is.
    pub fn new(path: impl Into<PathBuf>, access: Access) -> Visible {
        let path = path.into();
        Visible {
            at: path.clone(),
            path,
            access,
        }
    }
}

impl Policy {
    /// Reads the policy beside a launcher.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn load(folder: &Path) -> Staged<Policy> {
        let text = fs::read(folder.join(POLICY)).stage("read the policy")?;
        serde_json::from_slice(&text).map_err(|error| Fault::new(format!("read the policy: {error}")))
    }

    /// Makes `folder` the home of a launcher: link, policy, mount point and temporary folder.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn install(&self, folder: &Path, grader: &Path) -> Staged<PathBuf> {
        let launcher = folder.join(LAUNCHER);
        for inner in [ROOT, TMP] {
            fs::create_dir_all(folder.join(inner)).stage("make the jail's folder")?;
        }
        let text = serde_json::to_vec(self).map_err(|error| Fault::new(format!("write the policy: {error}")))?;
        fs::write(folder.join(POLICY), text).stage("write the policy")?;
        match std::os::unix::fs::symlink(grader, &launcher) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => made.stage("link the launcher")?,
        }
        Ok(launcher)
    }
}

impl JailLimits {
    /// Enough for the grader itself.
    pub const PROBE: JailLimits = JailLimits {
        cpu_seconds: 5,
        memory: 512 << 20,
        address_space: 8 << 30,
        processes: 64,
        open_files: 64,
        file: 1 << 20,
        disk: 1 << 20,
    };
}
