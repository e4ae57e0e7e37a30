//! Every limit that a rubric sets holds for that exercise, and the report names it with the rubric's own number.

use std::path::Path;

use grader::isolation::{Isolation, Isolator};
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use workbook::SmallCourse;

use crate::GRADER;

#[rstest]
#[case::output("output_kib = 8", "eprint!(\"{}\", \"x\\n\".repeat(50_000));", "more than the 8 KiB")]
#[case::memory(
    "memory_mib = 64",
    "std::hint::black_box(vec![1u8; 100 << 20]);",
    "limit of 64 MiB of memory"
)]
#[case::file(
    "file_mib = 1",
    "std::fs::write(\"big\", vec![1u8; 2 << 20]).unwrap();",
    "limit of 1 MiB for one file"
)]
#[case::disk(
    "disk_mib = 2",
    "(0..8).for_each(|n| drop(std::fs::write(format!(\"{n}\"), vec![1u8; 1 << 20]))); panic!();",
    "limit of 2 MiB for all temporary files"
)]
#[case::processes(
    "processes = 8",
    "(0..50).for_each(|_| drop(std::thread::spawn(std::thread::park)));",
    "limit of 8 processes"
)]
#[case::open_files(
    "open_files = 20",
    "(0..100).for_each(|_| std::mem::forget(std::fs::File::open(\"/dev/null\").unwrap()));",
    "limit of 20 open files"
)]
#[case::cpu(
    "cpu_seconds = 1",
    "loop { std::hint::black_box(0); }",
    "limit of 1 s of processor time"
)]
#[case::wall(
    "check_seconds = 1",
    "loop { std::thread::park(); }",
    "when the 1.0 s of the whole check were over"
)]
fn a_limit_of_the_rubric_holds_and_is_named(#[case] limit: &str, #[case] code: &str, #[case] says: &str) {
    if Isolator::find(Path::new(GRADER), Isolation::Namespaces)
        .unwrap()
        .level()
        < Isolation::Namespaces
    {
        println!("not run here: it takes namespaces");
        return;
    }
    let course = SmallCourse::new();
    course.edit("exercises/ex01-small/rubric.toml", "check_seconds = 10", limit);
    course.write(
        "exercises/ex01-small/src/lib.rs",
        &format!(
            "#![allow(unreachable_code)]\npub fn double(n: u64) -> u64 {{ {code} n * 2 }}\npub fn halve(n: u64) -> u64 {{ n / 2 }}\n"
        ),
    );
    let report = course.grader(GRADER, &["ex01"]).assert().code(0);
    let report = String::from_utf8_lossy(&report.get_output().stdout).into_owned();
    let words = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(contains(says).and(contains("0 of 40")).eval(&words), "{report}");
}
