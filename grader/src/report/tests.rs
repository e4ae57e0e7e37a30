//! Reports on a small made-up class, as people see them.

mod clean;
mod machine;
mod pages;

use std::sync::Arc;

use anyhow::Result;

use super::format::{About, Format, Setting};
use super::*;
use crate::course::{Check, Visibility};
use crate::grade::{Build, CheckRun, Failure, Grade, Gradebook, NotRun, Outcome, StudentGrades};
use crate::isolation::Isolation;
use crate::submission::Note;

fn check(id: &str, name: &str, points: u32) -> Arc<Check> {
    let visibility = if id.starts_with('h') {
        Visibility::Hidden
    } else {
        Visibility::Public
    };
    Arc::new(Check {
        id: id.into(),
        name: name.into(),
        points,
        visibility,
        tags: vec!["B".into()],
        concept: "connected vs listening descriptor, close".into(),
        feedback: "The client waits for the end of the stream: is the descriptor that accept() gave you dropped when you are done with the client?".into(),
        book: "02-sockets.md#two-kinds-of-descriptor".into(),
    })
}

fn failure() -> Failure {
    Failure {
        doing: "waiting for the end of the stream".into(),
        expected: "end of stream (the server closes the connection)".into(),
        received: "nothing for 3.0 s; the connection is still open".into(),
        chart: "time    client            ex01\n0.000   ·                 starts\n0.012   ├── connect ─────▶".into(),
        stderr: "thread 'main' \u{1b}[31mpanicked\u{1b}[0m at src/lib.rs:12:5".into(),
    }
}

fn here() -> Outcome {
    Outcome::NotRun(NotRun::Here("python3 is not installed".into()))
}

/// `ex01` or `ex02` with these outcomes for its four checks.
fn graded(exercise: &str, outcomes: [Outcome; 4]) -> Grade {
    let checks = [
        ("p1", "prints_the_real_port", 8),
        ("p2", "one_client_gets_22_bytes_then_eof", 8),
    ];
    let more = [
        ("h3", "restarts_at_once_on_the_same_port", 10),
        ("h8", "curl_telnet_and_python_read_the_time", 5),
    ];
    let checks = checks
        .into_iter()
        .chain(more)
        .map(|(id, name, points)| check(id, name, points));
    let title = if exercise == "ex01" {
        "Four calls: socket, bind, listen, accept"
    } else {
        "Echo server and client"
    };
    let run = |(check, outcome)| CheckRun {
        check,
        outcome,
        seconds: 0.021,
    };
    Grade {
        exercise: exercise.into(),
        title: title.into(),
        digest: "0".repeat(64),
        basis: Arc::default(),
        isolation: Isolation::None,
        build: Build::Built { seconds: 0.4 },
        checks: checks.zip(outcomes).map(run).collect(),
        diagnoses: Vec::new(),
    }
}

fn without_program(exercise: &str, build: Build) -> Grade {
    let outcome = match &build {
        Build::Inconclusive(reason) => Outcome::Inconclusive(reason.clone()),
        _ => Outcome::NotRun(NotRun::NoProgram),
    };
    Grade {
        build,
        digest: String::new(),
        isolation: Isolation::None,
        ..graded(exercise, [outcome.clone(), outcome.clone(), outcome.clone(), outcome])
    }
}

fn student(name: &str, grades: Vec<Grade>) -> StudentGrades {
    StudentGrades {
        student: name.into(),
        grades,
        ..StudentGrades::default()
    }
}

