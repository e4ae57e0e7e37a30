//! What text reports share: the list of an exercise's checks, a failure in full and in one line, wrapped paragraphs.

use super::sanitize;
use crate::course::Check;
use crate::grade::{Build, CheckRun, Failure, Grade, NotRun, Outcome, StudentGrades};

/// Columns of a text report. Charts and programs' output may be wider; they are not wrapped.
pub(super) const WIDTH: usize = 80;

/// What is said of a check whose undisturbed session failed already.
pub(super) const NOT_RUN_CONTROL: &str =
    "Not run: this check repeats an ordinary session under worse conditions, and the ordinary one went wrong.";

/// A test's name as a sentence: `prints_the_real_port` reads "prints the real port".
pub(super) fn sentence(name: &str) -> String {
    name.replace('_', " ")
}

/// `40 of 82 points`, and whether our fault keeps the number from being final.
pub(super) fn score(points: u32, of: u32, inconclusive: bool) -> String {
    match inconclusive {
        true if of == 0 => "not graded".into(),
        true => format!("{points} of {of} points (not final)"),
        false => format!("{points} of {of} points"),
    }
}

/// `ex01  Four calls: …                                   40 of 82 points`
pub(super) fn heading(grade: &Grade) -> String {
    let left = format!("{}  {}", grade.exercise, sanitize::line(&grade.title));
    let right = score(grade.points(), grade.of(), grade.is_inconclusive());
    let gap = WIDTH
        .saturating_sub(left.chars().count() + right.chars().count())
        .max(2);
    format!("{left}{}{right}\n", " ".repeat(gap))
}

/// One line per check: how it ended, id, name, and points or why there are none.
pub(super) fn list(grade: &Grade) -> String {
    let ids = grade
        .checks
        .iter()
        .map(|run| run.check.id.chars().count())
        .max()
        .unwrap_or(0);
    grade.checks.iter().map(|run| check_line(run, ids)).collect()
}

/// How a check ended as a sign, and its points or why there are none.
pub(super) fn sign_and_points(run: &CheckRun) -> (char, String) {
    match &run.outcome {
        Outcome::Passed => ('✔', run.points().to_string()),
        Outcome::Failed(_) => ('✘', format!("0 of {}", run.check.points)),
        Outcome::NotRun(NotRun::Control { .. } | NotRun::NoProgram) => ('–', format!("0 of {}", run.check.points)),
        Outcome::NotRun(NotRun::Here(_)) => ('–', "not run here".into()),
        Outcome::Inconclusive(_) => ('?', "inconclusive".into()),
    }
}

fn check_line(run: &CheckRun, ids: usize) -> String {
    let (sign, right) = sign_and_points(run);
    let left = format!("  {sign} {:<ids$}  {}", run.check.id, sentence(&run.check.name));
    let gap = WIDTH
        .saturating_sub(left.chars().count() + right.chars().count())
        .max(2);
    format!("{left}{}{right}\n", " ".repeat(gap))
}

/// The known misconceptions that explain what was lost.
pub(super) fn diagnoses(grade: &Grade) -> String {
    let sentences = grade
        .diagnoses
        .iter()
        .map(|diagnosis| sanitize::line(&diagnosis.feedback));
    match sentences.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [one] => format!("\n  This looks like a mistake that we know\n{}", paragraph("    ", one)),
        several => {
            let several = several
                .iter()
                .map(|one| paragraph("    - ", one).replace("\n    - ", "\n      "));
            format!(
                "\n  This looks like one of two mistakes that we know\n{}",
                several.collect::<String>()
            )
        }
    }
}

/// What became of the files, where there is more to say than the list of checks does.
pub(super) fn build(grade: &Grade) -> String {
    match &grade.build {
        Build::Built { .. } => String::new(),
        Build::Missing => paragraph("  ", "Nothing was handed in for this exercise."),
        Build::Inconclusive(reason) => {
            let reason = sanitize::line(reason);
            paragraph(
                "  ",
                &format!("The compiler could not be run. This is the grader's fault, not yours: {reason}"),
            )
        }
        Build::Rejected { reason, diagnostics } => {
            let mut text = paragraph("  ", &format!("No program was made: {}", sanitize::line(reason)));
            if !diagnostics.trim().is_empty() {
                text.push_str(&format!("\n  The compiler said\n{}", quoted(diagnostics)));
            }
            text
        }
    }
}

/// What a lost check tells in full: the steps, the conversation, and what to think about.
pub(super) fn in_full(run: &CheckRun, grade: &Grade) -> String {
    let check = &run.check;
    let mut text = format!("  {} {}\n\n", check.id, sentence(&check.name));
    let failure = match &run.outcome {
        Outcome::Failed(failure) => failure,
        Outcome::NotRun(NotRun::Control { fix_first, failure }) => {
            text.push_str(&paragraph(
                "    ",
                &format!("{NOT_RUN_CONTROL} Fix first: {}.", sentence(fix_first)),
            ));
            let failed = |run: &CheckRun| run.check.name == *fix_first && matches!(run.outcome, Outcome::Failed(_));
            if grade.checks.iter().any(failed) {
                return text;
            }
            failure
        }
        _ => return String::new(),
    };
    text.push_str(&field("While", &failure.doing));
    text.push_str(&field("Expected", &failure.expected));
    text.push_str(&field("Received", &failure.received));
    if !failure.chart.trim().is_empty() {
        let chart = sanitize::text(&failure.chart);
        text.push_str(&format!(
            "\n    What happened\n{}",
            indented("      ", chart.trim_matches('\n'))
        ));
    }
    if !failure.stderr.trim().is_empty() {
        text.push_str(&format!(
            "\n    What the program wrote to its standard error\n{}",
            quoted(&failure.stderr)
        ));
    }
    text.push('\n');
    text.push_str(&advice(check));
    text
}

