//! What the end-to-end tests share: the repository, the grader's program, and small courses to break on purpose.

pub mod class;
pub mod ledger;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use assert_cmd::Command;

/// The repository's root.
///
/// # Panics
/// The folder of this package is not where it was compiled.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository is where it was compiled")
}

/// A command that runs `program` (the grader) in `folder`, with nothing of cargo's environment in it.
pub fn grader_in(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear();
    for kept in [
        "PATH",
        "HOME",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_AUTO_INSTALL",
        "TMPDIR",
    ] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.timeout(std::time::Duration::from_secs(300));
    command
}

/// Where courses other than the repository's are built: their dependencies are then compiled once for all tests.
pub fn shared_target() -> PathBuf {
    repository().join("target/workbook")
}

/// Held by whoever builds in [`shared_target`]: the grader lays out one course there at a time.
pub fn only_one() -> MutexGuard<'static, ()> {
    static ONLY_ONE: Mutex<()> = Mutex::new(());
    ONLY_ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A course of one small exercise, copied from `tests/workbook/course`, that a test may break.
///
/// Such courses share one folder to build in, so there is only one of them at a time in a process.
#[derive(Debug)]
pub struct SmallCourse {
    root: tempfile::TempDir,
    _only_one: MutexGuard<'static, ()>,
}

impl SmallCourse {
    /// A fresh copy.
    ///
    /// # Panics
    /// The disk fails us.
    pub fn new() -> SmallCourse {
        let only_one = only_one();
        let root = tempfile::Builder::new()
            .prefix("course-")
            .tempdir()
            .expect("room for a small course");
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("course");
        copy_tree(&template, root.path());
        let manifest = root.path().join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).expect("the small course has a manifest");
        let text = text.replace("REPOSITORY", &repository().to_string_lossy());
        std::fs::write(manifest, text).expect("room for a manifest");
        std::fs::copy(repository().join("Cargo.lock"), root.path().join("Cargo.lock"))
            .expect("the repository has a lock");
        SmallCourse {
            root,
            _only_one: only_one,
        }
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// A file's text.
    ///
    /// # Panics
    /// There is no such file.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes a file, with the folders that it needs.
    ///
    /// # Panics
    /// The disk fails us.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("room for a folder");
        std::fs::write(path, text).expect("room for a file");
    }

    /// Replaces `find`, which has to be there.
    ///
    /// # Panics
    /// It is not there.
    pub fn edit(&self, path: &str, find: &str, replace: &str) {
        let text = self.read(path);
        assert!(text.contains(find), "{path} has no {find:?} to replace");
        self.write(path, &text.replace(find, replace));
    }

    /// The grader, run in this course.
    pub fn grader(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = grader_in(program, self.root());
        command.args(arguments).arg("--target-dir").arg(shared_target());
        // The submissions here are the tests' own; some machines isolate too little for a stranger's.
        if arguments.contains(&"--submissions") {
            command.arg("--trust-submissions");
        }
        command
    }
}

impl Default for SmallCourse {
    fn default() -> Self {
        SmallCourse::new()
    }
}

/// Copies a folder with everything in it.
///
/// # Panics
/// The disk fails us.
pub fn copy_tree(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("the folder can be listed");
        let target = to.join(entry.path().strip_prefix(from).expect("below the folder"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target).expect("room for a folder");
        } else {
            std::fs::copy(entry.path(), &target).expect("room for a file");
        }
    }
}
