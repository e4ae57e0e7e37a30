//! Markdown: a report per student and a page about the class, for wikis, issue trackers and mail.
//!
//! What students or their programs wrote stands in fences, longer than any row of backticks in them. The little that has to stand in a
//! line (names, notes) is escaped, mentions and addresses included.

use super::format::Setting;
use super::{checks, sanitize};
use crate::grade::{Build, CheckRun, Failure, Grade, Gradebook, NotRun, Outcome, StudentGrades};
use crate::summary::{Spread, Summary};

/// How many of the hardest checks a page shows.
pub(super) const HARDEST: usize = 15;

/// The report for one student.
pub fn student(student: &StudentGrades, gradebook: &Gradebook, setting: &Setting) -> String {
    let mut text = format!("# Report for {}\n\n", inline(&student.student));
    text.push_str("| exercise | points |\n|---|---:|\n");
    for grade in &student.grades {
        let score = checks::score(grade.points(), grade.of(), grade.is_inconclusive());
        text.push_str(&format!("| {} {} | {score} |\n", grade.exercise, inline(&grade.title)));
    }
    if student.grades.len() > 1 {
        let inconclusive = student.grades.iter().any(Grade::is_inconclusive);
        let score = checks::score(student.points(), student.of(), inconclusive);
        text.push_str(&format!("| **Total** | **{score}** |\n"));
    }
    let handed_in = checks::lateness(student);
    if !handed_in.is_empty() {
        text.push_str(&format!("\n{}\n", handed_in.join(" ")));
    }
    if !student.notes.is_empty() {
        text.push_str("\n## What was handed in\n\n");
        let notes = student.notes.iter().map(|note| format!("- {}\n", inline(&note.0)));
        text.extend(notes);
    }
    text.extend(student.grades.iter().map(|grade| exercise(grade, setting)));
    let (toolchain, isolation) = (inline(&gradebook.toolchain), student.isolation());
    text.push_str(&format!("\n---\n\nGraded with {toolchain}, isolation {isolation}.\n"));
    text
}

fn exercise(grade: &Grade, setting: &Setting) -> String {
    let mut text = format!("\n## {} {}\n\n", grade.exercise, inline(&grade.title));
    text.push_str(&build(grade));
    text.push_str("| | check | points |\n|---|---|---:|\n");
    for run in &grade.checks {
        let (sign, points) = checks::sign_and_points(run);
        let (id, name) = (inline(&run.check.id), inline(&checks::sentence(&run.check.name)));
        text.push_str(&format!("| {sign} | {id} {name} | {points} |\n"));
    }
    let left_out = checks::left_out(grade);
    if !left_out.is_empty() {
        text.push_str(&format!("\n{}", fence(&left_out)));
    }
    text.push_str(&diagnoses(grade));
    let lost = grade.checks.iter().filter(|run| checks::is_lost(run));
    text.extend(lost.map(|run| in_full(run, setting)));
    text
}

fn build(grade: &Grade) -> String {
    match &grade.build {
        Build::Built { .. } => String::new(),
        Build::Missing => "Nothing was handed in for this exercise.\n\n".into(),
        Build::Inconclusive(reason) => format!(
            "The compiler could not be run. This is the grader's fault, not yours: {}\n\n",
            inline(reason)
        ),
        Build::Rejected { reason, diagnostics } => {
            format!("No program was made: {}\n\n{}\n", inline(reason), fence(diagnostics))
        }
    }
}

fn diagnoses(grade: &Grade) -> String {
    let head = match grade.diagnoses.len() {
        0 => return String::new(),
        1 => "This looks like a mistake that we know",
        _ => "This looks like one of two mistakes that we know",
    };
    let known = grade
        .diagnoses
        .iter()
        .map(|known| format!("> - {}\n", inline(&known.feedback)));
    format!("\n> **{head}**\n>\n{}", known.collect::<String>())
}

fn in_full(run: &CheckRun, setting: &Setting) -> String {
    let check = &run.check;
    let mut text = format!(
        "\n### {} {}\n\n",
        inline(&check.id),
        inline(&checks::sentence(&check.name))
    );
    match &run.outcome {
        Outcome::Failed(failure) => text.push_str(&fields(failure)),
        Outcome::NotRun(NotRun::Control { fix_first, failure }) => {
            let first = inline(&checks::sentence(fix_first));
            text.push_str(&format!(
                "{} Fix first: {first}.\n\n{}",
                checks::NOT_RUN_CONTROL,
                fields(failure)
            ));
        }
        _ => {}
    }
    let (about, think) = (inline(&check.concept), inline(&check.feedback));
    text.push_str(&format!("\n- **About** {about}\n- **Think** {think}\n"));
    text.push_str(&format!(
        "- **Read** [{}](<{}>)\n",
        inline(&check.book),
        setting.in_book(&check.book)
    ));
    text
}

fn fields(failure: &Failure) -> String {
    let named = [
        ("While", &failure.doing),
        ("Expected", &failure.expected),
        ("Received", &failure.received),
        ("What happened", &failure.chart),
        ("What the program wrote to its standard error", &failure.stderr),
    ];
    let shown = named.iter().filter(|(_, text)| !text.trim().is_empty());
    shown
        .map(|(name, text)| format!("{name}\n\n{}\n", fence(text)))
        .collect()
}

