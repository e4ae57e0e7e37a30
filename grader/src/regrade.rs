//! `grader regrade`: grades a class again where something changed, and shows who is affected and why before anything counts.
//!
//! `--diff` grades and shows. `--apply` makes exactly what was shown count, and nothing else: when something has changed since, it
//! shows the new differences instead. Grades lie in the ledger by then, so nothing is graded twice.

mod difference;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::class::{self, Class, Options};
use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::grade::Gradebook;
use crate::isolation::{Isolation, Isolator};
use crate::ledger::{self, Evidence, Ledger};
use crate::pseudonyms::Pseudonyms;
use crate::report::format::Setting;
use difference::Difference;

/// What was shown, in the folder for reports, until it is applied.
const SHOWN: &str = "regrade.txt";

/// What `grader regrade` was asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// Show whose grades would change and why. Nothing counts yet.
    #[arg(long, required_unless_present = "apply", conflicts_with = "apply")]
    diff: bool,
    /// Make what `--diff` showed count, and write the reports.
    #[arg(long)]
    apply: bool,
    /// Another folder of submissions than the last time.
    #[arg(long, value_name = "DIR")]
    submissions: Option<PathBuf>,
    /// The folder with the ledger [default: target/grades].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many submissions are graded at a time [default: twice the number of cores].
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Grade again what the ledger has already.
    #[arg(long)]
    force: bool,
    /// Grade although programs run with your own rights (below L2).
    #[arg(long)]
    trust_submissions: bool,
    #[command(flatten)]
    pub(crate) setting: Setting,
    #[command(flatten)]
    pub(crate) pseudonyms: Pseudonyms,
}

/// What came of it.
#[derive(Debug)]
pub enum Regraded {
    /// This would change; nothing did.
    Shown {
        /// For a person.
        text: String,
        /// It was asked to be applied, but something else was shown before.
        in_place_of_applying: bool,
        /// Something in it is our fault.
        inconclusive: bool,
    },
    /// This changed, and the reports in this folder have to be written.
    Applied {
        /// For a person.
        text: String,
        /// The gradebook that counts now.
        gradebook: Gradebook,
        /// Where it lies.
        out: PathBuf,
    },
    /// This machine isolates too little; nobody was graded.
    TooOpen(Isolation),
}

/// Grades what changed, and shows or applies it.
///
/// # Errors
/// Nothing was graded into that folder before; as [`class::run`].
pub fn run(course: &Course, request: &Request, isolator: Isolator, jobs: usize) -> Result<Regraded> {
    if !request.trust_submissions && !isolator.level().is_for_strangers() {
        return Ok(Regraded::TooOpen(isolator.level()));
    }
    let out = request.out.clone().unwrap_or_else(|| course.root.join("target/grades"));
    if !out.join(ledger::FILE).is_file() {
        bail!(
            "{} has no ledger; grade a class into it first, with --out",
            out.display()
        );
    }
    let mut ledger = class::open(&out)?;
    let issued = ledger.issued()?;
    let (old, read) = issued.with_context(|| format!("no gradebook was finished in {} yet", out.display()))?;
    let class = survey(course, &old, read, &isolator, request)?;
    class.grade(isolator, jobs, request.force, &mut ledger)?;
    let new = class.gradebook(&ledger)?;
    let text = Difference::between(&old, &new).text();
    if request.apply && shown(&out).as_deref() == Some(text.as_str()) {
        return apply(ledger, &class, new, text, out);
    }
    write_atomically(&out.join(SHOWN), text.as_bytes())?;
    Ok(Regraded::Shown {
        text,
        in_place_of_applying: request.apply,
        inconclusive: new.is_inconclusive(),
    })
}

/// The same class with the same exercises, as far as they are still there.
fn survey<'a>(
    course: &'a Course,
    old: &Gradebook,
    read: ledger::Class,
    isolator: &Isolator,
    request: &Request,
) -> Result<Class<'a>> {
    let exercises = old.exercises.iter().map(|(name, _)| course.exercise(name));
    let exercises: Vec<&Exercise> = exercises.collect::<Result<_>>()?;
    let dir = request.submissions.clone().unwrap_or_else(|| read.submissions.clone());
    Class::survey(course, exercises, isolator.level(), &dir, &Options::again(&read))
}

fn apply(mut ledger: Ledger, class: &Class, mut new: Gradebook, text: String, out: PathBuf) -> Result<Regraded> {
    ledger.issue(&new, class.read())?;
    new.evidence = Evidence::Ledger(Arc::new(ledger));
    let _ = std::fs::remove_file(out.join(SHOWN));
    Ok(Regraded::Applied {
        text,
        gradebook: new,
        out,
    })
}

fn shown(out: &Path) -> Option<String> {
    std::fs::read_to_string(out.join(SHOWN)).ok()
}
