//! The byte-stream cutter: what the decoder of `ex03` has given out, and what it keeps, after every number of bytes.

use std::collections::BTreeMap;

use bookkit::widget::{Frame, Widget};
use serde_json::json;

use super::programs::Probe;
use super::{frame, holds, strip, table};

/// Three requests; the second one's body looks like two lines.
const STREAM: &str = "HELLO al\nAPPEND 3\na\nbTIME\n";
/// Where one message ends and the next begins: that is how the client has written them.
const MESSAGES: [usize; 3] = [9, 21, 26];
/// Where the stream is cut at first.
const CUTS: [usize; 4] = [5, 14, 19, 23];

#[test]
fn cuts() {
    let mut decoder = Probe::of("ex03");
    let given: Vec<Vec<String>> = (0..=STREAM.len())
        .map(|end| requests(&mut decoder, &[&STREAM[..end]]))
        .collect();
    every_cut_gives_the_same(&mut decoder, &given);
    let mut runs: BTreeMap<String, Vec<Frame>> = given
        .iter()
        .enumerate()
        .map(|(end, requests)| (end.to_string(), vec![after(end, requests, kept(&given, end))]))
        .collect();
    runs.insert("first".into(), vec![first(&runs)]);
    let widget = Widget {
        title: "Cut the stream".into(),
        lead: "A client sends three requests of `ex03`. The network cuts them as it likes: press a byte to cut the stream before it. *Step through the reads: what does the decoder give, and what would a program believe that takes one read for one message?*".into(),
        settings: Vec::new(),
        ends: Vec::new(),
        first: "first".into(),
        runs,
        rules: json!({ "bytes": STREAM.bytes().map(visible).collect::<Vec<_>>(), "messages": MESSAGES, "cuts": CUTS }),
    };
    holds("cuts", &widget);
}

/// What the solution's decoder gives for these pieces.
fn requests(decoder: &mut Probe, pieces: &[&str]) -> Vec<String> {
    let pieces: Vec<String> = pieces.iter().map(|piece| piece.escape_default().to_string()).collect();
    match decoder.ask(&format!("decode {}", pieces.join("|"))).as_str() {
        "nothing" => Vec::new(),
        some => some.split(", ").map(str::to_string).collect(),
    }
}

/// The widget may cut anywhere, since only the number of bytes counts. So this is tried: each pair of cuts, and all of them.
fn every_cut_gives_the_same(decoder: &mut Probe, given: &[Vec<String>]) {
    for end in 0..=STREAM.len() {
        for one in 0..=end {
            for two in one..=end {
                let pieces = [&STREAM[..one], &STREAM[one..two], &STREAM[two..end]];
                assert_eq!(requests(decoder, &pieces), given[end], "{pieces:?}");
            }
        }
    }
    let bytes: Vec<&str> = (0..STREAM.len()).map(|at| &STREAM[at..=at]).collect();
    assert_eq!(&requests(decoder, &bytes), given.last().unwrap());
    assert_eq!(given.last().unwrap().len(), MESSAGES.len(), "{given:?}");
    for (at, end) in MESSAGES.into_iter().enumerate() {
        assert_eq!(
            (given[end - 1].len(), given[end].len()),
            (at, at + 1),
            "message {at} ends at {end}"
        );
    }
}

/// Which bytes are kept: those behind the request that was given last.
fn kept(given: &[Vec<String>], end: usize) -> &'static str {
    let count = given[end].len();
    let begin = given.iter().position(|requests| requests.len() == count).unwrap_or(0);
    &STREAM[begin..end]
}

fn after(end: usize, requests: &[String], kept: &str) -> Frame {
    let waits = match kept.split_once('\n') {
        None => "the end of a line",
        Some(_) => "the rest of a body",
    };
    let mut next = frame(format!(
        "After {end} bytes the decoder has given {} and waits for {waits}.",
        match requests.len() {
            0 => "nothing".to_string(),
            1 => "1 request".to_string(),
            more => format!("{more} requests"),
        }
    ));
    let listed = if requests.is_empty() {
        "nothing".to_string()
    } else {
        requests.join(", ")
    };
    let rows = [
        ("gives", listed),
        ("keeps", format!("\"{}\"", shown(kept))),
        ("waits for", waits.to_string()),
    ];
    next.tables.push(table(
        "The decoder",
        &["", ""],
        rows.map(|(name, value)| vec![name.to_string(), value]).to_vec(),
    ));
    next
}

/// The first frame with the cuts that are there at first; `scripts/cuts.js` puts all others together in the same way.
fn first(runs: &BTreeMap<String, Vec<Frame>>) -> Frame {
    let end = CUTS[0];
    let row = &runs[&end.to_string()][0];
    let mut next = frame(format!("Read 1 brings {end} bytes. {}", row.say));
    let kind = |at: usize| if at < end { "new" } else { "plain" };
    let cells = STREAM
        .bytes()
        .enumerate()
        .map(|(at, byte)| (visible(byte), kind(at).to_string()));
    next.strips.push(strip("Bytes that have come", cells.collect()));
    next.tables = row.tables.clone();
    let mut naive = table(
        "One read, one message?",
        &["read", "right?"],
        vec![vec![shown(&STREAM[..end]), "no".into()]],
    );
    naive.bad.push(0);
    next.tables.push(naive);
    next
}

fn visible(byte: u8) -> String {
    shown(&char::from(byte).to_string())
}

fn shown(text: &str) -> String {
    text.replace('\n', "⏎").replace(' ', "␣")
}
