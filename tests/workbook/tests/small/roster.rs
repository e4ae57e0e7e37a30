//! A class as a platform's download has it: names from the roster, lateness as a column of its own, pseudonyms, and works that look alike.

use std::fs;
use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use workbook::SmallCourse;

use crate::GRADER;

const RIGHT: &str = "pub fn double(n: u64) -> u64 { n * 2 }\npub fn halve(n: u64) -> u64 { n / 2 }\n";
const ROSTER: &str = "Student,ID,submitted\n    Points Possible,,\n\"Doe, Jane\",11,2026-03-03 13:00\n\"Lee, Ann\",12,2026-03-01 12:10\n\"Poe, Carl\",13,\n";
const RULES: &str = "time_zone = \"Europe/Berlin\"\n[deadline]\nex01 = 2026-03-01T12:00:00\n[late]\ngrace_minutes = 15\nfree_days = 1\npercent_per_day = 10\n";

/// Jane and Ann handed in, Ann something wrong; a stranger did, too, and Carl did not.
fn class(course: &SmallCourse) -> tempfile::TempDir {
    let wrong = RIGHT.replace("n / 2", "n - 2");
    for (name, text) in [
        ("doejane_11_1_hw", RIGHT),
        ("leeann_LATE_12_2_hw", &wrong),
        ("stranger", RIGHT),
    ] {
        course.write(&format!("class/{name}/ex01-small/src/lib.rs"), text);
    }
    course.write("roster.csv", ROSTER);
    course.write("course.toml", RULES);
    tempfile::tempdir().unwrap()
}

fn gradebook(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("gradebook.json")).unwrap()).unwrap()
}

#[test]
fn submissions_get_their_students_names_and_lateness_is_a_column_of_its_own() {
    let course = SmallCourse::new();
    let out = class(&course);
    let at = out.path().to_str().unwrap();
    let arguments = ["ex01", "--submissions", "class", "--roster", "roster.csv", "--out", at];
    let run = course.grader(GRADER, &arguments).assert().code(0);
    run.stderr(contains("1 without a submission: Poe, Carl").and(contains(
        "1 not in the roster: stranger: nobody in the roster has this name or number",
    )));
    let book = gradebook(out.path());
    let of = |at: usize, key: &str| book["submissions"][at][key].clone();
    let names: Vec<Value> = (0..4).map(|at| of(at, "student")).collect();
    assert_eq!(names, ["Doe, Jane", "Lee, Ann", "Poe, Carl", "stranger"]);
    assert_eq!(
        (of(0, "points"), of(1, "points"), of(2, "points")),
        (100.into(), 40.into(), 0.into())
    );
    assert_eq!(of(0, "submitted"), "2026-03-03T12:00:00Z");
    let jane = &of(0, "lateness")[0];
    assert_eq!(
        (&jane["days"], &jane["free_days"], &jane["percent"]),
        (&3.into(), &1.into(), &20.into())
    );
    assert_eq!(of(1, "lateness")[0]["days"], 0, "within the grace");
    assert_eq!(
        (of(2, "lateness"), of(3, "lateness")),
        (Value::Array(vec![]), Value::Array(vec![]))
    );
    assert_eq!(of(1, "notes"), serde_json::json!(["Canvas marks it as late"]));

    // The class is read again in the same way.
    let diff = course
        .grader(GRADER, &["regrade", "--diff", "--trust-submissions", "--out", at])
        .assert()
        .code(0);
    diff.stdout("Nothing changes for any of 4 students.\n");
}

