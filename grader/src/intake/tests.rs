//! Every rule of intake, on archives made in memory and folders made on the spot.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

mod class;
mod loose;
mod places;
mod refused;
mod sizes;

use super::*;
use crate::submission::Work;

const LIB: &str = "exercises/ex01-four-calls/src/lib.rs";

/// A course with two exercises, the second with a given module, and an empty class beside it.
struct Room {
    course: Course,
    class: TempDir,
    _root: TempDir,
}

impl Room {
    fn new() -> Room {
        let root = TempDir::new().unwrap();
        write(root.path(), "Cargo.toml", b"[workspace]\n");
        for folder in ["ex01-four-calls", "ex02-echo"] {
            let dir = root.path().join("exercises").join(folder);
            write(&dir, "Cargo.toml", b"[package]\n");
            let given = if folder == "ex02-echo" {
                "given = [\"wire.rs\"]\n"
            } else {
                ""
            };
            write(&dir, "rubric.toml", format!("{given}{RUBRIC}").as_bytes());
            write(&dir, "src/wire.rs", b"// given\n");
            write(&dir, "src/main.rs", b"fn main() {}\n");
            write(&dir, "tests/public.rs", b"");
        }
        let course = Course::load(root.path()).unwrap();
        Room {
            course,
            class: TempDir::new().unwrap(),
            _root: root,
        }
    }

    fn class(&self) -> Vec<Submission> {
        read_class(self.class.path(), &self.course).unwrap()
    }

    /// The submission `ada` of a class that holds nothing else.
    fn ada(&self) -> Submission {
        let mut class = self.class();
        assert_eq!((class.len(), class[0].student.as_str()), (1, "ada"));
        class.remove(0)
    }

    fn file(&self, path: &str, content: &[u8]) {
        write(self.class.path(), path, content);
    }

    fn ada_dir(&self) -> PathBuf {
        self.class.path().join("ada")
    }

    /// `ada.zip` with these entries.
    fn zip(&self, entries: &[(&str, &[u8])]) {
        let mut zip = ZipWriter::new(Cursor::default());
        for (name, content) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        self.file("ada.zip", zip.finish().unwrap().get_ref());
    }

    /// `ada.tar.gz` with what `build` puts in.
    fn tar(&self, build: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        build(&mut tar);
        self.file("ada.tar.gz", &tar.into_inner().unwrap().finish().unwrap());
    }
}

type Cursor = std::io::Cursor<Vec<u8>>;

const RUBRIC: &str = r#"
title = "T"
level = 1
minutes = 1
chapter = "c.md"
[[check]]
id = "p1"
name = "n"
points = 1
visibility = "public"
concept = "c"
feedback = "f"
book = "c.md#x"
"#;

fn write(dir: &Path, path: &str, content: &[u8]) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A tar entry whose name is not looked at by the library that writes it.
fn tar_entry(tar: &mut tar::Builder<GzEncoder<Vec<u8>>>, name: &[u8], kind: tar::EntryType, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(315_532_800); // 1980
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

fn files(work: &Work) -> Vec<&str> {
    work.files.keys().map(String::as_str).collect()
}

fn notes(submission: &Submission) -> Vec<&str> {
    submission.notes.iter().map(|note| note.0.as_str()).collect()
}

/// The only note.
#[track_caller]
fn note(submission: &Submission) -> &str {
    assert_eq!(submission.notes.len(), 1, "{:?}", submission.notes);
    &submission.notes[0].0
}
