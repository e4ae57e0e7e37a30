//! Limits that the kernel keeps for a process and everything it starts.

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::fault::{Stage, Staged};
use super::level::Isolation;
use super::policy::{JailLimits, Policy};

/// Applies the policy's limits. A limit that is lower already stays: a test may have set it.
pub fn apply(policy: &Policy) -> Staged<()> {
    let JailLimits {
        cpu_seconds,
        memory,
        address_space,
        processes,
        open_files,
        file,
        ..
    } = policy.limits;
    // The kernel counts the processes of a user. Without a user of our own, those that run already are in the count.
    let others = if policy.level == Isolation::SameUid {
        running_as_us()
    } else {
        0
    };
    for (resource, most) in [
        (Resource::RLIMIT_AS, address_space),
        (Resource::RLIMIT_DATA, memory),
        (Resource::RLIMIT_NPROC, processes + others),
        (Resource::RLIMIT_NOFILE, open_files),
        (Resource::RLIMIT_FSIZE, file),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_MEMLOCK, 64 * 1024),
        (Resource::RLIMIT_MSGQUEUE, 0),
    ] {
        lower(resource, most, most)?;
    }
    // First SIGXCPU, which says what happened; one second later SIGKILL, for whoever ignores it.
    lower(Resource::RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
}

fn lower(resource: Resource, soft: u64, hard: u64) -> Staged<()> {
    let stage = || format!("limit {resource:?}");
    let (old_soft, old_hard) = getrlimit(resource).stage(&stage())?;
    setrlimit(resource, soft.min(old_soft), hard.min(old_hard)).stage(&stage())
}

/// Threads that our user has now.
fn running_as_us() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let us = nix::unistd::geteuid().as_raw();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter(|entry| entry.file_name().as_encoded_bytes()[0].is_ascii_digit());
    let tasks = ours
        .filter_map(|entry| entry.path().join("task").metadata().ok())
        .filter(|task| task.uid() == us);
    // A folder has two links, and one more for each folder in it.
    tasks.map(|task| task.nlink().saturating_sub(2)).sum()
}

/// The signal that says that the processor time is used up, and the one for a file that is too large.
pub const CPU_SIGNAL: i32 = libc::SIGXCPU;
/// See [`CPU_SIGNAL`].
pub const FILE_SIGNAL: i32 = libc::SIGXFSZ;
