//! `grader board`: the reference lamp on the fake Pi, pressed by a script and by somebody at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use predicates::str::contains;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use workbook::repository;

use crate::GRADER;

/// The grader compiles before it shows a board, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(240);

fn no_pi_here() -> bool {
    harness::pi::available().is_err()
}

#[test]
fn a_script_presses_and_a_figure_shows_it() {
    if no_pi_here() {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let (script, figure) = (room.path().join("presses.txt"), room.path().join("lamp.svg"));
    std::fs::write(
        &script,
        "100 press 27 bouncing\n180 release 27 bouncing\n400 press 27\n480 release 27\n",
    )
    .unwrap();
    let run = crate::grader()
        .args(["board", "ex16", "--solutions", "--script"])
        .arg(&script)
        .arg("--svg")
        .arg(&figure)
        .assert()
        .code(0);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        "    0.100 s  │ press 1 at 100 ms: led on",
        "    0.400 s  │ press 2 at 400 ms: led off",
        "    1.480 s  gets signal 15",
    ] {
        assert!(lines.contains(&line), "{line} in:\n{text}");
    }
    let figure = std::fs::read_to_string(figure).unwrap();
    assert!(
        figure.contains("press 2 at 400 ms: led off") && figure.contains("BCM 27"),
        "{figure}"
    );
    let mut reader = Reader::from_str(&figure);
    while reader.read_event().expect("the figure is XML") != Event::Eof {}
}

#[test]
fn a_mistake_is_said_before_anything_is_built() {
    if no_pi_here() {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let script = room.path().join("presses.txt");
    std::fs::write(&script, "100 press 27\n200 push 27\n").unwrap();
    let wrong = |arguments: &[&str], complaint: &'static str| {
        let run = crate::grader().arg("board").args(arguments).assert();
        run.code(2).stderr(contains(complaint));
    };
    let script = script.to_str().unwrap();
    wrong(
        &["ex16", "--solutions", "--script", script],
        "presses.txt has a mistake: line 2",
    );
    wrong(
        &["ex16", "--solutions", "--script", "nowhere.txt"],
        "cannot read nowhere.txt",
    );
    wrong(&["ex01", "--solutions"], "has no pins");
}

/// A grader at a terminal of its own.
struct Desk {
    grader: Child,
    terminal: File,
    /// The terminal's other end, to ask how it was left.
    other_end: OwnedFd,
    seen: Vec<u8>,
}

impl Desk {
    fn sit_down(arguments: &[&str]) -> Desk {
        let mut grader = Command::new(GRADER);
        grader.args(["board", "ex16", "--solutions"]).args(arguments);
        grader.current_dir(repository());
        Desk::with(grader)
    }

    /// This program, with a terminal of 80 columns and 24 rows as its input and output.
    fn with(mut program: Command) -> Desk {
        let size = window(80, 24);
        let pty = openpty(&size, None).expect("a terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        let grader = program
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the program starts");
        Desk {
            grader,
            terminal: pty.master.into(),
            other_end: pty.slave,
            seen: Vec::new(),
        }
    }

    /// The terminal's window gets another size; the kernel tells those who are at it (SIGWINCH) if it is their controlling terminal, which
    /// this one is not.
    #[allow(unsafe_code)]
    fn resize(&self, columns: u16, rows: u16) {
        let size = window(columns, rows);
        // SAFETY: the descriptor is a terminal's, and the argument a size.
        let done = unsafe { nix::libc::ioctl(self.terminal.as_raw_fd(), nix::libc::TIOCSWINSZ, &size) };
        assert_eq!(done, 0, "the terminal takes a size");
        self.send(Signal::SIGWINCH);
    }

    fn send(&self, signal: Signal) {
        let grader = Pid::from_raw(self.grader.id().cast_signed());
        kill(grader, signal).expect("the grader is there");
    }

    /// Reads what is painted until this has been.
    fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            let shown = || String::from_utf8_lossy(&self.seen).escape_debug().to_string();
            assert!(!left.is_zero(), "`{text}` never came:\n{}", shown());
            self.read(left.min(Duration::from_millis(100)));
        }
    }

    fn read(&mut self, at_most: Duration) {
        let mut wanted = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        let millis = PollTimeout::try_from(at_most.as_millis()).unwrap_or(PollTimeout::MAX);
        if poll(&mut wanted, millis) == Ok(1) {
            let mut buffer = [0; 65536];
            let n = self.terminal.read(&mut buffer).unwrap_or(0);
            self.seen.extend_from_slice(&buffer[..n]);
        }
    }

    fn key(&mut self, key: &str) {
        self.seen.clear();
        self.terminal
            .write_all(key.as_bytes())
            .expect("the terminal takes a key");
    }

    /// Waits for the grader's end, and looks at the terminal that it leaves: the ordinary screen, a cursor, and lines with an echo.
    fn leave(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.grader.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the grader does not end");
            self.read(Duration::from_millis(50));
        };
        self.read(Duration::from_millis(50));
        let seen = String::from_utf8_lossy(&self.seen).to_string();
        let last = |sequence: &str| seen.rfind(sequence);
        assert!(
            last("\x1b[?1049l").is_some(),
            "it stays on its own screen: {}",
            seen.escape_debug()
        );
        assert!(
            last("\x1b[?25h") > last("\x1b[?25l"),
            "there is no cursor: {}",
            seen.escape_debug()
        );
        let left = tcgetattr(&self.other_end).expect("a terminal has settings");
        assert!(
            left.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO),
            "it is still raw"
        );
        status
    }
}

