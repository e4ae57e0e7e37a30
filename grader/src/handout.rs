//! The handout: what students get. Copied from the course by an allow-list, with the stubs derived anew, and looked
//! through for anything hidden before it appears under its name.

mod leaks;
pub(crate) use leaks::canary;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use walkdir::{DirEntry, WalkDir};

use crate::course::{Course, Exercise};
use crate::diagnosis::{HANDED_OUT, Signatures};
use crate::toolchain::Toolchain;
use crate::{release, stub};

/// Files at the top that go along, where they exist.
const TOP: [&str; 13] = [
    "README.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    ".devcontainer/devcontainer.json",
    ".gitignore",
    ".vscode/extensions.json",
    ".vscode/settings.json",
    "clippy.toml",
    release::FILE,
    "rustfmt.toml",
];

/// Folders that go along with everything in them that is not build output. The exercises have rules of their own.
const FOLDERS: [&str; 5] = [
    "book",
    "exercises/netlab",
    "exercises/rppal-standin",
    "grader",
    "tests/harness",
];

/// What of an exercise's folder goes along beside `tests/`. Of `src/` only the given program does, with its
/// modules: what else lies there may be somebody's attempt.
const OF_EXERCISE: [&str; 5] = [
    "Cargo.toml",
    "README.md",
    "DESIGN-NOTE.md",
    "rubric.toml",
    "clippy.toml",
];

/// Lines of the root manifest with this comment are dropped.
const NOT_IN_THE_HANDOUT: &str = "# not in the handout";

/// Writes the handout into `out`, which must not exist or be empty. Nothing appears there before all of it is right.
///
/// # Errors
/// There are no solutions to derive stubs from; `out` is in use; something cannot be copied; or something hidden would
/// be handed out (the message names the file and the line).
pub fn write(course: &Course, out: &Path) -> Result<()> {
    ensure!(
        course.exercises.iter().any(|exercise| exercise.solution.is_some()),
        "this tree has no solutions/, so a handout cannot be derived from it"
    );
    let out = free_place(course, out)?;
    let folder = out.parent().context("a handout needs a folder of its own")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let draft = tempfile::Builder::new()
        .prefix(".handout-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(folder)
        .with_context(|| format!("cannot make a folder in {}", folder.display()))?;
    fill(course, draft.path())?;
    settle_lock_file(draft.path())?;
    leaks::find(course, draft.path())?;
    fs::rename(draft.path(), &out).with_context(|| format!("cannot rename the handout to {}", out.display()))?;
    let _ = draft.keep();
    Ok(())
}

/// The absolute path of `out`, when nothing is there and it is no place that would be copied into itself.
fn free_place(course: &Course, out: &Path) -> Result<PathBuf> {
    if let Ok(mut entries) = fs::read_dir(out) {
        ensure!(
            entries.next().is_none(),
            "{} is not empty; name a folder that does not exist yet",
            out.display()
        );
    } else if fs::symlink_metadata(out).is_ok() {
        bail!(
            "{} exists and is not a folder; name one that does not exist yet",
            out.display()
        );
    }
    let absolute = match out.canonicalize() {
        Ok(existing) => existing,
        Err(_) => std::path::absolute(out).with_context(|| format!("cannot use the path {}", out.display()))?,
    };
    let root = course
        .root
        .canonicalize()
        .with_context(|| format!("cannot read {}", course.root.display()))?;
    for copied in ["book", "exercises", "grader", "tests", "solutions"] {
        let inside = absolute.starts_with(root.join(copied));
        ensure!(
            !inside,
            "{} lies in the course's {copied}/; choose a place outside",
            out.display()
        );
    }
    Ok(absolute)
}

fn fill(course: &Course, draft: &Path) -> Result<()> {
    for name in TOP {
        let from = course.root.join(name);
        if !from.is_file() {
            continue;
        }
        if let Some(bytes) = top_file(name, &read(&from)?)? {
            put(draft, name, &bytes)?;
        }
    }
    for folder in FOLDERS {
        copy_folder(&course.root, folder, draft)?;
    }
    for exercise in &course.exercises {
        fill_exercise(course, exercise, draft)?;
    }
    Ok(())
}

/// What a handout gets of a file at the top, if anything.
fn top_file(name: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let text = || std::str::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"));
    Ok(match name {
        "Cargo.toml" => Some(without_marked_lines(text()?).into_bytes()),
        release::FILE => release::handed_out(text()?)?.map(String::into_bytes),
        _ => Some(bytes.to_vec()),
    })
}

fn without_marked_lines(manifest: &str) -> String {
    let kept = manifest.lines().filter(|line| !line.contains(NOT_IN_THE_HANDOUT));
    kept.map(|line| format!("{line}\n")).collect()
}

/// Lets cargo drop from `Cargo.lock` what only the left-out member needs, so that the handout builds with `--locked`.
/// Which packages those are depends on features, so nobody but cargo can tell. Versions stay as they are.
fn settle_lock_file(draft: &Path) -> Result<()> {
    if !draft.join("Cargo.lock").is_file() {
        return Ok(());
    }
    let output = Command::new(Toolchain::find()?.cargo)
        .args(["update", "--workspace", "--offline"])
        .current_dir(draft)
        .output()
        .context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo cannot adapt the handout's Cargo.lock:\n{}",
        said.trim()
    );
    Ok(())
}

