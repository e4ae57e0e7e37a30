//! "This looks like …": which known misconception explains the checks that a program lost.
//!
//! Every mutant has a signature, the set of checks that it fails; `grader audit --record` writes them beside the solution. A
//! program's failed checks are compared with each signature by *likeness*: the shared checks over all checks of the two sets
//! (Jaccard), each weighted by how rarely the exercise's mutants lose it, because a check that everybody loses tells nothing.
//! Checks that only a control failed for, and those not run here, are in neither set.
//!
//! A diagnosis is given from [`SURE`] on, and only if at most [`AT_MOST`] misconceptions are that close together: more would be
//! guessing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::course::Exercise;
use crate::grade::{CheckRun, NotRun, Outcome};
use crate::handout;
use crate::mutant::{self, Mutant};

/// The least likeness, of 1, that is worth saying.
pub const SURE: f64 = 0.7;
/// Misconceptions closer together than this are equally likely.
const CLOSE: f64 = 0.05;
/// The most misconceptions that a diagnosis names.
const AT_MOST: usize = 2;

/// A misconception that explains what a program lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The mutant's name, e.g. `no_reuseaddr`. For the gradebook: students see the sentence.
    pub misconception: String,
    /// The sentence for a student who believes it.
    pub feedback: String,
    /// From 0, nothing in common, to 1, exactly the checks that the mutant fails.
    pub likeness: f64,
}

/// The signatures of one exercise's mutants.
#[derive(Debug, Clone, Default)]
pub struct Signatures {
    known: Vec<Signature>,
}

#[derive(Debug, Clone)]
struct Signature {
    misconception: String,
    feedback: String,
    failed: BTreeSet<String>,
}

/// `signatures.toml`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recorded {
    /// Mutant's name → names of the checks that it fails.
    mutants: BTreeMap<String, BTreeSet<String>>,
}

impl Recorded {
    /// Adds what a mutant was seen to fail.
    pub fn add(&mut self, mutant: &Mutant, checks: &[CheckRun]) {
        self.mutants.insert(mutant.name.clone(), failed(checks));
    }

    /// The file of an exercise, empty if there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn read(solution: &Path) -> Result<Recorded> {
        let path = solution.join("signatures.toml");
        if !path.exists() {
            return Ok(Recorded::default());
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} has a mistake; write it anew with --record", path.display()))
    }

    /// The file's text, with the canary line of hidden files.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# {}\n# Which checks each mutant fails. Written by `cargo grader audit --record`; do not edit.\n\n",
            handout::canary()
        );
        for (mutant, failed) in &self.mutants {
            let failed: Vec<String> = failed.iter().map(|check| format!("\n    \"{check}\",")).collect();
            text.push_str(&format!("{mutant} = [{}\n]\n", failed.concat()));
        }
        text
    }

    /// Names of the mutants that the two know differently.
    pub fn differing<'a>(&'a self, other: &'a Recorded) -> Vec<&'a str> {
        let names: BTreeSet<&String> = self.mutants.keys().chain(other.mutants.keys()).collect();
        names
            .into_iter()
            .filter(|name| self.mutants.get(*name) != other.mutants.get(*name))
            .map(String::as_str)
            .collect()
    }
}

impl Signatures {
    /// The signatures of an exercise; none where there is no solution (a handout).
    ///
    /// # Errors
    /// `mutants.toml` or `signatures.toml` cannot be read.
    pub fn load(exercise: &Exercise) -> Result<Signatures> {
        let Some(solution) = &exercise.solution else {
            return Ok(Signatures::default());
        };
        let mut recorded = Recorded::read(solution)?;
        let known = mutant::load(exercise)?.into_iter().filter_map(|mutant| {
            let failed = recorded.mutants.remove(&mutant.name)?;
            Some(Signature {
                misconception: mutant.name,
                feedback: mutant.feedback,
                failed,
            })
        });
        Ok(Signatures { known: known.collect() })
    }

    /// What these outcomes look like, the likeliest first; empty when that is not sure.
    pub fn diagnose(&self, checks: &[CheckRun]) -> Vec<Diagnosis> {
        let (failed, unknown) = (failed(checks), unknown(checks));
        if failed.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Diagnosis> = self
            .known
            .iter()
            .map(|signature| Diagnosis {
                misconception: signature.misconception.clone(),
                feedback: signature.feedback.clone(),
                likeness: self.likeness(&failed, &signature.failed, &unknown),
            })
            .filter(|diagnosis| diagnosis.likeness >= SURE)
            .collect();
        found.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        let best = found.first().map_or(0.0, |diagnosis| diagnosis.likeness);
        found.retain(|diagnosis| best - diagnosis.likeness < CLOSE);
        if found.len() > AT_MOST {
            found.clear();
        }
        found
    }

