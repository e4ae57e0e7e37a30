//! Writes a made-up class: `make-class STUDENTS OUT exNN…`, inside the course.

use std::path::Path;

use anyhow::{Context, Result};
use grader::course::{Course, Exercise};

/// Another number makes another class of the same kind.
const SEED: u64 = 1;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [students, out, exercises @ ..] = arguments.as_slice() else {
        anyhow::bail!("say how many students, where, and which exercises: make-class 300 /tmp/class ex01");
    };
    let students = students
        .parse()
        .with_context(|| format!("`{students}` is no number of students"))?;
    let course = Course::find(&std::env::current_dir()?)?;
    let exercises: Vec<&Exercise> = exercises
        .iter()
        .map(|name| course.exercise(name))
        .collect::<Result<_>>()?;
    workbook::class::write(Path::new(out), &course, &exercises, students, SEED)
}
