//! What a program is shown: the least with which it runs, and the least with which the compiler works.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::policy::{Access, Visible};

/// Libraries that a program may ask for beside those that the grader itself needs: parts of old glibc, and name services.
const BESIDE_LIBC: [&str; 8] = [
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libnss_files.so.2",
    "libnss_dns.so.2",
];
/// Where linker and libraries live, for the build.
const SYSTEM: [&str; 14] = [
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/libexec",
    "/nix/store",
];
const NAMES: [(&str, &str); 2] = [
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("/etc/nsswitch.conf", "hosts: files\n"),
];

/// Loader and libraries of a program that rustc made; the same for every program of one toolchain.
#[derive(Debug, Clone)]
pub struct Runtime(Vec<PathBuf>);

impl Runtime {
    /// Asks the loader what `trusted`, a program of the same toolchain, is loaded from.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn of(trusted: &Path) -> Result<Runtime> {
        let listed = Command::new(trusted)
            .env_clear()
            .env("LD_TRACE_LOADED_OBJECTS", "1")
            .stdin(Stdio::null())
            .output();
        let listed = listed.with_context(|| format!("cannot start {}", trusted.display()))?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        // `libc.so.6 => /lib/libc.so.6 (0x7f…)`, or `/lib64/ld-linux.so.2 (0x7f…)`
        let places = listed
            .lines()
            .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
        let mut files: BTreeSet<PathBuf> = places.map(PathBuf::from).filter(|file| file.is_file()).collect();
        if files.is_empty() {
            // A program without a loader says nothing about those that have one.
            return Ok(Runtime(existing(&["/lib", "/lib64", "/usr/lib", "/usr/lib64"])));
        }
        let libc = files
            .iter()
            .find(|file| file.ends_with("libc.so.6"))
            .and_then(|file| file.parent())
            .map(Path::to_path_buf);
        files.extend(
            libc.iter()
                .flat_map(|folder| BESIDE_LIBC.map(|name| folder.join(name)))
                .filter(|file| file.is_file()),
        );
        Ok(Runtime(files.into_iter().collect()))
    }
}

/// A program, what it is loaded from, and harmless devices.
pub fn of_run(runtime: &Runtime, program: &Path) -> Vec<Visible> {
    let name = program.file_name().unwrap_or_default();
    let mut visible = vec![Visible {
        path: program.into(),
        at: Path::new("/bin").join(name),
        access: Access::Execute,
    }];
    visible.extend(runtime.0.iter().map(|file| Visible::new(file, Access::Execute)));
    visible.extend(
        existing(&["/etc/ld.so.cache"])
            .into_iter()
            .map(|file| Visible::new(file, Access::Read)),
    );
    visible.extend(
        existing(&["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"])
            .into_iter()
            .map(device),
    );
    visible
}

/// Programs of the system, each where the PATH has it, and what they are loaded from.
///
/// # Errors
/// One of them cannot be started.
pub fn of_programs(names: &[String]) -> Result<Vec<Visible>> {
    let mut files = BTreeSet::new();
    for program in names.iter().filter_map(|name| harness::find_tool(name)) {
        files.extend(Runtime::of(&program)?.0);
        files.insert(program);
    }
    Ok(files
        .into_iter()
        .map(|file| Visible::new(file, Access::Execute))
        .collect())
}

/// `localhost` and nothing else has an address.
pub fn names() -> Vec<(PathBuf, String)> {
    NAMES.map(|(path, text)| (path.into(), text.into())).into()
}

/// The machine's own files in place of [`names`], where none can be made up.
pub fn names_of_this_machine() -> Vec<Visible> {
    existing(&NAMES.map(|(path, _)| path))
        .into_iter()
        .map(|file| Visible::new(file, Access::Read))
        .collect()
}

/// The compiler in `sysroot`, the course's libraries, the linker, and one folder to write in.
pub fn of_build(sysroot: &Path, libraries: &Path, stage: &Path) -> Vec<Visible> {
    let mut visible: Vec<Visible> = existing(&SYSTEM)
        .into_iter()
        .map(|folder| Visible::new(folder, Access::Execute))
        .collect();
    visible.push(Visible::new(sysroot, Access::Execute));
    visible.push(Visible::new(libraries, Access::Execute));
    visible.push(Visible::new(stage, Access::Write));
    let settings = existing(&["/etc/ld.so.cache", "/etc/alternatives"]);
    visible.extend(settings.into_iter().map(|file| Visible::new(file, Access::Read)));
    visible.extend(existing(&["/dev/null", "/dev/urandom"]).into_iter().map(device));
    visible
}

/// The links that stand for folders of the system (`/bin` for `/usr/bin`), for the build's root.
pub fn links() -> Vec<(PathBuf, PathBuf)> {
    let link = |path: &&str| Some((PathBuf::from(path), fs::read_link(path).ok()?));
    SYSTEM.iter().chain(&["/sbin"]).filter_map(link).collect()
}

/// The first of these folders that a program of the build would see, and must not.
pub fn seen_by_build<'a>(hidden: &'a [&'a Path]) -> Option<&'a Path> {
    hidden
        .iter()
        .copied()
        .find(|path| SYSTEM.iter().any(|system| path.starts_with(system)))
}

fn device(path: PathBuf) -> Visible {
    Visible::new(path, Access::Device)
}

/// Those that exist; links to folders are made as links, so they are left out.
fn existing(paths: &[&str]) -> Vec<PathBuf> {
    let there = |path: &&&str| {
        let folder_link = fs::symlink_metadata(path).is_ok_and(|kind| kind.is_symlink()) && Path::new(path).is_dir();
        Path::new(path).exists() && !folder_link
    };
    paths.iter().filter(there).map(PathBuf::from).collect()
}