fn class() -> Gradebook {
    use Outcome::{Failed, Passed};
    let control = Outcome::NotRun(NotRun::Control {
        fix_first: "one_client_gets_22_bytes_then_eof".into(),
        failure: failure(),
    });
    let rejected = Build::Rejected {
        reason: "does not compile: E0308 mismatched types (src/lib.rs:12)".into(),
        diagnostics: "error[E0308]: mismatched types\n  --> src/lib.rs:12:5\n   |\n12 |     \"no\"\n   |     ^^^^ expected `u16`, found `&str`".into(),
    };
    let mut bob = student(
        "bob",
        vec![
            graded("ex01", [Passed, Failed(failure()), control, here()]),
            graded("ex02", [Passed, Passed, Failed(failure()), here()]),
        ],
    );
    bob.notes.push(Note("the exercises were found below `bob/`".into()));
    Gradebook {
        isolation: "L0 none".into(),
        toolchain: "rustc 1.95.0".into(),
        exercises: vec![
            ("ex01".into(), "Four calls: socket, bind, listen, accept".into()),
            ("ex02".into(), "Echo server and client".into()),
        ],
        students: vec![
            student(
                "ada",
                vec![
                    graded("ex01", [Passed, Passed, Passed, here()]),
                    graded("ex02", [Passed, Passed, Passed, here()]),
                ],
            ),
            bob,
            student(
                "carl",
                vec![
                    without_program("ex01", rejected),
                    without_program("ex02", Build::Missing),
                ],
            ),
            student(
                "dora",
                vec![
                    graded(
                        "ex01",
                        [Passed, Passed, Outcome::Inconclusive("the disk is full".into()), here()],
                    ),
                    without_program("ex02", Build::Inconclusive("cargo could not be started".into())),
                ],
            ),
        ],
        ..Gradebook::default()
    }
}

fn written(class: &Gradebook, format: Format, about: About) -> Result<String> {
    let mut text = Vec::new();
    format::write(class, format, about, &Setting::default(), &mut text)?;
    Ok(String::from_utf8(text)?)
}

fn as_json(class: &Gradebook) -> String {
    written(class, Format::Json, About::Class).unwrap()
}

fn diagnosis(misconception: &str, feedback: &str) -> crate::diagnosis::Diagnosis {
    crate::diagnosis::Diagnosis {
        misconception: misconception.into(),
        feedback: feedback.into(),
        likeness: 1.0,
    }
}

/// The same class with this many exercises.
fn wide(exercises: usize) -> Gradebook {
    let mut class = class();
    let name = |i: usize| format!("ex{:02}", i + 1);
    class.exercises = (0..exercises).map(|i| (name(i), "Title".into())).collect();
    for student in &mut class.students {
        let again = student.grades.iter().cycle().take(exercises).cloned().enumerate();
        student.grades = again
            .map(|(i, grade)| Grade {
                exercise: name(i),
                ..grade
            })
            .collect();
    }
    class
}

/// The part of a report that begins at one line and ends before another.
fn part<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let begin = text.find(from).unwrap();
    let length = text[begin..].find(to).unwrap_or(text.len() - begin);
    &text[begin..begin + length]
}

