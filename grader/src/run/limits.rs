//! What a student is told about a limit: which one it was, how much there is of it, and what usually runs into it.

use crate::course::Limits;
use crate::grade::Failure;
use crate::isolation::ended::{Limit, Note};

/// From here on, processor time is worth a word: a program that waits uses next to none.
const BUSY: f64 = 1.0;

/// Sentences for the end of "received", each on a line of its own; empty when no limit was hit.
pub fn remarks(limits: &Limits, notes: &[Note], received: &str, stderr: &str) -> String {
    let mut remarks = Vec::new();
    match Note::limit(notes) {
        Some(Limit::Cpu) => remarks.push(format!(
            "The limit of {} s of processor time was hit: the program computed all the time, in a loop that never waits.",
            limits.cpu_seconds
        )),
        Some(Limit::File) => {
            remarks.push(format!("The limit of {} MiB for one file was hit.", limits.file_mib));
        }
        Some(Limit::Disk) => {
            remarks.push(format!("The limit of {} MiB for all temporary files was hit.", limits.disk_mib));
        }
        None => {}
    }
    let says = |words: &str| received.contains(words) || stderr.contains(words);
    if says("memory allocation of") {
        remarks.push(format!("The limit of {} MiB of memory was hit.", limits.memory_mib));
    }
    if says("Resource temporarily unavailable") || says("failed to spawn thread") {
        remarks.push(format!(
            "There is a limit of {} processes and threads together.",
            limits.processes
        ));
    }
    let busy = Note::cpu_seconds(notes).filter(|seconds| *seconds >= BUSY && remarks.is_empty());
    if let Some(seconds) = busy {
        remarks.push(format!(
            "Meanwhile it computed for {seconds:.1} s: it was busy, it did not wait for anything."
        ));
    }
    remarks.iter().map(|remark| format!("\n{remark}")).collect()
}

/// The failure of a check whose temporary files were filled, so that the test itself had no room left.
pub fn disk_full(limits: &Limits) -> Failure {
    Failure {
        doing: "keeping the temporary files of the program and the test".into(),
        expected: format!("at most {} MiB of them", limits.disk_mib),
        received: "the program filled all the room there is".into(),
        ..Failure::default()
    }
}
