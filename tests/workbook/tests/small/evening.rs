//! A student's evening: watching, hints, starting over, handing in.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use workbook::{SmallCourse, repository, shared_target};

use crate::GRADER;

const LIB: &str = "exercises/ex01-small/src/lib.rs";
/// For what takes a moment on a quiet machine; only a failure needs all of it.
const PATIENCE: Duration = Duration::from_secs(240);

fn solution(course: &SmallCourse) -> String {
    course.read("solutions/ex01-small/src/lib.rs")
}

fn grader(course: &SmallCourse, arguments: &[&str]) -> Command {
    let mut command = Command::new(GRADER);
    command
        .arg(arguments[0])
        .arg("--target-dir")
        .arg(shared_target())
        .args(&arguments[1..])
        .current_dir(course.root())
        .env_remove("NO_COLOR");
    command
}

/// Ends with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Watching {
    fn exit_code(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("it is our child") {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end");
            thread::yield_now();
        }
    }
}

/// Reads until `wanted` comes; gives everything up to there.
fn read_until(news: &Receiver<String>, wanted: &str) -> String {
    let (mut all, until) = (String::new(), Instant::now() + PATIENCE);
    while !all.contains(wanted) {
        let left = until.saturating_duration_since(Instant::now());
        match news.recv_timeout(left) {
            Ok(piece) => all += &piece,
            // The end of the pipe, or of patience.
            Err(error) => panic!("{error}: no {wanted:?} in:\n{all}"),
        }
    }
    all
}

#[test]
fn watching_grades_again_after_a_save_and_answers_letters() {
    let course = SmallCourse::new();
    let mut watch = grader(&course, &["watch", "--plain"]);
    let watch = watch
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut watch = Watching(watch.expect("it starts"));
    let (tell, news) = mpsc::channel();
    let output = BufReader::new(watch.0.stdout.take().unwrap());
    thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .all(|line| tell.send(line + "\n").is_ok())
    });
    let mut letters = watch.0.stdin.take().unwrap();

    let first = read_until(&news, "is watched");
    assert!(
        first.contains("Next to write\n  p1 doubles") && first.contains("What happened"),
        "{first}"
    );
    writeln!(letters, "h").unwrap();
    read_until(&news, "Hint 1 of 3: where to look");

    course.write(LIB, &solution(&course));
    let second = read_until(&news, "is watched");
    assert!(
        second.contains("── saved ──") && second.contains("100 of 100 points"),
        "{second}"
    );
    writeln!(letters, "l").unwrap();
    let list = read_until(&news, "1 of 1 done");
    assert!(list.contains("✔ ex01"), "{list}");

    course.edit(LIB, "number * 2", "number * 2 +");
    read_until(&news, "No program was made");
    writeln!(letters, "q").unwrap();
    assert_eq!(watch.exit_code(), Some(0));
    let diary = course.read("progress.toml");
    assert!(diary.contains("best = 100") && diary.contains("hints = 1"), "{diary}");
    let all = first + &second + &list;
    assert!(!all.contains('\x1b'), "plain mode moves a cursor or sets a colour");
}

/// `end` ends a watch that has a terminal; gives the exit code and all that the terminal got.
fn on_a_terminal(end: impl FnOnce(&Watching, &mut File)) -> (Option<i32>, String) {
    let course = SmallCourse::new();
    let size = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = openpty(&size, None).expect("a pseudo-terminal");
    let before = tcgetattr(&pty.slave).unwrap();
    let slave = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut watch = grader(&course, &["watch", "ex01"]);
    let watch = watch
        .env("TERM", "xterm")
        .stdin(slave())
        .stdout(slave())
        .stderr(slave())
        .spawn();
    let mut watch = Watching(watch.expect("it starts"));
    let mut keys = File::from(pty.master.try_clone().unwrap());
    let mut shows = File::from(pty.master.try_clone().unwrap());
    let (tell, news) = mpsc::channel();
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(n @ 1..) = shows.read(&mut piece) {
            if tell.send(String::from_utf8_lossy(&piece[..n]).into_owned()).is_err() {
                return;
            }
        }
    });
    let mut shown = read_until(&news, "Next to write");
    assert!(
        shown.contains("\x1b[?1049h") && shown.contains("\x1b[?25l"),
        "no screen of its own"
    );
    let raw = tcgetattr(&pty.slave).unwrap();
    assert!(!raw.local_flags.contains(LocalFlags::ICANON));
    end(&watch, &mut keys);
    let code = watch.exit_code();
    let after = tcgetattr(&pty.slave).unwrap();
    assert_eq!(after.local_flags, before.local_flags, "the terminal stays raw");
    shown += &read_until(&news, "\x1b[?1049l");
    (code, shown)
}

#[test]
fn the_terminal_is_given_back_by_a_key() {
    let (code, shown) = on_a_terminal(|_, keys| keys.write_all(b"q").unwrap());
    assert_eq!(code, Some(0));
    assert!(shown.contains("\x1b[?25h"), "the cursor stays hidden");
}

#[test]
fn the_terminal_is_given_back_by_a_signal() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let (ended, shown) = on_a_terminal(|watch, _| {
            kill(Pid::from_raw(watch.0.id().cast_signed()), signal).unwrap();
        });
        assert_eq!(ended, Some(code), "{signal}");
        assert!(shown.contains("\x1b[?25h"), "the cursor stays hidden");
    }
}