    fn likeness(&self, failed: &BTreeSet<String>, signature: &BTreeSet<String>, unknown: &BTreeSet<String>) -> f64 {
        let weight = |names: &mut dyn Iterator<Item = &String>| -> f64 {
            names
                .filter(|name| !unknown.contains(*name))
                .map(|name| self.rarity(name))
                .sum()
        };
        let all = weight(&mut failed.union(signature));
        if all == 0.0 {
            return 0.0;
        }
        weight(&mut failed.intersection(signature)) / all
    }

    /// How much a lost check tells: the fewer mutants lose it, the more.
    fn rarity(&self, check: &str) -> f64 {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let losers = self.known.iter().filter(|known| known.failed.contains(check)).count();
        ((count(self.known.len()) + 1.0) / (count(losers) + 0.5)).ln()
    }
}

/// Names of the checks in which the program did something else than asked.
fn failed(checks: &[CheckRun]) -> BTreeSet<String> {
    named(checks, |outcome| matches!(outcome, Outcome::Failed(_)))
}

/// Names of the checks that say nothing about the program, in one way or the other.
fn unknown(checks: &[CheckRun]) -> BTreeSet<String> {
    named(checks, |outcome| {
        matches!(
            outcome,
            Outcome::NotRun(NotRun::Control { .. } | NotRun::Here(_)) | Outcome::Inconclusive(_)
        )
    })
}

fn named(checks: &[CheckRun], wanted: impl Fn(&Outcome) -> bool) -> BTreeSet<String> {
    checks
        .iter()
        .filter(|run| wanted(&run.outcome))
        .map(|run| run.check.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::course::{Check, Visibility};
    use crate::grade::Failure;

    fn known(signatures: &[(&str, &[&str])]) -> Signatures {
        let signature = |(name, failed): &(&str, &[&str])| Signature {
            misconception: (*name).into(),
            feedback: format!("about {name}"),
            failed: failed.iter().map(|check| (*check).into()).collect(),
        };
        Signatures {
            known: signatures.iter().map(signature).collect(),
        }
    }

    fn run(name: &str, outcome: Outcome) -> CheckRun {
        CheckRun {
            check: Arc::new(Check {
                id: name.into(),
                name: name.into(),
                points: 5,
                visibility: Visibility::Public,
                tags: Vec::new(),
                concept: String::new(),
                feedback: String::new(),
                book: String::new(),
            }),
            outcome,
            seconds: 0.0,
        }
    }

    fn failing(names: &[&str]) -> Vec<CheckRun> {
        let failed = || Outcome::Failed(Failure::default());
        names.iter().map(|name| run(name, failed())).collect()
    }

    fn names(found: &[Diagnosis]) -> Vec<&str> {
        found.iter().map(|diagnosis| diagnosis.misconception.as_str()).collect()
    }

    #[test]
    fn the_same_set_is_that_misconception_for_sure() {
        let known = known(&[("a", &["p1", "p2"]), ("b", &["p1", "h1"]), ("c", &["h2"])]);
        let found = known.diagnose(&failing(&["p1", "h1"]));
        assert_eq!(names(&found), ["b"]);
        assert!((found[0].likeness - 1.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_said_about_a_set_that_fits_nobody() {
        let known = known(&[("a", &["p1", "p2", "p3"]), ("b", &["h1"])]);
        assert!(known.diagnose(&failing(&["p1", "h4", "h5"])).is_empty());
        assert!(known.diagnose(&[]).is_empty());
    }

    #[test]
    fn two_misconceptions_that_look_alike_are_both_named_and_three_are_guessing() {
        let two = known(&[("a", &["p1"]), ("b", &["p1"]), ("c", &["p2"])]);
        assert_eq!(names(&two.diagnose(&failing(&["p1"]))), ["a", "b"]);
        let three = known(&[("a", &["p1"]), ("b", &["p1"]), ("c", &["p1"])]);
        assert!(three.diagnose(&failing(&["p1"])).is_empty());
    }

    #[test]
    fn a_check_that_did_not_run_counts_neither_for_nor_against() {
        let known = known(&[("a", &["p1", "h1"]), ("b", &["p2"])]);
        let mut checks = failing(&["p1"]);
        checks.push(run("h1", Outcome::NotRun(NotRun::Here("no tool".into()))));
        assert_eq!(names(&known.diagnose(&checks)), ["a"]);
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorded = Recorded::default();
        recorded.mutants.insert("a".into(), ["p1".to_string()].into());
        recorded.mutants.insert("b".into(), BTreeSet::new());
        std::fs::write(folder.path().join("signatures.toml"), recorded.text()).unwrap();
        let read = Recorded::read(folder.path()).unwrap();
        assert_eq!(read, recorded);
        assert!(recorded.differing(&read).is_empty());
        assert_eq!(recorded.differing(&Recorded::default()), ["a", "b"]);
    }
}
