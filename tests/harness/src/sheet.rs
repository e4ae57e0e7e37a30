//! What `cargo test` says last: the checks as sentences, one failure in full, the others in short, and what to do next.
//!
//! libtest prints failures in the order of the alphabet, all of them in full, above its own summary. A student at work needs the first one
//! of the rubric, below it. So the tests of an exercise collect how they ended, print nothing themselves, and the process prints one sheet
//! when it exits. Graded tests do not: their report goes into the evidence.

use crate::{
    clue,
    evidence::{Failure, Outcome, Record},
    mistakes::{self, Mistake, Outcomes},
    rubric, words,
};
use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

static SHEET: Mutex<Option<Sheet>> = Mutex::new(None);

/// How the tests of this process ended.
#[derive(Debug, Default)]
struct Sheet {
    package: String,
    rubric: String,
    ended: Vec<Ended>,
}

/// One check; of a check with several cases, the worst.
#[derive(Debug, Clone)]
struct Ended {
    check: String,
    outcome: Outcome,
    reason: String,
    fix_first: String,
    failure: Option<Failure>,
}

/// From now on the tests of this process are collected, and printed at its end.
pub(crate) fn begin(package: &str, rubric: &str) {
    static IS_PRINTED: OnceLock<bool> = OnceLock::new();
    if *IS_PRINTED.get_or_init(print_at_exit) {
        let mut sheet = SHEET.lock().unwrap_or_else(PoisonError::into_inner);
        let sheet = sheet.get_or_insert_default();
        package.clone_into(&mut sheet.package);
        rubric.clone_into(&mut sheet.rubric);
    }
}

/// libtest ends the process itself, so nothing of ours could run after its summary but this.
#[allow(unsafe_code)]
fn print_at_exit() -> bool {
    // SAFETY: `print` takes nothing and is there as long as the process; a panic in it aborts, as in every `extern "C"` function.
    unsafe { nix::libc::atexit(print) == 0 }
}

/// Whether reports are collected in place of being printed where they arise.
pub(crate) fn collects() -> bool {
    SHEET.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// A test has ended.
pub(crate) fn note(record: &Record) {
    if let Some(sheet) = SHEET.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        sheet.note(Ended {
            check: record.check.clone(),
            outcome: record.outcome,
            reason: record.reason.clone(),
            fix_first: record.fix_first.clone(),
            failure: record.failure.clone(),
        });
    }
}

extern "C" fn print() {
    let sheet = SHEET.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(sheet) = sheet else { return };
    let text = format!("{}\n", sheet.text(&known_mistakes()));
    let mut rest = text.as_bytes();
    // Past the standard library's own end: straight to the descriptor.
    while let Ok(n @ 1..) = nix::unistd::write(std::io::stdout(), rest) {
        rest = &rest[n..];
    }
}

/// What a handout has beside the rubric. Cargo names the package's folder; without it, or with a broken file, nothing is recognized.
fn known_mistakes() -> Vec<Mistake> {
    let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let text = fs::read_to_string(Path::new(&folder).join("mistakes.toml"));
    text.ok()
        .and_then(|text| mistakes::read(&text).ok())
        .unwrap_or_default()
}

impl Sheet {
    fn note(&mut self, ended: Ended) {
        match self.ended.iter_mut().find(|known| known.check == ended.check) {
            Some(known) if rank(known.outcome) < rank(ended.outcome) => *known = ended,
            Some(_) => {}
            None => self.ended.push(ended),
        }
    }

    fn text(&self, known: &[Mistake]) -> String {
        let rubric = rubric::Rubric::of(&self.rubric);
        let place = |ended: &Ended| rubric.checks.iter().position(|(name, _)| *name == ended.check);
        let mut ended: Vec<&Ended> = self.ended.iter().collect();
        ended.sort_by_key(|ended| (place(ended).unwrap_or(usize::MAX), &ended.check));
        let checks: Vec<(&Ended, rubric::Check)> =
            ended.iter().map(|ended| (*ended, rubric.check(&ended.check))).collect();
        let mut text = format!("{}\n{}", self.heading(&rubric, &checks), list(&checks));
        let lost: Vec<_> = checks.iter().filter(|(ended, _)| ended.is_lost()).collect();
        let failed = lost.iter().find(|(ended, _)| ended.outcome == Outcome::Failed);
        let Some((first, check)) = failed.or(lost.first()) else {
            return text + &self.next(checks.len(), &rubric);
        };
        let (likely, full) = (words::looks_like(&self.looks_like(known)), first.in_full(check));
        // A clue is about what was seen, a known mistake about what may be behind it.
        text += &match first.has_a_clue() {
            true => full + &likely,
            false => likely + &full,
        };
        let others = lost.iter().copied().filter(|(ended, _)| ended.check != first.check);
        let (same, others): (Vec<_>, Vec<_>) = others.partition(|(ended, _)| ended.is_like(first));
        let same: Vec<&str> = same.iter().map(|(_, check)| check.id.as_str()).collect();
        let others: String = others.iter().map(|(ended, check)| ended.in_short(check)).collect();
        let others = words::the_same(&same) + &others;
        if !others.is_empty() {
            text += &format!("\n  Then\n{others}");
        }
        text + &self.what_to_do(first)
    }

    /// `ex01  Four calls: …     16 of 40 points`, where only the checks that were run count.
    fn heading(&self, rubric: &rubric::Rubric, checks: &[(&Ended, rubric::Check)]) -> String {
        let earned = checks.iter().filter(|(ended, _)| ended.outcome == Outcome::Passed);
        let counted = checks.iter().filter(|(ended, _)| rank(ended.outcome) != HERE);
        let sum = |checks: &mut dyn Iterator<Item = &(&Ended, rubric::Check)>| -> u64 {
            checks.map(|(_, check)| check.points).sum()
        };
        let right = match (sum(&mut { earned }), sum(&mut { counted })) {
            (_, 0) => String::new(),
            (earned, of) => format!("{earned} of {of} points"),
        };
        words::at_both_ends(&format!("{}  {}", self.package, rubric.title), &right)
    }