#[test]
fn a_class_of_two_exercises_has_words_beside_the_points() {
    insta::assert_snapshot!(text::class_table(&class()), @r#"
        4 submissions, 2 exercises · isolation L0 none · rustc 1.95.0

        student  ex01                   ex02                  total
        ───────  ─────────────────────  ────────────────────  ───────
        ada      26/26                  26/26                 52/52
        bob      8/26 2 checks failed   16/26 1 check failed  24/52
        carl     0/31 does not compile  –                     0/62
        dora     ? grader's fault       ? grader's fault      16/16 ?

          –  nothing handed in; counts 0 points
          ?  the grader failed, not the student: not graded yet, counts neither way

        Not run here, and left out of the points:
          python3 is not installed: ex01 h8, ex02 h8
          `grader doctor` says how to get what is missing.

        The grader's fault; grade these again:
          cargo could not be started: dora ex02
          the disk is full: dora ex01

        Notes on what was handed in, in the reports of: bob (1)
        "#);
}

#[test]
fn a_class_of_six_exercises_has_words_below_the_points() {
    let table = text::class_table(&wide(6));
    insta::assert_snapshot!(part(&table, "student", "\n\n"), @r#"
        student  ex01      ex02      ex03      ex04      ex05      ex06      total
        ───────  ────────  ────────  ────────  ────────  ────────  ────────  ───────
        ada      26/26     26/26     26/26     26/26     26/26     26/26     156/156
        bob      8/26      16/26     8/26      16/26     8/26      16/26     72/156
                 2 checks  1 check   2 checks  1 check   2 checks  1 check
                 failed    failed    failed    failed    failed    failed
        carl     0/31      –         0/31      –         0/31      –         0/186
                 does not            does not            does not
                 compile             compile             compile
        dora     ?         ?         ?         ?         ?         ?         48/48 ?
                 grader's  grader's  grader's  grader's  grader's  grader's
                 fault     fault     fault     fault     fault     fault
        "#);
}

#[test]
fn no_table_is_wider_than_a_terminal() {
    for exercises in 1..=17 {
        for line in text::class_table(&wide(exercises)).lines() {
            let room = if exercises <= 6 { 100 } else { 110 };
            assert!(line.chars().count() <= room, "{exercises} exercises: {line}");
        }
    }
}

#[test]
fn ones_own_tree_shows_the_first_failure_in_full_and_the_others_in_short() {
    let class = class();
    insta::assert_snapshot!(text::own_tree(&class.students[1], &class).replace("\nex02", "\n§ex02").split('§').next().unwrap(), @r#"
        ex01  Four calls: socket, bind, listen, accept                    8 of 26 points
          ✔ p1  prints the real port                                                   8
          ✘ p2  one client gets 22 bytes then eof                                 0 of 8
          – h3  restarts at once on the same port                                0 of 10
          – h8  curl telnet and python read the time                        not run here

          First to fix
          p2 one client gets 22 bytes then eof

            While     waiting for the end of the stream
            Expected  end of stream (the server closes the connection)
            Received  nothing for 3.0 s; the connection is still open

            What happened
              time    client            ex01
              0.000   ·                 starts
              0.012   ├── connect ─────▶

            What the program wrote to its standard error
            │ thread 'main' panicked at src/lib.rs:12:5

            About     connected vs listening descriptor, close
            Think     The client waits for the end of the stream: is the descriptor that
                      accept() gave you dropped when you are done with the client?
            Read      book/src/02-sockets.md#two-kinds-of-descriptor

          Then
            h3 restarts at once on the same port: not run; fix “one client gets 22
              bytes then eof” first
        "#);
}

#[test]
fn a_report_for_a_program_that_does_not_compile() {
    let class = class();
    insta::assert_snapshot!(student::report(&class.students[2], &class), @r#"
        Report for carl
        ═══════════════

        ex01  Four calls: socket, bind, listen, accept                    0 of 31 points
        ex02  Echo server and client                                      0 of 31 points
        Total                                                             0 of 62 points

        ────────────────────────────────────────────────────────────────────────────────
        ex01  Four calls: socket, bind, listen, accept                    0 of 31 points

          No program was made: does not compile: E0308 mismatched types (src/lib.rs:12)

          The compiler said
            │ error[E0308]: mismatched types
            │   --> src/lib.rs:12:5
            │    |
            │ 12 |     "no"
            │    |     ^^^^ expected `u16`, found `&str`

          – p1  prints the real port                                              0 of 8
          – p2  one client gets 22 bytes then eof                                 0 of 8
          – h3  restarts at once on the same port                                0 of 10
          – h8  curl telnet and python read the time                              0 of 5

        ────────────────────────────────────────────────────────────────────────────────
        ex02  Echo server and client                                      0 of 31 points

          Nothing was handed in for this exercise.

          – p1  prints the real port                                              0 of 8
          – p2  one client gets 22 bytes then eof                                 0 of 8
          – h3  restarts at once on the same port                                0 of 10
          – h8  curl telnet and python read the time                              0 of 5

        ────────────────────────────────────────────────────────────────────────────────
        Graded with rustc 1.95.0, isolation L0 none.
        "#);
}

#[test]
fn a_report_tells_every_failure_hidden_ones_too() {
    let class = class();
    let report = student::report(&class.students[1], &class);
    assert_eq!(report.matches("Received  nothing for 3.0 s").count(), 2, "{report}");
    assert!(
        report.contains("Fix first: one client gets 22 bytes then eof."),
        "{report}"
    );
    assert!(report.contains("found below `bob/`"));
    let dora = student::report(&class.students[3], &class);
    assert!(
        dora.contains("Left out of the points: h3 (the grader's fault: the disk is full)"),
        "{dora}"
    );
}

#[test]
fn what_students_control_cannot_control_the_terminal() {
    let mut class = class();
    let evil = "\u{1b}]0;WINDOW\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\r\u{8}\0";
    class.students[1].student = format!("b{evil}");
    class.students[1].notes[0].0 = evil.into();
    let bad = Failure {
        doing: evil.into(),
        expected: evil.into(),
        received: evil.into(),
        chart: evil.into(),
        stderr: evil.into(),
    };
    class.students[1].grades[0].checks[1].outcome = Outcome::Failed(bad);
    class.students[2].grades[0].build = Build::Rejected {
        reason: evil.into(),
        diagnostics: evil.into(),
    };
    class.students[3].grades[1].build = Build::Inconclusive(evil.into());
    let mut all = text::class_table(&class) + &as_json(&class);
    for student in &class.students {
        all += &(text::own_tree(student, &class) + &student::report(student, &class));
    }
    assert!(all.contains("evil"));
    let odd = all.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
    assert_eq!(odd, None);
    assert!(!all.contains("WINDOW") && !all.contains("[2J") && !all.contains("\\u00"));
}

#[test]
fn the_json_of_a_gradebook_is_as_the_schema_says() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../schema/gradebook-1.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut class = class();
    class.students[0].grades[0].checks[0].seconds = f64::NAN;
    let mut document: serde_json::Value = serde_json::from_str(&as_json(&class)).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(document["submissions"][1]["points"], 24);
    assert_eq!(
        document["submissions"][1]["grades"][0]["checks"][2]["outcome"],
        "not_run_control"
    );
    assert_eq!(
        document["submissions"][1]["grades"][0]["checks"][2]["fix_first"],
        "one_client_gets_22_bytes_then_eof"
    );
    document["submissions"][0]["surprise"] = true.into();
    assert!(
        !validator.is_valid(&document),
        "the schema has to admit no field that it does not name"
    );
}

#[test]
fn every_field_of_the_schema_is_described() {
    fn visit(value: &serde_json::Value, path: &str) {
        if let Some(fields) = value["properties"].as_object() {
            assert_eq!(value["additionalProperties"], false, "{path}");
            for (name, field) in fields {
                let described = field["description"].is_string() || field["$ref"].is_string();
                assert!(described, "{path}/{name} has no description");
                visit(field, &format!("{path}/{name}"));
            }
        }
        visit_if(&value["items"], path);
        for (name, definition) in value["$defs"].as_object().into_iter().flatten() {
            visit(definition, name);
        }
    }
    fn visit_if(value: &serde_json::Value, path: &str) {
        if value.is_object() {
            visit(value, path);
        }
    }
    visit(
        &serde_json::from_str(include_str!("../../schema/gradebook-1.schema.json")).unwrap(),
        "",
    );
}

#[test]
fn write_all_writes_every_report_and_replaces_old_ones() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path().join("new/reports");
    write_all(&class(), &dir, &Setting::default()).unwrap();
    write_all(&class(), &dir, &Setting::default()).unwrap();
    let mut names: Vec<String> = walkdir::WalkDir::new(&dir)
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(&dir).unwrap().display().to_string())
        .collect();
    names.sort();
    let first = ["canvas.csv", "gradebook.csv", "gradebook.html", "gradebook.json"].map(String::from);
    let more = ["gradebook.md", "gradebook.txt", "junit.xml"].map(String::from);
    let students = ["ada", "bob", "carl", "dora"]
        .into_iter()
        .flat_map(|name| ["html", "md", "txt"].map(|ending| format!("students/{name}.{ending}")));
    assert_eq!(names, first.into_iter().chain(more).chain(students).collect::<Vec<_>>());
    assert_eq!(
        std::fs::read_to_string(dir.join("gradebook.txt")).unwrap(),
        text::class_table(&class())
    );
}

#[test]
fn a_report_that_cannot_be_written_is_named_and_leaves_nothing_behind() {
    let out = tempfile::tempdir().unwrap();
    std::fs::create_dir(out.path().join("gradebook.txt")).unwrap();
    let error = write_all(&class(), out.path(), &Setting::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("gradebook.txt"), "{error}");
    let mut left: Vec<_> = std::fs::read_dir(out.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["gradebook.txt", "students"]);
}

#[test]
fn a_report_says_what_the_lost_checks_look_like() {
    let mut class = class();
    let grade = &mut class.students[1].grades[0];
    grade.diagnoses = vec![diagnosis("leaks", "Close the descriptor that accept() gave you.")];
    let one = student::report(&class.students[1], &class);
    assert!(
        one.contains("  This looks like a mistake that we know\n    Close the descriptor that accept() gave you.\n")
    );
    let grade = &mut class.students[1].grades[0];
    grade.diagnoses.push(diagnosis("waits", "Nobody has to speak first."));
    let two = student::report(&class.students[1], &class);
    let expected = "  This looks like one of two mistakes that we know\n    - Close the descriptor that accept() gave you.\n    - Nobody has to speak first.\n";
    assert!(two.contains(expected), "{two}");
}
