//! Builds one submission's program: stage the files afresh, compile the student's library and the given `main.rs` with bare rustc.
//!
//! Not cargo: there is then no manifest, build script, configuration or shared target folder through which a submission could
//! reach anything, and no fingerprint that takes an old file time for "nothing changed" and reuses another student's program.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::course::Exercise;
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

/// Stages and builds `work` in the empty folder `stage`.
///
/// # Errors
/// The disk or the compiler fails us.
pub fn build(
    exercise: &Exercise,
    work: &Work,
    suites: &ExerciseSuites,
    toolchain: &Toolchain,
    stage: &Path,
) -> Result<Built> {
    lay_out(exercise, work, stage)?;
    let library = stage.join(format!("lib{}.rlib", exercise.name));
    let program = stage.join(&exercise.name);
    let wall = Duration::from_secs(exercise.rubric.limits.build_seconds);
    let mut seconds = 0.0;
    for (kind, source, output) in [("rlib", "src/lib.rs", &library), ("bin", "src/main.rs", &program)] {
        let mut rustc = rustc(exercise, suites, toolchain, stage);
        rustc.args(["--crate-type", kind, source, "-o"]).arg(output);
        if kind == "bin" {
            rustc
                .arg("--extern")
                .arg(format!("{}={}", exercise.name, library.display()));
        }
        let ended = process::run(&mut rustc, wall)?;
        seconds += ended.seconds;
        if !ended.success() {
            let reason = reason(&ended, wall);
            let ours = [
                (stage, "."),
                (&exercise.dir, "."),
                (&toolchain.sysroot, "RUST"),
                (&suites.library_folder, "LIBRARIES"),
            ];
            let diagnostics = sanitize::scrub_paths(&ended.stderr, &ours);
            return Ok(Built::Rejected {
                reason,
                diagnostics: sanitize::text(&diagnostics),
            });
        }
    }
    let metadata = fs::metadata(&program).with_context(|| format!("rustc left no {}", program.display()))?;
    Ok(Built::Program {
        artifact: Artifact {
            program,
            device: metadata.dev(),
            inode: metadata.ino(),
        },
        seconds,
    })
}

/// Fresh files with our own names and times; the given `main.rs` always comes from the course.
fn lay_out(exercise: &Exercise, work: &Work, stage: &Path) -> Result<()> {
    let source = stage.join("src");
    for (path, bytes) in &work.files {
        let target = source.join(path);
        let folder = target.parent().context("a file without a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(&target, bytes).with_context(|| format!("cannot write {}", target.display()))?;
    }
    let given = exercise.dir.join("src/main.rs");
    fs::create_dir_all(&source).with_context(|| format!("cannot make {}", source.display()))?;
    fs::copy(&given, source.join("main.rs")).with_context(|| format!("cannot copy {}", given.display()))?;
    Ok(())
}

fn rustc(exercise: &Exercise, suites: &ExerciseSuites, toolchain: &Toolchain, stage: &Path) -> Command {
    let mut rustc = Command::new(&toolchain.rustc);
    rustc.current_dir(stage).env_clear();
    // The linker is found by name. Nothing else of our environment is a student's business.
    rustc
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TMPDIR", stage);
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
    rustc
}

/// The first thing that the compiler complained about, in one sentence.
fn reason(ended: &process::Ended, wall: Duration) -> String {
    if ended.at_limit {
        return format!("build too slow: the compiler was stopped after {} s", wall.as_secs());
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
