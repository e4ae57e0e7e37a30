//! Merging folders with made-up gradebooks.

use std::sync::Arc;

use super::*;
use crate::basis::Basis;
use crate::grade::{Failure, Outcome};
use crate::ledger::Class;
use crate::ledger::tests::{grade, gradebook, in_full, issued};

fn of_part(part: u64, of: u64) -> Class {
    Class {
        shard: Some(Shard { part, of }),
        ..Class::default()
    }
}

fn merged(from: &[&tempfile::TempDir]) -> Result<Merged> {
    let out = tempfile::tempdir().unwrap();
    let merged = run(&Request {
        from: from.iter().map(|dir| dir.path().to_path_buf()).collect(),
        out: out.path().join("whole"),
        setting: Setting::default(),
        pseudonyms: Pseudonyms::default(),
    })?;
    let read = ledger::read(&out.path().join("whole"))?;
    assert_eq!(read, merged.gradebook, "what is returned is what was issued");
    Ok(merged)
}

#[test]
fn parts_make_the_whole_in_name_order_and_a_missing_part_is_named() {
    let seen = Failure {
        chart: "what ada's program did".into(),
        ..Failure::default()
    };
    let (one, two) = (grade("aa", &[Outcome::Passed]), grade("bb", &[Outcome::Failed(seen)]));
    let first = issued(&gradebook(&[("bela", &one)]), &of_part(1, 2));
    let second = issued(&gradebook(&[("ada", &two), ("carl", &one)]), &of_part(2, 2));
    let whole = merged(&[&first, &second]).unwrap();
    assert_eq!(
        in_full(&whole.gradebook),
        gradebook(&[("ada", &two), ("bela", &one), ("carl", &one)])
    );
    assert!(whole.missing.is_empty());
    assert_eq!(merged(&[&second]).unwrap().missing, [Shard { part: 1, of: 2 }]);
}

#[test]
fn folders_that_contradict_each_other_are_named() {
    let passed = grade("aa", &[Outcome::Passed]);
    let one = issued(&gradebook(&[("ada", &passed)]), &Class::default());
    let refused = |other: &Grade, whose: &str| {
        let two = issued(&gradebook(&[(whose, other)]), &Class::default());
        let error = merged(&[&one, &two]).unwrap_err().to_string();
        for dir in [&one, &two] {
            assert!(error.contains(&dir.path().display().to_string()), "{error}");
        }
        error
    };
    assert!(refused(&grade("bb", &[Outcome::Passed]), "ada").contains("have different grades of ada"));
    let mut other_tests = passed.clone();
    other_tests.basis = Arc::new(Basis {
        hidden_tests: "x".into(),
        ..Basis::default()
    });
    assert!(refused(&other_tests, "bela").contains("ex01 differ in hidden tests"));
    let mut other_points = passed.clone();
    Arc::make_mut(&mut other_points.checks[0].check).points = 11;
    assert!(refused(&other_points, "bela").contains("different rubrics of ex01"));
}

#[test]
fn the_same_student_twice_is_no_contradiction_and_compilers_may_differ() {
    let one = grade("aa", &[Outcome::Passed]);
    let mut two = one.clone();
    two.checks[0].seconds = 7.0;
    let first = issued(&gradebook(&[("ada", &one)]), &Class::default());
    let mut book = gradebook(&[("ada", &two)]);
    book.toolchain = "rustc 1.96.0".into();
    let second = issued(&book, &Class::default());
    let whole = merged(&[&first, &second]).unwrap().gradebook;
    assert_eq!(whole.students.len(), 1);
    assert_eq!(whole.toolchain, "rustc 1.95.0, rustc 1.96.0");
}
