//! The instructors' tables agree with the rubrics: every slide has its place, every check that is named exists, minutes are the rubrics'.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every slide of the lecture that has something to teach, by its title.
const SLIDES: [&str; 50] = [
    "Service User Versus Service Provider",
    "Application Layers and Lower Processes",
    "Clients Versus Servers (1)",
    "Clients Versus Servers (2)",
    "Examples of a Service",
    "Client Parameterization",
    "URLs (1)",
    "URLs (2)",
    "Socket Abstraction",
    "Sockets as API",
    "Socket Descriptors (1)",
    "Socket Descriptors (2)",
    "Server – Sockets",
    "Client – Sockets",
    "Server Processes: Iterative",
    "Server Processes: Concurrent",
    "Server Concurrency (2)",
    "Address and Protocol Families",
    "Socket Types",
    "Socket Programming with TCP",
    "A simple echo server",
    "A simple echo client",
    "recv()/send()/close()",
    "Services: request/response",
    "What Defines an Application Protocol",
    "Idempotent vs NonIdempotent",
    "Catching Exceptions on Server",
    "Catching Exceptions on Client",
    "Connectionless Sockets",
    "Socket Programming with UDP",
    "Connection/Connectionless (2)",
    "Reliable Operation",
    "Design Issues: Time-outs",
    "Stateless/Stateful",
    "File Server Example: Stateless",
    "File Server Example: Stateful (1)",
    "File Server Example: Stateful (2)",
    "File Descriptor",
    "Duplicate requests and replies",
    "Stateful Protocol Design Issues",
    "Concurrency at the Server",
    "Client Concurrency",
    "Select module",
    "Threading module",
    "Descriptors are shared by threads",
    "Raspberry Pi GPIO",
    "Ubiquitous computing and IoT (Quiz 1)",
    "The interpreter line `#!`",
    "Three References",
    "Assignment 1",
];

/// What the tables name of a rubric.
struct Rubric {
    minutes: String,
    checks: BTreeSet<String>,
}

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Rubrics by package name.
fn rubrics() -> BTreeMap<String, Rubric> {
    let folders = fs::read_dir(book().join("../exercises")).unwrap().map(Result::unwrap);
    let files = folders
        .map(|folder| folder.path().join("rubric.toml"))
        .filter(|file| file.exists());
    files.map(|file| (name_of(&file), rubric(&read(&file)))).collect()
}

/// `ex01` of `…/ex01-four-calls/rubric.toml`.
fn name_of(file: &Path) -> String {
    let folder = file.parent().unwrap().file_name().unwrap().to_str().unwrap();
    folder.split('-').next().unwrap().to_owned()
}

fn rubric(text: &str) -> Rubric {
    let rubric: toml::Table = text.parse().unwrap();
    let checks = rubric["check"].as_array().unwrap().iter();
    Rubric {
        minutes: rubric["minutes"].to_string(),
        checks: checks.map(|check| check["id"].as_str().unwrap().to_owned()).collect(),
    }
}

/// The cells of the rows of a page's table, without its head.
fn rows(page: &str) -> Vec<Vec<String>> {
    let text = read(&book().join("src/instructors").join(page));
    let lines = text
        .lines()
        .filter(|line| line.starts_with("| ") || line.starts_with("|-"));
    let cells = |line: &str| {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    lines.skip(2).map(cells).collect()
}

#[test]
fn every_slide_has_its_chapter_exercise_and_checks() {
    let (rows, rubrics) = (rows("slides.md"), rubrics());
    let titles: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(titles, BTreeSet::from(SLIDES));
    assert_eq!(rows.len(), SLIDES.len(), "a slide stands there twice");
    for row in &rows {
        let [slide, chapter, exercise, checks] = &row[..] else {
            panic!("{row:?} has not four cells")
        };
        assert!(chapter.contains("](../"), "{slide} has no chapter");
        let Some(rubric) = rubrics.get(exercise) else {
            assert_eq!(exercise, "–", "{slide}: there is no {exercise}");
            continue;
        };
        for check in checks.split(' ').filter(|check| *check != "quiz") {
            assert!(
                rubric.checks.contains(check),
                "{slide}: {exercise} has no check {check}"
            );
        }
    }
}

#[test]
fn the_plan_has_every_exercise_with_its_minutes() {
    let rubrics = rubrics();
    let mut planned = BTreeMap::new();
    for row in rows("plan.md") {
        let exercises = row[2].replace('•', "");
        let exercises = exercises
            .split(',')
            .map(str::trim)
            .filter(|name| name.starts_with("ex"));
        planned.extend(
            exercises
                .map(str::to_owned)
                .zip(row[3].split(',').map(|minutes| minutes.trim().to_owned())),
        );
    }
    let expected: BTreeMap<String, String> = rubrics
        .into_iter()
        .map(|(name, rubric)| (name, rubric.minutes))
        .collect();
    assert_eq!(planned, expected);
}
