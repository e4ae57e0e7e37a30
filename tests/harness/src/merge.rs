//! Joins what the test noted with what the tracer saw, in the order of cause and effect, and folds what repeats itself.
//!
//! A call that can make something happen elsewhere (`sendto`, `connect`, `close`) stands where it was called, one that waits for something
//! (`recvfrom`, `accept`) where it returned. What a program printed was noted when the test read it; the program's own `write` is earlier.

use crate::{
    flow::{Arrow, Flow},
    fold::stretches,
    recording::{Entry, Turn, What},
    trace::{Call, Event, Seen, Waiting},
    transcript::{Noted, when_printed},
};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::Duration,
};

/// A recording has at most so many entries at its beginning and at its end; the middle of a longer one is counted.
const MOST: usize = 2000;
/// A call is cut after so many characters.
const LONGEST: usize = 200;

/// What the tracer saw of one program.
pub(crate) struct Traced {
    pub lane: String,
    pub seen: Seen,
}

/// Something that happened, before it is put into words.
struct Item<'a> {
    at: Duration,
    what: Kind<'a>,
}

enum Kind<'a> {
    Own(Entry),
    Called(&'a str, String, &'a Event, Option<Arrow>),
    Waits(&'a str, String, &'a Waiting),
}

/// All entries in order. `known` tells whose column an address belongs to.
pub(crate) fn merged(noted: Vec<Noted>, traced: &[Traced], known: &dyn Fn(SocketAddr) -> Option<String>) -> Vec<Entry> {
    let writes: HashMap<&str, &[(Duration, u64)]> = traced
        .iter()
        .map(|one| (one.lane.as_str(), one.seen.printed.as_slice()))
        .collect();
    let mut items: Vec<Item<'_>> = noted.into_iter().map(|noted| own(noted, &writes)).collect();
    items.extend(traced.iter().flat_map(calls));
    items.sort_by_key(|item| item.at);
    follow(&mut items, traced, known);
    in_words(&items)
}

fn own<'a>(noted: Noted, writes: &HashMap<&str, &[(Duration, u64)]>) -> Item<'a> {
    let mut entry = noted.entry;
    let written = noted
        .printed
        .and_then(|bytes| when_printed(writes.get(entry.lane.as_str())?, bytes));
    entry.at = written.map_or(entry.at, |written| written.min(entry.at));
    Item {
        at: entry.at,
        what: Kind::Own(entry),
    }
}

fn calls(traced: &Traced) -> Vec<Item<'_>> {
    let mut crew = Crew::default();
    let returned = traced.seen.calls.iter().map(|event| {
        let who = crew.name(event.process, event.thread);
        Item {
            at: moment(event),
            what: Kind::Called(&traced.lane, who, event, None),
        }
    });
    let mut items: Vec<Item<'_>> = returned.collect();
    let waiting = traced.seen.waiting.iter().map(|waiting| Item {
        at: waiting.at,
        what: Kind::Waits(&traced.lane, crew.known(waiting.thread), waiting),
    });
    items.extend(waiting.collect::<Vec<_>>());
    items
}

/// Where a call stands in time.
fn moment(event: &Event) -> Duration {
    match event.call.plain() {
        Call::Sendto | Call::Connect | Call::Shutdown | Call::Close => event.began,
        _ => event.at,
    }
}

/// Names for processes and threads that do not change from run to run.
#[derive(Default)]
struct Crew {
    main: Option<i32>,
    names: BTreeMap<i32, String>,
    children: usize,
    threads: usize,
}

impl Crew {
    /// What stands before a call: nothing for the first thread of the first process.
    fn name(&mut self, process: i32, thread: i32) -> String {
        let main = *self.main.get_or_insert(process);
        if thread == main {
            return String::new();
        }
        let (of, word, count) = match process == main {
            true => (thread, "thread", &mut self.threads),
            false => (process, "child", &mut self.children),
        };
        let name = self.names.entry(of).or_insert_with(|| {
            *count += 1;
            format!("{word} {count}: ")
        });
        let name = name.clone();
        self.names.insert(thread, name.clone());
        name
    }

    fn known(&self, thread: i32) -> String {
        self.names.get(&thread).cloned().unwrap_or_default()
    }
}

fn follow(items: &mut [Item<'_>], traced: &[Traced], known: &dyn Fn(SocketAddr) -> Option<String>) {
    let mut flow = Flow::new(traced.iter().map(|one| one.lane.as_str()), known);
    for item in items {
        match &mut item.what {
            Kind::Called(lane, _, event, arrow) => *arrow = flow.follow(lane, event),
            Kind::Own(entry) if entry.label() == "connects" => {
                if let Some(server) = entry.to() {
                    flow.connected(&entry.lane, server);
                }
            }
            _ => {}
        }
    }
}

fn in_words(items: &[Item<'_>]) -> Vec<Entry> {
    let same = |a: usize, b: usize| items[a].what.is_like(&items[b].what);
    let mut entries = Vec::new();
    let folded = stretches(items.len(), same);
    let skipped = MOST..folded.len().saturating_sub(MOST).max(MOST);
    for (number, stretch) in folded.iter().enumerate() {
        if skipped.contains(&number) {
            if number == skipped.start {
                let gap = folded[skipped.clone()].iter().map(|s| s.length * s.times).sum();
                entries.push(Entry::once(items[stretch.first].at, "", What::Gap(gap)));
            }
            continue;
        }
        for place in 0..stretch.length {
            let item = &items[stretch.first + place];
            entries.push(Entry {
                times: stretch.times,
                turn: turn(place, stretch.length),
                ..item.entry()
            });
        }
    }
    entries
}

fn turn(place: usize, of: usize) -> Turn {
    match place {
        _ if of == 1 => Turn::Alone,
        0 => Turn::First,
        _ if place == of - 1 => Turn::Last,
        _ => Turn::Middle,
    }
}

impl Item<'_> {
    fn entry(&self) -> Entry {
        match &self.what {
            Kind::Own(entry) => entry.clone(),
            Kind::Called(lane, who, event, arrow) => {
                let arrow = arrow.clone();
                let (to, label) = arrow.map_or_else(Default::default, |arrow| (arrow.to, arrow.label));
                let bare = Event {
                    fault: None,
                    ..(*event).clone()
                };
                let what = What::Call {
                    text: cut(&format!("{who}{bare}")),
                    fault: event.fault.clone().unwrap_or_default(),
                    to,
                    label,
                };
                Entry::once(self.at, lane, what)
            }
            Kind::Waits(lane, who, waiting) => {
                let fd = waiting.fd.map(|fd| fd.to_string()).unwrap_or_default();
                let what = What::Call {
                    text: format!("{who}{}({fd}) = ? (has not returned)", waiting.call),
                    fault: String::new(),
                    to: String::new(),
                    label: String::new(),
                };
                Entry::once(self.at, lane, what)
            }
        }
    }
}

impl Kind<'_> {
    /// Whether two calls read the same. Nothing else is folded.
    fn is_like(&self, other: &Kind<'_>) -> bool {
        let (Kind::Called(lane, who, event, arrow), Kind::Called(lane2, who2, event2, arrow2)) = (self, other) else {
            return false;
        };
        (lane, who, arrow, event.call, event.fd) == (lane2, who2, arrow2, event2.call, event2.fd)
            && (&event.args, event.result, &event.fault) == (&event2.args, event2.result, &event2.fault)
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
