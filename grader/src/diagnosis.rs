//! "This looks like …": which known misconception explains the checks that a program lost.
//!
//! Every mutant has a signature, the set of checks that it fails; `grader audit --record` writes them beside the solution. How close a
//! program comes to one, and when that is sure enough to be said, is [`harness::mistakes`]'s to decide: `cargo test` says the same.
//!
//! A handout has the public part, `mistakes.toml` beside the rubric: no names and no hidden checks, only sentences and public ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use harness::mistakes::{self, Mistake, Outcomes};
use harness::words;
use serde::{Deserialize, Serialize};

use crate::course::{Exercise, Visibility};
use crate::grade::{CheckRun, NotRun, Outcome};
use crate::handout;
use crate::mutant::{self, Mutant};

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
    /// Names of the mutants; in a handout they have none.
    names: Vec<String>,
    known: Vec<Mistake>,
}

/// The public part of the signatures, beside a handout's rubric.
pub const HANDED_OUT: &str = "mistakes.toml";
/// What stands in a handout for a mutant's name.
const UNNAMED: &str = "known-mistake";

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
    /// The signatures of an exercise: all there is to know, or in a handout its public part.
    ///
    /// # Errors
    /// `mutants.toml`, `signatures.toml` or `mistakes.toml` cannot be read.
    pub fn load(exercise: &Exercise) -> Result<Signatures> {
        let Some(solution) = &exercise.solution else {
            return Signatures::of_handout(&exercise.dir.join(HANDED_OUT));
        };
        let mut recorded = Recorded::read(solution)?;
        let mut signatures = Signatures::default();
        for mutant in mutant::load(exercise)? {
            if let Some(fails) = recorded.mutants.remove(&mutant.name) {
                let says = mutant.feedback;
                signatures.known.push(Mistake { says, fails });
                signatures.names.push(mutant.name);
            }
        }
        Ok(signatures)
    }

    fn of_handout(path: &Path) -> Result<Signatures> {
        if !path.exists() {
            return Ok(Signatures::default());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let known = mistakes::read(&text).map_err(|why| anyhow!("{} has a mistake: {why}", path.display()))?;
        let names = vec![UNNAMED.to_string(); known.len()];
        Ok(Signatures { names, known })
    }

    /// What a handout gets: for every mutant that a public check notices, those checks and the sentence.
    ///
    /// A mutant that loses most of the public checks is left out. So does every program that cannot even be talked to, whatever its mistake
    /// is, and only hidden checks would tell them apart: a wrong port and a forgotten `listen` looked like a confusion of names. And so is one
    /// that a single public check notices: that check is lost for many reasons.
    pub fn public_part(&self, exercise: &Exercise) -> String {
        let checks = exercise.rubric.checks.iter();
        let public = checks.filter(|check| check.visibility == Visibility::Public).count();
        let is_public = |name: &&String| {
            let mut checks = exercise.rubric.checks.iter();
            checks.any(|check| check.visibility == Visibility::Public && check.name == **name)
        };
        let mut text = "# Well-known mistakes: the public checks that fail, and a sentence about each. `cargo test` and the grader read it.\n".to_string();
        for mistake in &self.known {
            let fails: Vec<&String> = mistake.fails.iter().filter(is_public).collect();
            if (2..=public.div_ceil(2)).contains(&fails.len()) {
                let (says, fails) = (toml::Value::from(&*mistake.says), format!("{fails:?}"));
                text.push_str(&format!("\n[[mistake]]\nsays = {says}\nfails = {fails}\n"));
            }
        }
        text
    }

    /// What these outcomes look like, the likeliest first; empty when that is not sure, and for a program that is not finished or lost nothing but
    /// one public check: those look at several things, and are lost for more reasons than we know.
    pub fn diagnose(&self, checks: &[CheckRun]) -> Vec<Diagnosis> {
        if checks.iter().any(is_unfinished) || is_one_public(checks) {
            return Vec::new();
        }
        let diagnosis = |(at, likeness): (usize, f64)| Diagnosis {
            misconception: self.names[at].clone(),
            feedback: self.known[at].says.clone(),
            likeness,
        };
        let seen = Outcomes {
            passed: named(checks, |outcome| matches!(outcome, Outcome::Passed)),
            failed: failed(checks),
            unknown: unknown(checks),
        };
        let found = mistakes::likely(&self.known, &seen);
        found.into_iter().map(diagnosis).collect()
    }
}

fn is_one_public(checks: &[CheckRun]) -> bool {
    let failed = |run: &&CheckRun| matches!(run.outcome, Outcome::Failed(_));
    let mut failed = checks.iter().filter(failed);
    failed
        .next()
        .is_some_and(|run| run.check.visibility == Visibility::Public)
        && failed.next().is_none()
}

/// Whether a check ran into a `todo!()`.
fn is_unfinished(run: &CheckRun) -> bool {
    match &run.outcome {
        Outcome::Failed(failure) => words::is_unfinished(&failure.received),
        _ => false,
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
        let mistake = |(name, fails): &(&str, &[&str])| Mistake {
            says: format!("about {name}"),
            fails: fails.iter().map(|check| (*check).into()).collect(),
        };
        Signatures {
            names: signatures.iter().map(|(name, _)| (*name).into()).collect(),
            known: signatures.iter().map(mistake).collect(),
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

    /// A program that fails these checks and passes as many others.
    fn failing(names: &[&str]) -> Vec<CheckRun> {
        let failed = |name: &&str| run(name, Outcome::Failed(Failure::default()));
        let passed = (0..names.len()).map(|number| run(&format!("p9{number}"), Outcome::Passed));
        names.iter().map(failed).chain(passed).collect()
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
    fn nothing_is_said_about_a_program_that_fails_more_than_it_passes() {
        let known = known(&[("a", &["p1", "p2"]), ("b", &["p1"])]);
        let mut checks = failing(&["p1", "p2"]);
        assert_eq!(names(&known.diagnose(&checks)), ["a"]);
        checks.pop(); // one that was passed
        assert!(known.diagnose(&checks).is_empty());
    }

    #[test]
    fn two_misconceptions_that_look_alike_are_both_named_and_three_are_guessing() {
        let two = known(&[("a", &["p1", "p2"]), ("b", &["p1", "p2"]), ("c", &["p3"])]);
        assert_eq!(names(&two.diagnose(&failing(&["p1", "p2"]))), ["a", "b"]);
        let three = known(&[("a", &["p1", "p2"]), ("b", &["p1", "p2"]), ("c", &["p1", "p2"])]);
        assert!(three.diagnose(&failing(&["p1", "p2"])).is_empty());
    }

    #[test]
    fn nothing_is_said_about_a_single_public_check() {
        let known = known(&[("a", &["p1"]), ("b", &["h1"])]);
        assert!(known.diagnose(&failing(&["p1"])).is_empty());
        let mut hidden = failing(&["h1"]);
        Arc::make_mut(&mut hidden[0].check).visibility = Visibility::Hidden;
        assert_eq!(names(&known.diagnose(&hidden)), ["b"]);
    }

    #[test]
    fn a_check_that_did_not_run_counts_neither_for_nor_against() {
        let known = known(&[("a", &["p1", "p2", "h1"]), ("b", &["p3"])]);
        let mut checks = failing(&["p1", "p2"]);
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