#[test]
fn hints_come_level_by_level_and_are_remembered() {
    let course = SmallCourse::new();
    let hint = |more: &[&str]| {
        let run = grader(&course, &[&["hint", "ex01"], more].concat()).output().unwrap();
        assert!(run.status.success());
        String::from_utf8(run.stdout).unwrap()
    };
    assert!(hint(&[]).starts_with("ex01  Hint 1 of 3: where to look\n\n- What is twice"));
    assert!(hint(&[]).contains("Hint 2 of 3: which operator"));
    assert!(hint(&["--level", "1"]).contains("Hint 1 of 3"));
    assert!(hint(&[]).contains("Hint 3 of 3"));
    assert!(hint(&[]).contains("This is the last one"));
    let wrong = grader(&course, &["hint", "ex09"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn what_is_packed_is_graded_as_it_is() {
    let course = SmallCourse::new();
    let handin = course.root().join("mine");
    let pack = |course: &SmallCourse| {
        let mut pack = grader(course, &["pack", "--name", "ada", "--out"]);
        pack.arg(&handin).output().unwrap()
    };
    let nothing = pack(&course);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing to hand in"));

    course.write(LIB, &solution(&course));
    course.write("exercises/ex01-small/src/notes.txt", "not accepted");
    let packed = pack(&course);
    let receipt = String::from_utf8(packed.stdout).unwrap();
    assert_eq!(
        packed.status.code(),
        Some(0),
        "{receipt}{}",
        String::from_utf8_lossy(&packed.stderr)
    );
    assert!(
        receipt.contains("100 of 100 points") && receipt.contains("Not packed:"),
        "{receipt}"
    );
    let first = std::fs::read(handin.join("ada.tar.gz")).unwrap();

    let class = course
        .grader(GRADER, &["ex01", "--format", "json", "--submissions", "mine"])
        .assert()
        .code(0);
    let gradebook: serde_json::Value = serde_json::from_slice(&class.get_output().stdout).unwrap();
    let ada = &gradebook["submissions"][0];
    assert_eq!(
        (ada["student"].as_str(), ada["points"].as_u64()),
        (Some("ada"), Some(100)),
        "{ada:#}"
    );
    let digest = ada["grades"][0]["digest"].as_str().unwrap();
    assert!(receipt.contains(&digest[..16]), "{receipt}");

    assert_eq!(pack(&course).status.code(), Some(0));
    assert_eq!(
        std::fs::read(handin.join("ada.tar.gz")).unwrap(),
        first,
        "the same files, the same bytes"
    );
    course.edit(LIB, "number * 2", "number * ");
    let broken = pack(&course);
    assert_eq!(broken.status.code(), Some(1), "it is packed, with a warning");
    assert!(String::from_utf8_lossy(&broken.stdout).contains("DOES NOT BUILD"));
}

#[test]
fn a_solution_is_shown_where_and_when_the_course_allows_it() {
    let course = SmallCourse::new();
    let shown = |folder: &std::path::Path| {
        let mut solution = grader(&course, &["solution", "ex01"]);
        let run = solution.current_dir(folder).output().unwrap();
        (
            run.status.code(),
            String::from_utf8(run.stdout).unwrap() + &String::from_utf8_lossy(&run.stderr),
        )
    };
    assert_eq!(shown(course.root()).0, Some(2), "without a course file nobody sees it");
    course.write("course.toml", "[solutions]\nex01 = \"on pass\"\n");
    let (code, said) = shown(course.root());
    assert!(code == Some(2) && said.contains("all its public points"), "{said}");
    let passed = "[ex01]\nbest = 40\nof = 40\npassed = \"2026-11-30T20:00:00Z\"\nhints = 0\n";
    course.write("progress.toml", passed);
    let (code, said) = shown(course.root());
    assert!(code == Some(0) && said.contains("number * 2"), "{said}");
    assert!(!said.contains("SOLUTION") && !said.contains("CANARY"), "{said}");

    std::fs::remove_dir_all(course.root().join("solutions")).unwrap();
    let (code, said) = shown(course.root());
    assert!(code == Some(2) && said.contains("not in this handout"), "{said}");
    let packed = File::create(course.root().join("exercises/ex01-small/solution.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::default());
    packed.write_all(b"as it was packed").unwrap();
    packed.finish().unwrap();
    assert_eq!(shown(course.root()), (Some(0), "as it was packed".to_string()));
}

/// Every exercise has three levels, in its README.
#[test]
fn every_exercise_has_its_hints() {
    let course = grader::course::Course::load(&repository()).unwrap();
    for exercise in &course.exercises {
        grader::hint::read(exercise).unwrap();
    }
}

/// What a student reads after full points: the idea in two sentences, and one thing to try.
#[test]
fn every_exercise_says_something_after_full_points() {
    let course = grader::course::Course::load(&repository()).unwrap();
    for exercise in &course.exercises {
        let after = exercise.rubric.after.as_ref();
        let after = after.unwrap_or_else(|| panic!("{}: no [after] in its rubric.toml", exercise.name));
        let sentences = after
            .idea
            .split_inclusive(['.', '?'])
            .filter(|end| !end.is_empty())
            .count();
        assert_eq!(sentences, 2, "{}: {}", exercise.name, after.idea);
        assert!(!after.further.is_empty(), "{}: nothing to try further", exercise.name);
    }
}
