//! Starts a program with its supervisor: the tracer's way to the first instruction, on one processor together.

use super::{
    Supervisor,
    calls::STOPPING,
    task::{Process, State, Task},
    watch::Watch,
};
use crate::{
    pi::{Pi, shared::Shared},
    process::{EndOfProcess, Exit, Spawned, Spec},
    trace::{
        filter,
        spawn::{Image, begin, pipe, why_not_started},
    },
};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// How long the kernel may take to end killed processes before that counts as our fault.
const BURIAL: Duration = Duration::from_secs(10);

/// Starts the program on this Pi. The error is a sentence for the test's report.
pub(crate) fn spawn(spec: &Spec, pi: &Pi) -> Result<Spawned, String> {
    if std::mem::replace(&mut pi.shared.lock().taken, true) {
        return Err("a fake Raspberry Pi is good for one program: ask for another one".into());
    }
    let (child_in, stdin) = pipe()?;
    let (stdout, child_out) = pipe()?;
    let (stderr, child_err) = pipe()?;
    let filter = filter::plain_program(STOPPING);
    let image = Image::new(spec, filter, [child_in, child_out, child_err])?;
    let alive = Arc::new(Alive::default());
    let (tell, started) = mpsc::sync_channel(1);
    let (shared, theirs) = (pi.shared.clone(), alive.clone());
    thread::Builder::new()
        .name("pi".into())
        .spawn(move || supervise(image, shared, &theirs, tell))
        .map_err(|error| format!("no thread for the fake Pi: {error}"))?;
    let pid = started
        .recv()
        .map_err(|_| "the fake Pi's thread ended at once".to_owned())??;
    Ok(Spawned {
        pid,
        stdin,
        stdout,
        stderr,
        end: Box::new(OnPi {
            shared: pi.shared.clone(),
            alive,
        }),
    })
}

/// Whom to kill, and whether the thread is done.
#[derive(Default)]
struct Alive {
    launcher: Mutex<Option<Pid>>,
    main: Mutex<Option<Pid>>,
}

/// The supervisor's thread, from the fork to the end of the last descendant. PDEATHSIG and EXITKILL are bound to it.
fn supervise(image: Image, shared: Arc<Shared>, alive: &Alive, tell: mpsc::SyncSender<Result<Pid, String>>) {
    let _over = Over(shared.clone());
    let (mut report, say) = match pipe() {
        Ok((report, say)) => (File::from(report), say),
        Err(why) => return drop(tell.send(Err(why))),
    };
    share_a_processor();
    let main = match start(image, say, alive) {
        Ok(main) => main,
        Err(why) => return drop(tell.send(Err(why))),
    };
    let answer = tell.clone();
    let begun = Box::new(move || drop(answer.send(Ok(main))));
    let mut supervisor = supervisor(main, shared, begun);
    supervisor.run();
    drop(supervisor);
    // Only the first message counts: this one if the program never began.
    let _ = tell.try_send(Err(why_not_started(&mut report)));
}

fn start(image: Image, say: OwnedFd, alive: &Alive) -> Result<Pid, String> {
    let (launcher, main) = begin(image, say, STOPPING)?;
    *alive.launcher.lock().unwrap_or_else(PoisonError::into_inner) = launcher;
    *alive.main.lock().unwrap_or_else(PoisonError::into_inner) = Some(main);
    Ok(main)
}

fn supervisor(main: Pid, shared: Arc<Shared>, begun: Box<dyn FnOnce()>) -> Supervisor {
    let main = main.as_raw();
    let first = State::Ready {
        at: Duration::ZERO,
        turn: 0,
        signal: 0,
    };
    Supervisor {
        main,
        tasks: BTreeMap::from([(main, Task::new(main, 1, first))]),
        processes: HashMap::from([(main, Process::default())]),
        newborn: BTreeSet::new(),
        shared,
        watch: Watch::start(),
        now: Duration::ZERO,
        zero: Instant::now(),
        turn: 0,
        born: 1,
        dirty: false,
        recheck: false,
        doomed: None,
        stay: None,
        begun: Some(begun),
    }
}

/// This thread and what it starts run on one processor: one of them runs at a time anyway, and waking another processor for each stop makes
/// it ten times as slow. Each supervisor takes the next one. Best effort: it is only speed.
fn share_a_processor() {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let Ok(allowed) = sched_getaffinity(Pid::from_raw(0)) else {
        return;
    };
    let usable: Vec<usize> = (0..CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .collect();
    let Some(cpu) = usable.get(NEXT.fetch_add(1, Ordering::Relaxed) % usable.len().max(1)) else {
        return;
    };
    let mut one = CpuSet::new();
    if one.set(*cpu).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &one);
    }
}

/// Says that nothing is left, however the thread ends.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        let panicked = thread::panicking();
        self.0.tell(|state| {
            if panicked {
                state.fault.get_or_insert("its thread panicked".into());
            }
            (state.over, state.buried) = (true, true);
        });
    }
}

/// The program, as the rest of the harness sees it.
struct OnPi {
    shared: Arc<Shared>,
    alive: Arc<Alive>,
}

impl EndOfProcess for OnPi {
    fn wait_until(&self, deadline: Instant) -> Option<Exit> {
        self.shared.wait(deadline, |state| state.exit.is_some() || state.buried);
        let state = self.shared.lock();
        match (state.exit, state.buried) {
            (None, true) => panic!(
                "the fake Pi failed: {}",
                state.fault.as_deref().unwrap_or("it ended before the program did")
            ),
            (exit, _) => exit,
        }
    }

    fn kill_everything(&self) {
        self.shared.tell_supervisor(|state| state.kill = true);
        let known = |one: &Mutex<Option<Pid>>| *one.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.shared.lock().buried {
            // Asked, not killed: it takes away what it has built.
            known(&self.alive.launcher).map(|launcher| kill(launcher, Signal::SIGTERM));
        }
        if self.shared.lock().exit.is_none() {
            known(&self.alive.main).map(|main| kill(main, Signal::SIGKILL));
        }
        if !self.shared.wait(Instant::now() + BURIAL, |state| state.buried) {
            eprintln!(
                "the fake Pi's program did not end within {} s of SIGKILL",
                BURIAL.as_secs()
            );
        }
    }

    fn signal(&self, signal: i32) -> bool {
        self.shared.tell_supervisor(|state| {
            state.signals.push(signal);
            state.still = false;
        });
        true
    }

    fn why(&self) -> Option<String> {
        self.shared.lock().why.clone()
    }
}

impl Drop for OnPi {
    fn drop(&mut self) {
        self.kill_everything();
    }
}
