//! What a student is told about limits and waiting: which limit it was, how much there is of it, what usually runs into it; and of a
//! wait that came to nothing, whether the program waited too or computed.

use harness::evidence;

use crate::course::Limits;
use crate::grade::Failure;
use crate::isolation::ended::{Limit, Note};

/// A program that used this share of the time was computing.
const COMPUTING: f64 = 0.5;
/// One that used less than this was waiting.
const WAITING: f64 = 0.2;

/// Sentences for the end of "received", each on a line of its own; empty when there is nothing to say.
pub fn remarks(limits: &Limits, notes: &[Note], late: bool, failure: &evidence::Failure, seconds: f64) -> String {
    let mut hit = Note::limits(notes);
    for limit in said(limits, &failure.received, &failure.stderr) {
        let known = hit
            .iter()
            .any(|known| std::mem::discriminant(known) == std::mem::discriminant(&limit));
        if !known {
            hit.push(limit);
        }
    }
    let waited = late && !hit.contains(&Limit::Cpu);
    let computed = Note::cpu_seconds(notes).filter(|_| waited);
    let remarks = computed
        .map(|computed| computed_or_waited(computed, seconds))
        .into_iter();
    // A limit explains the rest, so it stands last.
    let remarks = remarks.chain(hit.iter().map(|limit| sentence(limits, *limit)));
    remarks.map(|remark| format!("\n{remark}")).collect()
}

/// Limits that the program's own words tell of: what the kernel answers is in the error that it prints.
fn said(limits: &Limits, received: &str, stderr: &str) -> Vec<Limit> {
    // The error of a refused fork or thread is also that of a socket without data, so the line has to name what failed.
    const NO_MEMORY: [&str; 2] = ["memory allocation of", "Cannot allocate memory"];
    const STARTING: [&str; 4] = ["spawn", "fork", "clone", "thread"];
    const REFUSED: [&str; 3] = ["Resource temporarily unavailable", "EAGAIN", "WouldBlock"];
    let any = |line: &str, words: &[&str]| words.iter().any(|word| line.contains(word));
    let of_line = |line: &str| {
        if any(line, &NO_MEMORY) {
            Some(Limit::Memory)
        } else if any(line, &STARTING) && any(line, &REFUSED) {
            Some(Limit::Processes)
        } else if line.contains("Too many open files") {
            Some(Limit::OpenFiles(limits.open_files))
        } else {
            line.contains("File too large").then_some(Limit::File)
        }
    };
    received.lines().chain(stderr.lines()).filter_map(of_line).collect()
}

fn sentence(limits: &Limits, limit: Limit) -> String {
    match limit {
        Limit::Cpu => format!(
            "The limit of {} s of processor time was hit: the program computed all the time, in a loop that never waits.",
            limits.cpu_seconds
        ),
        Limit::File => format!("The limit of {} MiB for one file was hit.", limits.file_mib),
        Limit::Disk => format!("The limit of {} MiB for all temporary files was hit.", limits.disk_mib),
        Limit::Memory => format!(
            "The limit of {} MiB of memory was hit: does the program keep all that it receives?",
            limits.memory_mib
        ),
        Limit::Processes => format!(
            "The limit of {} processes and threads together was hit: does each of them end?",
            limits.processes
        ),
        Limit::OpenFiles(most) => {
            format!("The limit of {most} open files and sockets was hit: a descriptor that nobody closes stays open.")
        }
    }
}

/// Processor time and waiting are different things; the second costs nothing and is only noticed by whoever waits too.
fn computed_or_waited(computed: f64, seconds: f64) -> String {
    let did = match computed / seconds.max(0.001) {
        share if share >= COMPUTING => "it was computing, in a loop that never waits",
        share if share >= WAITING => "it was computing for a part of the time",
        _ => "it was waiting",
    };
    format!("The program used {computed:.2} s of processor time in {seconds:.1} s: {did}.")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks_on(notes: &[Note], late: bool, stderr: &str) -> String {
        let failure = harness::evidence::Failure {
            stderr: stderr.into(),
            ..Default::default()
        };
        remarks(&Limits::default(), notes, late, &failure, 3.0)
    }

    fn spent(cpu_seconds: f64) -> Note {
        Note::Cell(crate::isolation::ended::Spent {
            cpu_seconds,
            disk_full: false,
        })
    }

    #[test]
    fn waiting_is_told_from_computing() {
        for (cpu_seconds, did) in [
            (0.01, "0.01 s of processor time in 3.0 s: it was waiting."),
            (0.9, "for a part of the time."),
            (2.9, "in a loop that never waits."),
        ] {
            let said = remarks_on(&[spent(cpu_seconds)], true, "");
            assert!(said.contains(did), "{said}");
            assert_eq!(remarks_on(&[spent(cpu_seconds)], false, ""), "");
        }
    }

    #[test]
    fn an_error_of_the_kernel_names_its_limit_once() {
        for (stderr, notes, says) in [
            (
                "memory allocation of 9 bytes failed",
                vec![Note::Reached(Limit::Memory)],
                "512 MiB",
            ),
            (
                "failed to spawn thread: Os { code: 11, kind: WouldBlock }",
                vec![],
                "128 processes",
            ),
            (
                "error: accept: EMFILE: Too many open files",
                vec![Note::Reached(Limit::OpenFiles(32))],
                "32 open",
            ),
            ("File too large (os error 27)", vec![], "64 MiB for one file"),
        ] {
            let said = remarks_on(&notes, false, stderr);
            assert!(said.contains(says) && said.matches("limit").count() == 1, "{said}");
        }
        // A socket without data says the same as a refused thread.
        assert_eq!(remarks_on(&[], false, "recv: Resource temporarily unavailable"), "");
    }
}
