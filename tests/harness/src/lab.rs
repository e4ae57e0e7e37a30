//! The laboratory of one test: everything a test does, it does through its [`Lab`].

use crate::{
    Blackhole, Finished, Launch, Listener, Loss, Refusing, Relay, Server, TcpPeer, Tool, UdpPeer, UnixServer,
    chart::{self, Style, Times},
    clue,
    folder::Folder,
    report,
    session::Session,
    sheet,
};
use std::{
    env,
    ffi::{OsStr, OsString},
    fmt::{Debug, Display},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

/// Deadline of one step: how long nothing may happen.
pub const STEP: Duration = Duration::from_secs(3);
/// Deadline of a whole test, unless the rubric's `check_seconds` says otherwise.
pub const WALL: Duration = Duration::from_secs(10);

/// Which exercise a test belongs to; filled in by [`exercise!`](crate::exercise).
#[derive(Debug, Clone, Copy)]
pub struct Exercise {
    /// Name of the package and of its program.
    pub package: &'static str,
    /// Text of the exercise's `rubric.toml`.
    pub rubric: &'static str,
    /// The program that cargo built for this test, if any.
    pub built: Option<&'static str>,
}

/// What the grader tells a suite, through three environment variables.
#[derive(Debug, Clone, Default)]
pub struct Grading {
    /// `WORKBOOK_SUBJECT`: the program under test. Without it: the one that cargo built.
    pub subject: Option<PathBuf>,
    /// `WORKBOOK_JAIL`: a launcher, started with the program and its arguments as arguments.
    pub jail: Option<PathBuf>,
    /// `WORKBOOK_EVIDENCE`: the file that gets a [`Record`](crate::evidence::Record) when the lab ends.
    pub evidence: Option<PathBuf>,
}

impl Grading {
    /// Reads the variables; an empty one counts as missing.
    pub fn from_env() -> Grading {
        let var = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Grading {
            subject: var("WORKBOOK_SUBJECT"),
            jail: var("WORKBOOK_JAIL"),
            evidence: var("WORKBOOK_EVIDENCE"),
        }
    }
}

/// The laboratory of one test: a temporary folder, the programs started in it, the recording of what they said, and the outcome.
///
/// Dropping it kills every program it started, writes the evidence, and removes the folder.
pub struct Lab {
    session: Arc<Session>,
    subject: PathBuf,
    jail: Option<PathBuf>,
    evidence: Option<PathBuf>,
    /// How it ends stands in the sheet that this process prints last.
    collected: bool,
    _folder: Folder,
}

impl Lab {
    /// Opens the laboratory of the test that runs on this thread.
    pub fn open(exercise: Exercise) -> Lab {
        let grading = Grading::from_env();
        let collected = grading.evidence.is_none();
        if collected {
            sheet::begin(exercise.package, exercise.rubric);
        }
        let mut lab = Lab::open_for(exercise, grading);
        lab.collected = collected;
        lab
    }

    /// Like [`Lab::open`], without looking at the environment.
    ///
    /// # Panics
    /// When it is unclear which program is under test: grading the wrong one would be worse than grading none.
    pub fn open_for(exercise: Exercise, grading: Grading) -> Lab {
        report::install_hook();
        let subject = match (grading.subject, exercise.built) {
            (Some(subject), _) => subject,
            (None, _) if grading.evidence.is_some() => {
                panic!("WORKBOOK_EVIDENCE is set but WORKBOOK_SUBJECT is not: evidence about which program?")
            }
            (None, Some(built)) => built.into(),
            (None, None) => panic!("no program to test: cargo built none, and WORKBOOK_SUBJECT is not set"),
        };
        let folder = Folder::make("lab-").unwrap_or_else(|e| panic!("a temporary folder: {e}"));
        let (check, case) = check_and_case();
        Lab {
            session: Session::new(
                exercise.package,
                (&check, &case),
                exercise.rubric,
                folder.path().to_owned(),
                grading.evidence.is_some(),
            ),
            // Programs start in the lab's folder: a relative path would lead elsewhere from there.
            subject: absolute(subject),
            jail: grading.jail.map(absolute),
            evidence: grading.evidence.map(absolute),
            collected: false,
            _folder: folder,
        }
    }

    /// For a scenario of `grader trace`: traces every program that this lab starts, and puts the whole recording into the evidence.
    #[must_use]
    pub fn recorded(self) -> Lab {
        self.session.record_all(self.tracing());
        self
    }

    /// The program under test with these arguments, not started yet.
    pub fn program<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Launch {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Launch::subject(self.session.clone(), self.subject.clone(), self.jail.clone(), args)
    }

    /// Starts the program under test and waits until it says where it listens.
    pub fn serve<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Server {
        self.program(args).serve()
    }

    /// Runs the program under test to its end, with an empty stdin.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Finished {
        self.program(args).run(b"")
    }

    /// Asks the program's functions through its `probe`: one line in, one line out.
    pub fn probe(&self, requests: &[&str]) -> Vec<String> {
        let probe = self.program(["probe"]).start();
        let ask = |request: &&str| {
            probe.stdin_write(format!("{request}\n").as_bytes());
            probe.line(
                &format!("asking `{}` for `{request}`", probe.lane()),
                "one line with the answer",
            )
        };
        let answers = requests.iter().map(ask).collect();
        probe.stdin_close();
        probe.wait();
        answers
    }

    /// Connects to `to` as a client that the chart calls `who`.
    pub fn connect(&self, who: &str, to: SocketAddr) -> TcpPeer {
        TcpPeer::connect(&self.session, who, to)
    }

    /// Connects with a receive buffer of a few KiB: a client that does not read is soon felt by the server.
    pub fn connect_narrow(&self, who: &str, to: SocketAddr) -> TcpPeer {
        TcpPeer::connect_narrow(&self.session, who, to)
    }

    /// Fails unless a connection to `to` is refused.
    pub fn refuses(&self, who: &str, to: SocketAddr) {
        TcpPeer::expect_refusal(&self.session, who, to);
    }

    /// A TCP server of the test, on a port of its own.
    pub fn listen(&self, who: &str) -> Listener {
        Listener::open(&self.session, who)
    }

    /// The same on `[::1]`. None marks the check `not run here`, since this machine has no IPv6: the test then returns.
    pub fn listen_v6(&self, who: &str) -> Option<Listener> {
        let opened = Listener::open_v6(&self.session, who);
        opened
            .map_err(|error| self.not_run_here(&format!("this machine has no IPv6 ({error})")))
            .ok()
    }

    /// A server of the test at `file` in the lab's folder, in the family AF_UNIX. None marks the check `not run here`, since the path is
    /// too long for an address: the test then returns.
    pub fn listen_unix(&self, who: &str, file: &str) -> Option<UnixServer> {
        UnixServer::open(&self.session, who, file)
            .map_err(|why| self.not_run_here(&why))
            .ok()
    }

    /// A UDP socket of the test, on a port of its own.
    pub fn udp(&self, who: &str) -> UdpPeer {
        UdpPeer::open(&self.session, who)
    }

    /// A socket that is not the one the program talks to: what it sends must not be taken for an answer.
    pub fn impostor(&self) -> UdpPeer {
        self.udp("impostor")
    }

    /// A bad network in front of the UDP server at `to`.
    pub fn relay(&self, to: SocketAddr, loss: Loss) -> Relay {
        Relay::open(&self.session, to, loss)
    }

    /// An address at which connections neither succeed nor fail.
    pub fn blackhole(&self) -> Blackhole {
        Blackhole::open(&self.session, "blackhole")
    }

    /// An address at which connections are refused.
    pub fn refusing(&self, who: &str) -> Refusing {
        Refusing::open(&self.session, who)
    }

    /// A third-party program. None marks the check `not run here`: the test then returns.
    pub fn tool(&self, name: &str) -> Option<Tool> {
        let tool = Tool::find(&self.session, name);
        if tool.is_none() {
            self.not_run_here(&format!("{name} is not installed"));
        }
        tool
    }

    /// Changes how long nothing may happen in one step; [`STEP`] without it.
    pub fn set_step(&self, step: Duration) {
        self.session.set_step(step);
    }

    /// The same for a lab that is just being opened.
    #[must_use]
    pub fn with_step(self, step: Duration) -> Lab {
        self.set_step(step);
        self
    }

    /// Runs a session without any fault, before the same with one. When it fails, the check was not run: the check `fix_first` owns that
    /// failure, and one bug costs points once.
    pub fn control<T>(&self, fix_first: &str, session: impl FnOnce(&Lab) -> T) -> T {
        self.session.set_control(Some(fix_first));
        let answer = session(self);
        self.session.set_control(None);
        answer
    }

    /// Fails unless `ok`.
    pub fn expect(&self, doing: &str, expected: impl Display, received: impl Display, ok: bool) {
        self.session.step();
        if !ok {
            let (expected, received) = (expected.to_string(), received.to_string());
            let clue = clue::of_texts(&expected, &received);
            self.fail(doing, expected, clue::below(&received, clue));
        }
    }

    /// Fails unless `ok`, and says what to think of first: something that the test knows and the bytes do not tell.
    pub fn expect_or_say(&self, doing: &str, expected: impl Display, received: impl Display, ok: bool, clue: &str) {
        self.session.step();
        if !ok {
            let received = clue::below(&received.to_string(), Some(clue.to_owned()));
            self.fail(doing, expected, received);
        }
    }

    /// Fails unless the two are equal.
    pub fn expect_eq<T: PartialEq<U> + Debug, U: Debug>(&self, doing: &str, received: T, expected: U) {
        self.expect(
            doing,
            format!("{expected:?}"),
            format!("{received:?}"),
            received == expected,
        );
    }

    /// Ends the test: the subject did something wrong.
    pub fn fail(&self, doing: &str, expected: impl Display, received: impl Display) -> ! {
        self.session.fail(doing, &expected.to_string(), &received.to_string())
    }

    /// Marks the check as one that this machine cannot run; it leaves the denominator. The test then returns.
    pub fn not_run_here(&self, reason: &str) {
        eprintln!("not run here: {reason}");
        self.session.set_not_run_here(reason);
    }

    /// Gives ports and pids of this run stable names: `PORT1`, `PID1`.
    pub fn redact(&self, text: &str) -> String {
        self.session.redact(text)
    }

    /// What happened so far as a chart, with its times hidden and its numbers redacted: fit for a snapshot.
    pub fn chart(&self) -> String {
        let style = Style {
            times: Times::Hidden,
            ..chart::IN_REPORT
        };
        self.redact(&chart::draw(&self.session.recording(), style))
    }

    /// A temporary folder, and the working directory of every program. Gone with the lab.
    pub fn folder(&self) -> &Path {
        &self.session.folder
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Bytes that look random and are the same for the same seed.
    pub fn random(&self, seed: u64, len: usize) -> Vec<u8> {
        self.session
            .transcript
            .note("", format!("makes {len} random bytes from seed {seed}"));
        random(seed, len)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let flooded = self.session.lose_by_output();
        let record = self.session.record(thread::panicking());
        self.session.end_programs();
        if self.collected {
            sheet::note(&record);
        }
        let written = self.evidence.as_ref().map(|file| (record.append(file), file));
        if let Some((Err(error), file)) = written {
            let problem = format!("the evidence could not be written to {}: {error}", file.display());
            // A second panic while unwinding would abort and take the report with it.
            if thread::panicking() {
                eprintln!("{problem}")
            } else {
                panic!("{problem}")
            }
        }
        if let Some(report) = flooded.filter(|_| !thread::panicking()) {
            report::raise(report);
        }
    }
}

/// libtest names a test's thread after it: `check`, or `check::case_1` for a case of a table.
fn check_and_case() -> (String, String) {
    let named = thread::current()
        .name()
        .filter(|name| *name != "main")
        .map(str::to_owned);
    let name = named
        .or_else(|| env::args().skip_while(|arg| arg != "--exact").nth(1))
        .unwrap_or_default();
    let (check, case) = name.split_once("::").unwrap_or((&name, ""));
    (check.to_owned(), case.to_owned())
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
