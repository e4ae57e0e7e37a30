//! The ledger on made-up grades: what is written is read back, what is torn is mended, and nobody else writes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::course::{Check, Visibility};
use crate::grade::{Build, CheckRun, Failure, NotRun, Outcome, StudentGrades};

/// A grade of `ex01` for a work with this digest, one check per outcome.
pub(crate) fn grade(digest: &str, outcomes: &[Outcome]) -> Grade {
    let check = |at: usize| Check {
        id: format!("p{at}"),
        name: format!("check_{at}"),
        points: 10,
        visibility: Visibility::Public,
        tags: Vec::new(),
        concept: "c".into(),
        feedback: "f".into(),
        book: "b.md#b".into(),
    };
    let run = |(at, outcome): (usize, &Outcome)| CheckRun {
        check: Arc::new(check(at)),
        outcome: outcome.clone(),
        seconds: 0.25,
    };
    Grade {
        exercise: "ex01".into(),
        title: "One".into(),
        digest: digest.into(),
        basis: Arc::default(),
        isolation: Isolation::Namespaces,
        build: Build::Built { seconds: 0.5 },
        checks: outcomes.iter().enumerate().map(run).collect(),
        diagnoses: Vec::new(),
    }
}

pub(crate) fn gradebook(students: &[(&str, &Grade)]) -> Gradebook {
    let student = |(name, grade): &(&str, &Grade)| StudentGrades {
        student: (*name).into(),
        grades: vec![(*grade).clone()],
        ..StudentGrades::default()
    };
    Gradebook {
        isolation: "L3 namespaces".into(),
        toolchain: "rustc 1.95.0".into(),
        exercises: vec![("ex01".into(), "One".into())],
        students: students.iter().map(student).collect(),
        ..Gradebook::default()
    }
}

/// The gradebook with the evidence of all its students in it.
pub(crate) fn in_full(gradebook: &Gradebook) -> Gradebook {
    let students = gradebook.students.iter();
    let students = students.map(|student| gradebook.in_full(student).unwrap().into_owned());
    Gradebook {
        students: students.collect(),
        ..gradebook.clone()
    }
}

/// A folder in which this gradebook was issued.
pub(crate) fn issued(gradebook: &Gradebook, class: &Class) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(out.path()).unwrap();
    for grade in gradebook.students.iter().flat_map(|student| &student.grades) {
        ledger.add(grade).unwrap();
    }
    ledger.issue(gradebook, class).unwrap();
    out
}

fn outcomes() -> [Outcome; 4] {
    let failure = Failure {
        received: "näh\nnothing".into(),
        ..Failure::default()
    };
    [
        Outcome::Passed,
        Outcome::Failed(failure.clone()),
        Outcome::NotRun(NotRun::Here("no curl".into())),
        Outcome::NotRun(NotRun::Control {
            fix_first: "check_0".into(),
            failure,
        }),
    ]
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap();
    fs::write(path, before + text).unwrap();
}

#[test]
fn a_gradebook_is_read_back_as_it_was_issued() {
    let (ada, bela) = (grade("aa", &outcomes()), grade("bb", &[const { Outcome::Passed }; 4]));
    let mut book = gradebook(&[("ada", &ada), ("bela", &bela), ("copy of ada", &ada)]);
    book.students[0].notes.push(crate::submission::Note("a note".into()));
    book.students[1].submitted = Some("2026-03-01T12:00:00Z".parse().unwrap());
    let class = Class {
        submissions: "/class".into(),
        shard: Some(Shard { part: 1, of: 2 }),
        ..Class::default()
    };
    let out = issued(&book, &class);
    let (read, of_class) = read_with_class(out.path()).unwrap();
    assert_eq!((in_full(&read), of_class), (book, class));
}

#[test]
fn a_gradebook_is_held_without_what_programs_said_until_a_student_is_asked_for() {
    let words = "x".repeat(10_000);
    let mut made = grade("aa", &outcomes().map(|outcome| with_words(outcome, &words)));
    let rejected = |diagnostics: &str| Build::Rejected {
        reason: "does not compile".into(),
        diagnostics: diagnostics.into(),
    };
    made.build = rejected(&words);
    let out = issued(&gradebook(&[("ada", &made)]), &Class::default());
    let book = read(out.path()).unwrap();
    let held = &book.students[0];
    assert!(!format!("{held:?}").contains(&words));
    assert_eq!(held.grades[0].build, rejected(""));
    assert_eq!((held.points(), held.of()), (made.points(), made.of()));
    assert_eq!(book.in_full(held).unwrap().grades, [made]);

    let (ledger, _) = Ledger::open(out.path()).unwrap();
    let (left, _) = ledger.issued().unwrap().unwrap();
    let error = left.in_full(&left.students[0]).unwrap_err().to_string();
    assert!(error.contains("ada"), "never a report without its charts: {error}");
}

fn with_words(mut outcome: Outcome, words: &str) -> Outcome {
    if let Outcome::Failed(failure) | Outcome::NotRun(NotRun::Control { failure, .. }) = &mut outcome {
        failure.chart = words.into();
    }
    outcome
}

#[test]
fn a_rubric_with_other_points_needs_no_grading() {
    let out = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(out.path()).unwrap();
    let made = grade("aa", &[Outcome::Passed]);
    ledger.add(&made).unwrap();
    let mut rubric = Rubric::of_gradebook(&gradebook(&[("ada", &made)])).remove(0);
    Arc::make_mut(&mut rubric.checks[0]).points = 25;
    assert_eq!(ledger.grade(&Key::of(&made), &rubric).unwrap().points(), 25);
}

