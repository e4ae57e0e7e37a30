//! A temporary folder that is gone with its value. By hand: the crate for it brings a second library of system calls, which students would
//! wait for.

use nix::unistd::mkdtemp;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Removed, with all that is in it, when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes one that only its owner may enter, where the system wants temporary files.
    pub fn make(prefix: &str) -> io::Result<Folder> {
        let template = env::temp_dir().join(format!("{prefix}XXXXXX"));
        Ok(Folder(mkdtemp(&template)?))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a student's program has made unreadable stays; that fails no test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Folder;

    #[test]
    fn it_is_new_each_time_and_goes_with_what_is_in_it() {
        let (one, other) = (Folder::make("lab-").unwrap(), Folder::make("lab-").unwrap());
        assert_ne!(one.path(), other.path());
        std::fs::create_dir(one.path().join("inner")).unwrap();
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && other.path().is_dir());
    }
}
