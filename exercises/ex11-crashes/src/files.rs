//! Opens files below one folder, and no others, and tells which of them are the same. Given.
//!
//! As in the exercise before: no path is looked at, and `openat2` is told to stay below the folder. Kernels before Linux 5.6,
//! and other systems, do not have it; there no link is followed at all.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
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
        // O_NONBLOCK: a named pipe would otherwise wait for its other end.
        let always = OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let how = always
            | match writes {
                true => OFlag::O_RDWR | OFlag::O_CREAT,
                false => OFlag::O_RDONLY,
            };
        let found = below(self.0.as_fd(), path.trim_start_matches('/'), how);
        let file = File::from(found.map_err(|errno| match errno {
            Errno::EXDEV => FsError::Eacces,
            other => io::Error::from(other).into(),
        })?);
        let kind = file.metadata()?.file_type();
        match (kind.is_file(), kind.is_dir()) {
            (true, _) => Ok(file),
            (_, true) => Err(FsError::Eisdir),
            _ => Err(FsError::Eacces),
        }
    }
}

/// Which file it is: two paths may lead to one.
pub fn identity(file: &File) -> io::Result<String> {
    let metadata = file.metadata()?;
    Ok(format!("{}:{}", metadata.dev(), metadata.ino()))
}

fn permissions(how: OFlag) -> Mode {
    let created = how.contains(OFlag::O_CREAT);
    Mode::from_bits_truncate(if created { 0o666 } else { 0 })
}

#[cfg(target_os = "linux")]
fn below(folder: BorrowedFd, path: &str, how: OFlag) -> nix::Result<OwnedFd> {
    use nix::fcntl::{OpenHow, ResolveFlag, openat2};

    let inside = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let all = OpenHow::new().flags(how).mode(permissions(how)).resolve(inside);
    match openat2(folder, if path.is_empty() { "." } else { path }, all) {
        Err(Errno::ENOSYS | Errno::EPERM) => name_by_name(folder, path, how),
        opened => opened,
    }
}

#[cfg(not(target_os = "linux"))]
fn below(folder: BorrowedFd, path: &str, how: OFlag) -> nix::Result<OwnedFd> {
    name_by_name(folder, path, how)
}

/// One `openat` for each name, none of which may be a link or `..`.
fn name_by_name(folder: BorrowedFd, path: &str, how: OFlag) -> nix::Result<OwnedFd> {
    let careful = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let enter = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    if names.contains(&"..") {
        return Err(Errno::EACCES);
    }
    let last = names.pop().unwrap_or(".");
    let mut place = openat(folder, ".", enter | careful, Mode::empty())?;
    for name in names {
        place = openat(&place, name, enter | careful, Mode::empty())?;
    }
    openat(&place, last, how | careful, permissions(how))
}