    fn looks_like(&self, known: &[Mistake]) -> Vec<String> {
        let named = |wanted: &dyn Fn(&Ended) -> bool| {
            let ended = self.ended.iter().filter(|ended| wanted(ended));
            ended.map(|ended| ended.check.clone()).collect()
        };
        if self
            .ended
            .iter()
            .filter_map(|e| e.failure.as_ref())
            .any(|failure| words::is_unfinished(&failure.received))
        {
            return Vec::new();
        }
        let mut seen = Outcomes {
            passed: named(&|ended| ended.outcome == Outcome::Passed),
            failed: named(&|ended| ended.outcome == Outcome::Failed),
            unknown: named(&|ended| !matches!(ended.outcome, Outcome::Failed | Outcome::Passed)),
        };
        // A check that was not asked for says nothing either.
        let asked: BTreeSet<String> = named(&|_| true);
        let all = known.iter().flat_map(|one| &one.fails);
        seen.unknown.extend(all.filter(|name| !asked.contains(*name)).cloned());
        let found = mistakes::likely(known, &seen);
        found.iter().map(|(at, _)| known[*at].says.clone()).collect()
    }

    /// Where to go on from here.
    fn what_to_do(&self, first: &Ended) -> String {
        let Sheet { package, .. } = self;
        let only = format!("  Only this check   cargo test -p {package} ");
        let name = fitting(&first.check, words::WIDTH.saturating_sub(only.len()));
        format!(
            "\n{only}{name}\n  A hint            cargo grader hint {package}\n  Again on save     cargo grader watch {package}\n"
        )
    }

    /// All went well. If that was every public check, there is something else to do now.
    fn next(&self, run: usize, rubric: &rubric::Rubric) -> String {
        if run == 0 || run < rubric.public || self.ended.iter().any(|ended| rank(ended.outcome) > HERE) {
            return String::new();
        }
        format!(
            "\n  All public checks pass. What comes next: cargo grader next\n  Points so far: cargo grader {}\n",
            self.package
        )
    }
}

/// As much of a check's name as fits: `cargo test` takes a part of it, and a command that is broken in two cannot be copied.
fn fitting(check: &str, room: usize) -> &str {
    match check.get(..room) {
        Some(beginning) if check.len() > room => &beginning[..beginning.rfind('_').unwrap_or(room)],
        _ => check,
    }
}

const HERE: u8 = 1;

/// Which of a check's cases decides.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed => 0,
        Outcome::NotRunHere => HERE,
        Outcome::NotRunControl => 2,
        Outcome::Failed => 3,
        Outcome::Fault => 4,
    }
}

fn list(checks: &[(&Ended, rubric::Check)]) -> String {
    let ids = checks
        .iter()
        .map(|(_, check)| check.id.chars().count())
        .max()
        .unwrap_or(0);
    let line = |(ended, check): &(&Ended, rubric::Check)| {
        let points = check.points;
        let (sign, right) = match ended.outcome {
            // What stands in no rubric is worth nothing, and no check: a scenario, say.
            Outcome::Passed if points == 0 => ('✔', String::new()),
            Outcome::Failed if points == 0 => ('✘', String::new()),
            Outcome::Passed => ('✔', points.to_string()),
            Outcome::Failed => ('✘', format!("0 of {points}")),
            Outcome::NotRunControl => ('–', format!("0 of {points}")),
            Outcome::NotRunHere => ('–', "not run here".to_owned()),
            Outcome::Fault => ('?', "the test failed, not you".to_owned()),
        };
        let why = match ended.outcome {
            Outcome::NotRunHere | Outcome::Fault => words::paragraph("      ", &ended.reason),
            _ => String::new(),
        };
        words::check_line(sign, &check.id, ids, &ended.check, &right) + &why
    };
    checks.iter().map(line).collect()
}

impl Ended {
    fn is_lost(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::NotRunControl)
    }

    fn has_a_clue(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|failure| clue::taken_out(&failure.received).0.is_some())
    }

    fn is_like(&self, other: &Ended) -> bool {
        let both = self.failure.as_ref().zip(other.failure.as_ref());
        self.outcome == other.outcome && both.is_some_and(|(one, other)| words::is_the_same(one, other))
    }

    fn in_full(&self, check: &rubric::Check) -> String {
        let failure = self.failure.clone().unwrap_or_default();
        let name = format!("{} {}", check.id, words::sentence(&self.check));
        let mut text = format!("\n  {}\n  {}\n\n", words::begin_with(&failure), name.trim_start());
        if self.outcome == Outcome::NotRunControl {
            text += &words::not_run(&self.fix_first);
        }
        text += &format!("{}\n", words::in_full(&failure));
        text + &words::advice(&check.concept, &check.feedback, &check.book)
    }

    fn in_short(&self, check: &rubric::Check) -> String {
        let why = match (&self.failure, self.outcome) {
            (_, Outcome::NotRunControl) => words::not_run_in_short(&self.fix_first),
            (Some(failure), _) => words::in_short(failure),
            (None, _) => String::new(),
        };
        words::then(&check.id, &self.check, &why)
    }
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn a_name_that_is_too_long_ends_between_two_words() {
        assert_eq!(fitting("three_clients_in_a_row", 30), "three_clients_in_a_row");
        assert_eq!(fitting("three_clients_in_a_row", 15), "three_clients");
        assert_eq!(fitting("threeclients", 5), "three");
    }
}
