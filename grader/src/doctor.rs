//! What this machine can do, and what is lost without what it lacks.

use std::fmt::Write as _;

use anyhow::Result;

use crate::course::Course;
use crate::isolation;
use crate::toolchain::Toolchain;

/// Third-party peers, and the package that has each on Debian.
const TOOLS: [(&str, &str); 4] = [
    ("python3", "python3"),
    ("nc", "netcat-openbsd"),
    ("socat", "socat"),
    ("curl", "curl"),
];

/// The doctor's report, in full sentences.
///
/// # Errors
/// No compiler.
pub fn report(course: &Course) -> Result<String> {
    let mut text = String::new();
    let toolchain = Toolchain::find()?;
    let _ = writeln!(
        text,
        "✔ compiler    {} ({})",
        toolchain.version,
        toolchain.rustc.display()
    );
    let _ = writeln!(
        text,
        "– isolation   {}: programs run with your own rights; grade only code that you trust",
        isolation::found()
    );
    for (tool, package) in TOOLS {
        match harness::find_tool(tool) {
            Some(path) => {
                let _ = writeln!(text, "✔ {tool:<11} {}", path.display());
            }
            None => {
                let _ = writeln!(
                    text,
                    "✘ {tool:<11} missing: the checks that need it are `not run here`; apt-get install {package}"
                );
            }
        }
    }
    let peers = course
        .exercises
        .iter()
        .flat_map(|exercise| exercise.rubric.checks.iter().map(move |check| (exercise, check)))
        .filter(|(_, check)| check.tags.iter().any(|tag| tag == "I"));
    for (exercise, check) in peers {
        let _ = writeln!(
            text,
            "  third-party peers take part in {} {} ({} points)",
            exercise.name, check.name, check.points
        );
    }
    Ok(text)
}
