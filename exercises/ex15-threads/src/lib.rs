//! Exercise 15: threads. A bank that several threads use at the same time, a pool of workers, a server that has both,
//! and a client that asks several servers at once.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, waits for clients and for the
//! end, and calls [`serve_threads`], [`serve_pool`] or [`fetch_all`].
//!
//! Everything here is std: [`std::thread`], [`std::sync::Mutex`], [`std::sync::mpsc`].
#![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Accounts with names, and an amount of money on each. Threads use one bank together, so every function takes `&self`.
///
/// An account that nobody has paid into is empty; it need not be opened.
#[derive(Default)]
pub struct Bank {
    // the accounts, and what keeps two threads from changing one at the same time
}

/// Why nothing was transferred: there is not enough on the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insufficient;

impl Bank {
    /// Adds `amount` to the account.
    pub fn deposit(&self, account: &str, amount: i64) {
        todo!("deposit: read, add and write while nobody else can")
    }

    /// How much is on the account.
    pub fn balance(&self, account: &str) -> i64 {
        todo!("balance: how much is on the account?")
    }

    /// Takes `amount` from one account and adds it to the other. Nobody ever sees it on neither, or on both.
    ///
    /// # Errors
    /// There is less than `amount` on the account `from`. Nothing has changed then.
    pub fn transfer(&self, from: &str, to: &str, amount: i64) -> Result<(), Insufficient> {
        todo!("transfer: both accounts, and nobody who waits for you while you wait for him")
    }

    /// Calls `look` with all accounts that have been named so far, sorted by name, while nobody can change any of them.
    ///
    /// Everybody else waits until `look` returns. It may panic; the bank goes on working.
    pub fn inspect<R>(&self, look: impl FnOnce(&[(String, i64)]) -> R) -> R {
        todo!("inspect: keep everybody out, and call `look`")
    }
}

/// Something to be done by some thread.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// Why a job was not taken: all workers are busy, and as many jobs wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A fixed number of threads, and a queue of jobs that wait for one of them.
pub struct Pool {
    // the way to the workers, and the workers
}

impl Pool {
    /// Starts `workers` threads; up to `queue` jobs (at least 1) may wait for one of them.
    pub fn new(workers: usize, queue: usize) -> Pool {
        todo!("Pool::new: a bounded queue, and threads that take jobs out of it until it is closed")
    }

    /// Gives the job to the workers. Does not wait.
    ///
    /// A job that panics ends, and costs neither the pool a worker nor anybody else anything.
    ///
    /// # Errors
    /// All workers are busy, and as many jobs wait as may.
    pub fn try_submit(&self, job: Job) -> Result<(), Full> {
        todo!("try_submit: into the queue, or say at once that it is full")
    }

    /// Takes no more jobs, and returns when all that were taken are done and all threads have ended.
    pub fn shutdown(self) {
        todo!("shutdown: let the workers know that nothing more will come, and wait for each of them")
    }
}

/// Answers one client's requests, a line each, until it says no more. What is asked is in [`Request`].
///
/// | request | answer |
/// |---|---|
/// | `Deposit` | `OK` |
/// | `Balance` | `OK 5` |
/// | `Transfer` | `OK`, or `ERR insufficient` |
/// | `Sleep` | `OK`, after [`sleep`] |
/// | `Dump` | what [`dump`] writes, for the accounts as they are at that moment |
/// | `Panic` | none: [`Bank::inspect`] is called with something that panics |
/// | anything else | `ERR bad request` |
///
/// A client that takes its time to read an answer keeps nobody else waiting.
///
/// # Errors
/// Those of reading from the connection and of writing to it.
pub fn handle(connection: &TcpStream, bank: &Bank) -> io::Result<()> {
    todo!("handle: read a line, do what it asks for, write the answer, until the end of the stream")
}

