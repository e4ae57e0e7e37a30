//! What programs read: the gradebook as JSON.

use serde_json::Value;
use workbook::{copy_tree, repository};

use super::{CLASS, WEAK, read, submissions};

#[test]
fn gradebooks_follow_their_schema() {
    let schema = read(&repository().join("grader/schema/gradebook-1.schema.json"));
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let one_tree = json(&["ex01"], &[]);
    // `weak` first: another test has begun to grade `class`, and each is mostly waiting.
    for (what, gradebook) in [
        ("weak", &WEAK.gradebook),
        ("class", &CLASS.gradebook),
        ("this tree", &one_tree),
    ] {
        let errors: Vec<String> = schema
            .iter_errors(gradebook)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:#?}");
    }
}

/// The gradebook that the grader prints for these exercises.
fn json(exercises: &[&str], arguments: &[&str]) -> Value {
    let mut grader = crate::grader();
    let run = grader
        .args(exercises)
        .args(["--format", "json"])
        .args(arguments)
        .assert()
        .code(0);
    serde_json::from_slice(&run.get_output().stdout).unwrap()
}

#[test]
fn the_number_of_jobs_changes_nothing_but_the_time() {
    let class = tempfile::tempdir().unwrap();
    for student in ["ada", "chiara", "emil"] {
        copy_tree(&submissions().join("class").join(student), &class.path().join(student));
    }
    std::fs::copy(submissions().join("class/kenji.zip"), class.path().join("kenji.zip")).unwrap();
    let out = class.path().join(".out");
    let (class, out) = (class.path().to_str().unwrap(), out.to_str().unwrap());
    let gradebooks = ["1", "4"].map(|jobs| {
        let mut gradebook = json(
            &["ex01"],
            &[
                "--trust-submissions",
                "--submissions",
                class,
                "--out",
                out,
                "--jobs",
                jobs,
            ],
        );
        strip_time(&mut gradebook);
        gradebook
    });
    assert_eq!(gradebooks[0], gradebooks[1]);
}

/// Takes out seconds, charts and numbers in texts, such as ports.
fn strip_time(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for volatile in ["seconds", "chart"] {
                fields.remove(volatile);
            }
            fields
                .iter_mut()
                .filter(|(name, _)| *name != "digest")
                .for_each(|(_, value)| strip_time(value));
        }
        Value::Array(values) => values.iter_mut().for_each(strip_time),
        Value::String(text) => text.retain(|c| !c.is_ascii_digit()),
        _ => {}
    }
}
