//! The files that a server serves: as they should be, and as they are on disk.

use crate::Lab;
use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Files below a server's root, by their paths in requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// A file of so many bytes in which every 8 bytes are their own offset: `0000000\n`, `0000008\n`, … Wherever a piece was taken from, it says so.
pub fn numbered(len: usize) -> Vec<u8> {
    let records = (0..len)
        .step_by(8)
        .flat_map(|offset| format!("{offset:07}\n").into_bytes());
    records.take(len).collect()
}

impl Tree {
    /// No files.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// The lecture's file: 1000 numbered bytes in `/tmp/test.txt`.
    pub fn of_the_slides() -> Tree {
        Tree::new().file("/tmp/test.txt", &numbered(1000))
    }

    /// With this file too. `path` is as in requests, with nothing in it that has to be encoded.
    #[must_use]
    pub fn file(mut self, path: &str, bytes: &[u8]) -> Tree {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// All of them, by their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// Makes these files below a new folder of the lab, which any program may write to, whoever it runs as.
    pub fn plant(&self, lab: &Lab, folder: &str) -> PathBuf {
        let root = lab.folder().join(folder);
        let planted = self.files.iter().try_for_each(|(path, bytes)| {
            let file = on_disk(&root, path);
            fs::create_dir_all(file.parent().unwrap_or(&root))?;
            fs::write(&file, bytes)
        });
        planted
            .and_then(|()| fs::create_dir_all(&root))
            .and_then(|()| open_to_all(&root))
            .unwrap_or_else(|e| panic!("the files of the test, in {}: {e}", root.display()));
        root
    }

    /// The first file that is not on disk as it is here: its path, what it should be, and what it is (`None`: it is not there).
    pub fn difference(&self, root: &Path) -> Option<(String, Vec<u8>, Option<Vec<u8>>)> {
        self.files.iter().find_map(|(path, expected)| {
            let found = read(root, path);
            (found.as_ref() != Some(expected)).then(|| (path.clone(), expected.clone(), found))
        })
    }

    /// Where these bytes stand, if they stand in one place only: the file and the offset.
    pub fn place_of(&self, data: &[u8]) -> Option<(&str, usize)> {
        let places = self.files.iter().flat_map(|(path, bytes)| {
            let windows = bytes.windows(data.len().max(1)).enumerate();
            windows
                .filter(|(_, window)| *window == data)
                .map(|(offset, _)| (path.as_str(), offset))
        });
        let mut places = places.take(2);
        places.next().filter(|_| places.next().is_none())
    }
}

/// Where on disk the file of a request is.
pub(super) fn on_disk(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// A file as it is on disk now.
pub(super) fn read(root: &Path, path: &str) -> Option<Vec<u8>> {
    match fs::read(on_disk(root, path)) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("reading {path} below {}: {error}", root.display()),
    }
}

fn open_to_all(path: &Path) -> std::io::Result<()> {
    let folder = path.is_dir();
    fs::set_permissions(path, Permissions::from_mode(if folder { 0o777 } else { 0o666 }))?;
    if folder {
        for entry in fs::read_dir(path)? {
            open_to_all(&entry?.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_says_where_it_stands() {
        let tree = Tree::of_the_slides();
        let bytes = tree.bytes("/tmp/test.txt").expect("the file");
        assert_eq!((bytes.len(), &bytes[..16]), (1000, &b"0000000\n0000008\n"[..]));
        assert_eq!(tree.place_of(&bytes[200..400]), Some(("/tmp/test.txt", 200)));
        assert_eq!(tree.place_of(&bytes[995..]), Some(("/tmp/test.txt", 995)));
        assert_eq!(tree.place_of(b"000"), None);
        assert_eq!(tree.place_of(b""), None);
        assert_eq!(numbered(3), b"000");
    }
}
