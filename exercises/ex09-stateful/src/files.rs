//! Files: those below a folder, and some in memory for the probe. Given.
//!
//! No path is ever put together and opened. A file is reached from the root by one `openat` for each of its names, and
//! neither `..` nor a link is followed, so nothing outside can be reached, whatever the path says. (The exercise before lets
//! links be followed, as long as they stay inside. That takes more.)

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::str::FromStr;
use std::sync::Arc;

use ex09::{Files, Mode};
use netlab::fsp::FsError;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode as Permissions;

/// The files below a folder.
#[derive(Clone)]
pub struct Folder {
    root: Arc<OwnedFd>,
}

impl FromStr for Folder {
    type Err = io::Error;

    fn from_str(path: &str) -> io::Result<Folder> {
        let root = File::open(path)?;
        match root.metadata()?.is_dir() {
            true => Ok(Folder {
                root: Arc::new(root.into()),
            }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

impl Folder {
    /// Opens one file.
    fn find(&self, path: &str, how: OFlag) -> Result<File, FsError> {
        let names: Vec<&str> = path.split('/').filter(|name| !["", "."].contains(name)).collect();
        if names.contains(&"..") {
            return Err(FsError::Eacces);
        }
        let (last, folders) = names.split_last().ok_or(FsError::Eisdir)?;
        let mut folder = self.root.clone();
        for name in folders {
            folder = Arc::new(step(&folder, name, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?);
        }
        // Without O_NONBLOCK, opening a named pipe would wait for somebody at its other end.
        let file = File::from(step(&folder, last, how | OFlag::O_NONBLOCK)?);
        match file.metadata()?.file_type() {
            kind if kind.is_file() => Ok(file),
            kind if kind.is_dir() => Err(FsError::Eisdir),
            _ => Err(FsError::Eacces),
        }
    }
}

/// One name further down.
fn step(folder: impl AsFd, name: &str, how: OFlag) -> io::Result<OwnedFd> {
    let how = how | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(folder, name, how, Permissions::from_bits_truncate(0o666))?)
}

impl Files for Folder {
    fn open(&self, path: &str, mode: Mode) -> Result<u64, FsError> {
        let how = match mode {
            Mode::Read => OFlag::O_RDONLY,
            Mode::Write => OFlag::O_WRONLY | OFlag::O_CREAT,
        };
        Ok(self.find(path, how)?.metadata()?.len())
    }

    fn read_at(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, FsError> {
        let file = self.find(path, OFlag::O_RDONLY)?;
        let left = usize::try_from(file.metadata()?.len().saturating_sub(offset));
        let mut data = vec![0; left.map_or(length, |left| left.min(length))];
        file.read_exact_at(&mut data, offset)?;
        Ok(data)
    }

    fn write_at(&self, path: &str, offset: u64, data: &[u8]) -> Result<(), FsError> {
        Ok(self.find(path, OFlag::O_WRONLY)?.write_all_at(data, offset)?)
    }

    fn append(&self, path: &str, data: &[u8]) -> Result<u64, FsError> {
        let mut file = self.find(path, OFlag::O_WRONLY | OFlag::O_APPEND)?;
        file.write_all(data)?;
        Ok(file.metadata()?.len())
    }
}

/// Files of a moment: `/a` holds `abcdefghij`, `/b` holds `0123456789`.
pub struct Memory(RefCell<BTreeMap<String, Vec<u8>>>);

impl Memory {
    /// With these two files.
    pub fn new() -> Memory {
        let files = [("/a", "abcdefghij"), ("/b", "0123456789")];
        Memory(RefCell::new(
            files.map(|(path, text)| (path.to_owned(), text.into())).into(),
        ))
    }

    fn change(&self, path: &str, offset: Option<u64>, data: &[u8]) -> Result<u64, FsError> {
        let mut files = self.0.borrow_mut();
        let file = files.get_mut(path).ok_or(FsError::Enoent)?;
        let start = offset
            .map_or(Ok(file.len()), usize::try_from)
            .map_err(|_| FsError::Einval)?;
        let end = start
            .checked_add(data.len())
            .filter(|&end| end <= 1 << 16)
            .ok_or(FsError::Einval)?;
        file.resize(file.len().max(end), 0);
        file[start..end].copy_from_slice(data);
        Ok(file.len() as u64)
    }
}

impl Files for Memory {
    fn open(&self, path: &str, mode: Mode) -> Result<u64, FsError> {
        if mode == Mode::Write {
            self.0.borrow_mut().entry(path.to_owned()).or_default();
        }
        let files = self.0.borrow();
        Ok(files.get(path).ok_or(FsError::Enoent)?.len() as u64)
    }

    fn read_at(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, FsError> {
        let files = self.0.borrow();
        let file = files.get(path).ok_or(FsError::Enoent)?;
        let start = usize::try_from(offset).map_or(file.len(), |offset| offset.min(file.len()));
        Ok(file[start..file.len().min(start + length)].to_vec())
    }

    fn write_at(&self, path: &str, offset: u64, data: &[u8]) -> Result<(), FsError> {
        self.change(path, Some(offset), data).map(drop)
    }

    fn append(&self, path: &str, data: &[u8]) -> Result<u64, FsError> {
        self.change(path, None, data)
    }
}
