//! What tracing costs, and that it loses nothing. This program is its own subject.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use harness::trace::{Call, SOCKET_CALLS};
use harness::{Exercise, Grading, Lab};

use crate::bench::Bench;
use crate::cost::{Pin, median};
use crate::table::{row, time};

const ROUND_TRIPS: u32 = 5000;
/// Each figure is the median of so many runs.
const RUNS: usize = 5;
const STARTS: usize = 40;
const THREADS: usize = 8;
const CALLS: usize = 100_000;

/// What this program does when it is a subject of that name.
pub fn subject(name: &str) -> Option<ExitCode> {
    let ended = match name {
        "echo" => echo(),
        "nothing" => Ok(()),
        "many-calls" => many_calls(),
        _ => return None,
    };
    Some(match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    })
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

/// Every thread asks its own socket for its name.
fn many_calls() -> io::Result<()> {
    let caller = || -> io::Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        (0..CALLS).try_for_each(|_| socket.local_addr().map(drop))
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..THREADS).map(|_| scope.spawn(caller)).collect();
        callers
            .into_iter()
            .try_for_each(|caller| caller.join().map_err(|_| io::Error::other("a thread panicked"))?)
    })
}

pub fn measure(_: &Bench) -> Result<()> {
    round_trips(true)?;
    round_trips(false)?;
    starts()?;
    losses()
}

fn lab() -> Result<Lab> {
    let exercise = Exercise {
        package: "budgets",
        rubric: "[limits]\ncheck_seconds = 600\n",
        built: None,
    };
    let grading = Grading {
        subject: Some(std::env::current_exe().context("this program has a name")?),
        ..Grading::default()
    };
    Ok(Lab::open_for(exercise, grading))
}

/// A client and an echo server on the loopback: two calls of the server for each round trip.
fn round_trips(pinned: bool) -> Result<()> {
    let _pin = pinned.then(Pin::new).transpose()?;
    // In turn, so that what else the machine does hits both alike.
    let (mut plain, mut traced) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        plain.push(round_trip(false)?);
        traced.push(round_trip(true)?);
    }
    let (plain, traced) = (median(plain), median(traced));
    let place = if pinned {
        "both ends on one processor"
    } else {
        "on all processors"
    };
    row(
        &format!("echo over the loopback, {place}: untraced"),
        &time(plain),
        "",
        None,
    );
    let ratio = traced / plain;
    let (budget, met) = if pinned {
        ("≤ 3.0 ×", Some(ratio <= 3.0))
    } else {
        ("", None)
    };
    row("… traced", &format!("{}, {ratio:.1} ×", time(traced)), budget, met);
    Ok(())
}

/// Seconds.
fn round_trip(traced: bool) -> Result<f64> {
    let lab = lab()?;
    let server = lab.program(["echo"]);
    let server = if traced { server.trace(SOCKET_CALLS) } else { server };
    let server = server.serve();
    let time = converse(server.addr()).context("no echo")?;
    server.expect_exit(0);
    Ok(time)
}

fn converse(server: SocketAddr) -> io::Result<f64> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 16];
    let since = Instant::now();
    for _ in 0..ROUND_TRIPS {
        stream.write_all(&buffer)?;
        stream.read_exact(&mut buffer)?;
    }
    Ok(since.elapsed().as_secs_f64() / f64::from(ROUND_TRIPS))
}

/// From the start of a program that does nothing to its end.
fn starts() -> Result<()> {
    let lab = lab()?;
    let start = |traced: bool| {
        let since = Instant::now();
        let program = lab.program(["nothing"]);
        let program = if traced { program.trace(SOCKET_CALLS) } else { program };
        program.run(b"").expect_code(0);
        since.elapsed().as_secs_f64()
    };
    let (plain, traced): (Vec<f64>, Vec<f64>) = (0..STARTS).map(|_| (start(false), start(true))).unzip();
    let (plain, traced) = (median(plain), median(traced));
    row("a program that does nothing: untraced", &time(plain), "", None);
    row(
        "… traced",
        &format!("{}, {:.1} ×", time(traced), traced / plain),
        "",
        None,
    );
    Ok(())
}

/// Counts the calls of many threads at once.
fn losses() -> Result<()> {
    let lab = lab()?;
    lab.set_step(std::time::Duration::from_secs(300));
    let since = Instant::now();
    let program = lab.program(["many-calls"]).trace(&[Call::Getsockname]).start();
    program.expect_exit(0);
    let seconds = since.elapsed().as_secs_f64();
    let (made, seen) = (THREADS * CALLS, program.calls().count(Call::Getsockname));
    row(
        &format!("{made} calls of {THREADS} threads, traced in {seconds:.1} s: lost"),
        &made.abs_diff(seen).to_string(),
        "0",
        Some(made == seen),
    );
    Ok(())
}
