//! Opens files below one folder, and no others. Given.
//!
//! No path is looked at. `openat2` is told to stay below the folder, and looks and opens in one call, so that nobody can put a
//! link in the way in between. Kernels before Linux 5.6, and other systems, do not have it; there no link is followed at
//! all.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::str::FromStr;
use std::sync::Arc;

use netlab::fsp::FsError;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

/// A folder.
#[derive(Clone)]
pub struct Folder(Arc<OwnedFd>);

impl FromStr for Folder {
    type Err = io::Error;

    fn from_str(path: &str) -> io::Result<Folder> {
        let folder = File::open(path)?;
        match folder.metadata()?.is_dir() {
            true => Ok(Folder(Arc::new(folder.into()))),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

impl Folder {
    /// Opens the file that this path means below the folder. If it `writes`, a file that is missing is created, and none is
    /// emptied.
    pub fn open(&self, path: &str, writes: bool) -> Result<File, FsError> {
        // Without O_NONBLOCK, opening a named pipe would wait for somebody at its other end.
        let how = match writes {
            true => OFlag::O_RDWR | OFlag::O_CREAT,
            false => OFlag::O_RDONLY,
        } | OFlag::O_NONBLOCK
            | OFlag::O_CLOEXEC;
        let opened = match at_once(&self.0, path, how) {
            Err(Errno::ENOSYS | Errno::EPERM) => step_by_step(&self.0, path, how),
            opened => opened,
        };
        let file = File::from(opened.map_err(|error| match error {
            Errno::EXDEV => FsError::Eacces,
            other => io::Error::from(other).into(),
        })?);
        match file.metadata()? {
            what if what.is_file() => Ok(file),
            what if what.is_dir() => Err(FsError::Eisdir),
            _ => Err(FsError::Eacces),
        }
    }
}

/// What a new file may be used for, less the user's umask.
fn permissions(how: OFlag) -> Mode {
    match how.contains(OFlag::O_CREAT) {
        true => Mode::from_bits_truncate(0o666),
        false => Mode::empty(),
    }
}

#[cfg(target_os = "linux")]
fn at_once(folder: &OwnedFd, path: &str, how: OFlag) -> nix::Result<OwnedFd> {
    use nix::fcntl::{OpenHow, ResolveFlag, openat2};

    let below = path.trim_start_matches('/');
    let how = OpenHow::new()
        .flags(how)
        .mode(permissions(how))
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(folder, if below.is_empty() { "." } else { below }, how)
}

#[cfg(not(target_os = "linux"))]
fn at_once(_: &OwnedFd, _: &str, _: OFlag) -> nix::Result<OwnedFd> {
    Err(Errno::ENOSYS)
}

/// One name at a time, and none of them a link or `..`.
fn step_by_step(folder: &OwnedFd, path: &str, how: OFlag) -> nix::Result<OwnedFd> {
    let step = |folder: &dyn AsFd, name: &str, how: OFlag| {
        if name == ".." {
            return Err(Errno::EACCES);
        }
        openat(
            folder.as_fd(),
            name,
            how | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
            permissions(how),
        )
    };
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut place = step(folder, ".", OFlag::O_DIRECTORY)?;
    for name in folders.split('/').filter(|name| !name.is_empty()) {
        place = step(&place, name, OFlag::O_DIRECTORY)?;
    }
    step(&place, if name.is_empty() { "." } else { name }, how)
}