#[test]
fn an_inconclusive_grade_is_kept_but_never_taken_over() {
    let out = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(out.path()).unwrap();
    let made = grade("aa", &[Outcome::Inconclusive("no room".into())]);
    ledger.add(&made).unwrap();
    assert!(!ledger.has(&Key::of(&made)));
    ledger.issue(&gradebook(&[("ada", &made)]), &Class::default()).unwrap();
    assert!(ledger.issued().unwrap().unwrap().0.is_inconclusive());
    ledger.add(&grade("aa", &[Outcome::Passed])).unwrap();
    drop(ledger);
    let (ledger, _) = Ledger::open(out.path()).unwrap();
    assert!(ledger.has(&Key::of(&made)), "the newest line of a key counts");
}

#[test]
fn everything_that_decides_a_grade_is_in_its_key() {
    let one = grade("aa", &[Outcome::Passed]);
    let with = |change: fn(&mut Basis)| {
        let mut basis = Basis::default();
        change(&mut basis);
        Grade {
            basis: Arc::new(basis),
            ..one.clone()
        }
    };
    let others = [
        grade("ab", &[Outcome::Passed]),
        Grade {
            exercise: "ex02".into(),
            ..one.clone()
        },
        Grade {
            isolation: Isolation::None,
            ..one.clone()
        },
        with(|basis| basis.rubric.push('x')),
        with(|basis| basis.public_tests.push('x')),
        with(|basis| basis.hidden_tests.push('x')),
        with(|basis| basis.given.push('x')),
        with(|basis| basis.libraries.push('x')),
        with(|basis| basis.grader.push('x')),
        with(|basis| basis.toolchain.push('x')),
        with(|basis| basis.lacks.push('x')),
    ];
    let keys: std::collections::BTreeSet<Key> = others.iter().chain([&one]).map(Key::of).collect();
    assert_eq!(keys.len(), others.len() + 1);
    let failed = grade("aa", &outcomes());
    assert_eq!(Key::of(&one), Key::of(&failed), "what came out decides nothing");
}

#[test]
fn a_torn_last_line_is_cut_off_with_a_note_and_the_rest_counts() {
    let (ada, bela) = (grade("aa", &[Outcome::Passed]), grade("bb", &[Outcome::Passed]));
    let book = gradebook(&[("ada", &ada)]);
    let out = issued(&book, &Class::default());
    let path = out.path().join(FILE);
    let whole = fs::read_to_string(&path).unwrap();
    let first = whole.lines().next().unwrap();
    for torn in [&first[..1], &first[..first.len() / 2], first] {
        fs::write(&path, &whole).unwrap();
        append(&path, torn);
        assert_eq!(read(out.path()).unwrap(), book, "a reader leaves it out");
        let (mut ledger, repaired) = Ledger::open(out.path()).unwrap();
        let said = repaired.expect("it says so");
        assert!(
            said.contains(FILE) && said.contains(&format!("{} bytes", torn.len())),
            "{said}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        ledger.add(&bela).unwrap();
        assert!(ledger.has(&Key::of(&ada)) && ledger.has(&Key::of(&bela)));
        drop(ledger);
        let (ledger, repaired) = Ledger::open(out.path()).unwrap();
        assert_eq!(repaired, None);
        assert!(ledger.has(&Key::of(&bela)));
    }
}

#[test]
fn a_broken_line_in_the_middle_is_named_and_nothing_is_changed() {
    let ada = grade("aa", &[Outcome::Passed]);
    let out = issued(&gradebook(&[("ada", &ada)]), &Class::default());
    let path = out.path().join(FILE);
    append(&path, "{\"graded\": 1}\n");
    let before = fs::read(&path).unwrap();
    let error = format!("{:#}", Ledger::open(out.path()).unwrap_err());
    assert!(error.contains("ledger.jsonl line 3 is broken"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn two_graders_never_write_into_one_folder() {
    let out = tempfile::tempdir().unwrap();
    let first = Ledger::open(out.path()).unwrap();
    let error = Ledger::open(out.path()).unwrap_err().to_string();
    let expected = format!("another grader (process {}) works in this folder", std::process::id());
    assert!(error.contains(&expected), "{error}");
    drop(first);
    Ledger::open(out.path()).unwrap();
}

#[test]
fn a_folder_without_a_finished_gradebook_says_so() {
    let out = tempfile::tempdir().unwrap();
    let error = format!("{:#}", read(out.path()).unwrap_err());
    assert!(error.contains("ledger.jsonl"), "{error}");
    Ledger::open(out.path())
        .unwrap()
        .0
        .add(&grade("aa", &[Outcome::Passed]))
        .unwrap();
    let error = read(out.path()).unwrap_err().to_string();
    assert!(error.contains("holds no finished gradebook yet"), "{error}");
}

#[test]
fn every_student_is_in_one_part_and_stays_there() {
    for of in [1, 2, 3, 7] {
        let parts: Vec<Shard> = (1..=of).map(|part| Shard { part, of }).collect();
        for student in ["ada", "Zoë Ångström", "", "s1234567"] {
            assert_eq!(
                parts.iter().filter(|part| part.has(student)).count(),
                1,
                "{student} of {of}"
            );
        }
    }
    let members = |part| ["ada", "bela", "chiara", "dmitri"].map(|name| Shard { part, of: 2 }.has(name));
    assert_eq!(
        members(1),
        [true, true, true, false],
        "a name's part is the same in every version and on every machine"
    );
    assert_eq!("2/3".parse(), Ok(Shard { part: 2, of: 3 }));
    for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "1/3/5", "-1/3"] {
        assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
    }
}
