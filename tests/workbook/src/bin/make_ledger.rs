//! Writes a made-up ledger, inside the course: `make-ledger STUDENTS OUT`. Then `grader report --from OUT` shows what reports of such a
//! class cost.

use std::path::Path;

use anyhow::{Context, Result};
use grader::course::Course;

/// Bytes of a failed check; about 30 KiB a grade come of it, as in a real class.
const EVIDENCE: usize = 4 * 1024;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [students, out] = arguments.as_slice() else {
        anyhow::bail!("say how many students and where: make-ledger 500 /tmp/grades");
    };
    let students = students
        .parse()
        .with_context(|| format!("`{students}` is no number of students"))?;
    let course = Course::find(&std::env::current_dir()?)?;
    let exercises = workbook::ledger::exercises(&course);
    workbook::ledger::write(Path::new(out), &exercises, students, EVIDENCE)
}
