//! What is shown about two gradebooks.

use std::sync::Arc;

use super::difference::Difference;
use crate::basis::Basis;
use crate::grade::{Build, Failure, Grade, Outcome};
use crate::ledger::tests::{grade, gradebook};

fn failed() -> Outcome {
    Outcome::Failed(Failure::default())
}

/// What is shown when ada's grade was `old` and is `new`.
fn shown(old: &Grade, new: &Grade) -> String {
    Difference::between(&gradebook(&[("ada", old)]), &gradebook(&[("ada", new)])).text()
}

#[test]
fn every_changed_check_is_shown_from_old_to_new_with_its_cause() {
    let old = grade("aa", &[Outcome::Passed, failed(), failed()]);
    let mut new = grade("aa", &[failed(), Outcome::Passed, failed()]);
    new.basis = Arc::new(Basis {
        hidden_tests: "other".into(),
        toolchain: "rustc 1.96.0".into(),
        ..Basis::default()
    });
    assert_eq!(
        shown(&old, &new),
        "ada  ex01  10 of 30 → 10 of 30 points  because of: hidden tests, toolchain\n    \
         p0 check_0  passed → failed, 10 of 10 → 0 of 10\n    p1 check_1  failed → passed, 0 of 10 → 10 of 10\n\n\
         1 of 1 students change: 0 grades go up, 0 down, 1 keep their points. 0 students come, 0 go.\n"
    );
}

#[test]
fn what_was_handed_in_the_rubric_and_chance_are_told_apart() {
    let old = grade("aa", &[failed()]);
    let handed_in = grade("bb", &[Outcome::Passed]);
    assert!(shown(&old, &handed_in).contains("because of: what was handed in\n"));
    let mut worth_more = grade("aa", &[failed()]);
    Arc::make_mut(&mut worth_more.checks[0].check).points = 20;
    assert!(shown(&old, &worth_more).contains("because of: points in the rubric\n"));
    let chance = grade("aa", &[Outcome::Passed]);
    assert!(shown(&old, &chance).contains("because of: nothing that we know"));
    let ours = grade("aa", &[Outcome::Inconclusive("no room".into())]);
    assert!(shown(&old, &ours).contains("because of: a fault of the grader\n"));
}

#[test]
fn a_build_that_is_refused_now_is_shown() {
    let old = grade("aa", &[Outcome::Passed]);
    let mut new = grade("aa", &[failed()]);
    new.build = Build::Rejected {
        reason: "does not compile: oh".into(),
        diagnostics: String::new(),
    };
    assert!(shown(&old, &new).contains("\n    builds → does not compile: oh\n"));
}

#[test]
fn other_times_and_charts_are_no_difference_and_students_come_and_go() {
    let old = grade("aa", &[failed()]);
    let mut new = grade(
        "aa",
        &[Outcome::Failed(Failure {
            chart: "another".into(),
            ..Failure::default()
        })],
    );
    new.checks[0].seconds = 9.0;
    new.build = Build::Built { seconds: 9.0 };
    assert_eq!(shown(&old, &new), "Nothing changes for any of 1 students.\n");
    let text = Difference::between(&gradebook(&[("ada", &old)]), &gradebook(&[("bela", &old)])).text();
    assert!(
        text.starts_with("bela  was not graded before\nada  is no longer there\n"),
        "{text}"
    );
    assert!(text.ends_with("1 students come, 1 go.\n"), "{text}");
}
