//! Reports of a class: whoever reads along may go away, and no class is too large to be held.

use std::fs;
use std::process::{Command, Stdio};

use workbook::SmallCourse;

use crate::GRADER;

#[test]
fn a_class_is_graded_to_its_gradebook_when_nobody_reads_what_is_said() {
    let course = SmallCourse::new();
    for (student, factor) in [("ada", "2"), ("bela", "3")] {
        let text =
            format!("pub fn double(n: u64) -> u64 {{ n * {factor} }}\npub fn halve(n: u64) -> u64 {{ n / 2 }}\n");
        course.write(&format!("class/{student}/ex01-small/src/lib.rs"), &text);
    }
    let out = course.root().join("out");
    let mut grader = Command::new(GRADER)
        .current_dir(course.root())
        .args(["ex01", "--submissions", "class", "--out", "out", "--trust-submissions"])
        .arg("--target-dir")
        .arg(workbook::shared_target())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((grader.stdout.take(), grader.stderr.take()));
    assert_eq!(grader.wait().unwrap().code(), Some(0));
    let table = fs::read_to_string(out.join("gradebook.csv")).unwrap();
    assert!(table.contains("ada,100,") && table.contains("bela,"), "{table}");
    assert!(out.join("gradebook.json").is_file() && out.join("students/bela.html").is_file());

    // Nor does a report lose its file when the reader of another one has gone.
    let mut report = Command::new(GRADER)
        .current_dir(course.root())
        .args(["report", "--from", "out", "--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(report.stdout.take());
    assert_eq!(report.wait().unwrap().code(), Some(0));
}

/// The ledger has 64 MiB of charts, the grader 32 MiB for everything.
#[test]
fn reports_are_made_in_less_memory_than_their_evidence_has() {
    let course = SmallCourse::new();
    let loaded = grader::course::Course::load(course.root()).unwrap();
    let out = course.root().join("out");
    workbook::ledger::write(&out, &workbook::ledger::exercises(&loaded), 256, 512 * 1024).unwrap();
    let size = fs::metadata(out.join("ledger.jsonl")).unwrap().len();
    assert!(size > 64 << 20, "the ledger has {size} bytes");
    for format in ["junit", "json", "html", "csv"] {
        let mut report = Command::new("sh");
        report
            .current_dir(course.root())
            .args(["-c", "ulimit -d 32768 && exec \"$@\"", "sh", GRADER])
            .args(["report", "--from", "out", "--format", format])
            .stdout(Stdio::null());
        let run = report.output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(0), "{format}: {said}");
    }
}
