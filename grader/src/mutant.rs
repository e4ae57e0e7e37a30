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
    /// `find` matches not exactly once in all files together; `mutants/NAME/lib.rs` is missing.
    pub fn apply(&self, exercise: &Exercise, solution: &Work) -> Result<Work> {
        let folder = exercise.solution.as_deref().unwrap_or(Path::new(""));
        let edits = self.all_edits();
        if edits.is_empty() {
            let path = folder.join("mutants").join(&self.name).join("lib.rs");
            let text = std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "mutant `{}` has neither find/replace nor the file {}",
                    self.name,
                    path.display()
                )
            })?;
            let mut work = solution.clone();
            work.files.insert("lib.rs".into(), text.into_bytes());
            return Ok(work);
        }
        apply_edits(solution, &edits)
            .with_context(|| format!("{}: mutant `{}`", folder.join("mutants.toml").display(), self.name))
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

fn apply_edits(solution: &Work, edits: &[(&str, &str)]) -> Result<Work> {
    let mut work = solution.clone();
    for (find, replace) in edits {
        let mut places = Vec::new();
        for (name, bytes) in &work.files {
            let text = str::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
            places.extend(text.matches(find).map(|_| name.clone()));
        }
        let [place] = places.as_slice() else {
            let places = if places.is_empty() {
                "nowhere".to_string()
            } else {
                places.join(", ")
            };
            bail!("`find` has to match exactly once, but it matches in: {places}\n{find}");
        };
        let text = String::from_utf8_lossy(&work.files[place]).replacen(find, replace, 1);
        work.files.insert(place.clone(), text.into_bytes());
    }
    Ok(work)
}

#[cfg(test)]
mod tests {
    use super::apply_edits;
    use crate::submission::Work;

    fn work(files: &[(&str, &str)]) -> Work {
        let files = files
            .iter()
            .map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
        Work { files: files.collect() }
    }

    #[test]
    fn an_edit_finds_the_file_that_it_is_about() {
        let edited = apply_edits(
            &work(&[("lib.rs", "a b"), ("wire.rs", "c d")]),
            &[("b", "x"), ("d", "y")],
        )
        .unwrap();
        assert_eq!(edited, work(&[("lib.rs", "a x"), ("wire.rs", "c y")]));
    }

    #[test]
    fn an_edit_that_does_not_match_exactly_once_is_an_error() {
        for (find, seen) in [("z", "nowhere"), ("a", "lib.rs, lib.rs, wire.rs")] {
            let error = apply_edits(&work(&[("lib.rs", "a a"), ("wire.rs", "a")]), &[(find, "c")]).unwrap_err();
            assert!(error.to_string().contains(seen), "{error}");
        }
    }
}
