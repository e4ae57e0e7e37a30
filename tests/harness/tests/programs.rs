//! Programs from their start to their end: what they get, what they print, how they are stopped, and that nothing of them stays.

mod practice;

use harness::{Exit, Grading, Lab};
use practice::{EXERCISE, PRACTICE, SHORT, lab, report_in};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

#[test]
fn a_program_gets_a_folder_a_path_and_nothing_else() {
    let lab = lab();
    let program = lab.program(["surroundings"]).nofile(32).env("COLOUR", "red").start();
    program.expect_line(&format!("folder {}", lab.folder().display()));
    program.expect_line("variable COLOUR red");
    program.expect_line("descriptors 32");
    program.expect_exit(0);
}

#[test]
fn the_last_line_needs_no_newline() {
    let lab = lab();
    let program = lab.program(["cat"]).start();
    program.stdin_write(b"one\ntwo");
    program.expect_line("one");
    program.stdin_close();
    program.expect_line("two");
}

#[test]
fn whether_a_program_ends_in_time_is_a_question_and_no_step_that_fails() {
    let lab = lab();
    let program = lab.program(["cat"]).start();
    assert!(!program.ends_within(Duration::from_millis(20)));
    program.stdin_close();
    assert!(program.ends_within(Duration::from_secs(5)));
    assert!(program.ends_within(Duration::ZERO));
    program.expect_exit(0);
}

#[test]
fn a_run_feeds_and_collects_more_than_a_pipe_holds() {
    let lab = lab();
    let bytes = lab.random(7, 1 << 20);
    assert_eq!(bytes, lab.random(7, 1 << 20));
    assert_ne!(bytes, lab.random(8, 1 << 20));
    let finished = lab.program(["cat"]).run(&bytes).expect_code(0);
    assert!(
        finished.stdout == bytes,
        "{} of {} bytes",
        finished.stdout.len(),
        bytes.len()
    );
}

#[test]
fn a_program_that_reads_nothing_is_no_trouble() {
    let finished = lab().program(["exit", "3"]).run(&[0; 1 << 20]);
    assert_eq!((finished.exit, finished.stdout_text()), (Exit::Code(3), String::new()));
    let finished = lab().run(["fail", "error: recv"]);
    assert_eq!(
        (finished.exit, finished.stderr_text()),
        (Exit::Code(3), "error: recv\n".to_owned())
    );
}

#[test]
fn sigterm_and_sigkill_are_told_apart() {
    let lab = lab();
    let program = lab.program(["silent"]).start();
    program.expect_alive();
    program.terminate();
    assert_eq!(program.wait().exit, Exit::Signal(SIGTERM));
    let program = lab.program(["ignores-sigterm"]).start();
    program.expect_line("ready");
    program.terminate();
    program.expect_alive();
    program.kill();
    assert_eq!(program.wait().exit, Exit::Signal(SIGKILL));
}

/// The child of a program that has ended holds the other end of its stdout: waiting for end of file would take for ever.
#[test]
fn an_end_is_seen_although_a_child_lives_on() {
    let lab = lab();
    let program = lab.program(["parent"]).start();
    let since = Instant::now();
    let finished = program.expect_exit(0);
    assert!(since.elapsed() < Duration::from_secs(2));
    let child = pid_in(&finished.stdout_text());
    assert!(is_alive(child));
    program.next_line("reading the line that was printed");
    let report = report_in(&lab, |_| drop(program.next_line("reading on")));
    assert!(
        report.contains("no line: `practice parent` exited with code 0"),
        "{report}"
    );
    drop(lab);
    await_death(child);
}

#[test]
fn nothing_outlives_the_lab() {
    let lab = lab();
    let pids: Vec<i32> = ["silent", "ignores-sigterm", "lines-without-end", "spins"]
        .map(|how| lab.program([how]).start().pid())
        .into();
    let frozen = lab.program(["silent"]).start();
    frozen.freeze();
    let folder = lab.folder().to_owned();
    assert!(folder.is_dir() && pids.iter().all(|&pid| is_alive(pid)));
    drop(lab);
    // Reaped, not merely dead: the pid is free.
    assert!(pids.iter().chain([&frozen.pid()]).all(|&pid| !is_alive(pid)));
    assert!(!folder.exists());
}

#[test]
fn a_frozen_program_does_nothing_and_loses_nothing() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    server.freeze();
    let mut client = lab.connect("client", server.addr());
    client.send(b"hello");
    client.half_close();
    lab.set_step(SHORT);
    let report = report_in(&lab, |_| client.expect_eof("waiting while it is frozen"));
    assert!(report.contains("Received nothing for"), "{report}");
    lab.set_step(harness::STEP);
    server.thaw();
    client.expect_bytes(b"hello", "reading the echo");
    server.expect_line("echoed 5 bytes");
    drop(lab);
}

