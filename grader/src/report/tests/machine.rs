//! What other programs read: CSV, Canvas, JUnit, Gradescope, Classroom.

use std::collections::BTreeSet;

use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use super::super::format::Shown;
use super::*;

/// What a student may call himself, hand in or print.
const EVIL: [&str; 9] = [
    "=HYPERLINK(\"http://192.0.2.1\",\"points\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "  =1+1",
    "ada;=1+1",
    "ada; @SUM(A1:A9)",
];

fn rendered(class: &Gradebook, format: Format) -> String {
    written(class, format, About::Class).unwrap()
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(String::from).collect());
    rows.collect()
}

#[test]
fn the_csv_has_a_row_per_student_and_everything_that_the_gradebook_says() {
    let text = rendered(&class(), Format::Csv);
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains('\n'));
    insta::assert_snapshot!(text.replace("\r\n", "\n"), @r"
    student,points,of,final,submitted,ex01 points,ex01 of,ex01 late percent,ex01 remark,ex01 looks like,ex02 points,ex02 of,ex02 late percent,ex02 remark,ex02 looks like,isolation,notes
    ada,52,52,yes,,26,26,,,,26,26,,,,L0 none,
    bob,24,52,yes,,8,26,,2 checks failed,,16,26,,1 check failed,,L0 none,the exercises were found below `bob/`
    carl,0,62,yes,,0,31,,does not compile,,0,31,,not handed in,,L0 none,
    dora,16,16,no,,16,16,,grader's fault,,,0,,grader's fault,,L0 none,
    ");
}

#[test]
fn an_instructor_finds_the_misconception_in_the_csv() {
    let mut class = class();
    class.students[1].grades[0].diagnoses = vec![diagnosis("leaks", "Close it.")];
    let rows = rows(&rendered(&class, Format::Csv));
    let column = rows[0].iter().position(|name| name == "ex01 looks like").unwrap();
    assert_eq!(rows[2][column], "leaks");
}

#[test]
fn no_cell_is_a_formula() {
    for evil in EVIL {
        let mut class = class();
        class.students[0].student = evil.into();
        class.students[0].notes = vec![Note(evil.into())];
        class.students[2].grades[0].build = Build::Rejected {
            reason: evil.into(),
            diagnostics: String::new(),
        };
        for format in [Format::Csv, Format::Canvas] {
            let rows = rows(&rendered(&class, format));
            // In some countries a semicolon ends a cell, too.
            for cell in rows.iter().flatten().flat_map(|cell| cell.split(';')) {
                let first = cell.trim_start().chars().next().unwrap_or(' ');
                assert!(!"=+-@".contains(first), "{format:?}: {cell:?}");
                assert!(!cell.contains(['\t', '\r', '\n']), "{format:?}: {cell:?}");
            }
        }
    }
}

#[test]
fn canvas_gets_its_columns_and_nothing_that_is_not_final() {
    insta::assert_snapshot!(rendered(&class(), Format::Canvas).replace("\r\n", "\n"), @r"
    Student,ID,SIS User ID,SIS Login ID,Section,ex01,ex02
        Points Possible,,,,,26,26
    ada,,,ada,,26,26
    bob,,,bob,,8,16
    carl,,,carl,,0,0
    dora,,,dora,,,
    ");
}

/// What junit-10.xsd, the schema of the Jenkins plugin, admits: attributes and children by element.
fn admitted(element: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match element {
        "" => (&[], &["testsuites"]),
        "testsuites" => (&["name", "time", "tests", "failures", "errors"], &["testsuite"]),
        "testsuite" => (
            &[
                "name",
                "tests",
                "failures",
                "errors",
                "time",
                "skipped",
                "timestamp",
                "hostname",
            ],
            &["properties", "testcase"],
        ),
        "properties" => (&[], &["property"]),
        "property" => (&["name", "value"], &[]),
        "testcase" => (&["name", "time", "classname"], &["skipped", "error", "failure"]),
        "skipped" | "error" | "failure" => (&["type", "message"], &[]),
        other => panic!("there is no element {other}"),
    }
}

fn attributes(element: &BytesStart) -> Vec<(String, String)> {
    let pair = |attribute: quick_xml::events::attributes::Attribute| {
        (attribute.key.0.to_string(), attribute.value.into_owned())
    };
    element.attributes().map(|attribute| pair(attribute.unwrap())).collect()
}

/// Every element with its attributes, or a panic where the schema does not admit one.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open = vec![String::new()];
    let mut found = Vec::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}:\n{xml}"));
        let is_start = matches!(event, Event::Start(_));
        match event {
            Event::Start(element) | Event::Empty(element) => {
                let name = element.name().0.to_string();
                let parent = open.last().unwrap();
                assert!(admitted(parent).1.contains(&name.as_str()), "{name} in {parent:?}");
                let attributes = attributes(&element);
                for (key, value) in &attributes {
                    assert!(admitted(&name).0.contains(&key.as_str()), "{key} of {name}");
                    let is_time = || value.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3);
                    assert!(key != "time" || is_time(), "time {value}");
                }
                if is_start {
                    open.push(name.clone());
                }
                found.push((name, attributes));
            }
            Event::End(_) => drop(open.pop()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, [""], "an element stays open");
    found
}

fn value<'a>(attributes: &'a [(String, String)], key: &str) -> &'a str {
    let found = attributes.iter().find(|(name, _)| name == key);
    found.map_or("", |(_, value)| value.as_str())
}

