//! The reference solutions' programs: built once for all tests here, asked through `probe`, or started as servers that can be killed.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use workbook::repository;

/// The program of a reference solution, `ex08` for instance.
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    let (solutions, target) = (repository().join("solutions"), repository().join("solutions/target"));
    let packages = ["ex03", "ex07", "ex08", "ex09", "ex10", "ex16"];
    let built = Command::new(env!("CARGO"))
        .current_dir(&solutions)
        .args(["build", "--quiet", "--bins", "--target-dir"])
        .arg(&target)
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .status()
        .expect("cargo starts");
    assert!(built.success(), "the reference solutions do not build");
    target.join("debug")
}

/// A program that answers one line for each line.
pub struct Probe {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Probe {
    pub fn of(name: &str) -> Probe {
        let mut child = Command::new(program(name))
            .arg("probe")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Probe {
            child,
            questions,
            answers,
        }
    }

    pub fn ask(&mut self, question: &str) -> String {
        writeln!(self.questions, "{question}").unwrap();
        let mut answer = String::new();
        let length = self.answers.read_line(&mut answer).unwrap();
        assert!(length > 0, "no answer to `{question}`");
        answer.trim_end().to_string()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A file server below `root`.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it, and waits for its first line. Port 0: the system chooses.
    pub fn start(name: &str, root: &Path, port: u16) -> Server {
        let mut child = Command::new(program(name))
            .args(["server", "--port", &port.to_string(), "--root"])
            .arg(root)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .and_then(|rest| rest.strip_suffix("/udp"));
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{name} begins with {line:?}"));
        // Its log is read to its end, or it would block when the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Server { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself already.
    let _ = child.kill();
    child.wait().unwrap();
}