#[test]
fn keys_press_and_the_terminal_is_given_back() {
    if no_pi_here() {
        return;
    }
    let mut desk = Desk::sit_down(&[]);
    desk.wait_for("space or 1: press");
    desk.key(" ");
    desk.wait_for("press 1 at ");
    desk.wait_for("led on");
    desk.key("b");
    desk.wait_for("bounce (on)");
    desk.key("q");
    desk.wait_for("The program is over");
    desk.key("x");
    assert_eq!(desk.leave().code(), Some(0));
}

#[test]
fn a_program_that_ends_by_itself_leaves_its_board_to_be_looked_at() {
    if no_pi_here() {
        return;
    }
    let mut desk = Desk::sit_down(&["--", "lamp", "--presses", "1"]);
    desk.wait_for("space or 1: press");
    desk.key("1");
    desk.wait_for("Any key leaves the board");
    desk.key("x");
    assert_eq!(desk.leave().code(), Some(0));
}

#[test]
fn a_signal_gives_the_terminal_back_and_ends_the_program_too() {
    if no_pi_here() {
        return;
    }
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut desk = Desk::sit_down(&[]);
        desk.wait_for("space or 1: press");
        desk.send(signal);
        assert_eq!(desk.leave().code(), Some(0), "{signal}");
    }
}

#[test]
fn another_size_is_painted_anew() {
    if no_pi_here() {
        return;
    }
    let mut desk = Desk::sit_down(&[]);
    desk.wait_for("space or 1: press");
    desk.resize(100, 30);
    desk.wait_for("\x1b[30;1H"); // the last row of the new size
    desk.seen.clear();
    desk.resize(40, 10);
    desk.wait_for("\x1b[10;1H");
    desk.key("q");
    desk.wait_for("The program is over");
    desk.key("x");
    assert_eq!(desk.leave().code(), Some(0));
}

/// For the test below, in a process of its own: with a terminal, it panics while it has the screen.
#[test]
fn a_screen_on_which_something_panics() {
    if std::env::var_os("PANIC_ON_A_SCREEN").is_none() {
        return;
    }
    let mut screen = grader::terminal::Screen::open().expect("a terminal");
    screen
        .paint(&[grader::terminal::Line::plain("painted")])
        .expect("a terminal");
    panic!("in the middle of a page");
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    let this = std::env::current_exe().expect("this program");
    let mut program = Command::new(this);
    program
        .args(["--exact", "board::a_screen_on_which_something_panics", "--nocapture"])
        .env("PANIC_ON_A_SCREEN", "1");
    let mut desk = Desk::with(program);
    desk.wait_for("in the middle of a page");
    let seen = String::from_utf8_lossy(&desk.seen).to_string();
    let (back, words) = (seen.find("\x1b[?1049l"), seen.find("in the middle of a page"));
    assert!(
        seen.contains("painted") && back.is_some() && back < words,
        "{}",
        seen.escape_debug()
    );
    assert_eq!(desk.leave().code(), Some(101));
}

fn window(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
