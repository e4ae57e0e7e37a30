//! What every submission of the class has to get, against what it got.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{CLASS, EXERCISES, lost, read, submissions};

/// `class.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    checks: BTreeMap<String, BTreeSet<String>>,
    student: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    notes: Vec<String>,
    ex01: ExpectedGrade,
    ex02: ExpectedGrade,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedGrade {
    build: String,
    #[serde(default)]
    reason: String,
    loses: Loses,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Loses {
    These(BTreeSet<String>),
    AllOrNone(AllOrNone),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AllOrNone {
    All,
    None,
}

impl ExpectedGrade {
    /// How a grade differs from this, in words; `known` are the checks that the lists speak about.
    fn difference(&self, grade: &Value, known: &BTreeSet<String>) -> Option<String> {
        let build = &grade["build"];
        if (build["outcome"].as_str(), build["reason"].as_str()) != (Some(&self.build), Some(&self.reason)) {
            return Some(format!("build is {build}"));
        }
        let here = lost(grade, "id");
        match &self.loses {
            Loses::AllOrNone(AllOrNone::All) => {
                (grade["points"] != 0).then(|| format!("has {} points", grade["points"]))
            }
            Loses::AllOrNone(AllOrNone::None) => (!here.is_empty()).then(|| format!("loses {here:?}")),
            Loses::These(these) => {
                let of_these: BTreeSet<&str> = these
                    .iter()
                    .filter(|id| !is_not_run_here(grade, id))
                    .map(String::as_str)
                    .collect();
                let here: BTreeSet<&str> = here.into_iter().filter(|id| known.contains(*id)).collect();
                (here != of_these).then(|| format!("loses {here:?} instead of {of_these:?}"))
            }
        }
    }
}

fn is_not_run_here(grade: &Value, id: &str) -> bool {
    let checks = grade["checks"].as_array().unwrap();
    checks
        .iter()
        .any(|check| check["id"] == id && check["outcome"] == "not_run_here")
}

#[test]
fn everybody_loses_the_checks_that_are_expected_and_no_other() {
    let expectations: Expectations = toml::from_str(&read(&submissions().join("class.toml"))).unwrap();
    let mut differences = Vec::new();
    for (student, expected) in &expectations.student {
        let notes = &CLASS.submission(student)["notes"];
        if *notes != serde_json::json!(expected.notes) {
            differences.push(format!("{student}: notes are {notes:#}"));
        }
        for (exercise, expected) in EXERCISES.iter().zip([&expected.ex01, &expected.ex02]) {
            let difference = expected.difference(CLASS.grade(student, exercise), &expectations.checks[*exercise]);
            differences.extend(difference.map(|difference| format!("{student} {exercise}: {difference}")));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(
        expectations.student.len(),
        CLASS.submissions().len(),
        "class.toml names everybody"
    );
}
