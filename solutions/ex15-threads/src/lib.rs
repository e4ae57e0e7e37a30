// CANARY-7f3a91c2-hidden
//! Exercise 15: threads. A bank that several threads use at the same time, a pool of workers, a server that has both,
//! and a client that asks several servers at once.
//!
//! Each function says what it has to do. `src/main.rs` is given: it reads the command line, waits for clients and for the
//! end, and calls [`serve_threads`], [`serve_pool`] or [`fetch_all`].
//!
//! Everything here is std: [`std::thread`], [`std::sync::Mutex`], [`std::sync::mpsc`].
// SOLUTION #![allow(unused_imports, unused_mut, unused_variables)] // delete this line when you have written everything
// END SOLUTION

// SOLUTION use std::io::{self, BufRead, BufReader, Read, Write};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
// END SOLUTION
use std::net::TcpStream;
// SOLUTION use std::sync::{Arc, Mutex, PoisonError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
// END SOLUTION
use std::thread;
use std::time::Duration;

/// Accounts with names, and an amount of money on each. Threads use one bank together, so every function takes `&self`.
///
/// An account that nobody has paid into is empty; it need not be opened.
#[derive(Default)]
pub struct Bank {
    // SOLUTION // the accounts, and what keeps two threads from changing one at the same time
    /// One lock for the list, and one for each account, so that threads with different accounts need not wait for each
    /// other. Whoever holds an account never asks for the list, and whoever wants several accounts takes them in the
    /// order of their names: nobody can wait for somebody who waits for him.
    accounts: Mutex<BTreeMap<String, Arc<Mutex<i64>>>>,
    // END SOLUTION
}

/// Why nothing was transferred: there is not enough on the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insufficient;

impl Bank {
    /// Adds `amount` to the account.
    pub fn deposit(&self, account: &str, amount: i64) {
        // SOLUTION todo!("deposit: read, add and write while nobody else can")
        let account = self.account(account);
        // Read, add, write: three steps under one guard. Two guards, one to read and one to write, would let another
        // thread's deposit happen in between, and be overwritten.
        *lock(&account) += amount;
        // END SOLUTION
    }

    /// How much is on the account.
    pub fn balance(&self, account: &str) -> i64 {
        // SOLUTION todo!("balance: how much is on the account?")
        *lock(&self.account(account))
        // END SOLUTION
    }

    /// Takes `amount` from one account and adds it to the other. Nobody ever sees it on neither, or on both.
    ///
    /// # Errors
    /// There is less than `amount` on the account `from`. Nothing has changed then.
    pub fn transfer(&self, from: &str, to: &str, amount: i64) -> Result<(), Insufficient> {
        // SOLUTION todo!("transfer: both accounts, and nobody who waits for you while you wait for him")
        if from == to {
            // Nothing moves. Locking the same Mutex twice would be waiting for oneself, for ever.
            let enough = self.balance(from) >= amount;
            return if enough { Ok(()) } else { Err(Insufficient) };
        }
        let (source, target) = (self.account(from), self.account(to));
        // In the order of the names, whichever way the money goes.
        let (mut source, mut target) = if from < to {
            let source = lock(&source);
            (source, lock(&target))
        } else {
            let target = lock(&target);
            (lock(&source), target)
        };
        if *source < amount {
            return Err(Insufficient);
        }
        *source -= amount;
        *target += amount;
        Ok(())
        // END SOLUTION
    }

    /// Calls `look` with all accounts that have been named so far, sorted by name, while nobody can change any of them.
    ///
    /// Everybody else waits until `look` returns. It may panic; the bank goes on working.
    pub fn inspect<R>(&self, look: impl FnOnce(&[(String, i64)]) -> R) -> R {
        // SOLUTION todo!("inspect: keep everybody out, and call `look`")
        let accounts = lock(&self.accounts);
        // A BTreeMap is sorted by name: the same order as in `transfer`.
        let held: Vec<(&String, MutexGuard<i64>)> =
            accounts.iter().map(|(name, account)| (name, lock(account))).collect();
        let seen: Vec<(String, i64)> = held
            .iter()
            .map(|(name, balance)| ((*name).clone(), **balance))
            .collect();
        look(&seen)
        // END SOLUTION
    }
    // SOLUTION

