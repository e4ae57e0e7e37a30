//! The compiler in its jail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use grader::isolation::policy::JailLimits;
use grader::isolation::{BuildView, Isolation};

const LIMITS: JailLimits = JailLimits {
    cpu_seconds: 20,
    memory: 4 << 30,
    address_space: 4 << 30,
    processes: 256,
    open_files: 1024,
    file: 256 << 20,
    disk: 256 << 20,
};

fn sysroot() -> PathBuf {
    let asked = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim())
}

fn compile(level: Isolation, source: &str) -> (Output, tempfile::TempDir) {
    let jail = super::prepared(level);
    let open =
        |path: &Path| std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (stage, libraries) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(stage.path());
    open(libraries.path());
    std::fs::write(stage.path().join("main.rs"), source).unwrap();
    let sysroot = sysroot();
    let see = BuildView {
        sysroot: &sysroot,
        libraries: libraries.path(),
        stage: stage.path(),
    };
    let rustc = sysroot.join("bin/rustc");
    let mut command = jail
        .isolator
        .build(&jail.slot, jail.folder.path(), see, LIMITS, &rustc)
        .unwrap();
    command
        .args(["--edition", "2024", "main.rs", "-o"])
        .arg(stage.path().join("program"));
    command
        .current_dir(stage.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", stage.path())
        .stdin(Stdio::null());
    (command.output().unwrap(), stage)
}

#[test]
fn a_program_is_compiled_in_a_jail() {
    for level in super::levels() {
        let (output, stage) = compile(level, "fn main() { println!(\"hello\") }");
        assert!(output.status.success(), "{level}: {output:?}");
        let said = Command::new(stage.path().join("program")).output().unwrap();
        assert_eq!(said.stdout, b"hello\n");
    }
}

#[test]
fn a_build_reads_no_file_of_the_machine() {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for level in super::levels() {
        for file in ["/etc/passwd", own, "/dev/zero", "/proc/1/environ", "/proc/self/environ"] {
            let (output, _) = compile(level, &format!("fn main() {{ let _ = include_bytes!({file:?}); }}"));
            let said = String::from_utf8_lossy(&output.stderr);
            if file == "/proc/self/environ" && output.status.success() {
                continue;
            }
            assert!(
                !output.status.success() && said.contains("couldn't read"),
                "{level} {file}: {said}"
            );
        }
    }
}
