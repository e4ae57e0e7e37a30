//! What the book shows of the code is there and is public. All else about the book is proven by its own kit (`cargo book test`).

use std::path::{Path, PathBuf};

use workbook::repository;

fn chapters() -> Vec<PathBuf> {
    let mut chapters: Vec<PathBuf> = std::fs::read_dir(repository().join("book/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    chapters.sort();
    chapters
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_include_shows_something_that_is_there_and_public() {
    let book = repository().join("book/src");
    for chapter in chapters() {
        for include in read(&chapter)
            .split("{{#include ")
            .skip(1)
            .filter_map(|rest| rest.split("}}").next())
        {
            let mut parts = include.split(':');
            let file = parts.next().unwrap().trim();
            let text = read(&book.join(file));
            assert!(
                !file.contains("solutions/"),
                "{}: a solution is not for the book: {file}",
                chapter.display()
            );
            if let Some(anchor) = parts.next() {
                assert!(
                    text.contains(&format!("ANCHOR: {anchor}")),
                    "{}: {file} has no anchor {anchor}",
                    chapter.display()
                );
            }
        }
    }
}
