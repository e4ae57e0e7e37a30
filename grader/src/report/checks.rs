//! What text reports share: the list of an exercise's checks, a failure in full and in one line, wrapped paragraphs.

use harness::words;

use super::sanitize;
use crate::grade::{Build, CheckRun, Failure, Grade, NotRun, Outcome, StudentGrades};

pub(super) use harness::words::{FIXED_SPACE, NOT_RUN_CONTROL, WIDTH, paragraph, sentence, wrapped};

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
    words::at_both_ends(&left, &right) + "\n"
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
    words::check_line(sign, &run.check.id, ids, &run.check.name, &right)
}

/// The known misconceptions that explain what was lost.
pub(super) fn diagnoses(grade: &Grade) -> String {
    let sentences = grade.diagnoses.iter();
    let sentences: Vec<String> = sentences.map(|diagnosis| sanitize::line(&diagnosis.feedback)).collect();
    words::looks_like(&sentences)
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
            text.push_str(&words::not_run(fix_first));
            let failed = |run: &CheckRun| run.check.name == *fix_first && matches!(run.outcome, Outcome::Failed(_));
            if grade.checks.iter().any(failed) {
                return text;
            }
            failure
        }
        _ => return String::new(),
    };
    text.push_str(&words::in_full(&clean(failure)));
    text.push('\n');
    text.push_str(&words::advice(&check.concept, &check.feedback, &check.book));
    text
}

/// A failure that is safe to show.
fn clean(failure: &Failure) -> harness::evidence::Failure {
    harness::evidence::Failure {
        doing: sanitize::text(&failure.doing),
        expected: sanitize::text(&failure.expected),
        received: sanitize::text(&failure.received),
        chart: sanitize::text(&failure.chart),
        stderr: sanitize::text(&failure.stderr),
    }
}

/// The failure of a lost check, safe to show.
fn failure_of(run: &CheckRun) -> Option<harness::evidence::Failure> {
    match &run.outcome {
        Outcome::Failed(failure) | Outcome::NotRun(NotRun::Control { failure, .. }) => Some(clean(failure)),
        _ => None,
    }
}

/// What stands above the check to begin with.
pub(super) fn begin_with(run: &CheckRun) -> &'static str {
    failure_of(run).map_or("First to fix", |failure| words::begin_with(&failure))
}

/// What comes after the first lost check: those that ended as it did, and the others in a line each.
pub(super) fn the_others(first: &CheckRun, lost: &[&CheckRun]) -> String {
    let like = |run: &CheckRun| {
        let both = failure_of(run).zip(failure_of(first));
        let kind = |run: &CheckRun| matches!(run.outcome, Outcome::Failed(_));
        kind(run) == kind(first) && both.is_some_and(|(one, other)| words::is_the_same(&one, &other))
    };
    let others = lost.iter().copied().filter(|run| run.check.id != first.check.id);
    let (same, others): (Vec<&CheckRun>, Vec<&CheckRun>) = others.partition(|run| like(run));
    let same: Vec<&str> = same.iter().map(|run| run.check.id.as_str()).collect();
    words::the_same(&same) + &others.iter().map(|run| in_one_line(run)).collect::<String>()
}

/// A lost check in one line, for what comes after the first failure.
fn in_one_line(run: &CheckRun) -> String {
    match why_lost(run) {
        why if why.is_empty() => why,
        why => words::then(&run.check.id, &run.check.name, &why),
    }
}

/// What a lost check is about, in one line; empty for others.
pub(super) fn why_lost(run: &CheckRun) -> String {
    match &run.outcome {
        Outcome::Failed(failure) => words::in_short(&clean(failure)),
        Outcome::NotRun(NotRun::Control { fix_first, .. }) => words::not_run_in_short(fix_first),
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

/// Text of a program, with a bar in front of every line: whatever it says, it is a quotation.
fn quoted(text: &str) -> String {
    words::quoted(&sanitize::text(text))
}
