//! Cell and jail at every level that this machine offers.
#![cfg(target_os = "linux")]

mod build;
mod limits;
mod tracer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use grader::isolation::ended::Note;
use grader::isolation::policy::{JailLimits, POLICY};
use grader::isolation::{Isolation, Isolator, Slot};

const GRADER: &str = env!("CARGO_BIN_EXE_grader");
const LIMITS: JailLimits = JailLimits {
    cpu_seconds: 1,
    memory: 64 << 20,
    address_space: 4 << 30,
    processes: 32,
    open_files: 64,
    file: 4 << 20,
    disk: 16 << 20,
};

/// A compiled program that tries what its argument says.
fn subject() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("subject");
        let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jail/subject.rs"));
        let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
        if changed(&program) < changed(source) {
            let made = Command::new("rustc")
                .args(["--edition", "2024", "-O"])
                .arg(source)
                .arg("-o")
                .arg(&program)
                .status();
            assert!(made.unwrap().success());
        }
        program
    })
}

/// The levels of this machine.
fn levels() -> Vec<Isolation> {
    let best = Isolator::find(Path::new(GRADER), Isolation::Namespaces)
        .unwrap()
        .level();
    let has =
        |level: &Isolation| *level <= best && Isolator::find(Path::new(GRADER), *level).unwrap().level() == *level;
    Isolation::BEST_FIRST
        .into_iter()
        .filter(has)
        .filter(|level| *level > Isolation::None)
        .collect()
}

struct Prepared {
    isolator: Isolator,
    slot: Slot,
    folder: tempfile::TempDir,
}

fn prepared(level: Isolation) -> Prepared {
    let isolator = Isolator::find(Path::new(GRADER), level).unwrap();
    let slot = isolator.slots(1).unwrap().remove(0);
    let folder = tempfile::Builder::new().prefix("jail-test-").tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    Prepared { isolator, slot, folder }
}

impl Prepared {
    /// `cell … jail SUBJECT ARGS`, from a folder in the cell's own.
    fn command(&self, args: &[&str]) -> Command {
        self.scripted("exec \"$@\"", args)
    }

    /// The same, with a script that starts the jail as `"$@"`.
    fn scripted(&self, script: &str, args: &[&str]) -> Command {
        let (mut cell, jail) = self
            .isolator
            .cell(&self.slot, self.folder.path(), LIMITS, subject())
            .unwrap();
        let script = format!(
            "mkdir -p {0}/lab && cd {0}/lab && {{ {script}; }}",
            self.folder.path().join("tmp").display()
        );
        cell.args(["sh", "-c", &script, "sh"])
            .arg(jail.unwrap())
            .arg(subject())
            .args(args);
        cell.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        cell
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }
}

#[test]
fn a_program_sees_nothing_of_the_machine() {
    for level in levels() {
        let jail = prepared(level);
        let policy = jail.folder.path().join(POLICY);
        for hidden in [
            "/etc/passwd",
            "/proc/1/environ",
            GRADER,
            policy.to_str().unwrap(),
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ] {
            assert!(jail.says(&["read", hidden]).starts_with("refused"), "{level}: {hidden}");
        }
        for place in ["/", "/etc/x", "/bin/x", subject().to_str().unwrap()] {
            assert_eq!(jail.says(&["write", place]), "refused", "{level}: {place}");
        }
        // At L3 there may be a folder of that name in the jail's own /tmp; what counts is the file outside.
        jail.run(&["write", jail.folder.path().join("ended").to_str().unwrap()]);
        assert_eq!(jail.says(&["write", "x"]), "written", "{level}");
        assert_eq!(
            Note::read_all(jail.folder.path())
                .iter()
                .filter(|note| matches!(note, Note::Fault(_)))
                .count(),
            0
        );
    }
}

