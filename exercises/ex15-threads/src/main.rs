//! The program `ex15`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex15 server [--mode thread|pool] [--workers 4] [--queue 16] [--host 127.0.0.1] [--port 0]
//! ex15 pget [--jobs 4] HOST:PORT…     prints for each: [1] the first line of what it sent
//! ex15 probe                          then, for example: deposits 8 1000
//! ```

use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;
use std::{fmt, io, thread};

use ex15::{Bank, Pool, fetch_all, serve_pool, serve_threads};
use netlab::probe::Request;
use netlab::program::PORT;
use netlab::restless::restless;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, listening_on, report, signals};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const MODE: Parameter<Mode> = Parameter::with_default(
    "mode",
    "MODE",
    "thread: one for each client; pool: as many as --workers",
    "thread",
);
const WORKERS: Parameter<NonZeroUsize> = Parameter::with_default("workers", "N", "threads of the pool", "4");
const QUEUE: Parameter<NonZeroUsize> =
    Parameter::with_default("queue", "N", "how many clients may wait for a worker", "16");
const JOBS: Parameter<NonZeroUsize> =
    Parameter::with_default("jobs", "N", "how many servers to ask at the same time", "4");
const TARGETS: Parameter<Vec<String>> = Parameter::several("targets", "HOST:PORT", "the servers to ask");

fn main() -> ExitCode {
    let server = Command::new("server", "keep a bank that many clients use at once", server)
        .takes(&MODE)
        .takes(&WORKERS)
        .takes(&QUEUE)
        .takes(&HOST)
        .takes(&PORT);
    let pget = Command::with_exit_code("pget", "fetch from several servers at once", pget)
        .takes(&JOBS)
        .takes(&TARGETS);
    Program::new(
        "ex15",
        "Threads: one for each client, a pool of them, and a client that has several",
    )
    .command(server)
    .command(pget)
    .probe(probe)
    .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    let listener = TcpListener::bind(asked).during(Op::Bind, asked)?;
    let address = listener.local_addr().during(Op::Bind, asked)?;
    let mut clients = Clients {
        listener: Some(listener),
        asked_to_end: signals::term_fd().during(Op::Socket, "signals")?,
        open: Vec::new(),
        failed: None,
    };
    let bank = Arc::new(Bank::default());
    listening_on(address);
    match given.get(&MODE) {
        Mode::Thread => serve_threads(&mut clients, &bank),
        Mode::Pool => serve_pool(&mut clients, &bank, given.get(&WORKERS).get(), given.get(&QUEUE).get()),
    }
    clients.failed.map_or(Ok(()), Err).during(Op::Accept, address)
}
// ANCHOR_END: server

/// The clients, one after the other as they come. Ends when the server is asked to end.
struct Clients {
    listener: Option<TcpListener>,
    /// Readable as soon as somebody has asked the server to end (SIGTERM, SIGINT).
    asked_to_end: BorrowedFd<'static>,
    /// All connections that somebody still holds. A `Weak` does not hold them itself: the connection is closed when the
    /// last `Arc` is gone, as ever.
    open: Vec<Weak<TcpStream>>,
    failed: Option<io::Error>,
}

impl Iterator for Clients {
    type Item = Arc<TcpStream>;

    fn next(&mut self) -> Option<Arc<TcpStream>> {
        match self.accept() {
            Ok(Some(connection)) => {
                let connection = Arc::new(connection);
                self.open.retain(|open| open.strong_count() > 0);
                self.open.push(Arc::downgrade(&connection));
                return Some(connection);
            }
            Ok(None) => {}
            Err(error) => self.failed = Some(error),
        }
        self.listener = None; // whoever comes now is refused
        // A thread that waits for a client's next request reads the end of the stream instead. What it still has to
        // write, it can write.
        for connection in self.open.drain(..).filter_map(|open| open.upgrade()) {
            let _ = connection.shutdown(Shutdown::Read);
        }
        None
    }
}

