//! What isolation and tracing cost: `cargo bench -p workbook` prints each figure beside its budget.
//!
//! Nothing here fails: a slow or busy machine is no defect. Ratios within one run say more than times, and medians more than means.

use std::env;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use harness::trace::SOCKET_CALLS;
use harness::{Exercise, Grading, Lab};

const ROUND_TRIPS: u32 = 5000;
/// Each figure is the median of so many runs.
const RUNS: usize = 5;
const STARTS: usize = 40;

fn main() -> io::Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        // This program is also its own subject.
        Some("echo") => echo()?,
        Some("nothing") => {}
        // `cargo test --benches` only wants to know whether it starts.
        _ if args.iter().any(|arg| arg == "--test") => {}
        _ => table(),
    }
    Ok(ExitCode::SUCCESS)
}

fn echo() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

fn table() {
    println!("{:<52} {:>12} {:>8}   budget", "", "median", "ratio");
    #[cfg(target_os = "linux")]
    {
        tracer();
        starts();
        cells();
        pi();
    }
    #[cfg(not(target_os = "linux"))]
    println!("tracer and cells are Linux only");
}

fn line(what: &str, median: Duration, ratio: Option<f64>, budget: &str) {
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.1} ×"));
    let time = match median.as_secs_f64() * 1e6 {
        micros if micros < 1000.0 => format!("{micros:.1} µs"),
        micros => format!("{:.2} ms", micros / 1000.0),
    };
    println!("{what:<52} {time:>12} {ratio:>8}   {budget}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ratio(slow: Duration, fast: Duration) -> Option<f64> {
    Some(slow.as_secs_f64() / fast.as_secs_f64())
}

fn lab() -> Lab {
    let exercise = Exercise {
        package: "costs",
        rubric: "[limits]\ncheck_seconds = 600\n",
        built: None,
    };
    let grading = Grading {
        subject: Some(env::current_exe().expect("this program has a name")),
        ..Grading::default()
    };
    Lab::open_for(exercise, grading)
}

/// A program on the fake Raspberry Pi: from its start to its end, and what each write to a register adds.
#[cfg(target_os = "linux")]
fn pi() {
    let run = |args: &[&str]| {
        let exercise = Exercise {
            package: "costs",
            rubric: "[limits]\ncheck_seconds = 600\n",
            built: Some(env!("CARGO_BIN_EXE_pi_subject")),
        };
        let times = (0..RUNS).map(|_| {
            let lab = Lab::open_for(exercise, Grading::default()).with_step(Duration::from_secs(60));
            let pi = lab.pi().expect("a fake Pi");
            let since = Instant::now();
            lab.program(args).on(&pi).run(b"").expect_code(0);
            since.elapsed()
        });
        median(times.collect())
    };
    const WRITES: u32 = 20_000;
    line(
        "fake Pi: start, Gpio::new, one pin, end",
        run(&["blink", "17", "0", "1000"]),
        None,
        "",
    );
    line(
        "fake Pi: 3 s of blinking",
        run(&["blink", "17", "3", "1000"]),
        None,
        "≤ 50 ms",
    );
    let (none, many) = (run(&["burst", "1", "0"]), run(&["burst", "1", &WRITES.to_string()]));
    line(
        "fake Pi: one write to a register",
        many.saturating_sub(none) / WRITES,
        None,
        "",
    );
}

/// A client and an echo server on the loopback: two calls of the server for each round trip.
#[cfg(target_os = "linux")]
fn tracer() {
    for (where_, pinned, budget) in [("all on one processor", true, "traced ≤ 3 ×"), ("free", false, "")] {
        let _pin = pinned.then(Pin::new);
        // In turn, so that what else the machine does hits both alike.
        let (mut plain, mut traced) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            plain.push(round_trip(false));
            traced.push(round_trip(true));
        }
        let (plain, traced) = (median(plain), median(traced));
        line(&format!("echo over loopback, {where_}: untraced"), plain, None, "");
        line(
            &format!("echo over loopback, {where_}: traced"),
            traced,
            ratio(traced, plain),
            budget,
        );
    }
}