/// The concept, the rubric's sentence, and where to read.
fn advice(check: &Check) -> String {
    let mut text = field("About", &check.concept);
    text.push_str(&field("Think", &check.feedback));
    text.push_str(&field("Read", &format!("book/src/{}", check.book)));
    text
}

/// A lost check in one line, for what comes after the first failure.
pub(super) fn in_one_line(run: &CheckRun) -> String {
    let head = format!("{} {}", run.check.id, sentence(&run.check.name));
    let tail = why_lost(run);
    if tail.is_empty() {
        return tail;
    }
    let mut lines = wrapped(&format!("{head}: {tail}"), WIDTH - 6).into_iter();
    let first = lines.next().unwrap_or_default();
    let more: String = lines.map(|line| format!("      {line}\n")).collect();
    format!("    {first}\n{more}")
}

/// What a lost check is about, in one line; empty for others.
pub(super) fn why_lost(run: &CheckRun) -> String {
    match &run.outcome {
        Outcome::Failed(failure) => one_line(failure),
        Outcome::NotRun(NotRun::Control { fix_first, .. }) => format!("not run; fix “{}” first", sentence(fix_first)),
        _ => String::new(),
    }
}

/// Why a check that was not lost has no points all the same; empty when it passed.
pub(super) fn why_without_points(run: &CheckRun) -> String {
    match &run.outcome {
        Outcome::NotRun(NotRun::Here(reason)) => format!("Not run here, and left out: {}", sanitize::line(reason)),
        Outcome::NotRun(NotRun::NoProgram) => "There is no program to check.".into(),
        Outcome::Inconclusive(reason) => format!("The grader's fault, not yours: {}", sanitize::line(reason)),
        _ => String::new(),
    }
}

fn one_line(failure: &Failure) -> String {
    let short = |text: &str| {
        let line = sanitize::line(text);
        match line.char_indices().nth(100) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None => line,
        }
    };
    format!(
        "expected {}; received {}",
        short(&failure.expected),
        short(&failure.received)
    )
}

/// Whether a check cost points because of what the program did or did not do.
pub(super) fn is_lost(run: &CheckRun) -> bool {
    matches!(
        run.outcome,
        Outcome::Failed(_) | Outcome::NotRun(NotRun::Control { .. })
    )
}

/// When it was handed in, and what being late costs: a sentence each. Points are without it.
pub(super) fn lateness(student: &StudentGrades) -> Vec<String> {
    let mut sentences: Vec<String> = student
        .submitted
        .iter()
        .map(|time| format!("Handed in {time}."))
        .collect();
    for late in student.lateness.iter().filter(|late| late.days > 0) {
        let (days, plural) = (late.days, if late.days == 1 { "" } else { "s" });
        let free = match late.free_days {
            0 => String::new(),
            free => format!(", {free} of them free"),
        };
        sentences.push(format!(
            "{} is {days} day{plural} late{free}: {} % of its points, which are not taken off here.",
            late.exercise, late.percent
        ));
    }
    sentences
}

/// Why checks were left out of the points: once per reason, with the ids.
pub(super) fn left_out(grade: &Grade) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for run in &grade.checks {
        let reason = match &run.outcome {
            Outcome::NotRun(NotRun::Here(reason)) => sanitize::line(reason),
            Outcome::Inconclusive(reason) => format!("the grader's fault: {}", sanitize::line(reason)),
            _ => continue,
        };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, ids)) => ids.push(&run.check.id),
            None => reasons.push((reason, vec![&run.check.id])),
        }
    }
    let line = |(reason, ids): &(String, Vec<&str>)| {
        paragraph(
            "    ",
            &format!("Left out of the points: {} ({reason})", ids.join(", ")),
        )
    };
    reasons.iter().map(line).collect()
}

/// `    Expected  end of stream`, wrapped below itself; text of several lines stays as it is.
fn field(name: &str, value: &str) -> String {
    let value = sanitize::text(value);
    let value = value.trim_end();
    let lines = if value.contains('\n') {
        value.lines().map(str::to_string).collect()
    } else {
        wrapped(value, WIDTH - 14)
    };
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        let name = if i == 0 { name } else { "" };
        text.push_str(format!("    {name:<8}  {line}").trim_end());
        text.push('\n');
    }
    text
}

/// Text of a program, with a bar in front of every line: whatever it says, it is a quotation.
pub(super) fn quoted(text: &str) -> String {
    indented("    │ ", sanitize::text(text).trim_matches('\n'))
}

fn indented(by: &str, text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", format!("{by}{line}").trim_end()))
        .collect()
}

/// Stands for a space at which [`paragraph`] does not break the line.
pub(super) const FIXED_SPACE: char = '\u{a0}';

/// One paragraph, wrapped and indented.
pub(super) fn paragraph(indent: &str, text: &str) -> String {
    let lines = wrapped(text, WIDTH - indent.chars().count());
    lines
        .iter()
        .map(|line| format!("{indent}{}\n", line.replace(FIXED_SPACE, " ")))
        .collect()
}

/// Words in lines of at most `width` characters; a longer word has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}
