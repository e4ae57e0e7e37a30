//! Which level this machine has, found by doing it: a cell, in it a jail, in it the grader itself, which looks around and says so.
//! Sysctls and user ids are not asked: what they promise may still be refused half-way.

use std::ffi::OsString;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use super::ended::Note;
use super::fault::{Fault, Stage, Staged};
use super::level::{Finding, Isolation};
use super::policy::{JailLimits, Policy};
use super::slot::Slot;
use super::view::{self, Runtime};
use super::workplace::reachable;

/// The argument that makes the jailed grader look around.
pub const INSIDE: &str = "inside-a-jail";

/// Tries the levels from `at_most` down.
pub fn probe(grader: &Path, runtime: &Runtime, at_most: Isolation) -> Finding {
    let mut failed = Vec::new();
    for level in Isolation::BEST_FIRST
        .into_iter()
        .filter(|level| *level <= at_most && *level > Isolation::None)
    {
        let attempt = attempt(grader, runtime, level, true).map(|()| true);
        let attempt = attempt.or_else(|fault| match fault.stage.contains("/proc") {
            true => attempt_without_proc(grader, runtime, level),
            false => Err(fault),
        });
        match attempt {
            Ok(proc) => return Finding { level, proc, failed },
            Err(fault) => failed.push((level, fault)),
        }
    }
    Finding {
        level: Isolation::None,
        proc: false,
        failed,
    }
}

fn attempt_without_proc(grader: &Path, runtime: &Runtime, level: Isolation) -> Staged<bool> {
    attempt(grader, runtime, level, false).map(|()| false)
}

fn attempt(grader: &Path, runtime: &Runtime, level: Isolation, proc: bool) -> Staged<()> {
    if level == Isolation::OwnUid && !Slot::users_exist() {
        return Err(Fault::new("be root"));
    }
    let users = level >= Isolation::OwnUid && Slot::users_exist();
    let slot = Slot::several(1, users)
        .map_err(|error| Fault::new(format!("{error:#}")))?
        .remove(0);
    let folder = tempfile::Builder::new()
        .prefix("grader-probe-")
        .tempdir()
        .stage("make a temporary folder")?;
    // Where a slot's user has to pass.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(folder.path(), open).stage("make a temporary folder")?;
    let mut visible = view::of_run(runtime, grader);
    visible.extend(
        view::names_of_this_machine()
            .into_iter()
            .filter(|_| level != Isolation::Namespaces),
    );
    let policy = Policy {
        level,
        uid: slot.uid,
        cpu: slot.cpu,
        network: true,
        proc,
        visible,
        texts: view::names(),
        links: Vec::new(),
        passes_closed_folders: !reachable(grader) && slot.uid.is_some(),
        limits: JailLimits::PROBE,
    };
    let launcher = policy.install(folder.path(), grader)?;
    let mut cell = Command::new(grader);
    cell.arg(super::CELL)
        .arg(folder.path())
        .arg(launcher)
        .args([OsString::from(grader), INSIDE.into()]);
    cell.env_clear()
        .current_dir(folder.path().join(super::policy::TMP))
        .stdin(Stdio::null());
    let output = cell.output().stage("start a cell")?;
    let fault = Note::read_all(folder.path()).into_iter().find_map(|note| match note {
        Note::Fault(fault) => Some(fault),
        _ => None,
    });
    match fault {
        Some(fault) => Err(fault),
        None if output.status.success() && output.stdout.starts_with(INSIDE.as_bytes()) => Ok(()),
        None => Err(Fault::new(format!(
            "run a program inside: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
    }
}

/// What the jailed grader does: it uses the loopback and fails to see the machine.
///
/// # Errors
/// The loopback does not work, or the machine can be seen.
pub fn look_around() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    TcpStream::connect(listener.local_addr()?)?;
    if std::fs::read("/etc/passwd").is_ok() {
        return Err(std::io::Error::other("/etc/passwd can be read"));
    }
    writeln!(std::io::stdout(), "{INSIDE}")
}

/// What would raise the level: a sentence with a command.
pub fn advice(level: Isolation, fault: &Fault) -> String {
    use nix::errno::Errno;
    let refused = [Errno::EPERM as i32, Errno::EACCES as i32].contains(&fault.errno);
    match (level, fault.stage.as_str()) {
        (Isolation::Namespaces, _) if fault.errno == Errno::ENOSPC as i32 => {
            "the limit of namespaces is reached: `sudo sysctl -w user.max_user_namespaces=10000`".into()
        }
        (Isolation::Namespaces, "new namespaces") if refused => {
            "in Docker: `docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN …`; \
             elsewhere: `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
                .into()
        }
        (Isolation::Namespaces, _) if refused => {
            "AppArmor or a container forbids it: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, \
             or in Docker `--cap-add SYS_ADMIN --security-opt apparmor=unconfined`"
                .into()
        }
        (_, "be root") => "run the grader as root, for example in a container".into(),
        (_, stage) if stage.starts_with("landlock") => {
            "use Linux 5.13 or newer with landlock among its security modules (`cat /sys/kernel/security/lsm`)".into()
        }
        _ => "no command is known that would change this".into(),
    }
}
