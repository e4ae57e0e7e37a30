//! The scenarios of an exercise: ordinary tests in `tests/scenarios.rs`, which their owner may change. They are traced, never graded.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::course::Exercise;

/// One scenario, as its source shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Name of the test function.
    pub name: String,
    /// The first line of its comment, or empty.
    pub about: String,
}

/// Where the scenarios of an exercise lie, if it has any.
pub fn file(exercise: &Exercise) -> Option<PathBuf> {
    let file = exercise.dir.join("tests/scenarios.rs");
    file.is_file().then_some(file)
}

/// The scenarios in the order of the source.
///
/// # Errors
/// There is no such file, or no test in it; the message says where to write one.
pub fn list(exercise: &Exercise) -> Result<Vec<Scenario>> {
    let place = format!("exercises/{}/tests/scenarios.rs", exercise.folder);
    let file = file(exercise).with_context(|| format!("{} has no scenarios; write one in {place}", exercise.name))?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    match parse(&text) {
        none if none.is_empty() => bail!("{place} has no #[test]"),
        scenarios => Ok(scenarios),
    }
}

/// The one that is asked for, or the first.
///
/// # Errors
/// There is none of that name; the message lists those that exist.
pub fn choose<'a>(exercise: &Exercise, all: &'a [Scenario], asked: Option<&str>) -> Result<&'a Scenario> {
    chosen(all, asked).with_context(|| {
        let asked = asked.unwrap_or_default();
        let known: String = all.iter().map(|scenario| format!("\n{}", line(scenario))).collect();
        format!("{} has no scenario `{asked}`; there are:{known}", exercise.name)
    })
}

/// `duplicate-read` is `duplicate_read`: Rust has no hyphens in names, people do.
fn chosen<'a>(all: &'a [Scenario], asked: Option<&str>) -> Option<&'a Scenario> {
    match asked.map(|name| name.replace('-', "_")) {
        None => all.first(),
        Some(name) => all.iter().find(|scenario| scenario.name == name),
    }
}

/// Name and comment in one line of a list.
pub fn line(scenario: &Scenario) -> String {
    format!("  {:<24} {}", scenario.name, scenario.about)
        .trim_end()
        .to_owned()
}

/// Functions below a `#[test]`, with what a comment above says.
fn parse(source: &str) -> Vec<Scenario> {
    let mut found = Vec::new();
    let (mut about, mut is_test) = (String::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            if about.is_empty() {
                comment.trim().clone_into(&mut about);
            }
        } else if line == "#[test]" {
            is_test = true;
        } else if let Some(name) = function(line) {
            if is_test {
                found.push(Scenario {
                    name,
                    about: std::mem::take(&mut about),
                });
            }
            (about, is_test) = (String::new(), false);
        }
    }
    found
}

fn function(line: &str) -> Option<String> {
    let rest = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("fn ")?;
    Some(rest.split(['(', '<', ' ']).next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{chosen, parse};

    #[test]
    fn tests_are_found_in_the_order_of_the_source() {
        let source = "//! All.\nharness::exercise!(\"x\");\n/// Two\n/// lines.\n#[test]\nfn zebra() {\n}\n\n#[test]\nfn ant() {}\n\n/// No test.\nfn helps() {}\n";
        let found: Vec<(String, String)> = parse(source).into_iter().map(|s| (s.name, s.about)).collect();
        assert_eq!(found, [("zebra".into(), "Two".into()), ("ant".into(), String::new())]);
    }

    #[test]
    fn a_hyphen_is_an_underscore() {
        let all = parse("#[test]\nfn ant() {}\n#[test]\nfn duplicate_read() {}\n");
        for asked in ["duplicate-read", "duplicate_read"] {
            assert_eq!(
                chosen(&all, Some(asked)).map(|s| s.name.as_str()),
                Some("duplicate_read")
            );
        }
        assert_eq!(chosen(&all, None).map(|s| s.name.as_str()), Some("ant"));
        assert_eq!(chosen(&all, Some("duplicate")), None);
    }
}