/// The page about the class, for instructors.
pub fn class(gradebook: &Gradebook) -> String {
    let summary = Summary::of(gradebook);
    let mut text = format!(
        "# Class: {} submissions, {} exercises\n\nIsolation {}, {}.\n\n",
        gradebook.students.len(),
        gradebook.exercises.len(),
        inline(&gradebook.isolation),
        inline(&gradebook.toolchain)
    );
    text.push_str(&table(gradebook));
    text.push_str("\n## Distribution\n\nStudents by their share of the points.\n\n");
    text.push_str(&spreads(&summary.spreads));
    text.push_str(&hardest(&summary));
    text.push_str(&misconceptions(&summary));
    text.push_str(&by_hand(&summary));
    text
}

fn table(gradebook: &Gradebook) -> String {
    let heads: String = gradebook
        .exercises
        .iter()
        .map(|(name, _)| format!(" {name} |"))
        .collect();
    let mut text = format!(
        "| student |{heads} total |\n|---|{}---:|\n",
        "---:|".repeat(gradebook.exercises.len())
    );
    for student in &gradebook.students {
        let cells: String = student
            .grades
            .iter()
            .map(|grade| format!(" {} |", cell(grade)))
            .collect();
        text.push_str(&format!(
            "| {} |{cells} {}/{} |\n",
            inline(&student.student),
            student.points(),
            student.of()
        ));
    }
    text
}

/// An exercise's points in a table: `12/40`, `–` for nothing handed in, `?` for what is not final.
pub(super) fn cell(grade: &Grade) -> String {
    match &grade.build {
        Build::Missing => "–".into(),
        _ if grade.is_inconclusive() => "?".into(),
        _ => format!("{}/{}", grade.points(), grade.of()),
    }
}

/// Headings of the bands of points.
pub(super) const BANDS: [&str; crate::summary::BANDS] = [
    "0–9 %",
    "10–19 %",
    "20–29 %",
    "30–39 %",
    "40–49 %",
    "50–59 %",
    "60–69 %",
    "70–79 %",
    "80–89 %",
    "90–99 %",
    "100 %",
];

fn spreads(spreads: &[Spread]) -> String {
    let heads: String = spreads
        .iter()
        .map(|spread| format!(" {} |", spread.exercise.as_deref().unwrap_or("all")))
        .collect();
    let mut text = format!("| |{heads}\n|---|{}\n", "---:|".repeat(spreads.len()));
    let mut row = |name: &str, of: &dyn Fn(&Spread) -> String| {
        let cells: String = spreads.iter().map(|spread| format!(" {} |", of(spread))).collect();
        text.push_str(&format!("| {name} |{cells}\n"));
    };
    for (at, name) in BANDS.iter().enumerate().rev() {
        row(name, &|spread| spread.bands[at].to_string());
    }
    row("nothing handed in", &|spread| spread.missing.to_string());
    row("not final", &|spread| spread.not_final.to_string());
    row("in the middle", &|spread| {
        spread.median.map_or("–".into(), |median| format!("{median} %"))
    });
    text
}

fn hardest(summary: &Summary) -> String {
    let mut text = "\n## Hardest checks\n\n".to_string();
    if summary.hardest.is_empty() {
        return text + "Nobody lost any.\n";
    }
    text.push_str("| check | lost by | about |\n|---|---:|---|\n");
    for check in summary.hardest.iter().take(HARDEST) {
        let name = inline(&checks::sentence(&check.name));
        let (of, about) = (check.of, inline(&check.concept));
        text.push_str(&format!(
            "| {} {} {name} | {} of {of} | {about} |\n",
            check.exercise, check.id, check.lost
        ));
    }
    text
}

fn misconceptions(summary: &Summary) -> String {
    let mut text = "\n## Misconceptions\n\n".to_string();
    if summary.misconceptions.is_empty() {
        return text + "None was recognised.\n";
    }
    for common in &summary.misconceptions {
        let who: Vec<String> = common.students.iter().map(|name| inline(name)).collect();
        let (name, feedback) = (inline(&common.misconception), inline(&common.feedback));
        text.push_str(&format!(
            "- **{} {name}** ({}): {feedback} — {}\n",
            common.exercise,
            who.len(),
            who.join(", ")
        ));
    }
    text
}

fn by_hand(summary: &Summary) -> String {
    let mut text = "\n## To look at by hand\n\n".to_string();
    if summary.by_hand.is_empty() {
        return text + "Nothing.\n";
    }
    for look in &summary.by_hand {
        let exercise = look.exercise.as_deref().unwrap_or("");
        text.push_str(&format!(
            "- {} {exercise}: {}\n",
            inline(&look.student),
            inline(&look.why)
        ));
    }
    text
}

/// Text on one line in which nothing is Markdown or HTML.
fn inline(raw: &str) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for c in sanitize::line(raw).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Nobody is mentioned, nothing is linked by itself: `@ada`, `http://…`, `#12`.
            '@' => escaped.push_str("&#64;"),
            ':' => escaped.push_str("&#58;"),
            '#' => escaped.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A quotation: a fence with one backtick more than any row of them in the text.
fn fence(raw: &str) -> String {
    let text = sanitize::text(raw);
    let text = text.trim_matches('\n');
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}
