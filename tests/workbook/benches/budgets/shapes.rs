//! The five shapes of a server beside each other: `cargo bench -p workbook -- shapes` prints memory, threads, descriptors, and
//! how many clients are served while one client is connected and says nothing.
//!
//! The servers are the reference solutions. Every client asks one question in its server's protocol and stays connected, so that all
//! are there at the same time. Memory is the proportional share (`Pss`) of the server and all its children: what would be free
//! without them.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::{Bench, command};
use crate::cost::of_success;

/// Clients beside the idle one.
const CLIENTS: usize = 40;
/// A client that has heard nothing for so long is not being served.
const PATIENCE: Duration = Duration::from_millis(500);

/// One shape, by a server that has it.
struct Shape {
    name: &'static str,
    package: &'static str,
    args: &'static [&'static str],
    /// What a client reads before it asks.
    greeting: Option<&'static str>,
    /// What client `n` asks. The answer is one line.
    question: fn(usize) -> String,
}

const SHAPES: [Shape; 5] = [
    Shape {
        name: "iterative",
        package: "ex02",
        args: &["server"],
        greeting: None,
        question: |n| format!("{n}\n"),
    },
    Shape {
        name: "a process per client",
        package: "ex14",
        args: &["server", "--max-children", "100", "--", "cat"],
        greeting: None,
        question: |n| format!("{n}\n"),
    },
    Shape {
        name: "a thread per client",
        package: "ex15",
        args: &["server", "--mode", "thread"],
        greeting: None,
        question: |_| "BALANCE a\n".into(),
    },
    Shape {
        name: "a pool of 4 threads",
        package: "ex15",
        args: &["server", "--mode", "pool", "--workers", "4", "--queue", "100"],
        greeting: None,
        question: |_| "BALANCE a\n".into(),
    },
    Shape {
        name: "select",
        package: "ex13",
        args: &["server"],
        greeting: Some("NAME?"),
        question: |n| format!("c{n}\n/who\n"),
    },
];

pub fn measure(bench: &Bench) -> Result<()> {
    let programs = build(bench)?;
    println!("{CLIENTS} clients, beside one that is connected and says nothing\n");
    println!(
        "{:<22}{:>10}{:>12}{:>12}{:>14}{:>12}",
        "server", "served", "processes", "threads", "descriptors", "memory"
    );
    for shape in &SHAPES {
        try_out(shape, &programs).with_context(|| format!("the server of {}", shape.package))?;
    }
    Ok(())
}

/// The folder with the reference solutions' programs, optimized.
fn build(bench: &Bench) -> Result<PathBuf> {
    let target = bench.folder.join("shapes");
    let mut cargo = command("cargo");
    cargo
        .args(["build", "--quiet", "--release", "--target-dir"])
        .arg(&target);
    for shape in &SHAPES {
        cargo.args(["-p", shape.package]);
    }
    of_success(cargo.current_dir(bench.course.root.join("solutions")))?;
    Ok(target.join("release"))
}

fn try_out(shape: &Shape, programs: &Path) -> io::Result<()> {
    let mut server = Running::start(shape, programs)?;
    let _idle = TcpStream::connect(server.address)?;
    let mut served = Vec::new();
    let mut waiting = Vec::new();
    for n in 0..CLIENTS {
        let client = TcpStream::connect(server.address)?;
        match ask(shape, client.try_clone()?, n) {
            Ok(()) => served.push(client),
            Err(_) => waiting.push(client),
        }
    }
    let cost = Cost::of(server.child.id());
    println!(
        "{:<22}{:>10}{:>12}{:>12}{:>14}{:>8} KiB",
        shape.name,
        served.len(),
        cost.processes,
        cost.threads,
        cost.descriptors,
        cost.memory
    );
    server.child.kill()?;
    server.child.wait().map(drop)
}

/// One question and its answer.
fn ask(shape: &Shape, stream: TcpStream, n: usize) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut line = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
    if let Some(greeting) = shape.greeting {
        assert_eq!(line()?.trim_end(), greeting);
    }
    (&stream).write_all((shape.question)(n).as_bytes())?;
    line().map(drop)
}

struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(shape: &Shape, programs: &Path) -> io::Result<Running> {
        let mut child = Command::new(programs.join(shape.package))
            .args(shape.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut lines = BufReader::new(output).lines();
        let first = lines
            .next()
            .unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
        // Its log has to go somewhere, or a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let address = first.rsplit(' ').next().and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| io::Error::other(format!("its first line is {first:?}")))?;
        Ok(Running { child, address })
    }
}

/// What a server and all its children hold.
#[derive(Default)]
struct Cost {
    processes: usize,
    threads: usize,
    descriptors: usize,
    /// KiB.
    memory: usize,
}

impl Cost {
    fn of(pid: u32) -> Cost {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let entries = |folder: &str| std::fs::read_dir(process.join(folder)).map_or(0, Iterator::count);
        let rollup = std::fs::read_to_string(process.join("smaps_rollup")).unwrap_or_default();
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = pss.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let mut cost = Cost {
            processes: 1,
            threads: entries("task"),
            descriptors: entries("fd"),
            memory: kib.unwrap_or(0),
        };
        let children = std::fs::read_to_string(process.join(format!("task/{pid}/children"))).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            let child = Cost::of(child);
            cost.processes += child.processes;
            cost.threads += child.threads;
            cost.descriptors += child.descriptors;
            cost.memory += child.memory;
        }
        cost
    }
}