fn fill_exercise(course: &Course, exercise: &Exercise, draft: &Path) -> Result<()> {
    let folder = format!("exercises/{}", exercise.folder);
    let given = exercise.given().map(|name| format!("src/{name}"));
    for name in OF_EXERCISE.map(str::to_string).into_iter().chain(given) {
        let from = exercise.dir.join(&name);
        if from.is_file() {
            put(draft, &format!("{folder}/{name}"), &read(&from)?)?;
        }
    }
    copy_folder(&course.root, &format!("{folder}/tests"), draft)?;
    let mistakes = Signatures::load(exercise)?.public_part(exercise);
    put(draft, &format!("{folder}/{HANDED_OUT}"), mistakes.as_bytes())?;
    if let Some(solution) = release::sealed(course, exercise)? {
        put(draft, &format!("{folder}/{}", release::SEALED), &solution)?;
    }
    for (name, stub) in stub::files(exercise)? {
        // The second one is for `grader reset`.
        put(draft, &format!("{folder}/{}/{name}", stub::COPY), stub.as_bytes())?;
        put(draft, &format!("{folder}/src/{name}"), stub.as_bytes())?;
    }
    Ok(())
}

/// Copies the regular files below `folder`, but for what builds and tests leave behind.
fn copy_folder(root: &Path, folder: &str, draft: &Path) -> Result<()> {
    let from = root.join(folder);
    for entry in WalkDir::new(&from)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !is_left_behind(entry))
    {
        let entry = entry.with_context(|| format!("cannot list {}", from.display()))?;
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path();
        ensure!(
            entry.file_type().is_file(),
            "{} is not a regular file, which a handout cannot hold",
            path.display()
        );
        let name = path
            .strip_prefix(root)
            .expect("it lies below")
            .to_string_lossy()
            .into_owned();
        put(draft, &name, &read(path)?)?;
    }
    Ok(())
}

/// Build output, files of editors and git, and snapshots that nobody has accepted yet.
fn is_left_behind(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let output = entry.file_type().is_dir() && (name == "target" || (name == "build" && in_book(entry)));
    let unfinished = name.ends_with(".snap.new") || name.ends_with(".pending-snap") || name.ends_with('~');
    entry.depth() > 0 && (name.starts_with('.') || output || unfinished)
}

fn in_book(entry: &DirEntry) -> bool {
    entry.path().parent().and_then(Path::file_name) == Some(OsStr::new("book"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn put(draft: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = draft.join(name);
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(draft))?;
        fs::write(&path, bytes)
    };
    write().with_context(|| format!("cannot write the handout's {name}"))
}