impl Clients {
    /// Waits for a client; None, if the server is asked to end.
    fn accept(&self) -> io::Result<Option<TcpStream>> {
        let Some(listener) = &self.listener else {
            return Ok(None);
        };
        loop {
            let mut wanted = [
                PollFd::new(self.asked_to_end, PollFlags::POLLIN),
                PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut wanted, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue, // by the signal itself
                waited => waited?,
            };
            if wanted[0].any() == Some(true) {
                return Ok(None);
            }
            match listener.accept() {
                Ok((connection, _)) => return Ok(Some(connection)),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {} // it is gone already
                Err(error) => return Err(error),
            }
        }
    }
}

/// Prints the first line of what each server sent, in the order of the command line, or why there is none. The exit code
/// is 1 if one of them failed.
fn pget(given: &Arguments) -> u8 {
    let targets = given.get(&TARGETS);
    let mut code = 0;
    for (number, (target, fetched)) in (1..).zip(targets.iter().zip(fetch_all(&targets, given.get(&JOBS).get()))) {
        match fetched {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                event(format_args!("[{number}] {}", text.lines().next().unwrap_or_default()));
            }
            Err(error) => {
                let why = error
                    .raw_os_error()
                    .map_or(error.to_string(), |raw| Errno::from_raw(raw).to_string());
                report(&Failure::answered(format_args!("[{number}] {target}: {why}")));
                code = 1;
            }
        }
    }
    code
}

#[derive(Clone, Copy)]
enum Mode {
    Thread,
    Pool,
}

#[derive(Debug)]
struct NoMode;

impl FromStr for Mode {
    type Err = NoMode;
    fn from_str(text: &str) -> Result<Mode, NoMode> {
        match text {
            "thread" => Ok(Mode::Thread),
            "pool" => Ok(Mode::Pool),
            _ => Err(NoMode),
        }
    }
}

impl fmt::Display for NoMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("it is `thread` or `pool`")
    }
}

impl std::error::Error for NoMode {}

/// Uses your bank and your pool in several threads, and says what came of it:
///
/// - `deposits THREADS EACH`: each thread deposits 1 so many times, all on one account;
/// - `transfers THREADS EACH AMOUNT`: two accounts begin with AMOUNT; half of the threads transfer from the first to the
///   second, half of them back. Somebody looks at both accounts all the time;
/// - `meet WORKERS`: a pool, and one job for each worker; every job waits until all of them run, but not for ever;
/// - `shutdown WORKERS JOBS`: jobs that take a moment, and a shutdown right after them.
fn probe(request: &Request) -> Result<String, String> {
    let threads = request
        .argument::<NonZeroUsize>(1, "a number of threads")
        .map(NonZeroUsize::get);
    match request.function() {
        "deposits" => Ok(deposits(threads?, request.argument(2, "a number of deposits")?)),
        "transfers" => {
            let each = request.argument(2, "a number of transfers")?;
            Ok(transfers(threads?, each, request.argument(3, "an amount of money")?))
        }
        "meet" => Ok(meet(threads?)),
        "shutdown" => Ok(shutdown(threads?, request.argument(2, "a number of jobs")?)),
        _ => request.unknown("deposits 8 1000, transfers 8 1000 100, meet 4, shutdown 2 8"),
    }
}

/// How far apart threads are interrupted, wherever they are, so that what goes wrong now and then goes wrong here.
const OFTEN: Duration = Duration::from_micros(200);

fn deposits(threads: usize, each: u32) -> String {
    let (bank, start) = (Bank::default(), Barrier::new(threads));
    let deposit = || {
        let _restless = restless(OFTEN);
        start.wait(); // nobody begins before all are there
        (0..each).for_each(|_| bank.deposit("account", 1));
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(deposit);
        }
    });
    format!("balance {}", bank.balance("account"))
}

