//! The audit proves the course's tests, and names the culprit when something in the course is broken on purpose.

use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use workbook::SmallCourse;

use crate::GRADER;

const SOLUTION: &str = "solutions/ex01-small/src/lib.rs";

#[test]
fn a_right_course_has_no_defect() {
    let course = SmallCourse::new();
    let run = course.grader(GRADER, &["audit"]).assert().code(0);
    let report = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    insta::assert_snapshot!(report, @r"
    ex01 Small: a program that doubles and halves
      ✔ reference solution                 100/100 
      ✔ stub                                 0/100 loses p1 h1
      ✔ m1 rounds_up                         0/60  loses h1

    The tests are proven: no defect.
    ");
}

#[rstest]
#[case::solution_loses_a_check(SOLUTION, "number * 2", "number * 3", "reference solution: loses `doubles`")]
#[case::solution_does_not_compile(SOLUTION, "number * 2", "number * ", "reference solution: does not compile")]
#[case::stub_is_stale(
    "exercises/ex01-small/src/lib.rs",
    "//! Doubling",
    "//! Edited",
    "is not the stub of its solution"
)]
#[case::hidden_file_without_canary("solutions/ex01-small/tests/hidden.rs", "CANARY-", "NOTHING-", "no canary line")]
#[case::points_that_are_not_40_and_60(
    "exercises/ex01-small/rubric.toml",
    "points = 60",
    "points = 50",
    "public checks are worth 40 and hidden ones 50"
)]
#[case::mutant_that_is_not_caught(
    "solutions/ex01-small/mutants.toml",
    "loses = [\"halves\"]",
    "loses = [\"doubles\"]",
    "m1 rounds_up: is not caught by `doubles`"
)]
#[case::mutant_that_changes_nothing(
    "solutions/ex01-small/mutants.toml",
    "number.div_ceil(2)",
    "number / 2",
    "m1 rounds_up: is not caught by `halves`"
)]
#[case::check_that_a_stub_passes(
    "solutions/ex01-small/tests/hidden.rs",
    "let answers = lab.probe(&[\"halve 6\", \"halve 7\"]);",
    "let _ = lab.run([\"probe\"]); let answers = [\"3\", \"3\"];",
    "stub: passes `halves`, so that check proves nothing"
)]
fn a_defect_is_named(#[case] file: &str, #[case] find: &str, #[case] replace: &str, #[case] says: &str) {
    let course = SmallCourse::new();
    course.edit(file, find, replace);
    course
        .grader(GRADER, &["audit"])
        .assert()
        .code(1)
        .stderr(contains(says))
        .stdout(contains("no defect").not());
}

#[rstest]
#[case::matches_nowhere("find = \"number / 2\"", "find = \"number / 3\"", "it matches in: nowhere")]
#[case::unknown_check("loses = [\"halves\"]", "loses = [\"quarters\"]", "the rubric has no such check")]
fn a_mistake_in_the_mutants_is_an_error(#[case] find: &str, #[case] replace: &str, #[case] says: &str) {
    let course = SmallCourse::new();
    course.edit("solutions/ex01-small/mutants.toml", find, replace);
    course
        .grader(GRADER, &["audit"])
        .assert()
        .code(2)
        .stderr(contains(says).and(contains("rounds_up")));
}

#[test]
fn signatures_that_differ_are_noted_and_recorded_anew() {
    let course = SmallCourse::new();
    let file = "solutions/ex01-small/signatures.toml";
    let right = course.read(file);
    course.edit(file, "halves", "doubles");
    let noted = "recorded signatures differ for rounds_up";
    let wrong = course.grader(GRADER, &["audit", "--record"]).assert().code(0);
    wrong.stdout(contains(noted));
    assert_eq!(course.read(file), right);
    let again = course.grader(GRADER, &["audit", "--record"]).assert().code(0);
    again.stdout(contains(noted).not());
}

#[test]
fn stale_stubs_are_found_and_written() {
    let course = SmallCourse::new();
    let stub = course.read("exercises/ex01-small/src/lib.rs");
    course.grader(GRADER, &["stub", "--check"]).assert().code(0);
    course.edit("exercises/ex01-small/src/lib.rs", "todo!", "unreachable!");
    course
        .grader(GRADER, &["stub", "--check"])
        .assert()
        .code(1)
        .stderr(contains("ex01"));
    course
        .grader(GRADER, &["stub"])
        .assert()
        .code(0)
        .stdout(contains("ex01"));
    assert_eq!(course.read("exercises/ex01-small/src/lib.rs"), stub);
    std::fs::remove_file(course.root().join("exercises/ex01-small/src/lib.rs")).unwrap();
    course
        .grader(GRADER, &["stub"])
        .assert()
        .code(0)
        .stdout(contains("ex01"));
    assert_eq!(course.read("exercises/ex01-small/src/lib.rs"), stub);
}
