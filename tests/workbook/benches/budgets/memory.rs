//! What the grader holds of a large class: it writes all reports of a made-up ledger, in which every grade is about as large as a real one.

use std::fs;

use anyhow::{Context, Result};

use crate::bench::{Bench, command};
use crate::cost::peak_memory;
use crate::table::row;

/// Students. The second one has the budget; the first shows whether it grows.
const SIZES: [usize; 2] = [100, 500];
/// Budget for a class of 500, in MiB.
const BUDGET: f64 = 200.0;
/// Bytes of a failed check's evidence, as `make-ledger` writes them.
const EVIDENCE: usize = 4 * 1024;
const MIB: f64 = (1 << 20) as f64;

pub fn measure(bench: &Bench) -> Result<()> {
    let exercises = workbook::ledger::exercises(&bench.course);
    for size in SIZES {
        let out = bench.empty("ledger")?;
        workbook::ledger::write(&out, &exercises, size, EVIDENCE)?;
        let mut report = command(bench.grader());
        report.args(["report", "--from"]).arg(&out);
        let peak = peak_memory(report.current_dir(&bench.course.root))? as f64 / MIB;
        let ledger = fs::metadata(out.join("ledger.jsonl"))
            .context("there is no ledger")?
            .len() as f64
            / MIB;
        let has_budget = size == SIZES[1];
        row(
            &format!(
                "reports of {size} students × {} (ledger: {ledger:.0} MiB)",
                exercises.len()
            ),
            &format!("{peak:.0} MiB at most"),
            if has_budget { "≤ 200 MiB" } else { "" },
            has_budget.then_some(peak <= BUDGET),
        );
    }
    // A quarter of a gigabyte is not left lying about.
    bench.empty("ledger").map(drop)
}