fn transfers(threads: usize, each: u32, amount: i64) -> String {
    let (bank, start, over) = (Bank::default(), Barrier::new(threads), AtomicBool::new(false));
    bank.deposit("a", amount);
    bank.deposit("b", amount);
    let transfer = |from, to| {
        let _restless = restless(OFTEN);
        start.wait();
        for number in 0..each {
            let _ = bank.transfer(from, to, i64::from(number % 7)); // or there is not enough, and nothing happens
        }
    };
    let look = || bank.inspect(|accounts| accounts.iter().map(|(_, balance)| *balance).collect::<Vec<i64>>());
    let mut seen = vec![look()];
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                seen.push(look());
                thread::yield_now();
            }
            seen
        });
        let ways = [("a", "b"), ("b", "a")].into_iter().cycle().take(threads);
        let threads: Vec<_> = ways.map(|(from, to)| scope.spawn(move || transfer(from, to))).collect();
        let ended = threads.into_iter().filter_map(|thread| thread.join().err()).count();
        over.store(true, Ordering::Relaxed);
        seen.extend(looking.join().unwrap_or_default());
        assert!(ended == 0, "{ended} threads panicked");
    });
    seen.push(look());
    let sums: Vec<i64> = seen.iter().map(|balances| balances.iter().sum()).collect();
    let lowest = seen.iter().flatten().min().copied().unwrap_or_default();
    let (least, most) = (sums.iter().min().copied(), sums.iter().max().copied());
    format!(
        "sum {}, seen from {} to {}, lowest balance {lowest}",
        bank.balance("a") + bank.balance("b"),
        least.unwrap_or_default(),
        most.unwrap_or_default(),
    )
}

/// Where threads wait for something that may never come.
#[derive(Default)]
struct Gate {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn add_one(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// Waits until the count is `wanted`, but no longer than this. Answers whether it is.
    fn wait(&self, wanted: usize, longest: Duration) -> bool {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(count, longest, |count| *count < wanted);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= wanted
    }
}

fn meet(workers: usize) -> String {
    // How a pool ends is asked by `shutdown`, not here.
    let pool = std::mem::ManuallyDrop::new(Pool::new(workers, workers));
    let mut met = Vec::new();
    // Twice, since a worker has to come back for its second job.
    for _ in 0..2 {
        let (here, gone, together) = (
            Arc::<Gate>::default(),
            Arc::<Gate>::default(),
            Arc::new(AtomicUsize::new(0)),
        );
        let first_is_late = Arc::new(AtomicBool::new(false));
        for number in 1..=workers {
            let (here, gone, together) = (here.clone(), gone.clone(), together.clone());
            let first_is_late = first_is_late.clone();
            let job = move || {
                here.add_one();
                // Whoever has waited in vain has waited for everybody.
                if !first_is_late.load(Ordering::SeqCst) && here.wait(workers, Duration::from_secs(2)) {
                    together.fetch_add(1, Ordering::SeqCst);
                } else {
                    first_is_late.store(true, Ordering::SeqCst);
                }
                gone.add_one();
            };
            if pool.try_submit(Box::new(job)).is_err() {
                return format!("job {number} was not taken");
            }
        }
        gone.wait(workers, Duration::from_secs(3));
        met.push(together.load(Ordering::SeqCst).to_string());
    }
    format!("met: {}", met.join(", then "))
}

fn shutdown(workers: usize, jobs: usize) -> String {
    thread_local!(static ALIVE: std::cell::RefCell<Option<Leaves>> = const { std::cell::RefCell::new(None) });
    /// Lives as long as the thread that runs a job.
    struct Leaves(Arc<AtomicUsize>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    let pool = Pool::new(workers, jobs);
    let (open, done, alive) = (
        Arc::<Gate>::default(),
        Arc::<AtomicUsize>::default(),
        Arc::<AtomicUsize>::default(),
    );
    for number in 1..=jobs {
        let (open, done, alive) = (open.clone(), done.clone(), alive.clone());
        let job = move || {
            ALIVE.with_borrow_mut(|leaves| {
                leaves.get_or_insert_with(|| {
                    alive.fetch_add(1, Ordering::SeqCst);
                    Leaves(alive)
                });
            });
            open.wait(1, Duration::from_secs(2));
            done.fetch_add(1, Ordering::SeqCst);
        };
        if pool.try_submit(Box::new(job)).is_err() {
            return format!("job {number} was not taken");
        }
    }
    // No job ends before the shutdown has returned, or has been given the time to do so.
    let returned = Arc::<Gate>::default();
    let opener = {
        let (open, returned) = (open.clone(), returned.clone());
        thread::spawn(move || {
            returned.wait(1, Duration::from_millis(300));
            open.add_one();
        })
    };
    pool.shutdown();
    let answer = format!(
        "when shutdown returned: {} of {jobs} jobs done, {} threads alive",
        done.load(Ordering::SeqCst),
        alive.load(Ordering::SeqCst),
    );
    returned.add_one();
    let _ = opener.join();
    answer
}