    /// The account of this name. The lock of the list is held only while it is looked up.
    fn account(&self, name: &str) -> Arc<Mutex<i64>> {
        let mut accounts = lock(&self.accounts);
        if let Some(known) = accounts.get(name) {
            return Arc::clone(known);
        }
        Arc::clone(accounts.entry(name.to_string()).or_default())
    }
    // END SOLUTION
}
// SOLUTION

/// Locks, also after a thread has panicked while it held the lock.
///
/// A Mutex remembers such a panic (it is *poisoned*), since what it protects may be half changed. Whether that matters
/// only the program can know. Here it does not: nothing can panic between two changes that belong together.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
// END SOLUTION

/// Something to be done by some thread.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// Why a job was not taken: all workers are busy, and as many jobs wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A fixed number of threads, and a queue of jobs that wait for one of them.
pub struct Pool {
    // SOLUTION // the way to the workers, and the workers
    /// Jobs go in here. A *bounded* channel: it has room for so many, and then says no.
    jobs: SyncSender<Job>,
    workers: Vec<thread::JoinHandle<()>>,
    // END SOLUTION
}

impl Pool {
    /// Starts `workers` threads; up to `queue` jobs (at least 1) may wait for one of them.
    pub fn new(workers: usize, queue: usize) -> Pool {
        // SOLUTION todo!("Pool::new: a bounded queue, and threads that take jobs out of it until it is closed")
        let (jobs, waiting) = mpsc::sync_channel::<Job>(queue);
        // A channel has one receiver. The workers share it, and take turns at waiting.
        let waiting = Arc::new(Mutex::new(waiting));
        let start = |_| {
            let waiting = Arc::clone(&waiting);
            thread::spawn(move || {
                loop {
                    // The guard lives until the end of this statement. In `while let Ok(job) = lock(&waiting).recv()` it
                    // would live until the end of the loop's *body*, and all jobs would run one after the other.
                    let job = lock(&waiting).recv();
                    let Ok(job) = job else { return }; // the queue is empty, and its other end is gone
                    contained(job);
                }
            })
        };
        Pool {
            jobs,
            workers: (0..workers).map(start).collect(),
        }
        // END SOLUTION
    }

    /// Gives the job to the workers. Does not wait.
    ///
    /// A job that panics ends, and costs neither the pool a worker nor anybody else anything.
    ///
    /// # Errors
    /// All workers are busy, and as many jobs wait as may.
    pub fn try_submit(&self, job: Job) -> Result<(), Full> {
        // SOLUTION todo!("try_submit: into the queue, or say at once that it is full")
        self.jobs.try_send(job).map_err(|_| Full)
        // END SOLUTION
    }

    /// Takes no more jobs, and returns when all that were taken are done and all threads have ended.
    pub fn shutdown(self) {
        // SOLUTION todo!("shutdown: let the workers know that nothing more will come, and wait for each of them")
        // A receiver gets what is still in the channel, and then an error: that is how the workers hear of the end.
        drop(self.jobs);
        for worker in self.workers {
            let _ = worker.join(); // a worker's panic would be here; see `contained`
        }
        // END SOLUTION
    }
}
// SOLUTION

/// Runs `job`, and stops a panic here instead of letting it end the thread. Its message is on stderr already.
fn contained(job: impl FnOnce()) {
    // AssertUnwindSafe: "I know that what the job leaves half done does no harm." Only a bank is shared, see `lock`.
    let _ = catch_unwind(AssertUnwindSafe(job));
}
// END SOLUTION

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
    // SOLUTION todo!("handle: read a line, do what it asks for, write the answer, until the end of the stream")
    let mut out = connection; // a `&TcpStream` can be read and written: one descriptor, no copy of it needed
    for line in BufReader::new(connection).lines() {
        match Request::parse(&line?) {
            Some(Request::Deposit { account, amount }) => {
                bank.deposit(&account, amount);
                out.write_all(b"OK\n")?;
            }
            Some(Request::Balance { account }) => {
                out.write_all(format!("OK {}\n", bank.balance(&account)).as_bytes())?
            }
            Some(Request::Transfer { from, to, amount }) => match bank.transfer(&from, &to, amount) {
                Ok(()) => out.write_all(b"OK\n")?,
                Err(Insufficient) => out.write_all(b"ERR insufficient\n")?,
            },
            Some(Request::Sleep(time)) => {
                sleep(time);
                out.write_all(b"OK\n")?;
            }
            Some(Request::Dump { kib }) => {
                // Copy under the lock, send without it. Writing waits for the client, and nobody should wait with you.
                let accounts = bank.inspect(<[_]>::to_vec);
                dump(&accounts, kib, &mut out)?;
            }
            Some(Request::Panic) => bank.inspect(|_| panic!("as the client wished")),
            None => out.write_all(b"ERR bad request\n")?,
        }
    }
    Ok(())
    // END SOLUTION
}

