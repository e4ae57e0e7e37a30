//! The stub is derived from the solution: marked regions are replaced by what a student finds in their place.
//!
//! ```text
//! // SOLUTION todo!("create a TCP socket")      the stub's text for this region, with the marker's indentation
//! // STUB more lines of it, if one is not enough
//! let fd = socket(…)?;                          only in the solution
//! // END SOLUTION
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::grading::solution_work;

const OPEN: &str = "// SOLUTION";
const MORE: &str = "// STUB";
const CLOSE: &str = "// END SOLUTION";
/// The folder with a handout's second copy of the stub, in the exercise's folder, where nobody edits it.
pub const COPY: &str = "stub";
/// Every hidden file has a line with this; the rest of the token is never written in a public file.
pub const CANARY_PREFIX: &str = "CANARY-";

/// The stub of a solution's text.
///
/// # Errors
/// A region that is not closed, not opened, or nested; each with its line number.
pub fn derive(solution: &str) -> Result<String> {
    let mut stub = String::new();
    let mut opened_at = None;
    for (index, line) in solution.lines().enumerate() {
        let (number, text) = (index + 1, line.trim_start());
        let indent = &line[..line.len() - text.len()];
        if let Some(rest) = text.strip_prefix(CLOSE) {
            ensure!(rest.trim().is_empty(), "line {number}: nothing may follow `{CLOSE}`");
            ensure!(
                opened_at.take().is_some(),
                "line {number}: `{CLOSE}` without `{OPEN}` before it"
            );
        } else if let Some(rest) = text.strip_prefix(OPEN) {
            if let Some(first) = opened_at.replace(number) {
                bail!("line {number}: `{OPEN}` inside the region that line {first} opened");
            }
            push_stub_text(&mut stub, indent, rest);
        } else if let Some(rest) = text.strip_prefix(MORE) {
            ensure!(opened_at.is_some(), "line {number}: `{MORE}` outside a region");
            push_stub_text(&mut stub, indent, rest);
        } else if opened_at.is_none() && !line.contains(CANARY_PREFIX) {
            stub.push_str(line);
            stub.push('\n');
        }
    }
    if let Some(first) = opened_at {
        bail!("line {first}: `{OPEN}` is never closed by `{CLOSE}`");
    }
    Ok(stub)
}

/// Whether a line of a solution is there for the stub, or marks the file as hidden.
pub fn is_marker(line: &str) -> bool {
    let text = line.trim_start();
    [OPEN, MORE, CLOSE].iter().any(|marker| text.starts_with(marker)) || line.contains(CANARY_PREFIX)
}

fn push_stub_text(stub: &mut String, indent: &str, text: &str) {
    let text = text.strip_prefix(' ').unwrap_or(text).trim_end();
    if !text.is_empty() {
        stub.push_str(indent);
        stub.push_str(text);
        stub.push('\n');
    }
}

/// The stub of an exercise, derived from its reference solution: the path of each file below `src/` (`lib.rs`, `wire/frame.rs`), and
/// its text.
///
/// # Errors
/// The course has no solutions (a handout), or the solution's markers are wrong.
pub fn files(exercise: &Exercise) -> Result<BTreeMap<String, String>> {
    let solution = exercise.solution.as_ref().with_context(|| {
        format!(
            "{} has no reference solution here, so its stub cannot be derived (is this a handout?)",
            exercise.name
        )
    })?;
    let mut stubs = BTreeMap::new();
    for (name, bytes) in solution_work(exercise)?.files {
        let path = solution.join("src").join(&name);
        let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
        let stub = derive(&text).with_context(|| format!("{} has a mistake in its markers", path.display()))?;
        stubs.insert(name, stub);
    }
    Ok(stubs)
}

/// Where a file of an exercise's stub lies.
pub fn path(exercise: &Exercise, name: &str) -> PathBuf {
    exercise.dir.join("src").join(name)
}

/// The files of the exercise's stub that lie there otherwise than derived, or not at all, with the text they should have.
fn stale_files(exercise: &Exercise) -> Result<Vec<(PathBuf, String)>> {
    let mut stale = Vec::new();
    for (name, stub) in files(exercise)? {
        let path = path(exercise, &name);
        let present = match std::fs::read_to_string(&path) {
            // A new exercise has none yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            read => Some(read.with_context(|| format!("cannot read {}", path.display()))?),
        };
        if present.as_ref() != Some(&stub) {
            stale.push((path, stub));
        }
    }
    Ok(stale)
}

/// Names of the exercises whose committed stub differs from the derived one.
///
/// # Errors
/// A stub that cannot be read or derived.
pub fn stale(course: &Course) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for exercise in &course.exercises {
        if !stale_files(exercise)?.is_empty() {
            stale.push(exercise.name.clone());
        }
    }
    Ok(stale)
}

/// Writes every stub that is stale; answers which.
///
/// # Errors
/// As [`stale`], or a file that cannot be written.
pub fn write(course: &Course) -> Result<Vec<String>> {
    let mut written = Vec::new();
    for exercise in &course.exercises {
        let stale = stale_files(exercise)?;
        for (path, stub) in &stale {
            write_atomically(path, stub.as_bytes())?;
        }
        if !stale.is_empty() {
            written.push(exercise.name.clone());
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::derive;

    #[test]
    fn a_region_becomes_its_stub_text_with_the_markers_indentation() {
        let solution = "// CANARY-x\nfn f() {\n    // SOLUTION let _ = 1;\n    // STUB todo!(\"say hello\")\n    hello()\n    // END SOLUTION\n}\n";
        assert_eq!(
            derive(solution).unwrap(),
            "fn f() {\n    let _ = 1;\n    todo!(\"say hello\")\n}\n"
        );
    }

    #[test]
    fn an_empty_region_leaves_nothing() {
        assert_eq!(
            derive("a\n// SOLUTION\nsecret\n// END SOLUTION\nb\n").unwrap(),
            "a\nb\n"
        );
    }

    #[test]
    fn a_wrong_marker_is_an_error_that_names_the_line() {
        for (text, line) in [
            ("// SOLUTION\n", "line 1"),
            ("\n// END SOLUTION\n", "line 2"),
            ("// SOLUTION\n// SOLUTION\n", "line 2"),
            ("// STUB x\n", "line 1"),
        ] {
            let error = derive(text).unwrap_err().to_string();
            assert!(error.contains(line), "{text:?} gave {error:?}");
        }
    }
}
