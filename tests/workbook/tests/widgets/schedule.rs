//! The interleaving explorer: two threads, three programs, every schedule. A small model, tried out completely.

use std::collections::BTreeMap;

use bookkit::widget::{Frame, Widget};

use super::{frame, holds, setting, table};

/// One step of a thread.
#[derive(Clone, Copy, PartialEq)]
enum Op {
    Load,
    Add,
    Store,
    Lock(usize),
    Unlock(usize),
}

use Op::{Add, Load, Lock, Store, Unlock};

/// What the two threads do.
struct Program {
    value: &'static str,
    words: &'static str,
    threads: [&'static [Op]; 2],
}

const PROGRAMS: [Program; 3] = [
    Program {
        value: "bare",
        words: "an account without a lock",
        threads: [&[Load, Add, Store], &[Load, Add, Store]],
    },
    Program {
        value: "locked",
        words: "an account with a lock",
        threads: [
            &[Lock(0), Load, Add, Store, Unlock(0)],
            &[Lock(0), Load, Add, Store, Unlock(0)],
        ],
    },
    Program {
        value: "two",
        words: "two locks, taken in opposite order",
        threads: [
            &[Lock(0), Lock(1), Unlock(1), Unlock(0)],
            &[Lock(1), Lock(0), Unlock(0), Unlock(1)],
        ],
    },
];

/// Everything that the next step depends on.
#[derive(Clone, Default)]
struct State {
    done: [usize; 2],
    register: [u32; 2],
    balance: u32,
    owner: [Option<usize>; 2],
}

impl Program {
    /// The next step of a thread, if it has one and need not wait for it.
    fn next(&self, state: &State, thread: usize) -> Option<Op> {
        let op = *self.threads[thread].get(state.done[thread])?;
        match op {
            Lock(lock) if state.owner[lock].is_some() => None,
            op => Some(op),
        }
    }

    fn waits(&self, state: &State, thread: usize) -> bool {
        state.done[thread] < self.threads[thread].len() && self.next(state, thread).is_none()
    }

    fn is_over(&self, state: &State) -> bool {
        (0..2).all(|thread| state.done[thread] == self.threads[thread].len())
    }

    fn is_stuck(&self, state: &State) -> bool {
        !self.is_over(state) && (0..2).all(|thread| self.next(state, thread).is_none())
    }
}

fn step(state: &State, thread: usize, op: Op) -> State {
    let mut next = state.clone();
    next.done[thread] += 1;
    match op {
        Load => next.register[thread] = state.balance,
        Add => next.register[thread] += 1,
        Store => next.balance = state.register[thread],
        Lock(lock) => next.owner[lock] = Some(thread),
        Unlock(lock) => next.owner[lock] = None,
    }
    next
}

#[test]
fn schedule() {
    let mut runs = BTreeMap::new();
    let mut ends = Vec::new();
    for program in &PROGRAMS {
        let mut tally = (0, 0, 0);
        walk(program, &State::default(), String::new(), &mut runs, &mut tally);
        ends.push(tally);
    }
    // Schedules that end, of those the ones that end with 2, and schedules that get stuck.
    assert_eq!(
        ends[0],
        (20, 2, 0),
        "without a lock only the two schedules in a row keep both deposits"
    );
    assert!(
        ends[1].0 > 0 && ends[1].0 == ends[1].1 && ends[1].2 == 0,
        "{:?}",
        ends[1]
    );
    assert!(ends[2].0 > 0 && ends[2].2 > 0, "{:?}", ends[2]);
    let widget = Widget {
        title: "Who is next?".into(),
        lead: "Two threads each put 1 into an account that has 0. You are the scheduler: press *A next* or *B next*. *Find the order in which a deposit gets lost; then one in which nobody can go on.*".into(),
        settings: vec![setting("Program", &PROGRAMS.map(|program| (program.value, program.words)))],
        ends: Vec::new(),
        first: "bare:".into(),
        runs,
        rules: serde_json::json!({ "schedules": ["AAABBB", "AAAAABBBBB", "AAAABBBB"], "threads": ["A", "B"] }),
    };
    holds("schedule", &widget);
}

/// Every order in which the threads can run, from here.
fn walk(
    program: &Program,
    state: &State,
    key: String,
    runs: &mut BTreeMap<String, Vec<Frame>>,
    tally: &mut (u32, u32, u32),
) {
    runs.insert(format!("{}:{key}", program.value), vec![shown(program, state, &key)]);
    tally.0 += u32::from(program.is_over(state));
    tally.1 += u32::from(program.is_over(state) && state.balance == 2);
    tally.2 += u32::from(program.is_stuck(state));
    for thread in 0..2 {
        if let Some(op) = program.next(state, thread) {
            let key = format!("{key}{}", name(thread));
            walk(program, &step(state, thread, op), key, runs, tally);
        }
    }
}

fn name(thread: usize) -> char {
    ['A', 'B'][thread]
}

fn words(op: Op) -> String {
    let lock = |lock: usize| ["lock 1", "lock 2"][lock];
    match op {
        Load => "reads the balance into its register".into(),
        Add => "adds 1 in its register".into(),
        Store => "writes its register into the balance".into(),
        Lock(at) => format!("takes {}", lock(at)),
        Unlock(at) => format!("releases {}", lock(at)),
    }
}

fn shown(program: &Program, state: &State, key: &str) -> Frame {
    let mut say = match key.chars().last() {
        None => "Nothing has happened yet.".to_string(),
        Some(last) => {
            let thread = usize::from(last == 'B');
            format!("{last} {}.", words(program.threads[thread][state.done[thread] - 1]))
        }
    };
    let banks = program.threads[0].contains(&Load);
    if program.is_stuck(state) {
        say.push_str(" Now each waits for what the other one has: a deadlock.");
    } else if program.is_over(state) && banks {
        let lost = state.balance < 2;
        say.push_str(&format!(
            " Both are done; the balance is {}{}.",
            state.balance,
            if lost { ": a deposit is lost" } else { "" }
        ));
    } else if program.is_over(state) {
        say.push_str(" Both are done.");
    }
    let mut next = frame(say);
    let threads = (0..2).map(|thread| row(program, state, thread));
    let head = ["thread", "next", "register"];
    let columns = if banks { 3 } else { 2 };
    let rows = threads.map(|row| row[..columns].to_vec()).collect();
    next.tables.push(table("The threads", &head[..columns], rows));
    let owner = |lock: usize| state.owner[lock].map_or("free".to_string(), |thread| name(thread).to_string());
    let mut shared = Vec::new();
    if banks {
        shared.push(vec!["balance".to_string(), state.balance.to_string()]);
    }
    let locks = program.threads[0].iter().filter(|op| matches!(op, Lock(_))).count();
    shared.extend((0..locks).map(|lock| vec![format!("lock {}", lock + 1), owner(lock)]));
    let mut shared = table("What they share", &["", ""], shared);
    shared
        .bad
        .extend((program.is_over(state) && banks && state.balance < 2).then_some(0));
    next.tables.push(shared);
    next
}

fn row(program: &Program, state: &State, thread: usize) -> Vec<String> {
    let next = match program.threads[thread].get(state.done[thread]) {
        None => "is done".to_string(),
        Some(_) if program.waits(state, thread) => "waits for a lock".to_string(),
        Some(op) => words(*op),
    };
    vec![name(thread).to_string(), next, state.register[thread].to_string()]
}
