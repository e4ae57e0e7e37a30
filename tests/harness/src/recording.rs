//! One conversation as a value: every message, remark and system call, in the order of cause and effect.
//!
//! All charts are drawn from it: the one in a report, and those of `grader trace`, to which it travels as a part of the evidence.

use serde_json::{Value, json};
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
    pub fn to_json(&self) -> Value {
        let lanes: Vec<Value> = self
            .lanes
            .iter()
            .map(|lane| json!({ "name": lane.name, "subject": lane.subject }))
            .collect();
        let entries: Vec<Value> = self.entries.iter().map(entry_to_json).collect();
        json!({ "lanes": lanes, "entries": entries, "calls_missing": self.calls_missing })
    }

    /// Reads it back.
    ///
    /// # Errors
    /// A sentence that names the first field which is missing or of the wrong kind.
    pub fn from_json(value: &Value) -> Result<Recording, String> {
        let list = |key: &str| value[key].as_array().ok_or_else(|| format!("`{key}` is not a list"));
        let lane = |lane: &Value| {
            let name = text(lane, "name")?;
            let subject = lane["subject"].as_bool().ok_or("`subject` is not true or false")?;
            Ok(Lane { name, subject })
        };
        Ok(Recording {
            lanes: list("lanes")?.iter().map(lane).collect::<Result<_, String>>()?,
            entries: list("entries")?.iter().map(entry_from_json).collect::<Result<_, _>>()?,
            calls_missing: text(value, "calls_missing")?,
        })
    }
}

/// The words of the file for a place in a group.
const TURNS: [(Turn, &str); 4] = [
    (Turn::Alone, "alone"),
    (Turn::First, "first"),
    (Turn::Middle, "middle"),
    (Turn::Last, "last"),
];

fn entry_to_json(entry: &Entry) -> Value {
    let (kind, label, data, fault) = match &entry.what {
        What::Note(words) => ("note", "", words.clone(), ""),
        What::Message { label, data, .. } => ("message", label.as_str(), data.clone(), ""),
        What::Call { text, fault, label, .. } => ("call", label.as_str(), text.clone(), fault.as_str()),
        What::Gap(n) => ("gap", "", n.to_string(), ""),
    };
    let turn = TURNS
        .iter()
        .find(|(turn, _)| *turn == entry.turn)
        .map_or("", |(_, name)| name);
    json!({
        "at": entry.at.as_secs_f64(),
        "lane": entry.lane,
        "kind": kind,
        "to": entry.to().unwrap_or_default(),
        "label": label,
        "data": data,
        "fault": fault,
        "times": entry.times,
        "turn": turn,
    })
}

fn entry_from_json(value: &Value) -> Result<Entry, String> {
    let (to, label, data) = (text(value, "to")?, text(value, "label")?, text(value, "data")?);
    let what = match text(value, "kind")?.as_str() {
        "note" => What::Note(data),
        "message" => What::Message { to, label, data },
        "call" => What::Call {
            text: data,
            fault: text(value, "fault")?,
            to,
            label,
        },
        "gap" => What::Gap(data.parse().map_err(|_| "a gap's `data` is not a number")?),
        other => return Err(format!("an entry of kind `{other}` is unknown")),
    };
    let turn = text(value, "turn")?;
    let found = TURNS.iter().find(|(_, name)| *name == turn);
    let seconds = value["at"].as_f64().ok_or("`at` is not a number")?;
    Ok(Entry {
        at: Duration::try_from_secs_f64(seconds).map_err(|e| format!("`at`: {e}"))?,
        lane: text(value, "lane")?,
        what,
        times: value["times"]
            .as_u64()
            .and_then(|n| n.try_into().ok())
            .ok_or("`times` is not a number")?,
        turn: found.ok_or_else(|| format!("turn `{turn}` is unknown"))?.0,
    })
}

fn text(value: &Value, key: &str) -> Result<String, String> {
    value[key]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("`{key}` is not a text"))
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

    #[test]
    fn what_was_written_is_read_back() {
        let json = recording().to_json().to_string();
        let back = Recording::from_json(&serde_json::from_str(&json).unwrap());
        assert_eq!(back, Ok(recording()));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let mut json = recording().to_json();
        json["entries"][1]["kind"] = "song".into();
        assert!(Recording::from_json(&json).unwrap_err().contains("`song`"));
        json["entries"][1]["kind"] = Value::Null;
        assert!(Recording::from_json(&json).unwrap_err().contains("`kind`"));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let recording = recording().shortened(1, 1);
        let remarks: Vec<String> = recording.entries.iter().map(Entry::remark).collect();
        assert_eq!(remarks, ["makes 3 random bytes", "… 2732 more …", "… 7 more …"]);
    }
}
