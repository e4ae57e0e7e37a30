//! One conversation as a value: every message, remark and system call, in the order of cause and effect.
//!
//! All charts are drawn from it: the one in a report, and those of `grader trace`, to which it travels as a part of the evidence.

use crate::json::Json;
use std::time::Duration;

/// What happened in one lab.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// The parties, in the order of their columns.
    pub lanes: Vec<Lane>,
    /// What happened, sorted by time.
    pub entries: Vec<Entry>,
    /// Why there are no calls although they were asked for; empty when all is well.
    pub calls_missing: String,
}

/// One party of the conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lane {
    /// Its name, which no other lane has.
    pub name: String,
    /// A program under test, not an end held by the test itself.
    pub subject: bool,
}

/// One thing that happened, or several of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Since the conversation began; of several, the first one's time.
    pub at: Duration,
    /// Whose column it belongs to; empty for what concerns nobody alone.
    pub lane: String,
    /// What it was.
    pub what: What,
    /// How often in a row; 1 for most.
    pub times: usize,
    /// Its place among the entries that happened that often, in turn.
    pub turn: Turn,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Something that a lane did by itself: starts, prints, is frozen.
    Note(String),
    /// Something that the test saw going from this lane to another.
    Message {
        /// The other lane.
        to: String,
        /// A few words for the arrow: `connects`, `12 bytes`.
        label: String,
        /// What it carried, quoted and shortened.
        data: String,
    },
    /// A system call of a traced program.
    Call {
        /// `bind(3, 127.0.0.1:5000) = 0`.
        text: String,
        /// The fault that was put into it, or empty.
        fault: String,
        /// The lane that it speaks to, when that is a traced program too; or empty.
        to: String,
        /// A few words for the arrow to that lane.
        label: String,
    },
    /// So many things were not kept.
    Gap(usize),
}

/// Entries that happened several times in turn, as `recvfrom, sendto, recvfrom, sendto`, stand once, one below the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Turn {
    /// By itself.
    #[default]
    Alone,
    /// The first of a group.
    First,
    /// One in the middle.
    Middle,
    /// The last of a group.
    Last,
}

impl Entry {
    /// Something that happened once.
    pub fn once(at: Duration, lane: &str, what: What) -> Entry {
        Entry {
            at,
            lane: lane.to_owned(),
            what,
            times: 1,
            turn: Turn::Alone,
        }
    }

    /// How many things it stands for.
    pub fn weight(&self) -> usize {
        match self.what {
            What::Gap(n) => n,
            _ => self.times,
        }
    }

    /// The lane at the other end of its arrow, if it has one.
    pub fn to(&self) -> Option<&str> {
        match &self.what {
            What::Message { to, .. } | What::Call { to, .. } if !to.is_empty() => Some(to),
            _ => None,
        }
    }

    /// The words at its arrow, if it has one.
    pub fn label(&self) -> &str {
        match &self.what {
            What::Message { label, .. } | What::Call { label, .. } => label,
            What::Note(_) | What::Gap(_) => "",
        }
    }

    /// The words beside it. How often it happened stands at the last entry of a group.
    pub fn remark(&self) -> String {
        let words = match &self.what {
            What::Note(text) => text.clone(),
            What::Message { data, .. } => data.clone(),
            What::Call { text, fault, .. } if fault.is_empty() => text.clone(),
            What::Call { text, fault, .. } => format!("{text} [{fault}]"),
            What::Gap(n) => format!("… {n} more …"),
        };
        let corner = match self.turn {
            Turn::Alone => "",
            Turn::First => "┌ ",
            Turn::Middle => "│ ",
            Turn::Last => "└ ",
        };
        match (self.turn, self.times) {
            (Turn::Alone, 2..) | (Turn::Last, _) => format!("{corner}{words}  ×{}", self.times),
            _ => format!("{corner}{words}"),
        }
    }

    /// Whether it is a system call.
    pub fn is_call(&self) -> bool {
        matches!(self.what, What::Call { .. })
    }

    /// Whether a fault was put into it.
    pub fn is_faulty(&self) -> bool {
        matches!(&self.what, What::Call { fault, .. } if !fault.is_empty())
    }

    /// Whether it has to do with this lane.
    pub fn touches(&self, lane: &str) -> bool {
        self.lane == lane || self.to() == Some(lane)
    }
}

