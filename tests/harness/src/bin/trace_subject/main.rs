//! The program that the tracer's own tests trace: one subcommand for each thing that a tracer may get wrong.
//!
//! It looks at itself and prints what it saw, so that a test can compare that with what the tracer says.
#![allow(unsafe_code, missing_docs)] // raw system calls, made exactly as the tests want them
#![allow(clippy::undocumented_unsafe_blocks)] // a test fixture: every pointer is to a local that outlives its call
use nix::{
    errno::Errno,
    libc::{self, c_void},
};
use std::{
    env,
    io::{self, Read, Write},
    mem::zeroed,
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::Command,
    ptr::{null, null_mut},
    thread,
};

mod descriptors;
mod processes;
mod registers;
mod transfers;
mod waiting;

use {descriptors::*, processes::*, transfers::*, waiting::*};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |n: usize| args.get(n).and_then(|arg| arg.parse().ok()).unwrap_or(0usize);
    match args.first().map_or("", String::as_str) {
        "echo" => echo(),
        "accepts" => accepts(number(1)),
        "many" => many(number(1), number(2), number(3)),
        "churn" => churn(number(1), number(2)),
        "reuse" => reuse(),
        "dups" => dups(),
        "forks" => {
            let rounds = number(1);
            let all: Vec<_> = (0..8)
                .map(|_| thread::spawn(move || (0..rounds).for_each(|_| forks())))
                .collect();
            all.into_iter().for_each(|one| one.join().expect("a thread"));
        }
        "exec" => exec(),
        "exec-by-thread" => drop(thread::spawn(exec).join()),
        "executed" => executed(),
        "registers" => say(registers::intact() + "\n" + &registers::stack_intact()),
        "short" => short(),
        "waits" => waits(),
        "blocks" => blocks(args.get(1).is_some_and(|arg| arg == "timeout")),
        "interrupted" => interrupted(args.get(1).map_or("", String::as_str)),
        "family" => family(),
        "breed" => breed(),
        "escapes" => escapes(),
        "sockets" => sockets(number(1)),
        "idle" => idle(),
        "watches" => watches(number(1)),
        "datagram" => datagram(),
        "storm" => storm(),
        other => eprintln!("trace_subject: no {other:?}"),
    }
}

fn say(text: impl std::fmt::Display) {
    println!("{text}");
}

/// The value of a raw call, or its errno in words.
fn shown(result: isize) -> String {
    if result == -1 {
        format!("{:?}", Errno::last())
    } else {
        result.to_string()
    }
}

/// Waits for a line on stdin: the test decides when to go on.
fn pause() {
    let mut byte = [0];
    while io::stdin().read(&mut byte).unwrap_or(0) == 1 && byte != *b"\n" {}
}

/// Sends all of it, however little goes at once.
fn send_all(fd: i32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
        assert!(sent > 0, "send: {:?}", Errno::last());
        bytes = &bytes[sent as usize..];
    }
}

fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    say(format!("listening on {}", listener.local_addr().expect("an address")));
    listener
}
