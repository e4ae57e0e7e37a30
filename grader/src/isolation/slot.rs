//! A slot is what one worker grades with: a user id that nobody else has, and a CPU.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::sched::sched_getaffinity;
use nix::unistd::{Pid, Uid, User};

use super::namespaces;

/// User ids for slots: ordinary ones that systems rarely give out, and that exist in the 65,536 of a container.
const FIRST: u32 = 58_000;
const LAST: u32 = 58_999;

/// See the module.
#[derive(Debug)]
pub struct Slot {
    /// The user of its programs, where it has one.
    pub uid: Option<u32>,
    /// The CPU of its cells.
    pub cpu: Option<usize>,
    /// Keeps other graders on this machine from killing "everything of that user" while we use it.
    _lease: Option<Flock<File>>,
}

impl Slot {
    /// `count` slots, with users of their own if `users`.
    ///
    /// # Errors
    /// No user id is free.
    pub fn several(count: usize, users: bool) -> Result<Vec<Slot>> {
        let cpus = cpus();
        let cpu = |at: usize| (!cpus.is_empty()).then(|| cpus[at % cpus.len()]);
        let mut free = FIRST..=LAST;
        let mut slot = |at| {
            let leased = if users { Some(lease(&mut free)?) } else { None };
            let (uid, _lease) = leased.map_or((None, None), |(uid, lease)| (Some(uid), Some(lease)));
            Ok(Slot {
                uid,
                cpu: cpu(at),
                _lease,
            })
        };
        (0..count).map(&mut slot).collect()
    }

    /// Whether a program could run as a slot's user here.
    pub fn users_exist() -> bool {
        Uid::effective().is_root() && namespaces::exists(FIRST)
    }
}

/// The next user id that no account and no other grader has.
fn lease(free: &mut impl Iterator<Item = u32>) -> Result<(u32, Flock<File>)> {
    let folder = lease_folder()?;
    for uid in free {
        if User::from_uid(Uid::from_raw(uid)).is_ok_and(|account| account.is_some()) {
            continue;
        }
        let path = folder.join(uid.to_string());
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(libc::O_NOFOLLOW)
            .mode(0o600)
            .open(&path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        if let Ok(lease) = Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            return Ok((uid, lease));
        }
    }
    anyhow::bail!("every user id from {FIRST} to {LAST} is taken; are other graders running?")
}

fn lease_folder() -> Result<PathBuf> {
    let parent = if Path::new("/run").is_dir() { "/run" } else { "/tmp" };
    let folder = Path::new(parent).join("workbook-grader");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    let found = fs::symlink_metadata(&folder).with_context(|| format!("cannot look at {}", folder.display()))?;
    ensure!(
        found.is_dir() && found.uid() == 0,
        "{} belongs to somebody else; remove it",
        folder.display()
    );
    Ok(folder)
}

/// The CPUs that we may use, which need not be the first ones.
fn cpus() -> Vec<usize> {
    let Ok(allowed) = sched_getaffinity(Pid::from_raw(0)) else {
        return Vec::new();
    };
    (0..nix::sched::CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .collect()
}
