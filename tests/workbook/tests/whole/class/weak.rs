//! Wrong programs that were written from their misconception, not from the mutants: each has to be caught for what it believes.

use std::collections::BTreeSet;

use grader::course::Course;
use serde::Deserialize;
use workbook::repository;

use super::{WEAK, folders, lost, read, submissions};

/// `label.toml` of a weak program.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    exercise: String,
    misconception: String,
    why: String,
    /// Words that its report has to have: those that name what to repair.
    #[serde(default)]
    says: Option<String>,
}

#[test]
fn every_weak_program_is_caught_by_a_check_that_is_named_for_its_misconception() {
    let course = Course::load(&repository()).unwrap();
    let mut wrong = Vec::new();
    let mut misconceptions = BTreeSet::new();
    for name in folders(&submissions().join("weak")) {
        let label: Label = toml::from_str(&read(&submissions().join("weak").join(&name).join("label.toml"))).unwrap();
        let mutants = grader::mutant::load(course.exercise(&label.exercise).unwrap()).unwrap();
        let Some(mutant) = mutants.iter().find(|mutant| mutant.name == label.misconception) else {
            wrong.push(format!(
                "{name}: {} has no mutant {}",
                label.exercise, label.misconception
            ));
            continue;
        };
        let grade = WEAK.grade(&name, &label.exercise);
        let lost = lost(grade, "name");
        if grade["build"]["outcome"] != "built" || grade["points"] == 0 {
            wrong.push(format!(
                "{name}: has to build and to earn something: {}",
                grade["build"]
            ));
        } else if !mutant.loses.iter().any(|check| lost.contains(check.as_str())) {
            wrong.push(format!("{name}: loses {lost:?}, and none of {:?}", mutant.loses));
        }
        assert!(label.why.ends_with('.'), "{name}: why is a sentence");
        misconceptions.insert((label.exercise, label.misconception));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(misconceptions.len() >= 12, "only {misconceptions:?}");
}

/// A wrong diagnosis sends a student the wrong way, so none is tolerated; silence is, once in a while.
#[test]
fn a_weak_program_is_diagnosed_as_what_it_is_or_not_at_all() {
    let (mut right, mut wrong) = (0, Vec::new());
    for name in folders(&submissions().join("weak")) {
        let label: Label = toml::from_str(&read(&submissions().join("weak").join(&name).join("label.toml"))).unwrap();
        let diagnoses = WEAK.grade(&name, &label.exercise)["diagnoses"].clone();
        let named = |diagnosis: &serde_json::Value| diagnosis["misconception"] == label.misconception.as_str();
        match diagnoses.as_array().unwrap().as_slice() {
            [] => println!("{name}: no diagnosis"),
            some if some.iter().any(named) => right += 1,
            _ => wrong.push(format!("{name} is {}, not {diagnoses}", label.misconception)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(right >= 12, "only {right} are diagnosed");
}

/// The first sentence of a failure, not the diagnosis: it is there for mistakes that nobody has made before, too.
#[test]
fn a_weak_programs_report_names_what_to_repair() {
    let mut checked = 0;
    for name in folders(&submissions().join("weak")) {
        let label: Label = toml::from_str(&read(&submissions().join("weak").join(&name).join("label.toml"))).unwrap();
        let Some(says) = label.says else { continue };
        let report: Vec<&str> = WEAK.report(&name).split_whitespace().collect();
        let report = report.join(" ");
        assert!(report.contains(&says), "{name}: no {says:?} in {report}");
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} labels have words");
}
