//! Which limits the processes of a jail have reached, looked at from outside while they are still there. A program need not say why it
//! hangs: what it has all of can be counted.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::Pid;

use super::ended::Limit;
use super::ending;
use super::level::Isolation;
use super::policy::Policy;

/// "All of it" is so many percent: who is refused the last one of something may have given back another.
const NEARLY_ALL: u64 = 95;
/// Looking into each process of a fork bomb would take longer than ending it.
const LOOKED_INTO: usize = 16;

/// The limits that our descendants have reached.
pub fn by_family(policy: &Policy) -> Vec<Limit> {
    let family = ending::family();
    let tasks: u64 = family.iter().map(|pid| tasks(*pid)).sum();
    // At L3 one of them is the jail's own init.
    let ours = u64::from(policy.level == Isolation::Namespaces);
    let mut reached = Vec::new();
    if is_all(tasks.saturating_sub(ours), policy.limits.processes) {
        reached.push(Limit::Processes);
    }
    let looked_into = || family.iter().take(LOOKED_INTO);
    if looked_into().any(|pid| is_all(private_memory(*pid), policy.limits.memory)) {
        reached.push(Limit::Memory);
    }
    if let Some(most) = looked_into().find_map(|pid| all_descriptors(*pid)) {
        reached.push(Limit::OpenFiles(most));
    }
    reached
}

/// Whether `used` is all there is of something, as near as makes no difference.
pub fn is_all(used: u64, most: u64) -> bool {
    used.saturating_mul(100) >= most.saturating_mul(NEARLY_ALL)
}

/// Threads of a process: a folder has two links, and one more for each folder in it.
fn tasks(pid: Pid) -> u64 {
    let folder = fs::metadata(format!("/proc/{pid}/task"));
    folder.map_or(0, |folder| folder.nlink().saturating_sub(2))
}

/// What RLIMIT_DATA counts, in bytes.
fn private_memory(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let data = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = data.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The limit of open descriptors, if the process has that many. A test may have set a lower one than the policy. Where we may not look
/// (another user's, without capabilities) there is no answer.
fn all_descriptors(pid: Pid) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let most: u64 = line.split_whitespace().next()?.parse().ok()?;
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    // Of a few, all is all.
    (open >= most).then_some(most)
}
