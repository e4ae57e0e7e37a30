//! Every link into the book leads somewhere: from rubrics, between chapters, and from includes to the files they show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use grader::course::Course;
use workbook::repository;

/// The ids of a chapter's headings, as mdBook makes them.
fn ids(markdown: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut fenced = false;
    for line in markdown.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) {
            let base = id(heading.trim_start_matches('#'));
            let numbered = (1..).map(|n| format!("{base}-{n}"));
            let free = std::iter::once(base.clone())
                .chain(numbered)
                .find(|id| !ids.contains(id));
            ids.extend(free);
        }
    }
    ids
}

/// mdBook's rule: lower case, white space becomes `-`, only letters, digits, `-` and `_` stay.
fn id(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_lowercase().next().unwrap_or(c)),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

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

/// `file.md#fragment`, below `folder`.
fn leads_somewhere(folder: &Path, link: &str) -> bool {
    let (file, fragment) = link
        .split_once('#')
        .map_or((link, None), |(file, fragment)| (file, Some(fragment)));
    let path = folder.join(file);
    path.exists() && fragment.is_none_or(|fragment| !file.ends_with(".md") || ids(&read(&path)).contains(fragment))
}

#[test]
fn every_check_leads_into_the_book() {
    let course = Course::load(&repository()).unwrap();
    let book = repository().join("book/src");
    let mut broken = Vec::new();
    for exercise in &course.exercises {
        let links = exercise.rubric.checks.iter().map(|check| check.book.as_str());
        for link in links.chain([exercise.rubric.chapter.as_str()]) {
            if !leads_somewhere(&book, link) {
                broken.push(format!("{}: {link}", exercise.folder));
            }
        }
    }
    assert!(broken.is_empty(), "rubrics lead nowhere: {broken:#?}");
}

#[test]
fn every_chapter_is_in_the_summary_and_every_link_between_chapters_leads_somewhere() {
    let book = repository().join("book/src");
    let summary = read(&book.join("SUMMARY.md"));
    let mut broken = Vec::new();
    for chapter in chapters() {
        let name = chapter.file_name().unwrap().to_string_lossy().into_owned();
        if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            broken.push(format!("SUMMARY.md lacks {name}"));
        }
        let text = read(&chapter);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let inside = !link.contains("://") && !link.starts_with("mailto:");
            let link = link
                .strip_prefix('#')
                .map_or(link.to_string(), |fragment| format!("{name}#{fragment}"));
            if inside && !leads_somewhere(&book, &link) {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
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
