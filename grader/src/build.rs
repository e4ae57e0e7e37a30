//! Builds one submission's program: stage the files afresh, compile the student's library and the given program with bare rustc in a jail.
//!
//! Not cargo: there is then no manifest, build script, configuration or shared target folder through which a submission could
//! reach anything, and no fingerprint that takes an old file time for "nothing changed" and reuses another student's program.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::course::{COMPILER_FILE_MIB, COMPILER_MEMORY_MIB, Exercise};
use crate::isolation::ended::{Limit, Note};
use crate::isolation::{BuildView, Isolator, Slot};
use crate::process;
use crate::report::sanitize;
use crate::submission::Work;
use crate::suite::ExerciseSuites;
use crate::toolchain::Toolchain;

/// A built program, known by what the file system calls it: device and inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The executable.
    pub program: PathBuf,
    /// Device of the file system it lies on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
}

/// How a build ended, our faults aside.
#[derive(Debug)]
pub enum Built {
    /// There is a program.
    Program {
        /// The program.
        artifact: Artifact,
        /// Wall time in seconds.
        seconds: f64,
    },
    /// The student's fault: one sentence, and what the compiler said.
    Rejected {
        /// E.g. "does not compile: mismatched types (src/lib.rs:12)".
        reason: String,
        /// Capped and sanitised.
        diagnostics: String,
    },
}

/// Builds submissions for one exercise.
#[derive(Debug, Clone, Copy)]
pub struct Builder<'a> {
    /// The exercise.
    pub exercise: &'a Exercise,
    /// Its suites, for the libraries.
    pub suites: &'a ExerciseSuites,
    /// The compiler.
    pub toolchain: &'a Toolchain,
    /// The jail around the compiler.
    pub isolator: &'a Isolator,
    /// Whose jail it is.
    pub slot: &'a Slot,
}

impl Builder<'_> {
    /// Stages and builds `work` in the empty folder `room`.
    ///
    /// # Errors
    /// The disk, the jail or the compiler fails us.
    pub fn build(&self, work: &Work, room: &Path) -> Result<Built> {
        let stage = room.join("stage");
        lay_out(self.exercise, work, &stage)?;
        let name = &self.exercise.name;
        let library = stage.join(format!("lib{name}.rlib"));
        let program = stage.join(name);
        let wall = Duration::from_secs(self.exercise.rubric.limits.build_seconds);
        let mut seconds = 0.0;
        for (kind, source, output) in [("rlib", "src/lib.rs", &library), ("bin", "src/main.rs", &program)] {
            let jail = room.join(format!("{kind}-jail"));
            let mut rustc = self.rustc(&stage, &jail)?;
            rustc.args(["--crate-type", kind, source, "-o"]).arg(output);
            if kind == "bin" {
                rustc.arg("--extern").arg(format!("{name}={}", library.display()));
            }
            let turn = self.isolator.machine.read().unwrap_or_else(PoisonError::into_inner);
            let ended = process::run(&mut rustc, wall)?;
            drop(turn);
            seconds += ended.seconds;
            let notes = Note::read_all(&jail);
            if let Some(fault) = Note::fault(&notes) {
                bail!("the compiler could not be jailed: {fault}");
            }
            if !ended.success() {
                let limits = Note::limits(&notes);
                ensure!(
                    !is_killed_by_others(&ended, &limits),
                    "the compiler was killed, and at none of its limits: has this machine run out of memory?"
                );
                let reason = reason(&ended, wall, &limits);
                let ours = [
                    (stage.as_path(), "."),
                    (&self.exercise.dir, "."),
                    (&self.toolchain.sysroot, "RUST"),
                    (&self.suites.library_folder, "LIBRARIES"),
                ];
                let diagnostics = sanitize::scrub_paths(&ended.stderr, &ours);
                return Ok(Built::Rejected {
                    reason,
                    diagnostics: sanitize::text(&diagnostics),
                });
            }
        }
        Ok(Built::Program {
            artifact: take(&program, &room.join(name))?,
            seconds,
        })
    }
}

