//! What this machine can do, and what is lost without what it lacks.

use std::fmt::Write as _;

use anyhow::Result;

use crate::course::Course;
use crate::isolation::{self, Isolation, Isolator};
use crate::toolchain::Toolchain;

/// Third-party peers, and the package that has each on Debian.
pub(crate) const TOOLS: [(&str, &str); 4] = [
    ("python3", "python3"),
    ("nc", "netcat-openbsd"),
    ("socat", "socat"),
    ("curl", "curl"),
];

/// The doctor's report, in full sentences.
///
/// # Errors
/// No compiler.
pub fn report(course: &Course, isolator: &Isolator) -> Result<String> {
    let mut text = String::new();
    let toolchain = Toolchain::find()?;
    let _ = writeln!(
        text,
        "✔ compiler    {} ({})",
        toolchain.version,
        toolchain.rustc.display()
    );
    isolation(isolator, &mut text);
    let _ = match harness::trace::available() {
        Ok(()) => writeln!(
            text,
            "✔ tracer      sees the system calls of programs: `grader trace ex01`"
        ),
        Err(why) => writeln!(
            text,
            "✘ tracer      {why}; the checks that need it are `not run here`, and charts show no calls"
        ),
    };
    let _ = match harness::pi::available() {
        Ok(()) => writeln!(text, "✔ board       a pretended Raspberry Pi: `grader board ex16`"),
        Err(why) => writeln!(
            text,
            "✘ board       {why}; there is no pretended Raspberry Pi, and the checks that need one are `not run here`"
        ),
    };
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

/// The level, what it means, and for every better one what stopped it and what would help.
fn isolation(isolator: &Isolator, text: &mut String) {
    let level = isolator.level();
    let sign = match level {
        Isolation::Namespaces => '✔',
        level if level.is_for_strangers() => '–',
        _ => '✘',
    };
    let _ = writeln!(text, "{sign} isolation   {level}: {}", level.meaning());
    if !isolator.finding.proc && level == Isolation::Namespaces {
        let _ = writeln!(
            text,
            "              without /proc in the jail: this container hides parts of its own"
        );
    }
    for (level, fault) in &isolator.finding.failed {
        let _ = writeln!(
            text,
            "              {level} failed: {fault}; {}",
            isolation::advice(*level, fault)
        );
    }
    for gap in isolation::gaps::of(level) {
        let _ = writeln!(text, "              not held: {gap}");
    }
}
