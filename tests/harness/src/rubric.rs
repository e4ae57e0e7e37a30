//! What `rubric.toml` says about one check: the words a student reads when it fails.

use std::time::Duration;

/// One `[[check]]` of a rubric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Check {
    /// `p1`, `h3`.
    pub id: String,
    /// What it is worth.
    pub points: u64,
    /// The idea behind it, in a few words.
    pub concept: String,
    /// A sentence for someone who failed it.
    pub feedback: String,
    /// `FILE#HEADING` in the book.
    pub book: String,
}

/// How long one check may take: `check_seconds` of `[limits]`.
pub(crate) fn check_time(rubric: &str) -> Option<Duration> {
    limit(rubric, "check_seconds").map(Duration::from_secs)
}

/// What a program may write to stdout and stderr together, in KiB: `output_kib` of `[limits]`.
pub(crate) fn output_kib(rubric: &str) -> Option<u64> {
    limit(rubric, "output_kib")
}

fn limit(rubric: &str, name: &str) -> Option<u64> {
    let table: toml::Table = rubric.parse().ok()?;
    table.get("limits")?.get(name)?.as_integer()?.try_into().ok()
}

/// The entry of the check named `name`, if the rubric has one.
pub(crate) fn find(rubric: &str, name: &str) -> Option<Check> {
    let table: toml::Table = rubric.parse().ok()?;
    let checks = table.get("check")?.as_array()?;
    let check = checks
        .iter()
        .find(|check| check.get("name").and_then(|n| n.as_str()) == Some(name))?;
    let text = |key: &str| check.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    Some(Check {
        id: text("id"),
        points: check
            .get("points")
            .and_then(|p| p.as_integer())
            .and_then(|p| p.try_into().ok())
            .unwrap_or(0),
        concept: text("concept"),
        feedback: text("feedback"),
        book: text("book"),
    })
}