/// Fresh files with our own names and times; what is given (`main.rs` and its modules) always comes from the course.
fn lay_out(exercise: &Exercise, work: &Work, stage: &Path) -> Result<()> {
    let source = stage.join("src");
    for (path, bytes) in &work.files {
        let target = source.join(path);
        let folder = target.parent().context("a file without a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(&target, bytes).with_context(|| format!("cannot write {}", target.display()))?;
    }
    fs::create_dir_all(&source).with_context(|| format!("cannot make {}", source.display()))?;
    for name in exercise.given() {
        let given = exercise.dir.join("src").join(name);
        fs::copy(&given, source.join(name)).with_context(|| format!("cannot copy {}", given.display()))?;
    }
    Ok(())
}

impl Builder<'_> {
    fn rustc(&self, stage: &Path, jail: &Path) -> Result<Command> {
        let (exercise, suites) = (self.exercise, self.suites);
        let see = BuildView {
            sysroot: &self.toolchain.sysroot,
            libraries: &suites.library_folder,
            stage,
        };
        let limits = exercise.rubric.limits.of_build();
        let mut rustc = self
            .isolator
            .build(self.slot, jail, see, limits, &self.toolchain.rustc)?;
        rustc.current_dir(stage).env_clear();
        // The linker is found by name. Nothing else of our environment is a student's business.
        rustc.env("PATH", system_path()).env("TMPDIR", stage);
        rustc
            .env("CARGO_PKG_NAME", &exercise.name)
            .env("CARGO_PKG_VERSION", env!("CARGO_PKG_VERSION"));
        rustc.args(["--crate-name", &exercise.name, "--edition", "2024", "--color", "never"]);
        // As cargo's dev profile, without debug information; warnings would only hide the errors.
        rustc.args([
            "-C",
            "overflow-checks=on",
            "-C",
            "debug-assertions=on",
            "-C",
            "debuginfo=0",
            "-A",
            "warnings",
        ]);
        rustc.arg("--remap-path-prefix").arg(format!("{}=.", stage.display()));
        rustc
            .arg("-L")
            .arg(format!("dependency={}", suites.library_folder.display()));
        for (name, file) in &suites.libraries {
            rustc.arg("--extern").arg(format!("{name}={}", file.display()));
        }
        Ok(rustc)
    }
}

/// The folders of our PATH that belong to the system: a linker in somebody's home is not in the jail's view.
fn system_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = |folder: &PathBuf| ["/usr", "/bin", "/nix"].iter().any(|root| folder.starts_with(root));
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(system).collect();
    std::env::join_paths(folders)
        .ok()
        .filter(|path| !path.is_empty())
        .unwrap_or(path)
}

