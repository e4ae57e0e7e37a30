//! Every answer to "what does this program print?" is compiled and run here, with a deadline.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::quiz::{Kind, Printed, Quiz};

/// A question's program runs this long at most.
const DEADLINE: Duration = Duration::from_secs(10);

/// One sentence for each program that does something else than its answer says.
///
/// # Errors
/// rustc cannot be started, or the temporary folder cannot be used.
pub fn wrong(name: &str, quiz: &Quiz) -> Result<Vec<String>> {
    let room = tempfile::tempdir().context("no temporary folder")?;
    let mut wrong = Vec::new();
    for question in &quiz.questions {
        if let Kind::Tracing { prompt, answer } = &question.kind
            && let Some(defect) = tried(room.path(), &prompt.program, answer)?
        {
            wrong.push(format!("{name}: {}: {defect}", question.id));
        }
    }
    Ok(wrong)
}

/// What is wrong with the answer to this program; `None` if it is right.
fn tried(room: &Path, program: &str, answer: &Printed) -> Result<Option<String>> {
    let (source, binary) = (room.join("question.rs"), room.join("question"));
    std::fs::write(&source, program).with_context(|| format!("cannot write {}", source.display()))?;
    let compiled = Command::new("rustc")
        .args([
            "--edition",
            "2024",
            "--error-format",
            "short",
            "--crate-name",
            "question",
            "-o",
        ])
        .args([&binary, &source])
        .output()
        .context("cannot start rustc")?;
    let complaints = String::from_utf8_lossy(&compiled.stderr);
    match (compiled.status.success(), answer.does_compile) {
        (false, true) => Ok(Some(format!("does not compile: {complaints}"))),
        (true, false) => Ok(Some("compiles, and its answer says that it does not".into())),
        (false, false) => Ok(other_line(&complaints, answer)),
        (true, true) => prints(&binary, &answer.stdout),
    }
}

fn other_line(complaints: &str, answer: &Printed) -> Option<String> {
    let line = answer.line_number?;
    let objected = complaints
        .lines()
        .any(|complaint| complaint.contains(&format!("question.rs:{line}:")));
    (!objected).then(|| format!("the compiler does not object to line {line}: {complaints}"))
}

fn prints(binary: &Path, expected: &str) -> Result<Option<String>> {
    let mut child = Command::new(binary)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    let began = Instant::now();
    // A short program: its output fits into the pipe, so waiting before reading is no deadlock.
    while child.try_wait().context("cannot wait for the program")?.is_none() {
        if began.elapsed() > DEADLINE {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(Some(format!("still runs after {} s", DEADLINE.as_secs())));
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let output = child
        .wait_with_output()
        .context("cannot read what the program printed")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let (printed, expected) = (printed.trim_end(), expected.trim_end());
    Ok((printed != expected).then(|| format!("prints {printed:?}, and its answer says {expected:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried_here(program: &str, does_compile: bool, stdout: &str) -> Option<String> {
        let room = tempfile::tempdir().unwrap();
        let answer = Printed {
            does_compile,
            stdout: stdout.into(),
            line_number: None,
        };
        tried(room.path(), program, &answer).unwrap()
    }

    #[test]
    fn a_right_answer_is_right() {
        assert_eq!(tried_here("fn main() { println!(\"5\") }", true, "5"), None);
    }

    #[test]
    fn a_wrong_answer_is_named() {
        let defect = tried_here("fn main() { println!(\"5\") }", true, "6").unwrap();
        assert!(defect.contains("\"5\"") && defect.contains("\"6\""), "{defect}");
    }

    #[test]
    fn a_program_that_does_not_compile_is_named() {
        assert!(tried_here("fn main() { 5 + \"\" }", true, "5").is_some());
        assert_eq!(tried_here("fn main() { 5 + \"\" }", false, ""), None);
    }
}
