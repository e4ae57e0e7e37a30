//! The retransmission timeline: `ex07`'s exchange in virtual time, asked through `probe` what it does after every event.

use std::collections::BTreeMap;

use bookkit::widget::{Frame, Widget};

use super::programs::Probe;
use super::{arrow, frame, holds, setting, table};

/// From client to server, and back.
const ONE_WAY: u64 = 20;
const TRIES: usize = 5;
const TIMES: [(&str, &str); 3] = [
    ("20", "20 ms: shorter than the way"),
    ("100", "100 ms"),
    ("400", "400 ms"),
];

/// Which requests and which replies do not arrive, by the number of the try.
const LOSSES: [(&str, &str, &[usize], &[usize]); 5] = [
    ("none", "nothing", &[], &[]),
    ("request", "the first request", &[1], &[]),
    ("reply", "the first reply", &[], &[1]),
    ("two", "the first two requests", &[1, 2], &[]),
    ("all", "everything", &[1, 2, 3, 4, 5], &[]),
];

#[test]
fn timer() {
    let mut probe = Probe::of("ex07");
    let mut runs = BTreeMap::new();
    for (wait, _) in TIMES {
        for (value, _, requests, replies) in LOSSES {
            let rto = wait.parse().unwrap();
            runs.insert(
                format!("{wait}/{value}"),
                Exchange::new(rto, requests, replies).frames(&mut probe),
            );
        }
    }
    let last = |key: &str| runs[key].last().map(|frame: &Frame| frame.say.clone()).unwrap();
    assert!(last("100/all").contains("2300 ms"), "{}", last("100/all"));
    assert!(last("20/none").contains("answered 2 times"), "{}", last("20/none"));
    let widget = Widget {
        title: "When to ask again".into(),
        lead: "The way to the server takes 20 ms, and so does the way back. Choose how long the client waits at first, and what gets lost. *Step through the exchange.*".into(),
        settings: vec![
            setting("First wait", &TIMES),
            setting("Lost", &LOSSES.map(|(value, words, ..)| (value, words))),
        ],
        ends: vec!["client".into(), "server".into()],
        first: "100/reply".into(),
        runs,
        rules: serde_json::Value::Null,
    };
    holds("timer", &widget);
}

/// One exchange: the events that have happened to the client, and the datagrams that are on their way to it.
struct Exchange<'a> {
    rto: u64,
    lost: (&'a [usize], &'a [usize]),
    events: Vec<String>,
    /// Times at which replies arrive.
    coming: Vec<u64>,
    deadline: u64,
    sent: usize,
    answered: usize,
}

impl<'a> Exchange<'a> {
    fn new(rto: u64, requests: &'a [usize], replies: &'a [usize]) -> Exchange<'a> {
        Exchange {
            rto,
            lost: (requests, replies),
            events: Vec::new(),
            coming: Vec::new(),
            deadline: 0,
            sent: 0,
            answered: 0,
        }
    }

    fn frames(mut self, probe: &mut Probe) -> Vec<Frame> {
        let reply = probe.ask("encode reply 1 HELLO");
        let (mut frames, mut now, mut event) = (Vec::new(), 0, "start".to_string());
        loop {
            self.events.push(format!("{now} {event}"));
            let question = format!("exchange 1 hello {} {TRIES} | {}", self.rto, self.events.join(" | "));
            let answer = probe.ask(&question);
            let actions = answer.rsplit("; ").next().unwrap_or("");
            let actions = actions
                .strip_prefix(&format!("{now}: "))
                .unwrap_or_else(|| panic!("{question}\n{answer}"));
            frames.push(self.happened(now, &event, actions));
            if actions.starts_with("done") || actions == "give up" {
                break;
            }
            self.coming.sort_unstable();
            (now, event) = match self.coming.first() {
                Some(arrival) if *arrival <= self.deadline => (self.coming.remove(0), format!("datagram {reply}")),
                _ => (self.deadline, "timeout".to_string()),
            };
        }
        frames.extend(self.afterwards());
        frames
    }

    /// The client's next step, and what becomes of what it sends.
    fn happened(&mut self, now: u64, event: &str, actions: &str) -> Frame {
        let mut arrows = Vec::new();
        let mut say = match event {
            "start" => String::new(),
            "timeout" => format!("{now} ms: the time is up. "),
            _ => format!("{now} ms: the reply is here. "),
        };
        if event.starts_with("datagram") {
            arrows.push(arrow("left", format!("{now} ms: reply 1"), "good"));
        }
        for action in actions.split(", ") {
            if action.starts_with("send") {
                self.send(now, event, &mut arrows, &mut say);
            } else if let Some(until) = action.strip_prefix("wait until ") {
                self.deadline = until.parse().unwrap();
                say.push_str(&format!("It waits until {until} ms."));
            } else if action == "give up" {
                say.push_str(&format!("All {TRIES} tries were in vain: the client gives up at {now} ms, and does not know whether it was done."));
            } else {
                say.push_str(&format!("After {} the exchange is over.", tries(self.sent)));
            }
        }
        self.shown(say, arrows)
    }

    fn send(&mut self, now: u64, event: &str, arrows: &mut Vec<bookkit::widget::Arrow>, say: &mut String) {
        self.sent += 1;
        let again = if event == "start" {
            "The client sends request 1. "
        } else {
            "The same bytes go out again. "
        };
        say.push_str(again);
        let (requests, replies) = self.lost;
        if requests.contains(&self.sent) {
            say.push_str("They are lost. ");
            arrows.push(arrow(
                "right",
                format!("{now} ms: request 1, try {}", self.sent),
                "lost",
            ));
            return;
        }
        arrows.push(arrow(
            "right",
            format!("{now} ms: request 1, try {}", self.sent),
            "good",
        ));
        self.answered += 1;
        if replies.contains(&self.answered) {
            say.push_str("The server answers; the reply is lost. ");
            arrows.push(arrow("left", format!("{} ms: reply 1", now + ONE_WAY), "lost"));
        } else {
            self.coming.push(now + 2 * ONE_WAY);
        }
    }

    /// Replies that come when nobody waits any more.
    fn afterwards(&mut self) -> Vec<Frame> {
        let late = std::mem::take(&mut self.coming);
        late.into_iter()
            .map(|at| {
                let say = format!(
                    "{at} ms: one more reply. Nobody waits for it. The server has answered {} times.",
                    self.answered
                );
                self.shown(say, vec![arrow("left", format!("{at} ms: reply 1 again"), "bad")])
            })
            .collect()
    }

    fn shown(&self, say: String, arrows: Vec<bookkit::widget::Arrow>) -> Frame {
        let mut next = frame(say);
        next.arrows = arrows;
        let rows = [
            ("sent", tries(self.sent)),
            ("waits until", format!("{} ms", self.deadline)),
            ("answered by the server", format!("{}×", self.answered)),
        ];
        next.tables.push(table(
            "So far",
            &["", ""],
            rows.map(|(name, value)| vec![name.to_string(), value]).to_vec(),
        ));
        next
    }
}

fn tries(count: usize) -> String {
    if count == 1 {
        "1 try".into()
    } else {
        format!("{count} tries")
    }
}