/// The program that the compiler left becomes ours, under a name that its maker cannot reach: nobody changes it between two checks.
fn take(built: &Path, program: &Path) -> Result<Artifact> {
    let found = fs::symlink_metadata(built).with_context(|| format!("rustc left no {}", built.display()))?;
    ensure!(
        found.is_file(),
        "rustc left something else than a file as {}",
        built.display()
    );
    fs::rename(built, program).with_context(|| format!("cannot take {}", built.display()))?;
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    std::os::unix::fs::chown(program, Some(user.as_raw()), Some(group.as_raw())).context("cannot take the program")?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o555)).context("cannot take the program")?;
    let metadata = fs::metadata(program).context("cannot take the program")?;
    Ok(Artifact {
        program: program.into(),
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

/// Nothing of the student's runs yet, so it was the kernel for want of memory, or somebody on this machine.
fn is_killed_by_others(ended: &process::Ended, limits: &[Limit]) -> bool {
    !ended.at_limit && limits.is_empty() && ended.status.signal() == Some(nix::libc::SIGKILL)
}

/// The first thing that the compiler complained about, in one sentence.
fn reason(ended: &process::Ended, wall: Duration, limits: &[Limit]) -> String {
    if ended.at_limit {
        return format!("build too slow: the compiler was stopped after {} s", wall.as_secs());
    }
    if limits.contains(&Limit::Cpu) {
        return "build too slow: the compiler used up its processor time (an endless macro or constant?)".into();
    }
    if limits.contains(&Limit::File) {
        let most = COMPILER_FILE_MIB;
        return format!(
            "build too large: no file may be larger than {most} MiB (an array that is part of the program?)"
        );
    }
    // A program that needs more than the compiler has is refused, or kills the compiler, in one of these ways.
    const NO_MEMORY: [&str; 3] = [
        "memory allocation of",
        "out of memory",
        "more memory than available to compiler",
    ];
    if limits.contains(&Limit::Memory) || NO_MEMORY.iter().any(|words| ended.stderr.contains(words)) {
        let most = COMPILER_MEMORY_MIB;
        return format!(
            "build too large: the compiler may use {most} MiB of memory (an array that is part of the program?)"
        );
    }
    if ended.stderr.contains("SIGSEGV") {
        return "does not compile: the compiler ran out of stack (something nested thousands of times?)".into();
    }
    let mut lines = ended.stderr.lines();
    let Some(error) = lines.find(|line| line.starts_with("error")) else {
        return format!("does not compile: the compiler ended with {}", ended.in_words());
    };
    let message = error.split_once(": ").map_or(error, |(_, message)| message);
    let place = lines.find_map(|line| line.trim_start().strip_prefix("--> "));
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    sanitize::text(&format!("does not compile: {message}{place}"))
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;
    use crate::course::Course;

    const RUBRIC: &str = "title = \"T\"\nlevel = 1\nminutes = 1\nchapter = \"c.md\"\ngiven = [\"wire.rs\"]\n[[check]]\nid = \"p1\"\n\
        name = \"n\"\npoints = 1\nvisibility = \"public\"\nconcept = \"c\"\nfeedback = \"f\"\nbook = \"c.md#x\"\n";

    #[test]
    fn what_the_course_gives_is_built_whatever_was_handed_in() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("exercises/ex01-a");
        for (name, text) in [
            ("rubric.toml", RUBRIC),
            ("Cargo.toml", ""),
            ("tests/public.rs", ""),
            ("src/main.rs", "the course's"),
            ("src/wire.rs", "the course's"),
            ("src/other.rs", "somebody's attempt"),
        ] {
            fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
            fs::write(dir.join(name), text).unwrap();
        }
        fs::write(root.path().join("Cargo.toml"), "").unwrap();
        let course = Course::load(root.path()).unwrap();
        let handed_in = ["lib.rs", "main.rs", "wire.rs"].map(|name| (name.to_string(), b"a student's".to_vec()));
        let work = Work {
            files: handed_in.into_iter().collect(),
        };
        let stage = root.path().join("stage");
        lay_out(&course.exercises[0], &work, &stage).unwrap();
        let staged = |name: &str| fs::read_to_string(stage.join("src").join(name)).ok();
        assert_eq!(staged("lib.rs").as_deref(), Some("a student's"));
        assert_eq!(staged("main.rs").as_deref(), Some("the course's"));
        assert_eq!(staged("wire.rs").as_deref(), Some("the course's"));
        assert_eq!(staged("other.rs"), None);
    }

    #[test]
    fn a_compiler_that_others_killed_is_not_its_students_fault() {
        let ended = |raw: i32, at_limit: bool| process::Ended {
            status: ExitStatus::from_raw(raw),
            at_limit,
            stdout: String::new(),
            stderr: String::new(),
            seconds: 1.0,
        };
        let killed = nix::libc::SIGKILL;
        assert!(is_killed_by_others(&ended(killed, false), &[]));
        assert!(
            !is_killed_by_others(&ended(killed, true), &[]),
            "we did, at the time limit"
        );
        for limit in [Limit::Memory, Limit::Cpu] {
            assert!(!is_killed_by_others(&ended(killed, false), &[limit]));
        }
        for own in [nix::libc::SIGSEGV, nix::libc::SIGABRT, 1 << 8] {
            assert!(!is_killed_by_others(&ended(own, false), &[]), "{own}");
        }
    }

    #[test]
    fn only_modules_beside_main_can_be_given() {
        for name in ["lib.rs", "main.rs", "../x.rs", "a/b.rs", "wire", ".rs", "Wire.rs"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("rubric.toml");
            fs::write(&file, RUBRIC.replace("wire.rs", name)).unwrap();
            let error = format!("{:#}", crate::course::Rubric::load(&file).unwrap_err());
            assert!(error.contains("takes files beside main.rs"), "{name}: {error}");
        }
    }
}
