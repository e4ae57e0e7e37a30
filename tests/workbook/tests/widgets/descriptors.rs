//! The descriptor-table explorer: three servers make their sockets, and the kernel shows what they have after each step. The servers are
//! in Python (`descriptors.py`), which can fork and make calls one by one.

use std::collections::BTreeMap;
use std::process::Command;

use bookkit::widget::{Frame, Widget};
use serde::Deserialize;
use workbook::repository;

use super::{frame, holds, setting, table};

const SERVERS: [(&str, &str); 3] = [
    ("iterative", "one client after the other"),
    ("forked", "a process for each client"),
    ("threaded", "a thread for each client"),
];

/// What the kernel showed after one step.
#[derive(Deserialize)]
struct Shown {
    say: String,
    /// For each process: descriptor and letter of the socket.
    processes: BTreeMap<String, BTreeMap<String, String>>,
    /// For each letter: family, type, local and remote address, what it is.
    sockets: BTreeMap<String, Vec<String>>,
}

#[test]
fn descriptors() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("not run here: there is no python3");
        return;
    }
    let runs: BTreeMap<String, Vec<Frame>> = SERVERS
        .iter()
        .map(|(value, _)| ((*value).to_string(), steps(value).iter().map(drawn).collect()))
        .collect();
    let widget = Widget {
        title: "Descriptors and sockets".into(),
        lead: "The table of a process has descriptors; the kernel has sockets. *Step through the calls: which of the two does each change?*".into(),
        settings: vec![setting("Server", &SERVERS)],
        ends: Vec::new(),
        first: "iterative".into(),
        runs,
        rules: serde_json::Value::Null,
    };
    holds("descriptors", &widget);
}

fn steps(server: &str) -> Vec<Shown> {
    let program = repository().join("tests/workbook/tests/widgets/descriptors.py");
    let ran = Command::new("python3").arg(program).arg(server).output().unwrap();
    assert!(
        ran.status.success(),
        "{server}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let text = String::from_utf8(ran.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn drawn(shown: &Shown) -> Frame {
    let mut next = frame(shown.say.clone());
    // The parent first.
    for (process, entries) in shown.processes.iter().rev() {
        let standard = ["0", "1", "2"].iter().zip(["input", "output", "errors"]);
        let mut rows: Vec<Vec<String>> = standard
            .map(|(fd, what)| vec![(*fd).to_string(), what.to_string()])
            .collect();
        let mut sockets: Vec<(&String, &String)> = entries.iter().collect();
        sockets.sort_by_key(|(fd, _)| fd.parse::<u32>().unwrap());
        rows.extend(
            sockets
                .into_iter()
                .map(|(fd, letter)| vec![fd.clone(), format!("socket {letter}")]),
        );
        next.tables
            .push(table(&format!("Table of the {process}"), &["fd", "stands for"], rows));
    }
    let rows = shown.sockets.iter().map(|(letter, facts)| {
        let owners: usize = shown
            .processes
            .values()
            .map(|entries| entries.values().filter(|one| *one == letter).count())
            .sum();
        let mut row = vec![letter.clone()];
        row.extend([4, 2, 3].map(|fact| facts[fact].clone()));
        row.push(owners.to_string());
        row
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        rows.push(["none", "", "", "", ""].map(String::from).to_vec());
    }
    next.tables.push(table(
        "The kernel's sockets",
        &["socket", "is", "local", "remote", "descriptors"],
        rows,
    ));
    next
}
