//! The submissions themselves: each says why it exists, and archives are what their folders are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use flate2::read::GzDecoder;

use super::{files_below, folders, read, submissions};

#[test]
fn every_folder_says_in_two_lines_why_it_exists() {
    for class in ["class", "weak"] {
        for name in folders(&submissions().join(class)) {
            let why = read(&submissions().join(class).join(&name).join("WHY.md"));
            assert_eq!(why.lines().count(), 2, "{class}/{name}/WHY.md");
        }
    }
}

#[test]
fn every_archive_holds_what_its_folder_holds() {
    let sources = submissions().join("archives");
    for name in folders(&sources) {
        let expected = files_below(&sources.join(&name));
        assert_eq!(unpacked(&name), expected, "run tests/submissions/make-archives.py");
    }
}

/// The files of a student's archive, by name.
fn unpacked(student: &str) -> BTreeMap<String, String> {
    let path = submissions().join("class").join(student);
    match File::open(path.with_extension("zip")) {
        Ok(zip) => unzipped(zip),
        Err(_) => untarred(File::open(path.with_extension("tar.gz")).unwrap()),
    }
}

fn unzipped(file: File) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let name = entry.name().unwrap().to_string();
        files.insert(name, text(&mut entry));
    }
    files
}

fn untarred(file: File) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_string();
        files.insert(name, text(&mut entry));
    }
    files
}

fn text(content: &mut impl Read) -> String {
    let mut text = String::new();
    content.read_to_string(&mut text).unwrap();
    text
}