#[cfg(target_os = "linux")]
fn round_trip(traced: bool) -> Duration {
    let lab = lab();
    let server = lab.program(["echo"]);
    let server = if traced { server.trace(SOCKET_CALLS) } else { server };
    let server = server.serve();
    let time = converse(server.addr()).expect("an echo");
    server.expect_exit(0);
    time
}

#[cfg(target_os = "linux")]
fn converse(server: SocketAddr) -> io::Result<Duration> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 16];
    let since = Instant::now();
    for _ in 0..ROUND_TRIPS {
        stream.write_all(&buffer)?;
        stream.read_exact(&mut buffer)?;
    }
    Ok(since.elapsed() / ROUND_TRIPS)
}

/// From the start of a program that does nothing to its end.
#[cfg(target_os = "linux")]
fn starts() {
    let lab = lab();
    let start = |traced: bool| {
        let since = Instant::now();
        let program = lab.program(["nothing"]);
        let program = if traced { program.trace(SOCKET_CALLS) } else { program };
        program.run(b"").expect_code(0);
        since.elapsed()
    };
    let (mut plain, mut traced) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        plain.push(start(false));
        traced.push(start(true));
    }
    let (plain, traced) = (median(plain), median(traced));
    line("a program that does nothing: untraced", plain, None, "");
    line("a program that does nothing: traced", traced, ratio(traced, plain), "");
}

/// What one check pays for its cell, and for the jail of its program.
#[cfg(target_os = "linux")]
fn cells() {
    use grader::isolation::policy::TMP;
    use grader::isolation::{Isolation, Isolator};
    let grader = Path::new(env!("CARGO_BIN_EXE_workbook-grader"));
    let program = Path::new("/bin/true");
    // A jail's program starts in the cell's own folder, so there is a shell in all three.
    let shell = |folder: &Path| {
        [
            "sh".into(),
            "-c".into(),
            format!("cd {} && exec \"$@\"", folder.display()),
            "sh".into(),
        ]
    };
    let alone = || time(Command::new("env").args(shell(Path::new("/tmp"))).arg(program));
    let plain = median((0..STARTS).map(|_| alone()).collect());
    line("/bin/true", plain, None, "");
    for level in Isolation::BEST_FIRST {
        let isolator = Isolator::find(grader, level).expect("the grader's program");
        if isolator.level() != level {
            println!("{level}: not on this machine");
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let workplace = isolator.workplace(folder.path()).expect("a workplace");
        let slots = isolator.slots(1).expect("a slot");
        let limits = grader::course::Limits::default().of_run();
        let in_cell = |jailed: bool| {
            let room = workplace.folder("c-").expect("a room");
            let since = Instant::now();
            let made = isolator.cell(&slots[0], room.path(), limits, program);
            let (mut cell, jail) = made.expect("a cell");
            cell.args(shell(&room.path().join(TMP)))
                .args(jail.filter(|_| jailed))
                .arg(program);
            time(&mut cell);
            since.elapsed()
        };
        for (what, jailed) in [("cell", false), ("cell and jail", true)] {
            let cost = median((0..STARTS).map(|_| in_cell(jailed)).collect()).saturating_sub(plain);
            let budget = if jailed { "≤ 10 ms a check" } else { "" };
            line(
                &format!("{what} at {}, beyond /bin/true", level.short()),
                cost,
                None,
                budget,
            );
        }
    }
}

#[cfg(target_os = "linux")]
fn time(command: &mut Command) -> Duration {
    let since = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.expect("it starts").success(), "{command:?} failed");
    since.elapsed()
}

/// Holds this thread, and all that it starts meanwhile, on one processor.
#[cfg(target_os = "linux")]
struct Pin(nix::sched::CpuSet);

#[cfg(target_os = "linux")]
impl Pin {
    fn new() -> Pin {
        use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
        let me = nix::unistd::Pid::from_raw(0);
        let before = sched_getaffinity(me).expect("an affinity");
        let first = (0..CpuSet::count()).find(|cpu| before.is_set(*cpu).unwrap_or(false));
        let mut one = CpuSet::new();
        one.set(first.unwrap_or(0)).expect("a processor");
        sched_setaffinity(me, &one).expect("one processor");
        Pin(before)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Pin {
    fn drop(&mut self) {
        nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &self.0).expect("all processors");
    }
}
