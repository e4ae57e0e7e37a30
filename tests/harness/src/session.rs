//! What all parts of one [`Lab`](crate::Lab) share: the recording, the deadlines, the steps, the failure, and the programs to end.

use crate::{
    busy::Share,
    chart, clue,
    escape::{seconds, shortened},
    evidence::{Failure, Identity, Outcome, Record},
    merge::{self, Traced},
    recording::Recording,
    redact::Redactor,
    report::{self, Heading},
    rubric::{self, Check},
    running::{Running, last_words},
    transcript::Transcript,
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What a failed step waits for, at most, to learn that a program has ended: its sockets close a moment before its end is seen.
const MOMENT: Duration = Duration::from_millis(200);
/// Characters of what was received that a report shows. Tests quote with a limit of their own; this is for one that forgets it.
const LONGEST_RECEIVED: usize = 4000;
/// What a program may write, unless the rubric says otherwise.
const OUTPUT_KIB: u64 = 4096;
/// Of a program's stderr, a report shows so many lines.
const STDERR_LINES: usize = 12;

pub(crate) struct Session {
    pub package: String,
    pub check: String,
    pub case: String,
    pub rubric: Option<Check>,
    pub folder: PathBuf,
    pub transcript: Transcript,
    started: Instant,
    /// Milliseconds.
    step: AtomicU64,
    wall: Duration,
    /// What a program under test may write to stdout and stderr together.
    pub output_kib: u64,
    /// A grader is to read the evidence, and this process is there for this test alone.
    graded: bool,
    steps: AtomicU64,
    state: Mutex<State>,
}

/// Draws something that a report shows above the chart: lines of at most 76 characters.
type Picture = Box<dyn Fn() -> String + Send + Sync>;

#[derive(Default)]
struct State {
    redactor: Redactor,
    /// Who answers at an address: the column that an arrow points to.
    addresses: HashMap<SocketAddr, String>,
    programs: Vec<Arc<Running>>,
    subject: Identity,
    /// The check that owns failures of the undisturbed session now in progress.
    control: Option<String>,
    not_run_here: Option<String>,
    /// Set when everything is to be recorded: why calls cannot be, or nothing.
    recorded: Option<String>,
    failure: Option<(Failure, Option<String>)>,
    /// A wait of the step in progress has come to its deadline.
    late: bool,
    /// Set with the failure: it was a deadline that passed, and this machine was too busy for that to mean anything.
    starved: String,
    /// Pictures of the test's own, for the report of any failure.
    pictures: Vec<Picture>,
    /// A program has written more than it may; the check that owns the undisturbed session then in progress.
    flooded: Option<Option<String>>,
}

impl Session {
    pub fn new(
        package: &str,
        (check, case): (&str, &str),
        rubric_text: &str,
        folder: PathBuf,
        graded: bool,
    ) -> Arc<Session> {
        let started = Instant::now();
        Arc::new(Session {
            package: package.to_owned(),
            check: check.to_owned(),
            case: case.to_owned(),
            rubric: rubric::find(rubric_text, check),
            folder,
            transcript: Transcript::new(started),
            started,
            step: AtomicU64::new(crate::STEP.as_secs() * 1000),
            wall: rubric::check_time(rubric_text).unwrap_or(crate::WALL),
            output_kib: rubric::output_kib(rubric_text).unwrap_or(OUTPUT_KIB),
            graded,
            steps: AtomicU64::new(0),
            state: Mutex::default(),
        })
    }

    /// The zero of the transcript's times, for recordings that are merged with it.
    #[allow(dead_code)] // only the tracer keeps its own recording
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Counts a step and says until when it may take.
    pub fn step(&self) -> Instant {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.lock().late = false;
        self.patience()
    }

    /// Until when nothing may happen.
    pub fn patience(&self) -> Instant {
        self.deadline(Duration::from_millis(self.step.load(Ordering::Relaxed)))
    }

    /// `within` from now, or the end of the whole test if that is sooner.
    pub fn deadline(&self, within: Duration) -> Instant {
        (Instant::now() + within).min(self.end())
    }

    /// The end of the whole test.
    pub fn end(&self) -> Instant {
        self.started + self.wall
    }

    pub fn set_step(&self, step: Duration) {
        let millis = step.as_millis().try_into().unwrap_or(u64::MAX);
        self.step.store(millis, Ordering::Relaxed);
    }

    /// How a wait that led to nothing is described.
    pub fn waited(&self, since: Instant) -> String {
        format!("nothing for {}", self.late(since))
    }

    /// A deadline has passed; how long that took. One that came sooner because the time of the whole check is used up is called that.
    pub fn late(&self, since: Instant) -> String {
        self.lock().late = true;
        let waited = seconds(since.elapsed());
        if Instant::now() < self.end() {
            return waited;
        }
        format!("{waited}, when the {} of the whole check were over", seconds(self.wall))
    }

    /// Until when a program has to end that is about to.
    pub fn moment(&self) -> Instant {
        Instant::now() + MOMENT
    }

    /// A program has written more than it may, and is being ended.
    pub fn flooded(&self) {
        let mut state = self.lock();
        let control = state.control.clone();
        state.flooded.get_or_insert(control);
    }

    pub fn saw_port(&self, port: u16) {
        self.lock().redactor.saw_port(port);
    }

    pub fn saw_pid(&self, pid: i32) {
        self.lock().redactor.saw_pid(pid);
    }

    pub fn redact(&self, text: &str) -> String {
        self.lock().redactor.redact(text)
    }

    /// `lane` listens at this address, or speaks from it.
    pub fn listens(&self, lane: &str, at: SocketAddr) {
        let mut state = self.lock();
        state.redactor.saw_port(at.port());
        state.addresses.insert(at, lane.to_owned());
    }

    /// The column of whoever is at this address, if that is known.
    pub fn known_at(&self, addr: SocketAddr) -> Option<String> {
        let state = self.lock();
        let anywhere = |at: &SocketAddr| at.port() == addr.port() && at.ip().is_unspecified();
        let listening_anywhere = || {
            state
                .addresses
                .iter()
                .find(|(at, _)| anywhere(at))
                .map(|(_, lane)| lane)
        };
        state.addresses.get(&addr).or_else(listening_anywhere).cloned()
    }

    /// The column that an arrow to `to` points at.
    pub fn lane_at(&self, to: SocketAddr) -> String {
        self.known_at(to).unwrap_or_else(|| to.to_string())
    }

    /// The column that an arrow from `from` starts at. A program's own port tells nobody whose it is: then it is the program started last.
    pub fn lane_from(&self, from: SocketAddr) -> String {
        let latest = || self.latest_lane();
        self.known_at(from).or_else(latest).unwrap_or_else(|| from.to_string())
    }

    /// The column of the program started last.
    pub fn latest_lane(&self) -> Option<String> {
        self.lock().programs.last().map(|program| program.lane.clone())
    }

    pub fn add_program(&self, program: Arc<Running>, identity: Option<Identity>) {
        let mut state = self.lock();
        state.redactor.saw_pid(program.pid.as_raw());
        state.programs.push(program);
        if let Some(identity) = identity {
            state.subject = identity;
        }
    }

    /// The program under test with this column.
    pub fn subject(&self, lane: &str) -> Option<Arc<Running>> {
        self.subjects().into_iter().rfind(|program| program.lane == lane)
    }

    /// All programs under test, the first one first.
    pub fn subjects(&self) -> Vec<Arc<Running>> {
        let programs = self.lock().programs.clone();
        programs.into_iter().filter(|program| program.subject).collect()
    }

    /// Records everything from now on, and calls unless there is a reason why that is impossible.
    pub fn record_all(&self, tracing: Result<(), String>) {
        self.transcript.keep_more();
        self.lock().recorded = Some(tracing.err().unwrap_or_default());
    }

    /// Whether every program is to be traced.
    pub fn traces_all(&self) -> bool {
        self.lock().recorded.as_ref().is_some_and(String::is_empty)
    }

    /// What happened so far.
    pub fn recording(&self) -> Recording {
        let programs = self.lock().programs.clone();
        let traced = programs.iter().filter_map(|program| {
            let lane = program.lane.clone();
            program.seen().map(|seen| Traced { lane, seen })
        });
        let traced: Vec<Traced> = traced.collect();
        self.see_ports(&traced);
        Recording {
            lanes: self.transcript.lanes(),
            entries: merge::merged(self.transcript.entries(), &traced, &|addr| self.known_at(addr)),
            calls_missing: self.lock().recorded.clone().unwrap_or_default(),
        }
    }

    /// Ports that the kernel chose for traced programs, so that they can be redacted.
    fn see_ports(&self, traced: &[Traced]) {
        let answers = traced.iter().flat_map(|one| &one.seen.calls).filter(|event| {
            use crate::trace::Call::{Accept, Getpeername, Getsockname, Recvfrom};
            matches!(event.call.plain(), Accept | Getpeername | Getsockname | Recvfrom)
        });
        for address in answers
            .filter_map(|event| event.address()?.ip())
            .filter(|at| at.port() != 0)
        {
            self.saw_port(address.port());
        }
    }

    /// Adds a picture to the report of any failure.
    pub fn show(&self, picture: Picture) {
        self.lock().pictures.push(picture);
    }

    fn pictures(&self) -> String {
        let pictures = std::mem::take(&mut self.lock().pictures);
        pictures.iter().map(|picture| picture() + "\n").collect()
    }

    pub fn set_control(&self, fix_first: Option<&str>) {
        self.lock().control = fix_first.map(str::to_owned);
    }

    pub fn set_not_run_here(&self, reason: &str) {
        self.lock().not_run_here.get_or_insert_with(|| reason.to_owned());
    }

    /// Ends the test: a step went wrong.
    pub fn fail(&self, doing: &str, expected: &str, received: &str) -> ! {
        self.await_ends(received);
        self.end_test(doing, expected, received, "")
    }

    /// Like [`fail`](Session::fail), with a picture of our own above the chart: lines of at most 76 characters.
    pub fn fail_showing(&self, doing: &str, expected: &str, received: &str, picture: &str) -> ! {
        self.await_ends(received);
        self.end_test(doing, expected, received, picture)
    }

    /// A subject whose tracer failed has been killed by us: nothing that it did then is its own fault.
    #[cfg(target_os = "linux")]
    fn check_tracers(&self) {
        let programs = self.lock().programs.clone();
        programs
            .iter()
            .filter_map(|program| program.end.record())
            .for_each(crate::trace::Record::check);
    }

    /// Like [`fail`](Session::fail), with a last remark in the chart where it happened.
    pub fn fail_at(&self, lane: &str, doing: &str, expected: &str, received: &str) -> ! {
        // First: an end that explains the failure belongs above it in the chart.
        self.await_ends(received);
        self.transcript.note(lane, format!("✗ {doing}"));
        self.end_test(doing, expected, received, "")
    }

    fn end_test(&self, doing: &str, expected: &str, received: &str, picture: &str) -> ! {
        #[cfg(target_os = "linux")]
        self.check_tracers();
        let control = self.lock().control.clone();
        let starved = self.starved();
        let failure = Failure {
            doing: doing.to_owned(),
            expected: expected.to_owned(),
            received: clue::with_end_explained(
                expected,
                shortened(received, LONGEST_RECEIVED) + &self.sudden_ends(received),
            ),
            chart: format!(
                "{picture}{}{}",
                self.pictures(),
                chart::draw(&self.recording(), chart::IN_REPORT)
            ),
            stderr: self.stderr(),
        };
        let text = report::render(&self.heading(control.as_deref()), &failure);
        let mut state = self.lock();
        state.starved = starved;
        state.failure.get_or_insert((failure, control));
        drop(state);
        report::raise(text)
    }

    /// A sentence, when the failed step came to its deadline on a machine that was too busy for that to mean anything.
    fn starved(&self) -> String {
        // Without a grader, several tests share this process, and nobody asks.
        if !self.graded || !self.lock().late {
            return String::new();
        }
        let programs: Vec<_> = self.lock().programs.iter().map(|program| program.pid).collect();
        let (share, elapsed) = (Share::of(&programs), self.started.elapsed());
        if !share.is_starved(Duration::from_millis(self.step.load(Ordering::Relaxed)), elapsed) {
            return String::new();
        }
        format!(
            "this machine was busy with other things: in {} the test and its programs computed for {} and waited for a processor for {}",
            seconds(elapsed),
            seconds(share.computed),
            seconds(share.waited)
        )
    }

    /// A check whose program has written more than it may is lost, whatever else came of it. The report, if nothing else has lost it.
    pub fn lose_by_output(&self) -> Option<String> {
        let control = self.lock().flooded.clone()?;
        if self.lock().failure.is_some() {
            return None;
        }
        let programs = self.lock().programs.clone();
        let flood = programs.iter().find_map(|program| program.flood(self))?;
        let failure = Failure {
            doing: "keeping what the program writes".to_owned(),
            expected: format!("at most {} KiB on stdout and stderr together", self.output_kib),
            received: flood,
            chart: chart::draw(&self.recording(), chart::IN_REPORT),
            stderr: self.stderr(),
        };
        let text = report::render(&self.heading(control.as_deref()), &failure);
        self.lock().failure = Some((failure, control));
        Some(text)
    }

    fn heading<'a>(&'a self, fix_first: Option<&'a str>) -> Heading<'a> {
        Heading {
            package: &self.package,
            check: &self.check,
            case: &self.case,
            rubric: self.rubric.as_ref(),
            fix_first,
        }
    }

    /// When a conversation broke off, its program may just be about to end.
    fn await_ends(&self, received: &str) {
        let broke_off = ["end of stream", "(ECONN", "(EPIPE)"]
            .iter()
            .any(|sign| received.contains(sign));
        if broke_off {
            let until = self.moment();
            let programs = self.lock().programs.clone();
            for program in programs.iter().filter(|program| program.subject) {
                program.over(until);
            }
        }
    }

    /// A sentence for each program that ended by itself in a way that explains a failure.
    fn sudden_ends(&self, said: &str) -> String {
        let programs = self.lock().programs.clone();
        let ends = programs.iter().filter_map(|program| program.sudden_end(self));
        ends.filter(|end| !said.contains(end.as_str()))
            .map(|end| format!("\n{end}"))
            .collect()
    }

    fn stderr(&self) -> String {
        let programs = self.lock().programs.clone();
        let spoke: Vec<_> = programs.iter().filter(|p| p.subject && !p.stderr.is_empty()).collect();
        let several = spoke.len() > 1;
        let named = |p: &&Arc<Running>| {
            if several {
                format!("{}:\n", p.lane)
            } else {
                String::new()
            }
        };
        spoke
            .iter()
            .map(|p| named(p) + &last_words(&p.stderr, STDERR_LINES))
            .collect()
    }

    /// Kills what is left. The session stays usable for what was recorded.
    pub fn end_programs(&self) {
        let programs = self.lock().programs.clone();
        programs.iter().for_each(|program| program.end.kill_everything());
    }

    pub fn record(&self, panicking: bool) -> Record {
        let wanted = self.lock().recorded.is_some();
        let recording = wanted.then(|| self.recording());
        let state = self.lock();
        let (outcome, failure, fix_first) = match &state.failure {
            Some((failure, Some(first))) => (Outcome::NotRunControl, Some(failure.clone()), first.clone()),
            Some((failure, None)) => (Outcome::Failed, Some(failure.clone()), String::new()),
            None if panicking => (Outcome::Fault, None, String::new()),
            None if state.not_run_here.is_some() => (Outcome::NotRunHere, None, String::new()),
            None => (Outcome::Passed, None, String::new()),
        };
        let reason = match outcome {
            Outcome::Fault => report::last_panic().unwrap_or_else(|| "the test panicked".to_owned()),
            Outcome::NotRunHere => state.not_run_here.clone().unwrap_or_default(),
            _ => String::new(),
        };
        Record {
            package: self.package.clone(),
            check: self.check.clone(),
            case: self.case.clone(),
            subject: state.subject.clone(),
            steps: self.steps.load(Ordering::Relaxed),
            seconds: self.started.elapsed().as_secs_f64(),
            outcome,
            reason,
            fix_first,
            failure,
            late: state.late && state.failure.is_some(),
            starved: state.starved.clone(),
            recording,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
