//! The one report that a failed check prints, and the panic that carries it.
//!
//! The panic is only the way out of the test function: its usual two lines about threads and backtraces would stand in a student's way, so a
//! hook prints the report instead, or leaves that to the [`sheet`] of the whole process. Panics of any other kind, a bug in a test, keep their usual words and are remembered for the evidence.

use crate::{chart::wrapped, evidence::Failure, rubric::Check, sheet};
use std::{cell::RefCell, panic, sync::Once};

/// The payload of a harness failure: the text that the student reads.
#[derive(Debug, Clone)]
pub struct Report(pub String);

/// What stands above the failure itself.
pub(crate) struct Heading<'a> {
    pub package: &'a str,
    pub check: &'a str,
    pub case: &'a str,
    pub rubric: Option<&'a Check>,
    pub fix_first: Option<&'a str>,
}

const WIDTH: usize = 78;

/// The whole report, at most 80 columns wide wherever its words are ours.
pub(crate) fn render(heading: &Heading, failure: &Failure) -> String {
    let mut text = format!("{}\n\n", title(heading));
    for (label, value) in [
        ("While", &failure.doing),
        ("Expected", &failure.expected),
        ("Received", &failure.received),
    ] {
        text += &field(label, value);
    }
    if !failure.chart.is_empty() {
        text += &format!("\nWhat happened\n{}", indented(&failure.chart, "  "));
    }
    if !failure.stderr.is_empty() {
        text += &format!(
            "\nWhat the program wrote to its standard error\n{}",
            indented(&failure.stderr, "  ")
        );
    }
    text + &advice(heading)
}

fn title(heading: &Heading) -> String {
    let Heading {
        package,
        check,
        case,
        rubric,
        fix_first,
    } = heading;
    let case = if case.is_empty() {
        String::new()
    } else {
        format!(" [{case}]")
    };
    let place = match rubric {
        Some(rubric) => format!("{package} {}, {} points", rubric.id, rubric.points),
        None => (*package).to_owned(),
    };
    match fix_first {
        Some(first) => format!("{check}{case} ({place})\nnot run: the undisturbed session failed (see {first})"),
        None => format!("{check}{case} ({place})"),
    }
}

fn advice(heading: &Heading) -> String {
    let Some(rubric) = heading.rubric.filter(|_| heading.fix_first.is_none()) else {
        return String::new();
    };
    let mut text = field("About", &rubric.concept) + &field("Think", &rubric.feedback);
    if !rubric.book.is_empty() {
        text += &format!("Read     book/src/{}\n", rubric.book);
    }
    format!("\n{text}")
}

fn field(label: &str, value: &str) -> String {
    let mut lines = value.lines().flat_map(|line| wrapped(line, WIDTH - 11, usize::MAX));
    let mut text = format!("{label:<9}{}\n", lines.next().unwrap_or_default());
    for line in lines {
        text += &format!("{:<9}{line}\n", "");
    }
    text
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

/// Ends the test with this report.
pub(crate) fn raise(text: String) -> ! {
    panic::panic_any(Report(text))
}

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What the last panic of this thread that was not a report said.
pub(crate) fn last_panic() -> Option<String> {
    LAST_PANIC.with_borrow(Clone::clone)
}

/// Installs the hook, once per process.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match info.payload().downcast_ref::<Report>() {
            Some(_) if sheet::collects() => {}
            Some(report) => eprintln!("\n{}", report.0),
            None => {
                let place = info
                    .location()
                    .map(|at| format!(" ({}:{})", at.file(), at.line()))
                    .unwrap_or_default();
                let payload = info.payload();
                let text = payload.downcast_ref::<String>().map(String::as_str);
                let words = text
                    .or_else(|| payload.downcast_ref::<&str>().copied())
                    .unwrap_or("no message");
                LAST_PANIC.with_borrow_mut(|last| *last = Some(format!("the test panicked: {words}{place}")));
                before(info);
            }
        }));
    });
}
