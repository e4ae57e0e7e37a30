//! What something costs: wall and processor time of this process and of everybody it waited for.

use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::bench::command;

/// The argument that makes this program run a command and say how much memory it had at most.
pub const ALONE: &str = "alone";

/// Seconds.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
}

/// Does it, and says what it cost. Two at the same time would be charged with each other.
pub fn of<T>(work: impl FnOnce() -> T) -> (Cost, T) {
    let (since, before) = (Instant::now(), processor_time());
    let done = work();
    let cost = Cost {
        wall: since.elapsed().as_secs_f64(),
        cpu: processor_time() - before,
    };
    (cost, done)
}

/// Runs a command that prints nothing of interest.
pub fn of_quiet(command: &mut Command) -> Result<(Cost, ExitStatus)> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (cost, status) = of(|| command.status());
    Ok((cost, status.with_context(|| format!("cannot start {command:?}"))?))
}

/// Runs a command and keeps what it prints.
pub fn of_output(command: &mut Command) -> Result<(Cost, Output)> {
    command.stdin(Stdio::null());
    let (cost, output) = of(|| command.output());
    Ok((cost, output.with_context(|| format!("cannot start {command:?}"))?))
}

/// The same for one that has to end well.
pub fn of_success(command: &mut Command) -> Result<(Cost, Output)> {
    let (cost, output) = of_output(command)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", said.trim());
    Ok((cost, output))
}

fn processor_time() -> f64 {
    let seconds = |usage: Usage| (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6;
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .filter_map(|who| getrusage(who).ok())
        .map(seconds)
        .sum()
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The most memory, in bytes, that a command had at a time. It runs below a process of its own, so that it is compared with no other.
pub fn peak_memory(grader: &Command) -> Result<u64> {
    let mut alone = command(std::env::current_exe().context("this program has a name")?);
    alone.arg(ALONE).arg(grader.get_program()).args(grader.get_args());
    if let Some(folder) = grader.get_current_dir() {
        alone.current_dir(folder);
    }
    let (_, output) = of_success(&mut alone)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let kib: u64 = said
        .trim()
        .parse()
        .with_context(|| format!("no amount of memory: {said:?}"))?;
    Ok(kib * 1024)
}

/// That process: runs the command, prints KiB.
pub fn alone(args: &[String]) -> ExitCode {
    let Some((program, rest)) = args.split_first() else {
        return ExitCode::FAILURE;
    };
    let status = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).map(|usage| usage.max_rss());
    match (status, peak) {
        (Ok(status), Ok(peak)) if status.success() => {
            println!("{peak}");
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

/// What the kernel calls the load of the last minute.
pub fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// How much of the machine others use.
pub struct Others {
    since: Instant,
    busy: f64,
    ours: f64,
}

impl Others {
    pub fn begin() -> Others {
        Others {
            since: Instant::now(),
            busy: busy_time().unwrap_or(0.0),
            ours: processor_time(),
        }
    }

    /// In processors, since the beginning.
    pub fn processors(&self) -> f64 {
        let Some(busy) = busy_time() else { return 0.0 };
        let others = (busy - self.busy) - (processor_time() - self.ours);
        (others / self.since.elapsed().as_secs_f64()).max(0.0)
    }
}

/// Seconds that all processors together were not idle.
fn busy_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let numbers: Vec<f64> = text
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|n| n.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal
    let [user, nice, system, _, _, irq, softirq, steal, ..] = numbers[..] else {
        return None;
    };
    let ticks = sysconf(SysconfVar::CLK_TCK).ok()?? as f64;
    Some((user + nice + system + irq + softirq + steal) / ticks)
}

/// Holds this thread, and all that it starts meanwhile, on one processor.
pub struct Pin(CpuSet);

impl Pin {
    pub fn new() -> Result<Pin> {
        let me = Pid::from_raw(0);
        let before = sched_getaffinity(me).context("which processors may we use?")?;
        let first = (0..CpuSet::count()).find(|cpu| before.is_set(*cpu).unwrap_or(false));
        let mut one = CpuSet::new();
        one.set(first.unwrap_or(0)).context("choose a processor")?;
        sched_setaffinity(me, &one).context("use one processor")?;
        Ok(Pin(before))
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}
