//! What Linux tells about a process in `/proc`: whether it is stopped, how much processor time it took, who its children are.
//! On other systems the questions have no answer, and the callers do without.

use crate::evidence::Identity;
use nix::unistd::Pid;
use std::{fs, os::unix::fs::MetadataExt, time::Duration};

/// `/proc` counts processor time in this unit on every Linux, whatever the kernel's own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

struct Stat {
    name: String,
    state: char,
    parent: i32,
    ticks: u64,
    /// Of children that have ended and were waited for.
    children_ticks: u64,
}

/// Whether all threads of the process have stopped.
pub(crate) fn is_stopped(pid: Pid) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return true;
    };
    let mut stats = threads
        .flatten()
        .filter_map(|thread| read(&thread.path().join("stat").to_string_lossy()));
    stats.all(|stat| matches!(stat.state, 'T' | 't' | 'Z' | 'X'))
}

/// Processor time of the process so far, in user and kernel mode.
pub(crate) fn cpu_seconds(pid: Pid) -> f64 {
    read(&format!("/proc/{pid}/stat")).map_or(0.0, |stat| stat.ticks as f64 / TICKS_PER_SECOND)
}

/// The same of its children that have ended, and of theirs.
pub(crate) fn ended_children_cpu(pid: Pid) -> Duration {
    let ticks = read(&format!("/proc/{pid}/stat")).map_or(0, |stat| stat.children_ticks);
    Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND)
}

/// The largest resident set of the process so far, in bytes (proc_pid_status(5), `VmHWM:  2048 kB`).
pub(crate) fn peak_memory(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// The flags of a descriptor of the process, as `fcntl(F_GETFL)` would give them (proc_pid_fdinfo(5), `flags:  02004002`, octal).
pub(crate) fn open_flags(pid: Pid, fd: i32) -> Option<i32> {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}

/// How many threads the process has; 0 where nothing tells.
pub(crate) fn threads(pid: Pid) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |threads| threads.flatten().count())
}

/// Whether `/proc` tells about processes at all; in some containers it does not.
pub(crate) fn shows_processes() -> bool {
    read("/proc/self/stat").is_some()
}

/// Names of the processes below this one that have ended and that nobody has waited for.
pub(crate) fn zombies(ancestor: Pid) -> Vec<String> {
    let family = descendants(ancestor).into_iter();
    let stats = family.filter_map(|pid| read(&format!("/proc/{pid}/stat")));
    stats.filter(|stat| stat.state == 'Z').map(|stat| stat.name).collect()
}

/// The process that runs the subject when `launcher` was started to jail it: the descendant with that executable, or with its name where the
/// executable may not be looked at. `launcher` itself when there is no such process.
pub(crate) fn subject_behind(launcher: Pid, subject: &Identity) -> Pid {
    let family = descendants(launcher);
    let same_file = |pid: &i32| {
        fs::metadata(format!("/proc/{pid}/exe")).is_ok_and(|m| m.dev() == subject.device && m.ino() == subject.inode)
    };
    let name: String = subject
        .path
        .file_name()
        .map(|name| name.to_string_lossy().chars().take(15).collect())
        .unwrap_or_default();
    let same_name = |pid: &i32| read(&format!("/proc/{pid}/stat")).is_some_and(|stat| stat.name == name);
    let found = family
        .iter()
        .copied()
        .find(same_file)
        .or_else(|| family.iter().copied().find(same_name));
    found.map_or(launcher, Pid::from_raw)
}

/// Children, grandchildren and so on: parents before their children.
pub(crate) fn descendants(ancestor: Pid) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parents: Vec<(i32, i32)> = pids
        .filter_map(|pid| Some((pid, read(&format!("/proc/{pid}/stat"))?.parent)))
        .collect();
    let mut family = vec![ancestor.as_raw()];
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family.split_off(1)
}

/// proc_pid_stat(5). The name stands in parentheses and may contain anything, so fields are counted from the last `)`.
fn read(path: &str) -> Option<Stat> {
    let text = fs::read_to_string(path).ok()?;
    let (head, tail) = text.rsplit_once(')')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    Some(Stat {
        name: head.split_once('(')?.1.to_owned(),
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        ticks: number(11)? + number(12)?,
        children_ticks: number(13)? + number(14)?,
    })
}

/// Datagrams that the kernel threw away at the UDP socket of this port, because its queue was full (proc_net(5), last column).
pub(crate) fn udp_drops(port: u16) -> u64 {
    let sockets = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let end = format!(":{port:04X}");
    let lines = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let here = lines.filter(|fields| fields.get(1).is_some_and(|local| local.ends_with(&end)));
    here.filter_map(|fields| fields.last()?.parse::<u64>().ok()).sum()
}

/// Between two looks at a state that announces itself to nobody: a process behind a jail that stops, a child's child or a thread that
/// ends. Whoever calls this in a loop has a deadline.
#[allow(clippy::disallowed_methods)] // there is no event to wait for
pub(crate) fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(1));
}