/// Serves each client in a thread of its own. `clients` waits for the next one; it ends when the server is asked to end.
///
/// A panic of one client's thread is that client's affair alone.
///
/// When `clients` has ended, returns as soon as everybody has been answered. (The given program sees to it that no
/// client can ask for more: `handle` reads the end of the stream then.)
pub fn serve_threads(clients: impl Iterator<Item = Arc<TcpStream>>, bank: &Arc<Bank>) {
    // SOLUTION todo!("serve_threads: a thread for each client, and at the end wait for all of them")
    // A scope waits at its end for all threads that were started in it, so they may borrow what is outside.
    thread::scope(|scope| {
        for connection in clients {
            let theirs = Arc::clone(&connection);
            let answer = move || contained(|| drop(handle(&theirs, bank)));
            // `spawn` panics when the system has no room for another thread; the Builder says so.
            if thread::Builder::new().spawn_scoped(scope, answer).is_err() {
                refuse(&connection);
            }
        }
    });
    // END SOLUTION
}

/// Serves the clients with a [`Pool`]: a job is a connection, from its first request to its last.
///
/// A client for whom there is no room is told `ERR busy`, and its connection is closed, at once.
///
/// When `clients` has ended, returns as soon as everybody has been answered, those in the queue too.
pub fn serve_pool(clients: impl Iterator<Item = Arc<TcpStream>>, bank: &Arc<Bank>, workers: usize, queue: usize) {
    // SOLUTION todo!("serve_pool: a job for each client, or `ERR busy`, and at the end shut the pool down")
    let pool = Pool::new(workers, queue);
    for connection in clients {
        let (theirs, bank) = (Arc::clone(&connection), Arc::clone(bank));
        let job = move || drop(handle(&theirs, &bank));
        if pool.try_submit(Box::new(job)) == Err(Full) {
            refuse(&connection);
        }
    }
    pool.shutdown();
    // END SOLUTION
}
// SOLUTION

/// Tells a client that there is no room. Runs in the thread that accepts, so it must not wait for anything.
fn refuse(connection: &TcpStream) {
    let mut out = connection;
    // Nine bytes fit into the send buffer of a new connection; this does not wait for the client.
    let _ = out.write_all(b"ERR busy\n");
    // What it has asked already is read and thrown away: a connection that is closed with unread data is reset, and the
    // reset may overtake the words above.
    let _ = connection.set_nonblocking(true);
    let _ = (&mut out).take(64 << 10).read_to_end(&mut Vec::new());
}
// END SOLUTION

/// Fetches from all `targets` (`HOST:PORT`): connects and reads to the end of the stream, asking for nothing. Answers
/// what came from each, or why nothing did, in the order of `targets`.
///
/// Up to `jobs` of them at the same time, and never more. As soon as one is done, the next one begins.
pub fn fetch_all(targets: &[String], jobs: usize) -> Vec<io::Result<Vec<u8>>> {
    // SOLUTION todo!("fetch_all: several at a time, all of them in the end, and in order")
    let next = AtomicUsize::new(0);
    // Each thread takes the next target that nobody has taken, so none is idle while there is something to do.
    let work = || {
        let mut mine = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(target) = targets.get(at) else { return mine };
            mine.push((at, fetch(target)));
        }
    };
    let mut fetched: Vec<(usize, io::Result<Vec<u8>>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.min(targets.len())).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect()
    });
    // They come back in the order in which the threads got them.
    fetched.sort_by_key(|(at, _)| *at);
    fetched.into_iter().map(|(_, fetched)| fetched).collect()
    // END SOLUTION
}
// SOLUTION

fn fetch(target: &str) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    TcpStream::connect(target)?.read_to_end(&mut all)?;
    Ok(all)
}
// END SOLUTION

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