impl Recording {
    /// The first and the last entries; what lies between becomes one gap that says how much it was.
    pub fn shortened(mut self, first: usize, last: usize) -> Recording {
        if self.entries.len() <= first + last + 1 {
            return self;
        }
        let tail = self.entries.split_off(self.entries.len() - last);
        let between = self.entries.split_off(first);
        let gap = between.iter().map(Entry::weight).sum();
        self.entries.push(Entry::once(between[0].at, "", What::Gap(gap)));
        self.entries.extend(tail);
        self
    }

    /// As it stands in the evidence.
    pub(crate) fn to_json(&self) -> Json<'_> {
        Json::Object(vec![
            ("lanes", Json::List(self.lanes.iter().map(lane_to_json).collect())),
            ("entries", Json::List(self.entries.iter().map(entry_to_json).collect())),
            ("calls_missing", Json::from(&self.calls_missing)),
        ])
    }
}

/// The words of the file for a place in a group.
pub(crate) const TURNS: [(Turn, &str); 4] = [
    (Turn::Alone, "alone"),
    (Turn::First, "first"),
    (Turn::Middle, "middle"),
    (Turn::Last, "last"),
];

fn lane_to_json(lane: &Lane) -> Json<'_> {
    Json::Object(vec![
        ("name", Json::from(&lane.name)),
        ("subject", Json::Bool(lane.subject)),
    ])
}

fn entry_to_json(entry: &Entry) -> Json<'_> {
    let (kind, label, data, fault) = match &entry.what {
        What::Note(words) => ("note", "", words.into(), ""),
        What::Message { label, data, .. } => ("message", label.as_str(), data.into(), ""),
        What::Call { text, fault, label, .. } => ("call", label.as_str(), text.into(), fault.as_str()),
        What::Gap(n) => ("gap", "", Json::Text(n.to_string().into()), ""),
    };
    let turn = TURNS
        .iter()
        .find(|(turn, _)| *turn == entry.turn)
        .map_or("", |(_, name)| name);
    Json::Object(vec![
        ("at", Json::Real(entry.at.as_secs_f64())),
        ("lane", Json::from(&entry.lane)),
        ("kind", Json::from(kind)),
        ("to", Json::from(entry.to().unwrap_or_default())),
        ("label", Json::from(label)),
        ("data", data),
        ("fault", Json::from(fault)),
        ("times", Json::Whole(entry.times as u64)),
        ("turn", Json::from(turn)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str, fault: &str) -> What {
        What::Call {
            text: text.into(),
            fault: fault.into(),
            to: "server".into(),
            label: "3 bytes".into(),
        }
    }

    fn recording() -> Recording {
        let message = What::Message {
            to: "server".into(),
            label: "connects".into(),
            data: "\"é\n".into(),
        };
        let mut folded = Entry::once(
            Duration::from_micros(1501),
            "client",
            call("sendto(3, 9 bytes) = 3", "clamp(3)"),
        );
        (folded.times, folded.turn) = (2731, Turn::Last);
        Recording {
            lanes: vec![
                Lane {
                    name: "client".into(),
                    subject: false,
                },
                Lane {
                    name: "server".into(),
                    subject: true,
                },
            ],
            entries: vec![
                Entry::once(Duration::ZERO, "", What::Note("makes 3 random bytes".into())),
                Entry::once(Duration::from_millis(1), "client", message),
                folded,
                Entry::once(Duration::from_secs(2), "", What::Gap(7)),
            ],
            calls_missing: "why not".into(),
        }
    }

    #[cfg(feature = "read")]
    #[test]
    fn what_was_written_is_read_back() {
        let json = recording().to_json().to_string();
        let back = Recording::from_json(&serde_json::from_str(&json).unwrap());
        assert_eq!(back, Ok(recording()));
    }

    #[cfg(feature = "read")]
    #[test]
    fn a_wrong_field_is_named() {
        let mut json: serde_json::Value = serde_json::from_str(&recording().to_json().to_string()).unwrap();
        json["entries"][1]["kind"] = "song".into();
        assert!(Recording::from_json(&json).unwrap_err().contains("`song`"));
        json["entries"][1]["kind"] = serde_json::Value::Null;
        assert!(Recording::from_json(&json).unwrap_err().contains("`kind`"));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let recording = recording().shortened(1, 1);
        let remarks: Vec<String> = recording.entries.iter().map(Entry::remark).collect();
        assert_eq!(remarks, ["makes 3 random bytes", "… 2732 more …", "… 7 more …"]);
    }
}
