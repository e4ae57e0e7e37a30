//! Every hostile program at every isolation level that this machine offers: it gains nothing, tells nothing, leaves nothing.
//!
//! `cargo test -p workbook --test whole hostile -- --nocapture` prints the tables; `cargo grader selftest` prints the one of the best level.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use grader::isolation::{Isolation, Isolator};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use workbook::{grader_in, repository};

use crate::GRADER;

/// The trial at each level: its table, or nothing where this machine does not offer the level.
type Trial = LazyLock<Option<String>>;
pub static AT_L3: Trial = LazyLock::new(|| trial(Isolation::Namespaces));
pub static AT_L2: Trial = LazyLock::new(|| trial(Isolation::OwnUid));
pub static AT_L1: Trial = LazyLock::new(|| trial(Isolation::SameUid));

#[rstest]
#[case::l3(&AT_L3)]
#[case::l2(&AT_L2)]
#[case::l1(&AT_L1)]
fn every_hostile_program_is_held(#[case] trial: &Trial) {
    match &**trial {
        Some(table) => println!("{table}"),
        None => println!("not run here"),
    }
}

fn trial(level: Isolation) -> Option<String> {
    let found = Isolator::find(Path::new(GRADER), level).unwrap().finding;
    if found.level != level {
        println!("{level} is not run here: {:?}", found.failed);
        return None;
    }
    let mut trial = grader_in(GRADER, &repository());
    let run = trial.args(["selftest", "--isolation", level.short()]).assert().code(0);
    Some(String::from_utf8_lossy(&run.get_output().stdout).into_owned())
}

/// Each hostile program has two lines on what it tries, and names the threats it stands for.
#[test]
fn every_hostile_program_says_why_it_exists() {
    let hostile = repository().join(grader::selftest::HOSTILE);
    for entry in std::fs::read_dir(&hostile).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let why = std::fs::read_to_string(folder.join("WHY.md")).unwrap();
            assert_eq!(why.lines().count(), 2, "{}", folder.display());
            let expected = std::fs::read_to_string(folder.join("expected.toml")).unwrap();
            assert!(expected.starts_with("ids = [\""), "{}", folder.display());
        }
    }
}

/// The page for instructors has a line for each of them.
#[test]
fn the_book_says_what_came_of_every_hostile_program() {
    let page = std::fs::read_to_string(repository().join("book/src/isolation.md")).unwrap();
    let hostile = std::fs::read_dir(repository().join(grader::selftest::HOSTILE)).unwrap();
    let programs = hostile.map(Result::unwrap).filter(|entry| entry.path().is_dir());
    for program in programs {
        let expected: toml::Table = std::fs::read_to_string(program.path().join("expected.toml"))
            .unwrap()
            .parse()
            .unwrap();
        let ids: Vec<&str> = expected["ids"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(toml::Value::as_str)
            .collect();
        let points = if expected.contains_key("points") { "full" } else { "0" };
        let row = format!(
            "| {} | `{}` | {points} | ",
            ids.join(" "),
            program.file_name().to_string_lossy()
        );
        assert!(page.contains(&row), "book/src/isolation.md has no line `{row}…`");
    }
}

/// A class of strangers' programs is not graded where they would run with our rights, unless somebody says so.
#[test]
fn a_class_needs_isolation_or_trust() {
    let class = "tests/submissions/class";
    let mut refused = crate::grader();
    let refused = refused
        .args(["ex01", "--submissions", class, "--isolation", "L1"])
        .assert()
        .code(4);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(
        said.contains("grader doctor") && said.contains("--trust-submissions"),
        "{said}"
    );
    let mut required = crate::grader();
    required
        .args(["ex01", "--solutions", "--isolation", "L0", "--require-isolation", "L1"])
        .assert()
        .code(4);
}

/// However the grader ends, nothing of it stays: no process, no folder.
#[rstest]
fn nothing_survives_an_interrupted_grader(
    #[values(Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL)] signal: Signal,
    #[values("L3", "L2", "L1", "L0")] level: &str,
) {
    // A program that waits for ever keeps its cells long enough to be seen, however busy this machine is.
    let class = tempfile::tempdir().unwrap();
    let waits = repository().join("tests/submissions/hostile/D01-waits-for-ever/ex01-four-calls");
    workbook::copy_tree(&waits, &class.path().join("waits/ex01-four-calls"));
    let mut grader = Command::new(GRADER);
    grader
        .current_dir(repository())
        .args(["ex01", "--trust-submissions", "--jobs", "1", "--isolation", level])
        .arg("--submissions")
        .arg(class.path())
        .arg("--out")
        .arg(class.path().join("out"));
    let mut grader = grader.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let run = wait_for_a_check(&mut grader);
    kill(Pid::from_raw(grader.id().cast_signed()), signal).unwrap();
    grader.wait().unwrap();
    // The janitor's turn: it waits for the last cell, then removes the folder.
    let patience = Instant::now() + Duration::from_secs(10);
    while (run.exists() || !processes_in(&run).is_empty()) && Instant::now() < patience {
        std::thread::yield_now();
    }
    assert!(!run.exists(), "{} is still there", run.display());
    assert_eq!(processes_in(&run), Vec::<String>::new());
}

/// The folder of this grader's run, once one of its cells is at work in it.
fn wait_for_a_check(grader: &mut Child) -> std::path::PathBuf {
    let patience = Instant::now() + Duration::from_secs(120);
    let ours = format!("{}", grader.id());
    while Instant::now() < patience {
        let lines = processes()
            .into_iter()
            .filter(|(_, parent, _)| *parent == ours)
            .map(|(_, _, line)| line);
        let cells = lines.filter(|line| line.contains(" cell "));
        // The first cells try what this machine can do, and are in no run's folder.
        let runs = cells.filter_map(|line| {
            let room = Path::new(line.split_whitespace().nth(2)?).parent()?.to_path_buf();
            let name = room.file_name()?.to_string_lossy().into_owned();
            name.starts_with("run-").then_some(room)
        });
        if let Some(run) = runs.into_iter().next() {
            return run;
        }
        assert!(
            grader.try_wait().unwrap().is_none(),
            "the grader ended before its first check: {}",
            rest(grader)
        );
    }
    panic!("no check began");
}

fn rest(grader: &mut Child) -> String {
    let mut text = String::new();
    let _ = grader.stderr.as_mut().unwrap().read_to_string(&mut text);
    text
}

/// Processes that were started with a path in this folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    processes()
        .into_iter()
        .map(|(_, _, line)| line)
        .filter(|line| line.contains(&folder))
        .collect()
}

/// Process id, parent's id and command line of everybody.
fn processes() -> Vec<(String, String, String)> {
    let listed = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split_whitespace().nth(1)?.to_string();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        Some((entry.file_name().to_string_lossy().into_owned(), parent, line))
    });
    listed.collect()
}
