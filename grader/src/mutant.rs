//! Mutants: the reference solution with one misconception in it. The audit proves that the tests catch each.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::course::Exercise;
use crate::submission::Work;

/// One misconception, from `mutants.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Short id, e.g. `m1`.
    pub id: String,
    /// Name, e.g. `no_reuseaddr`.
    pub name: String,
    /// What a student who writes this believes.
    pub believes: String,
    /// One sentence for that student.
    pub feedback: String,
    /// The checks that have to be lost, by name; `not run here` excepted.
    pub loses: Vec<String>,
    find: Option<String>,
    replace: Option<String>,
    #[serde(default, rename = "edit")]
    edits: Vec<Edit>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    find: String,
    replace: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MutantsFile {
    #[serde(default, rename = "mutant")]
    mutants: Vec<Mutant>,
}

/// Reads the mutants of an exercise.
///
/// # Errors
/// No solution here; not TOML; an unknown check in `loses`; two mutants of one name.
pub fn load(exercise: &Exercise) -> Result<Vec<Mutant>> {
    let Some(solution) = &exercise.solution else {
        bail!("{} has no solution, so no mutants", exercise.name)
    };
    let path = solution.join("mutants.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let file: MutantsFile = toml::from_str(&text).with_context(|| format!("{} has a mistake", path.display()))?;
    let mut names = BTreeSet::new();
    for mutant in &file.mutants {
        ensure!(
            names.insert(&mutant.name),
            "{}: two mutants are called `{}`",
            path.display(),
            mutant.name
        );
        ensure!(
            !mutant.loses.is_empty(),
            "{}: mutant `{}` names no check that it loses",
            path.display(),
            mutant.name
        );
        for check in &mutant.loses {
            ensure!(
                exercise.rubric.checks.iter().any(|known| &known.name == check),
                "{}: mutant `{}` loses `{check}`, but the rubric has no such check",
                path.display(),
                mutant.name
            );
        }
    }
    Ok(file.mutants)
}

impl Mutant {
    /// The solution with this misconception in it.
    ///
    /// # Errors
    /// `find` matches not exactly once; `mutants/NAME/lib.rs` is missing.
    pub fn apply(&self, exercise: &Exercise, solution: &Work) -> Result<Work> {
        let folder = exercise.solution.as_deref().unwrap_or(Path::new(""));
        let mut work = solution.clone();
        let edits = self.all_edits();
        let text = if edits.is_empty() {
            let path = folder.join("mutants").join(&self.name).join("lib.rs");
            std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "mutant `{}` has neither find/replace nor the file {}",
                    self.name,
                    path.display()
                )
            })?
        } else {
            let bytes = solution
                .files
                .get("lib.rs")
                .with_context(|| format!("{} has no lib.rs", exercise.name))?;
            let original = String::from_utf8(bytes.clone()).context("lib.rs is not UTF-8")?;
            apply_edits(&original, &edits)
                .with_context(|| format!("{}: mutant `{}`", folder.join("mutants.toml").display(), self.name))?
        };
        work.files.insert("lib.rs".into(), text.into_bytes());
        Ok(work)
    }

    fn all_edits(&self) -> Vec<(&str, &str)> {
        let first = self
            .find
            .as_deref()
            .map(|find| (find, self.replace.as_deref().unwrap_or("")));
        first
            .into_iter()
            .chain(
                self.edits
                    .iter()
                    .map(|edit| (edit.find.as_str(), edit.replace.as_str())),
            )
            .collect()
    }
}

fn apply_edits(text: &str, edits: &[(&str, &str)]) -> Result<String> {
    let mut text = text.to_string();
    for (find, replace) in edits {
        let count = text.matches(find).count();
        ensure!(
            count == 1,
            "`find` has to match exactly once, but it matches {count} times:\n{find}"
        );
        text = text.replacen(find, replace, 1);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::apply_edits;

    #[test]
    fn an_edit_that_does_not_match_exactly_once_is_an_error() {
        assert_eq!(apply_edits("a b", &[("b", "c")]).unwrap(), "a c");
        for find in ["z", "a"] {
            let error = apply_edits("a a", &[(find, "c")]).unwrap_err().to_string();
            assert!(error.contains("exactly once"), "{error}");
        }
    }
}
