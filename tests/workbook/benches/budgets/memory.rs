//! What the grader holds of a large class.
//!
//! Its students hand in what the small class did, in turn, so every grade is in the ledger already: no grading, all of the rest.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::class::{self, Class, EXERCISES, STUDENTS};
use crate::cost::peak_memory;
use crate::table::row;

const SIZES: [usize; 2] = [500, 2000];
/// Budget for a class of 500, in MiB.
const BUDGET: f64 = 200.0;
const EXERCISES_OF_THE_COURSE: usize = 17;

pub fn measure(bench: &Bench) -> Result<()> {
    let class = bench.class()?;
    let mut found = Vec::new();
    for size in SIZES {
        let submissions = large(bench, class, size)?;
        let out = bench.empty("class-large-out")?;
        fs::copy(class.out.join("ledger.jsonl"), out.join("ledger.jsonl")).context("cannot copy the ledger")?;
        let peak = peak_memory(&class::grader(bench, &submissions, &out, 2))? as f64 / f64::from(1 << 20);
        found.push(peak);
        row(
            &format!("the grader's memory, {size} students × {}", EXERCISES.join(" ")),
            &format!("{peak:.0} MiB"),
            if size == 500 { "≤ 200 MiB" } else { "" },
            (size == 500).then_some(peak <= BUDGET),
        );
    }
    let a_grade = (found[1] - found[0]) / ((SIZES[1] - SIZES[0]) * EXERCISES.len()) as f64;
    let whole = found[0] + a_grade * (SIZES[0] * (EXERCISES_OF_THE_COURSE - EXERCISES.len())) as f64;
    row("… what a grade adds", &format!("{:.1} KiB", a_grade * 1024.0), "", None);
    row(
        &format!("… so for {} students × {EXERCISES_OF_THE_COURSE} exercises", SIZES[0]),
        &format!("{whole:.0} MiB"),
        "≤ 200 MiB",
        Some(whole <= BUDGET),
    );
    Ok(())
}

fn large(bench: &Bench, class: &Class, size: usize) -> Result<PathBuf> {
    let folder = bench.empty("class-large")?;
    for number in 0..size {
        let original = class.submissions.join(format!("s{:03}", number % STUDENTS + 1));
        let copy = folder.join(format!("s{number:05}"));
        copy_of(&original, &copy).with_context(|| format!("cannot make {}", copy.display()))?;
    }
    Ok(folder)
}

/// The same files for another student.
fn copy_of(from: &Path, to: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(&target)?,
            false => fs::copy(entry.path(), &target).map(drop)?,
        }
    }
    Ok(())
}