/// As Canvas lets an instructor download it, where students upload files and no archive.
#[test]
fn single_source_files_of_a_download_are_the_work_on_the_only_exercise() {
    let course = SmallCourse::new();
    let out = class(&course);
    fs::remove_dir_all(course.root().join("class")).unwrap();
    let library = format!("mod twice;\n{}", RIGHT.replace("n * 2", "twice::twice(n)"));
    for (name, text) in [
        ("doejane_11_1_lib-1.rs", &*library),
        ("doejane_11_2_twice.rs", "pub fn twice(n: u64) -> u64 { n * 2 }\n"),
        ("leeann_LATE_12_3_my_solution.rs", RIGHT),
    ] {
        course.write(&format!("class/{name}"), text);
    }
    let at = out.path().to_str().unwrap();
    let arguments = ["ex01", "--submissions", "class", "--roster", "roster.csv", "--out", at];
    let run = course.grader(GRADER, &arguments).assert().code(0);
    run.stderr(contains("1 without a submission: Poe, Carl"));
    let book = gradebook(out.path());
    let points: Vec<(&str, u64)> = book["submissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["student"].as_str().unwrap(), one["points"].as_u64().unwrap()))
        .collect();
    assert_eq!(points, [("Doe, Jane", 100), ("Lee, Ann", 100), ("Poe, Carl", 0)]);
    assert_eq!(
        book["submissions"][1]["notes"],
        serde_json::json!([
            "Canvas marks it as late",
            "the files are taken as those of `ex01-small/src`",
            "`my_solution.rs` is taken as `lib.rs`"
        ])
    );
}

#[test]
fn with_pseudonyms_no_name_is_in_any_report() {
    let course = SmallCourse::new();
    let out = class(&course);
    let at = out.path().to_str().unwrap();
    let arguments = [
        "ex01",
        "--submissions",
        "class",
        "--roster",
        "roster.csv",
        "--pseudonyms",
        "names.csv",
        "--out",
        at,
    ];
    let run = course.grader(GRADER, &arguments).assert().code(0);
    let names = ["Jane", "doejane", "Ann", "leeann", "Carl", "stranger"];
    let printed = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let mut files = 0;
    for entry in walkdir::WalkDir::new(out.path())
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("ledger.") {
            let text = fs::read_to_string(entry.path()).unwrap() + &name + &printed;
            assert!(names.iter().all(|name| !text.contains(name)), "{name}: {text}");
            files += 1;
        }
    }
    assert!(files >= 4, "{files}");
    assert!(course.read("names.csv").contains("\"Doe, Jane\",student-"));
}

#[test]
fn works_that_look_alike_are_shown_and_exported() {
    let course = SmallCourse::new();
    let out = class(&course);
    // What the small exercise asks for is too short to be compared, so these bring more.
    let more = "pub fn more(rows: &[Vec<u64>]) -> u64 {\n    let mut sum = 0;\n    for row in rows {\n        for cell in row.iter().filter(|cell| **cell > 3) {\n            sum += cell * 2 + \
        if row.len() > 4 { 1 } else { 0 };\n        }\n    }\n    sum\n}\n";
    course.write("class/leeann_LATE_12_2_hw/ex01-small/src/lib.rs", "pub fn mine() {}\n");
    for (name, text) in [
        ("doejane_11_1_hw", more.to_string()),
        ("stranger", more.replace("sum", "total").replace("cell", "one")),
    ] {
        course.write(
            &format!("class/{name}/ex01-small/src/lib.rs"),
            &format!("{RIGHT}{text}"),
        );
    }
    let export = out.path().join("export");
    let arguments = [
        // With a sign between them, because the helper adds what only a grading knows to the other form.
        "similarity",
        "--submissions=class",
        "--export",
        export.to_str().unwrap(),
    ];
    let run = course.grader(GRADER, &arguments).assert().code(0);
    run.stdout(
        contains("100 %  doejane_11_1_hw lib.rs:")
            .and(contains("and  stranger lib.rs:"))
            .and(contains("leeann").not()),
    );
    let info = fs::read_to_string(export.join("ex01/dolos/info.csv")).unwrap();
    assert!(
        info.starts_with("filename,full_name,label\ndoejane_11_1_hw.rs,doejane_11_1_hw,"),
        "{info}"
    );
    assert!(export.join("ex01/jplag/submissions/stranger/lib.rs").is_file());
    assert!(export.join("ex01/jplag/base/lib.rs").is_file());
}
