//! What `rubric.toml` says about one check: the words a student reads when it fails.

use std::time::Duration;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

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
    let table = DeTable::parse(rubric).ok()?;
    whole(table.get_ref().get("limits")?.get_ref().get(name))
}

/// The entry of the check named `name`, if the rubric has one.
pub(crate) fn find(rubric: &str, name: &str) -> Option<Check> {
    let checks = Rubric::of(rubric).checks;
    checks
        .into_iter()
        .find(|(known, _)| known == name)
        .map(|(_, check)| check)
}

/// What a sheet says about an exercise as a whole.
#[derive(Debug, Default)]
pub(crate) struct Rubric {
    /// Title of the exercise.
    pub title: String,
    /// How many checks are public.
    pub public: usize,
    /// Name and entry of every check, in the file's order.
    pub checks: Vec<(String, Check)>,
}

impl Rubric {
    /// Reads as much as there is: a rubric with a mistake is the grader's to complain about.
    pub fn of(rubric: &str) -> Rubric {
        let Ok(table) = DeTable::parse(rubric) else {
            return Rubric::default();
        };
        let table = table.get_ref();
        let listed = table.get("check").and_then(|list| list.get_ref().as_array());
        let checks = listed.into_iter().flatten().map(Spanned::get_ref);
        let is_public = |check: &&DeValue| text(check.get("visibility")) == "public";
        Rubric {
            title: text(table.get("title")),
            public: checks.clone().filter(is_public).count(),
            checks: checks.map(|check| (text(check.get("name")), entry(check))).collect(),
        }
    }

    /// The entry of the check named `name`; an empty one for what is no check.
    pub fn check(&self, name: &str) -> Check {
        let found = self.checks.iter().find(|(known, _)| known == name);
        found.map(|(_, check)| check.clone()).unwrap_or_default()
    }
}

fn entry(check: &DeValue) -> Check {
    Check {
        id: text(check.get("id")),
        points: whole(check.get("points")).unwrap_or(0),
        concept: text(check.get("concept")),
        feedback: text(check.get("feedback")),
        book: text(check.get("book")),
    }
}

fn text(value: Option<&Spanned<DeValue>>) -> String {
    value
        .and_then(|value| value.get_ref().as_str())
        .unwrap_or_default()
        .to_owned()
}

fn whole(value: Option<&Spanned<DeValue>>) -> Option<u64> {
    let number = value?.get_ref().as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}
