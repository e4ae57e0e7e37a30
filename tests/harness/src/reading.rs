//! Reads evidence back: for graders, which have serde_json anyway; the tests only write it.

use crate::{
    evidence::{Failure, Identity, Outcome, Record, VERSION},
    recording::{Entry, Lane, Recording, TURNS, What},
};
use serde_json::Value;
use std::time::Duration;

/// All the records of a file, in the order in which the tests ended.
///
/// # Errors
/// When a line is not a record: then nothing in the file is to be trusted.
pub fn read_all(text: &str) -> Result<Vec<Record>, String> {
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| Record::from_json(line).map_err(|e| format!("evidence, line {}: {e}", at + 1)))
        .collect()
}

impl Record {
    /// Reads one line back.
    ///
    /// # Errors
    /// A sentence that names the first field which is missing or of the wrong kind.
    pub fn from_json(line: &str) -> Result<Record, String> {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
        if number(&value, "version")? != VERSION {
            return Err(format!("version {} of the evidence is unknown", value["version"]));
        }
        let outcome = text(&value, "outcome")?;
        Ok(Record {
            package: text(&value, "package")?,
            check: text(&value, "check")?,
            case: text(&value, "case")?,
            subject: Identity {
                path: text(&value["subject"], "path")?.into(),
                device: number(&value["subject"], "device")?,
                inode: number(&value["subject"], "inode")?,
            },
            steps: number(&value, "steps")?,
            seconds: value["seconds"].as_f64().ok_or("`seconds` is not a number")?,
            outcome: Outcome::from_name(&outcome).ok_or_else(|| format!("outcome `{outcome}` is unknown"))?,
            reason: text(&value, "reason")?,
            fix_first: text(&value, "fix_first")?,
            failure: failure(&value["failure"])?,
            late: value["late"].as_bool().unwrap_or_default(),
            starved: value["starved"].as_str().unwrap_or_default().to_owned(),
            recording: recording(&value["recording"])?,
        })
    }
}

impl Recording {
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

/// Files of before there were recordings have none.
fn recording(value: &Value) -> Result<Option<Recording>, String> {
    (!value.is_null()).then(|| Recording::from_json(value)).transpose()
}

fn failure(value: &Value) -> Result<Option<Failure>, String> {
    if value.is_null() {
        return Ok(None);
    }
    Ok(Some(Failure {
        doing: text(value, "doing")?,
        expected: text(value, "expected")?,
        received: text(value, "received")?,
        chart: text(value, "chart")?,
        stderr: text(value, "stderr")?,
    }))
}

fn number(value: &Value, key: &str) -> Result<u64, String> {
    value[key]
        .as_u64()
        .ok_or_else(|| format!("`{key}` is not a whole number"))
}

fn text(value: &Value, key: &str) -> Result<String, String> {
    value[key]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("`{key}` is not a text"))
}
