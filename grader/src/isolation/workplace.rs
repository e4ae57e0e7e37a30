//! The folder of one run of the grader: stages, evidence, jails. It is gone when the run is over, however the run ends.
//!
//! ```text
//! <base>/lock           held while a folder is made or swept
//! <base>/run-XXXXXX/    one run: its `lock` is shared by the grader and every cell and launcher that it started
//! ```
//!
//! A killed grader cannot clean up, so a janitor does: a small process of its own session that waits for the grader's end (its standard
//! input ends) and for the last cell's (it gets the lock), and then removes the folder. What even a janitor left, because it was killed
//! too, the next grader removes: nobody holds that lock any more.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};

/// The argument that makes the grader a janitor.
pub const JANITOR: &str = "janitor";
const LOCK: &str = "lock";
const PREFIX: &str = "run-";

/// See the module.
#[derive(Debug)]
pub struct Workplace {
    folder: PathBuf,
    janitor: Option<Child>,
    _lock: Flock<File>,
}

impl Workplace {
    /// Makes a folder in `wanted`, or, where `everybody` has to reach it and cannot, in the system's temporary folder.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn new(wanted: &Path, everybody: bool, grader: &Path) -> Result<Workplace> {
        let elsewhere = std::env::temp_dir().join("workbook-grader");
        let base = if everybody && !reachable(&wanted.join("run")) {
            elsewhere
        } else {
            wanted.to_path_buf()
        };
        fs::create_dir_all(&base).with_context(|| format!("cannot make {}", base.display()))?;
        let _one_at_a_time = lock(&base.join(LOCK), FlockArg::LockExclusive)?;
        sweep(&base);
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&base);
        let folder = made
            .with_context(|| format!("cannot make a folder in {}", base.display()))?
            .keep();
        // A slot's user passes through, but cannot look around.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).context("cannot open the run's folder")?;
        let _lock = lock(&folder.join(LOCK), FlockArg::LockShared)?;
        let janitor = Command::new(grader)
            .arg(JANITOR)
            .arg(&folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Workplace {
            folder,
            janitor: janitor.ok(),
            _lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// A folder in it that vanishes with what it returns; a slot's user can pass through it.
    ///
    /// # Errors
    /// The disk fails us.
    pub fn folder(&self, prefix: &str) -> Result<Room> {
        let made = tempfile::Builder::new()
            .prefix(prefix)
            .rand_bytes(4)
            .tempdir_in(&self.folder);
        let path = made
            .with_context(|| format!("cannot make a folder in {}", self.folder.display()))?
            .keep();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711)).context("cannot open a folder")?;
        Ok(Room(path))
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        remove_all(&self.folder);
        if let Some(mut janitor) = self.janitor.take() {
            drop(janitor.stdin.take());
            let _ = janitor.wait();
        }
    }
}

/// A folder that is removed with this value, whatever a program did to it.
#[derive(Debug)]
pub struct Room(PathBuf);

impl Room {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        remove_all(&self.0);
    }
}

/// The janitor's life.
pub fn janitor(folder: &Path) {
    // Ctrl-C goes to everybody in the terminal's session; this process stays.
    let _ = nix::unistd::setsid();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    if folder
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        && folder.exists()
    {
        let _last_one_is_gone = lock(&folder.join(LOCK), FlockArg::LockExclusive);
        remove_all(folder);
    }
}

/// Says that a cell or launcher lives in `folder`, a room of a run. Kept until the process ends.
pub fn hold(folder: &Path) -> Option<Flock<File>> {
    let path = folder.parent()?.join(LOCK);
    path.is_file().then(|| lock(&path, FlockArg::LockShared).ok())?
}

/// Whether everybody may pass the folders above `path`.
pub fn reachable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let mut above = path.ancestors().skip(1);
    above.all(|folder| std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}

/// Removes folders of runs that nobody holds.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let path = entry.path();
        let free = || lock(&path.join(LOCK), FlockArg::LockExclusiveNonblock).is_ok();
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) && path.is_dir() && free() {
            remove_all(&path);
        }
    }
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>> {
    let file = File::options().write(true).create(true).truncate(false).open(path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    Flock::lock(file, how)
        .map_err(|(_, errno)| errno)
        .with_context(|| format!("cannot lock {}", path.display()))
}

/// Removes a folder in which a program may have closed folders, or nested them deeper than a path can name.
pub fn remove_all(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() || fs::symlink_metadata(folder).is_err() {
        return;
    }
    // Every inner folder is lifted to the top until none has folders in it: no path gets longer than two names.
    let mut lifted = 0;
    while let Some(inner) = list(folder).into_iter().find(|path| is_folder(path)) {
        for path in list(&inner) {
            if is_folder(&path) {
                lifted += 1;
                let _ = open(&path);
                if fs::rename(&path, folder.join(format!("lifted-{lifted}"))).is_err() {
                    return;
                }
            } else if fs::remove_file(&path).is_err() {
                return;
            }
        }
        if fs::remove_dir(&inner).is_err() {
            return;
        }
    }
    let _ = fs::remove_dir_all(folder);
}

/// What is in a folder, which is opened to us first.
fn list(folder: &Path) -> Vec<PathBuf> {
    let _ = open(folder);
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn open(folder: &Path) -> std::io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_and_deep_folders_are_removed() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("x");
        fs::create_dir_all(folder.join("closed/inner")).unwrap();
        fs::write(folder.join("closed/inner/file"), "x").unwrap();
        // 1,100 levels: longer than any path, and more than we may have open at once.
        for _ in 0..1100 {
            let deep = top.path().join("deep");
            fs::create_dir_all(&deep).unwrap();
            fs::rename(&deep, top.path().join("outer")).unwrap();
            fs::create_dir(&deep).unwrap();
            fs::rename(top.path().join("outer"), deep.join("inner")).unwrap();
        }
        fs::rename(top.path().join("deep"), folder.join("deep")).unwrap();
        fs::set_permissions(folder.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
        remove_all(&folder);
        assert!(!folder.exists());
    }
}
