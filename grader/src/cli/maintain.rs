//! What maintainers ask for: proofs of the tests, stubs, handouts, new exercises.

use std::path::Path;

use anyhow::Result;

use super::{BELOW, GRADED, cores, print, selected};
use crate::audit::Scope;
use crate::course::Course;
use crate::isolation::Isolator;
use crate::say::say;
use crate::{audit, handout, new, selftest, stub};

pub(super) fn audit_course(
    course: &Course,
    asked: &[String],
    isolator: Isolator,
    jobs_asked: Option<usize>,
    record: bool,
) -> Result<u8> {
    let exercises = selected(course, asked, asked.is_empty())?;
    // Mutants spend their time in waits that end at a deadline, not at work: more of them than cores fit side by side.
    let jobs = jobs_asked.unwrap_or_else(|| 5 * cores());
    let scope = if record { Scope::EveryCheck } else { Scope::NamedChecks };
    let found = audit::audit(course, exercises, isolator, jobs, scope)?;
    print(&found.report)?;
    if record {
        found.record()?;
    }
    for defect in &found.defects {
        say!("defect: {defect}");
    }
    if found.defects.is_empty() {
        print("\nThe tests are proven: no defect.\n")?;
        return Ok(GRADED);
    }
    Ok(BELOW)
}

pub(super) fn try_hostile(course: &Course, isolator: Isolator, jobs_asked: Option<usize>) -> Result<u8> {
    let found = selftest::run(course, isolator, jobs_asked.unwrap_or_else(cores))?;
    print(&found.report)?;
    for defect in &found.defects {
        say!("defect: {defect}");
    }
    Ok(if found.defects.is_empty() { GRADED } else { BELOW })
}

pub(super) fn write_stubs(course: &Course, check: bool) -> Result<u8> {
    if check {
        let stale = stub::stale(course)?;
        if stale.is_empty() {
            print("Every stub is fresh.\n")?;
            return Ok(GRADED);
        }
        say!("error: stale stubs: {}; run `cargo grader stub`", stale.join(" "));
        return Ok(BELOW);
    }
    match stub::write(course)?.as_slice() {
        [] => print("Every stub was fresh.\n")?,
        written => print(&format!("Wrote the stubs of {}.\n", written.join(" ")))?,
    }
    Ok(GRADED)
}

pub(super) fn write_handout(course: &Course, out: &Path) -> Result<u8> {
    handout::write(course, out)?;
    print(&format!(
        "Handout: {}. Try it: cd there and run `cargo test -p {}`.\n",
        out.display(),
        course.exercises[0].name
    ))?;
    Ok(GRADED)
}

pub(super) fn new_exercise(course: &Course, name: &str) -> Result<u8> {
    for path in new::create(course, name)? {
        print(&format!("{}\n", path.display()))?;
    }
    print(&format!("Next: cargo grader audit {}\n", &name[..4]))?;
    Ok(GRADED)
}
