//! Two gradebooks of one class, compared: whose outcomes differ, check by check, and what could be the cause.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::course::Visibility;
use crate::grade::{Build, CheckRun, Grade, Gradebook, NotRun, Outcome, StudentGrades};
use crate::report::sanitize;

/// What differs between two gradebooks.
#[derive(Debug, Default)]
pub(super) struct Difference {
    students: usize,
    /// In name order.
    changed: Vec<Changed>,
    came: Vec<String>,
    went: Vec<String>,
}

#[derive(Debug)]
struct Changed {
    student: String,
    exercise: String,
    points: (u32, u32),
    of: (u32, u32),
    causes: Vec<&'static str>,
    /// One line per check, or the line about the build.
    lines: Vec<String>,
}

impl Difference {
    pub(super) fn between(old: &Gradebook, new: &Gradebook) -> Difference {
        let mut before: BTreeMap<&str, &StudentGrades> =
            old.students.iter().map(|one| (one.student.as_str(), one)).collect();
        let mut difference = Difference {
            students: new.students.len(),
            ..Difference::default()
        };
        for student in &new.students {
            match before.remove(student.student.as_str()) {
                Some(known) => difference.changed.extend(changed(known, student)),
                None => difference.came.push(student.student.clone()),
            }
        }
        difference.went = before.into_keys().map(str::to_string).collect();
        difference
    }

    /// For a person: who, from what to what, why, and then every check.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for one in &self.changed {
            let _ = writeln!(
                text,
                "{}  {}  {} of {} → {} of {} points  because of: {}",
                sanitize::line(&one.student),
                one.exercise,
                one.points.0,
                one.of.0,
                one.points.1,
                one.of.1,
                one.causes.join(", ")
            );
            for line in &one.lines {
                let _ = writeln!(text, "    {line}");
            }
        }
        for (students, what) in [
            (&self.came, "was not graded before"),
            (&self.went, "is no longer there"),
        ] {
            for student in students {
                let _ = writeln!(text, "{}  {what}", sanitize::line(student));
            }
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        if self.changed.is_empty() && self.came.is_empty() && self.went.is_empty() {
            return format!("Nothing changes for any of {} students.\n", self.students);
        }
        let mut whose: Vec<&str> = self.changed.iter().map(|one| one.student.as_str()).collect();
        whose.dedup();
        let count = |up: fn(&(u32, u32)) -> bool| self.changed.iter().filter(|one| up(&one.points)).count();
        format!(
            "\n{} of {} students change: {} grades go up, {} down, {} keep their points. {} students come, {} go.\n",
            whose.len(),
            self.students,
            count(|(old, new)| new > old),
            count(|(old, new)| new < old),
            count(|(old, new)| new == old),
            self.came.len(),
            self.went.len()
        )
    }
}

fn changed(old: &StudentGrades, new: &StudentGrades) -> Vec<Changed> {
    let known = |grade: &&Grade| old.grades.iter().any(|one| one.exercise == grade.exercise);
    let pairs = new.grades.iter().filter(known).filter_map(|new| {
        let old = old.grades.iter().find(|one| one.exercise == new.exercise)?;
        let mut lines: Vec<String> = about_build(old, new).into_iter().collect();
        lines.extend(about_checks(old, new));
        (!lines.is_empty()).then(|| Changed {
            student: String::new(),
            exercise: new.exercise.clone(),
            points: (old.points(), new.points()),
            of: (old.of(), new.of()),
            causes: causes(old, new),
            lines,
        })
    });
    let named = pairs.map(|one| Changed {
        student: new.student.clone(),
        ..one
    });
    named.collect()
}

fn about_build(old: &Grade, new: &Grade) -> Option<String> {
    let (was, is) = (build(&old.build), build(&new.build));
    (was != is).then(|| format!("{was} → {is}"))
}

fn build(build: &Build) -> String {
    match build {
        Build::Missing => "nothing handed in".into(),
        Build::Built { .. } => "builds".into(),
        Build::Rejected { reason, .. } => sanitize::line(reason),
        Build::Inconclusive(_) => "could not be built, the grader's fault".into(),
    }
}

fn about_checks<'g>(old: &'g Grade, new: &'g Grade) -> impl Iterator<Item = String> + 'g {
    let gone = |run: &&CheckRun| new.checks.iter().all(|one| one.check.name != run.check.name);
    let gone = old.checks.iter().filter(gone);
    let gone = gone.map(|run| {
        format!(
            "{} {}  {} → no such check",
            run.check.id,
            run.check.name,
            outcome(&run.outcome)
        )
    });
    let kept = new.checks.iter().filter_map(|run| {
        let before = old.checks.iter().find(|one| one.check.name == run.check.name);
        let was = before.map_or("no such check", |one| outcome(&one.outcome));
        let worth = before.map_or((0, 0), |one| (one.points(), one.of()));
        let same = was == outcome(&run.outcome) && worth == (run.points(), run.of());
        (!same).then(|| line(run, was, worth))
    });
    gone.chain(kept)
}

/// `h3 restarts_at_once (hidden)  failed → passed, 0 of 10 → 10 of 10`.
fn line(run: &CheckRun, was: &str, worth: (u32, u32)) -> String {
    let hidden = if run.check.visibility == Visibility::Hidden {
        " (hidden)"
    } else {
        ""
    };
    format!(
        "{} {}{hidden}  {was} → {}, {} of {} → {} of {}",
        run.check.id,
        run.check.name,
        outcome(&run.outcome),
        worth.0,
        worth.1,
        run.points(),
        run.of()
    )
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::NotRun(NotRun::Here(_)) => "not run here",
        Outcome::NotRun(NotRun::Control { .. }) => "not run, another comes first",
        Outcome::NotRun(NotRun::NoProgram) => "no program",
        Outcome::Inconclusive(_) => "inconclusive",
    }
}

/// What the two grades differ in besides their outcomes.
fn causes(old: &Grade, new: &Grade) -> Vec<&'static str> {
    let mut causes = Vec::new();
    if old.digest != new.digest {
        causes.push("what was handed in");
    }
    causes.extend(old.basis.differing(&new.basis));
    if old.isolation != new.isolation {
        causes.push("isolation");
    }
    if worth(old) != worth(new) {
        causes.push("points in the rubric");
    }
    if causes.is_empty() {
        causes.push(match old.is_inconclusive() || new.is_inconclusive() {
            true => "a fault of the grader",
            false => "nothing that we know: this program does not always do the same",
        });
    }
    causes
}

fn worth(grade: &Grade) -> Vec<(&str, u32)> {
    grade
        .checks
        .iter()
        .map(|run| (run.check.name.as_str(), run.check.points))
        .collect()
}