#[test]
fn a_crashed_server_comes_back_on_its_port() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    let port = server.port();
    server.kill();
    lab.refuses("client", server.addr());
    let again = lab.serve(["echo", &port.to_string()]);
    assert_eq!(again.addr(), server.addr());
    assert_eq!(
        lab.connect("client", again.addr()).exchange(b"hello", "echoing"),
        b"hello"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn processor_time_is_counted() {
    let lab = lab();
    let (idle, busy) = (lab.program(["silent"]).start(), lab.program(["spins"]).start());
    let since = Instant::now();
    while busy.cpu_seconds() < 0.1 {
        assert!(since.elapsed() < Duration::from_secs(8));
        std::thread::yield_now();
    }
    assert!(idle.cpu_seconds() < 0.1);
}

#[cfg(target_os = "linux")]
#[test]
fn peak_memory_is_that_of_the_program() {
    let lab = lab();
    let small = lab.program(["spins"]).start();
    small.expect_line("ready");
    assert!((64 << 10..64 << 20).contains(&small.peak_memory()));
}

/// The launcher waits for its child: signals for the program must reach the program.
#[cfg(target_os = "linux")]
#[test]
fn a_jail_stands_between() {
    let jailed = Grading {
        jail: Some(PRACTICE.into()),
        ..Grading::default()
    };
    let lab = Lab::open_for(EXERCISE, jailed);
    let server = lab.serve(["echo"]);
    server.freeze();
    let mut client = lab.connect("client", server.addr());
    client.send(b"hello");
    server.thaw();
    client.expect_bytes(b"hello", "reading the echo");
    server.terminate();
    server.expect_exit(0);
    let spinning = lab.program(["spins"]).start();
    spinning.expect_line("ready");
    let since = Instant::now();
    while spinning.cpu_seconds() < 0.05 {
        assert!(since.elapsed() < Duration::from_secs(8));
        std::thread::yield_now();
    }
}

#[test]
fn a_tool_is_found_or_the_check_is_not_run() {
    let lab = lab();
    assert!(lab.tool("no-such-tool-anywhere").is_none());
    let Some(cat) = lab.tool("cat") else { return };
    assert_eq!(cat.args(["-"]).run(b"hello").expect_code(0).stdout, b"hello");
}

fn pid_in(text: &str) -> i32 {
    text.trim()
        .rsplit(' ')
        .next()
        .and_then(|pid| pid.parse().ok())
        .expect("a pid")
}

/// Also true of a zombie: the number is taken.
fn is_alive(pid: i32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()
}

/// A grandchild is reaped by init, in its own time; until then it must at least be a zombie.
fn await_death(pid: i32) {
    let since = Instant::now();
    let is_dead = || !is_alive(pid) || is_zombie(pid);
    while !is_dead() {
        assert!(since.elapsed() < Duration::from_secs(5), "process {pid} lives on");
        std::thread::yield_now();
    }
}

fn is_zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

#[test]
#[cfg(target_os = "linux")]
fn children_that_nobody_waited_for_are_seen() {
    let lab = lab().with_step(SHORT);
    assert!(lab.can_see_processes());
    let nurse = lab.program(["nurse", "3"]).start();
    let mut children = String::new();
    for _ in 0..3 {
        let line = nurse.next_line("reading a child's id");
        let (_, pid) = line.rsplit_once(' ').expect("`child pid PID`");
        lab.saw_pid(pid.parse().expect("a number"));
        children += &format!("{line}\n");
    }
    assert_eq!(
        lab.redact(&children),
        "child pid PID1\nchild pid PID2\nchild pid PID3\n"
    );
    nurse.expect_zombies(3, "letting them lie");
    let report = report_in(&lab, |_| nurse.expect_zombies(0, "looking for zombies"));
    assert!(report.contains("3 zombies after"), "{report}");
    assert!(report.contains("practice, practice, practice"), "{report}");

    nurse.freeze_alone();
    nurse.stdin_write(b"now\n");
    nurse.expect_zombies(3, "it is frozen, and cannot wait for anybody");
    nurse.thaw();
    nurse.expect_line("waited");
    nurse.expect_zombies(0, "looking for zombies");
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_waits_is_at_rest_and_one_that_spins_is_not() {
    let lab = lab();
    let nurse = lab.program(["nurse", "0"]).start();
    nurse.expect_at_rest("watching a program that waits for a line");
    let spinning = lab.program(["spins"]).start();
    spinning.expect_line("ready");
    let report = report_in(&lab, |_| spinning.expect_at_rest("watching a program that spins"));
    assert!(report.contains("at most 0.04 s of processor time"), "{report}");
}