#[test]
fn junit_is_as_the_schema_of_jenkins_says_and_counts_right() {
    let elements = elements(&rendered(&class(), Format::Junit));
    let count = |element: &str| elements.iter().filter(|(name, _)| name == element).count();
    assert_eq!(count("testsuite"), 8);
    assert_eq!(count("testcase"), 8 * 5);
    let (_, all) = &elements[0];
    assert_eq!(value(all, "tests"), "40");
    assert_eq!(value(all, "failures"), count("failure").to_string());
    assert_eq!(value(all, "errors"), count("error").to_string());
    // bob: two failed, one for its control; nobody else has a program that failed.
    assert_eq!(count("failure"), 3);
    // carl: rejected and missing; dora: a check, and a build with its four checks.
    assert_eq!(count("error"), 2 + 1 + 5);
}

#[test]
fn every_check_in_junit_has_a_class_and_a_name_of_its_own() {
    let elements = elements(&rendered(&class(), Format::Junit));
    let mut pairs = BTreeSet::new();
    for (_, attributes) in elements.iter().filter(|(name, _)| name == "testcase") {
        let pair = (value(attributes, "classname"), value(attributes, "name"));
        assert!(!pair.0.is_empty() && pairs.insert(pair), "{pair:?} is there twice");
    }
    assert!(pairs.contains(&("bob.ex01::hidden", "restarts_at_once_on_the_same_port")));
}

#[test]
fn what_programs_print_cannot_end_an_element_of_junit() {
    let evil = "]]></failure><testcase name=\"mine\"/> \u{0}\u{1}\u{b}\u{fffe}\u{ffff} & < \" '";
    let mut class = class();
    class.students[1].student = evil.into();
    class.students[1].grades[0].checks[1].outcome = Outcome::Failed(Failure {
        doing: evil.into(),
        expected: evil.into(),
        received: evil.into(),
        chart: evil.into(),
        stderr: evil.into(),
    });
    let xml = rendered(&class, Format::Junit);
    let count = elements(&xml).iter().filter(|(name, _)| name == "testcase").count();
    assert_eq!(count, 8 * 5);
    assert!(!xml.contains(['\u{0}', '\u{1}', '\u{b}', '\u{fffe}', '\u{ffff}']));
}

fn schema() -> jsonschema::Validator {
    let schema = include_str!("../../../schema/gradescope-results.schema.json");
    jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap()
}

fn results(class: &Gradebook, student: usize, hidden: Shown) -> Value {
    let setting = Setting {
        hidden,
        ..Setting::default()
    };
    let text = gradescope::results(&class.students[student], class, &setting);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn gradescope_gets_what_its_schema_says() {
    let class = class();
    for student in 0..4 {
        let document = results(&class, student, Shown::default());
        let errors: Vec<String> = schema().iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{student}: {errors:#?}");
    }
    let mut document = results(&class, 0, Shown::default());
    document["tests"][0]["status"] = "great".into();
    assert!(!schema().is_valid(&document));
}

#[test]
fn a_gradescope_score_is_a_share_of_the_whole_rubric() {
    let class = class();
    // 52 of 52, and 10 points that cannot be earned here: all of 62.
    assert_eq!(results(&class, 0, Shown::default())["score"], 62.0);
    // 24 of 52: 24 × 62 / 52.
    assert_eq!(results(&class, 1, Shown::default())["score"], 28.62);
    assert_eq!(results(&class, 2, Shown::default())["score"], 0.0);
    // Not final: the points so far, and a word that they are not.
    let dora = results(&class, 3, Shown::default());
    assert_eq!(dora["score"], 16.0);
    assert!(dora["output"].as_str().unwrap().contains("not final"));
}

#[test]
fn a_grading_that_found_out_nothing_is_no_zero_on_gradescope() {
    let mut class = class();
    class.students[3].grades.remove(0);
    let document = results(&class, 3, Shown::default());
    assert_eq!(document.get("score"), None);
    for test in document["tests"].as_array().unwrap() {
        assert_eq!((test.get("score"), test.get("status")), (None, None), "{test}");
    }
}

#[test]
fn whoever_exports_decides_who_sees_hidden_checks_on_gradescope() {
    let class = class();
    for (hidden, word) in [(Shown::default(), "after_published"), (Shown::Visible, "visible")] {
        let document = results(&class, 1, hidden);
        for test in document["tests"].as_array().unwrap() {
            let is_public = test["number"].as_str().unwrap().contains(" p");
            assert_eq!(test["visibility"], if is_public { "visible" } else { word });
        }
    }
}

#[test]
fn classroom_counts_the_same_points_in_both_ways() {
    let mut class = class();
    class.students.truncate(2);
    class.students.remove(0);
    let error = written(&class, Format::Classroom, About::Author).unwrap_err();
    assert!(error.to_string().contains("name one"), "{error}");
    class.students[0].grades.truncate(1);
    let text = rendered(&class, Format::Classroom);
    assert_eq!(text.lines().count(), 1);
    let document: Value = serde_json::from_str(&text).unwrap();
    let sum = |key: &str| -> u64 {
        let tests = document["tests"].as_array().unwrap().iter();
        tests.map(|test| test[key].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("score"), sum("max_score")), (8, 26));
    assert_eq!(
        (&document["status"], &document["max_score"]),
        (&"fail".into(), &26.into())
    );
}

#[test]
fn a_format_for_one_submission_says_how_to_name_one() {
    let error = written(&class(), Format::Gradescope, About::Class).unwrap_err();
    assert!(error.to_string().contains("--student NAME"), "{error}");
}
