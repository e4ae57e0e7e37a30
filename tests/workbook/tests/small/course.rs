//! Bad input to the grader: a clear error that names the culprit, exit code 2, and nothing half-written.

use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use workbook::SmallCourse;

use crate::GRADER;

#[test]
fn an_unknown_exercise_is_named_with_those_that_exist() {
    let course = SmallCourse::new();
    let run = course.grader(GRADER, &["ex07"]).assert().code(2);
    run.stderr(contains("no exercise `ex07`").and(contains("there are: ex01")))
        .stdout("");
}

#[test]
fn nothing_to_grade_says_what_to_type() {
    let course = SmallCourse::new();
    course
        .grader(GRADER, &[])
        .assert()
        .code(2)
        .stderr(contains("grader --all"));
}

#[test]
fn outside_a_course_the_error_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = workbook::grader_in(GRADER, folder.path()).arg("--all").assert().code(2);
    run.stderr(contains("no course here"));
}

#[rstest]
#[case::unknown_key("points = 40", "point = 40", "unknown field `point`", "line 12")]
#[case::not_toml("title = \"Small", "title = Small", "rubric.toml", "line 1")]
#[case::two_of_one_name(
    "name = \"halves\"",
    "name = \"doubles\"",
    "two checks are called `doubles`",
    "rubric.toml"
)]
#[case::worth_nothing("points = 60", "points = 0", "`halves` is worth 0 points", "rubric.toml")]
#[case::a_program_by_its_path("level = 1", "level = 1\nprograms = [\"/bin/cat\"]", "it takes names", "`/bin/cat`")]
#[case::no_anchor("small.md#half", "small.md", "`halves`: book has to be", "rubric.toml")]
fn a_mistake_in_a_rubric_is_named_with_its_file(
    #[case] find: &str,
    #[case] replace: &str,
    #[case] says: &str,
    #[case] where_: &str,
) {
    let course = SmallCourse::new();
    course.edit("exercises/ex01-small/rubric.toml", find, replace);
    let run = course.grader(GRADER, &["--all"]).assert().code(2);
    run.stderr(
        contains(says)
            .and(contains(where_))
            .and(contains("exercises/ex01-small/rubric.toml")),
    );
}

#[test]
fn a_check_without_a_test_is_named() {
    let course = SmallCourse::new();
    course.edit(
        "exercises/ex01-small/rubric.toml",
        "name = \"halves\"",
        "name = \"thirds\"",
    );
    // The test `halves` lost its check at the same time; either sentence leads to the mistake.
    let run = course.grader(GRADER, &["--all"]).assert().code(2);
    run.stderr(contains("`halves` in tests/hidden.rs has no").or(contains("`thirds` in rubric.toml has no test")));
}

#[test]
fn a_check_that_lost_its_test_is_named() {
    let course = SmallCourse::new();
    course.edit(
        "solutions/ex01-small/tests/hidden.rs",
        "#[test]\nfn halves",
        "#[allow(dead_code)]\nfn halves",
    );
    let run = course.grader(GRADER, &["--all"]).assert().code(2);
    run.stderr(contains(
        "the check `halves` in rubric.toml has no test in tests/hidden.rs",
    ));
}

#[test]
fn an_ignored_test_is_refused_because_it_would_pass_unrun() {
    let course = SmallCourse::new();
    course.edit("solutions/ex01-small/tests/hidden.rs", "#[test]", "#[test]\n#[ignore]");
    course
        .grader(GRADER, &["--all"])
        .assert()
        .code(2)
        .stderr(contains("#[ignore]").and(contains("halves")));
}

#[test]
fn tests_that_do_not_compile_are_our_fault_and_nobody_is_graded() {
    let course = SmallCourse::new();
    course.edit(
        "exercises/ex01-small/tests/public.rs",
        "let lab = lab();",
        "let lab = lob();",
    );
    course
        .grader(GRADER, &["--all"])
        .assert()
        .code(2)
        .stderr(contains("a broken course, not a student's fault"));
}

#[test]
fn an_incomplete_exercise_folder_is_named_with_what_is_missing() {
    let course = SmallCourse::new();
    std::fs::remove_file(course.root().join("exercises/ex01-small/src/main.rs")).unwrap();
    let run = course.grader(GRADER, &["--all"]).assert().code(2);
    run.stderr(contains("exercises/ex01-small is incomplete: src/main.rs is missing"));
}

#[test]
fn an_empty_class_is_an_error() {
    let course = SmallCourse::new();
    let class = tempfile::tempdir().unwrap();
    let folder = class.path().to_string_lossy().into_owned();
    let run = course
        .grader(GRADER, &["--all", "--submissions", &folder])
        .assert()
        .code(2);
    run.stderr(contains(folder.as_str()));
    assert!(
        !course.root().join("target/grades").exists(),
        "reports were begun for nobody"
    );
}

#[test]
fn a_class_folder_that_cannot_be_read_is_an_error() {
    let course = SmallCourse::new();
    let run = course
        .grader(GRADER, &["--all", "--submissions", "no-such-folder"])
        .assert()
        .code(2);
    run.stderr(contains("no-such-folder"));
}

#[test]
fn a_folder_for_reports_that_cannot_be_made_is_found_out_before_grading() {
    let course = SmallCourse::new();
    course.write("occupied", "a file");
    let run = course.grader(GRADER, &["--all", "--out", "occupied"]).assert().code(2);
    run.stderr(contains("occupied").and(contains("Compiling").not()));
}

/// A file system of 16 KiB, in a mount namespace of its own: the class's reports do not fit.
#[test]
fn a_full_disk_is_an_error_and_leaves_no_half_report() {
    let course = SmallCourse::new();
    let class = course.root().join("class");
    workbook::copy_tree(&course.root().join("exercises"), &class.join("ada"));
    let out = course.root().join("small-disk");
    std::fs::create_dir(&out).unwrap();
    let script = "mount -t tmpfs -o size=16k none \"$OUT\" && head -c 12k /dev/zero >\"$OUT/filler\" || exit 77; \
                  \"$@\"; code=$?; ls -A \"$OUT\"; ls -A \"$OUT/students\" 2>/dev/null; exit $code";
    let grader = course.grader(GRADER, &["--all", "--submissions", "class", "--out", "small-disk"]);
    let mut unshare = workbook::grader_in("unshare", course.root());
    unshare
        .env("OUT", &out)
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    unshare.arg(grader.get_program()).args(grader.get_args());
    let run = unshare.assert();
    if run.get_output().status.code() == Some(77)
        || String::from_utf8_lossy(&run.get_output().stderr).contains("unshare")
    {
        eprintln!("not run here: no user namespaces");
        return;
    }
    let run = run
        .code(3)
        .stderr(contains("cannot add to").and(contains("make room and run the same command again")));
    let left = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    let reports: Vec<&str> = left
        .lines()
        .filter(|line| line.ends_with(".json") || line.contains(".part-"))
        .collect();
    assert!(reports.is_empty(), "left behind: {left}");
}
