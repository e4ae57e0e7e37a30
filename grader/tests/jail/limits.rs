//! Limits: that they hold, and that they are named, whatever the program itself says.

use std::time::{Duration, Instant};

use grader::isolation::Isolation;
use grader::isolation::ended::{Limit, Note};

use super::{LIMITS, Prepared, levels, prepared};

impl Prepared {
    fn limits(&self) -> Vec<Limit> {
        let notes = Note::read_all(self.folder.path());
        assert_eq!(Note::fault(&notes), None);
        Note::limits(&notes)
    }

    /// Runs the subject until it says `full`, then asks the launcher to end it, as a test does.
    fn run_until_full(&self, args: &[&str]) -> Vec<Limit> {
        let script =
            "\"$@\" > out & launcher=$!; until grep -q full out; do :; done; kill -TERM $launcher; wait $launcher";
        assert_eq!(
            self.scripted(script, args).output().unwrap().status.code(),
            Some(128 + 9)
        );
        self.limits()
    }
}

/// Root's processes are not counted where it has no user of its own for them.
fn counts_processes(level: Isolation) -> bool {
    level != Isolation::SameUid || !nix::unistd::geteuid().is_root()
}

#[test]
fn limits_hold_and_are_named() {
    for level in levels() {
        let jail = prepared(level);
        let started = Instant::now();
        assert_eq!(jail.run(&["spin"]).status.code(), Some(128 + 24), "{level}");
        assert!(started.elapsed() < Duration::from_secs(8));
        assert_eq!(jail.limits(), [Limit::Cpu], "{level}");
        let jail = prepared(level);
        let alloc = jail.run(&["alloc", "10240"]);
        assert!(
            String::from_utf8_lossy(&alloc.stderr).contains("memory allocation of"),
            "{level}"
        );
        let jail = prepared(level);
        assert_eq!(jail.says(&["alloc", "16"]), (16 << 20).to_string(), "{level}");
        jail.run(&["file", "10"]);
        assert_eq!(jail.limits(), [Limit::File], "{level}");
        let jail = prepared(level);
        let counted: u64 = jail.says(&["bomb"]).parse().unwrap_or(0);
        assert!(
            counted < 2 * LIMITS.processes || !counts_processes(level),
            "{level}: {counted}"
        );
        if level == Isolation::Namespaces {
            let jail = prepared(level);
            assert!(jail.says(&["files", "20"]).contains("No space left"), "{level}");
            assert_eq!(jail.limits(), [Limit::Disk], "{level}");
        }
    }
}

/// These programs say nothing about what they ran out of, and hang.
#[test]
fn what_a_hanging_program_has_all_of_is_named() {
    for level in levels() {
        if counts_processes(level) {
            assert_eq!(
                prepared(level).run_until_full(&["hoard", "threads"]),
                [Limit::Processes],
                "{level}"
            );
        }
        assert_eq!(
            prepared(level).run_until_full(&["hoard", "memory"]),
            [Limit::Memory],
            "{level}"
        );
        assert_eq!(
            prepared(level).run_until_full(&["hoard", "descriptors"]),
            [Limit::OpenFiles(LIMITS.open_files)],
            "{level}"
        );
        assert_eq!(prepared(level).run_until_full(&["hoard", "nothing"]), [], "{level}");
    }
}