#[test]
fn a_program_starts_those_that_it_is_shown_and_no_others() {
    for level in levels() {
        let jail = prepared(level);
        let shown = jail
            .isolator
            .programs(&["cat".into(), "no-such-program".into()])
            .unwrap();
        let start = |beside, program| {
            let (mut cell, launcher) = jail
                .isolator
                .cell_with(&jail.slot, jail.folder.path(), LIMITS, subject(), beside)
                .unwrap();
            cell.arg(launcher.unwrap())
                .arg(subject())
                .args(["start", program])
                .current_dir(jail.folder.path().join("tmp"))
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .stdin(Stdio::null());
            String::from_utf8_lossy(&cell.output().unwrap().stdout)
                .trim()
                .to_string()
        };
        assert!(start(&[], "cat").starts_with("refused"), "{level}");
        assert_eq!(start(&shown, "cat"), "exit status: 0", "{level}");
        assert!(start(&shown, "date").starts_with("refused"), "{level}");
    }
}

#[test]
fn the_loopback_works_and_at_l3_nothing_else_does() {
    for level in levels() {
        let jail = prepared(level);
        assert_eq!(jail.says(&["loopback"]), "connected", "{level}");
        if level == Isolation::Namespaces {
            assert_eq!(jail.says(&["outside"]), "unreachable", "{level}");
        }
    }
}

#[test]
fn two_cells_bind_the_same_port_at_once() {
    let (one, two) = (prepared(Isolation::Namespaces), prepared(Isolation::Namespaces));
    if one.isolator.level() < Isolation::Namespaces {
        return;
    }
    let mut first = one
        .command(&["loopback", "18080", "300"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(two.says(&["loopback", "18080", "300"]), "connected");
    assert!(first.wait().unwrap().success());
}

#[test]
fn the_launcher_ends_as_the_program_ended() {
    for level in levels() {
        let jail = prepared(level);
        assert_eq!(jail.run(&["exit", "7"]).status.code(), Some(7), "{level}");
        assert_eq!(jail.run(&["abort"]).status.code(), Some(128 + 6), "{level}");
    }
}

/// Processes anywhere on the machine that sleep for exactly this long.
fn sleepers(seconds: &str) -> Vec<String> {
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines
        .filter(|line| line.contains(&format!("sleep {seconds} ")))
        .collect()
}

#[test]
fn daemons_end_with_their_jail() {
    for level in levels() {
        let jail = prepared(level);
        let seconds = format!("{}.{}", 7000 + level as u32, std::process::id());
        assert_eq!(jail.says(&["daemon", &seconds]), "started", "{level}");
        assert!(sleepers(&seconds).is_empty(), "{level}: {:?}", sleepers(&seconds));
    }
}

#[test]
fn daemons_end_when_the_cell_is_asked_to_end_or_killed() {
    for level in levels() {
        for signal in ["TERM", "KILL"] {
            let jail = prepared(level);
            let seconds = format!("{}.{}{}", 7100 + level as u32, signal.len(), std::process::id());
            let mut cell = jail
                .command(&["daemon", &seconds, "stay"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(cell.stdout.take().unwrap()), &mut line).unwrap();
            assert_eq!(line, "started\n");
            Command::new("kill")
                .args([&format!("-{signal}"), &cell.id().to_string()])
                .status()
                .unwrap();
            cell.wait().unwrap();
            let patience = Instant::now() + Duration::from_millis(500);
            while !sleepers(&seconds).is_empty() && Instant::now() < patience {}
            let left = sleepers(&seconds);
            assert!(left.is_empty(), "{level} {signal}: {left:?}");
        }
    }
}

#[test]
fn a_traced_program_is_seized_before_it_gives_up_its_rights() {
    for level in levels() {
        let jail = prepared(level);
        let (_, launcher) = jail
            .isolator
            .cell(&jail.slot, jail.folder.path(), LIMITS, subject())
            .unwrap();
        let cwd = jail.folder.path().join("tmp");
        let calls = [nix::libc::SYS_socket as u32, nix::libc::SYS_bind as u32];
        let seen = tracer::run(&launcher.unwrap(), subject(), &["sockets"], &cwd, &calls);
        assert_eq!(
            seen.iter().filter(|call| **call == nix::libc::SYS_bind as u64).count(),
            3,
            "{level}: {seen:?}"
        );
        assert_eq!(
            seen.iter()
                .filter(|call| **call == nix::libc::SYS_socket as u64)
                .count(),
            3,
            "{level}: {seen:?}"
        );
    }
}