/// Serves each client in a thread of its own. `clients` waits for the next one; it ends when the server is asked to end.
///
/// A panic of one client's thread is that client's affair alone.
///
/// When `clients` has ended, returns as soon as everybody has been answered. (The given program sees to it that no
/// client can ask for more: `handle` reads the end of the stream then.)
pub fn serve_threads(clients: impl Iterator<Item = Arc<TcpStream>>, bank: &Arc<Bank>) {
    todo!("serve_threads: a thread for each client, and at the end wait for all of them")
}

/// Serves the clients with a [`Pool`]: a job is a connection, from its first request to its last.
///
/// A client for whom there is no room is told `ERR busy`, and its connection is closed, at once.
///
/// When `clients` has ended, returns as soon as everybody has been answered, those in the queue too.
pub fn serve_pool(clients: impl Iterator<Item = Arc<TcpStream>>, bank: &Arc<Bank>, workers: usize, queue: usize) {
    todo!("serve_pool: a job for each client, or `ERR busy`, and at the end shut the pool down")
}

/// Fetches from all `targets` (`HOST:PORT`): connects and reads to the end of the stream, asking for nothing. Answers
/// what came from each, or why nothing did, in the order of `targets`.
///
/// Up to `jobs` of them at the same time, and never more. As soon as one is done, the next one begins.
pub fn fetch_all(targets: &[String], jobs: usize) -> Vec<io::Result<Vec<u8>>> {
    todo!("fetch_all: several at a time, all of them in the end, and in order")
}

/// What a client may ask for. Given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `DEPOSIT a 5`
    Deposit {
        /// Whose.
        account: String,
        /// How much, 0 at least.
        amount: i64,
    },
    /// `BALANCE a`
    Balance {
        /// Whose.
        account: String,
    },
    /// `TRANSFER a b 5`
    Transfer {
        /// Who pays.
        from: String,
        /// Who gets it.
        to: String,
        /// How much, 0 at least.
        amount: i64,
    },
    /// `SLEEP 500`, in milliseconds
    Sleep(Duration),
    /// `DUMP 64`
    Dump {
        /// How many times 1024 bytes.
        kib: usize,
    },
    /// `PANIC`
    Panic,
}

impl Request {
    /// What this line asks for; None, if it is no request. Given.
    pub fn parse(line: &str) -> Option<Request> {
        let amount = |word: &str| word.parse::<u32>().map(i64::from).ok();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(match words[..] {
            ["DEPOSIT", account, much] => Request::Deposit {
                account: account.to_string(),
                amount: amount(much)?,
            },
            ["BALANCE", account] => Request::Balance {
                account: account.to_string(),
            },
            ["TRANSFER", from, to, much] => Request::Transfer {
                from: from.to_string(),
                to: to.to_string(),
                amount: amount(much)?,
            },
            ["SLEEP", time] => Request::Sleep(Duration::from_millis(time.parse().ok()?)),
            ["DUMP", kib] => Request::Dump {
                kib: kib.parse::<u16>().ok()?.into(),
            },
            ["PANIC"] => Request::Panic,
            _ => return None,
        })
    }
}

/// Does nothing for so long. Given.
#[allow(clippy::disallowed_methods)] // a request that takes long is what SLEEP is for
pub fn sleep(time: Duration) {
    thread::sleep(time);
}

/// Writes `OK N`, and then N = 1024 × `kib` bytes: lines such as `a 5`, one for each account, over and over. Given.
///
/// This waits for whoever reads.
///
/// # Errors
/// Those of writing.
pub fn dump(accounts: &[(String, i64)], kib: usize, mut out: impl Write) -> io::Result<()> {
    let mut left = 1024 * kib;
    out.write_all(format!("OK {left}\n").as_bytes())?;
    let mut text: String = accounts
        .iter()
        .map(|(name, balance)| format!("{name} {balance}\n"))
        .collect();
    if text.is_empty() {
        text = "nobody 0\n".to_string();
    }
    let text = text.repeat(1 + 65536 / text.len());
    while left > 0 {
        let piece = left.min(text.len());
        out.write_all(&text.as_bytes()[..piece])?;
        left -= piece;
    }
    Ok(())
}
