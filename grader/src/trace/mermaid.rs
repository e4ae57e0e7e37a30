//! A recording as a Mermaid sequence diagram: text that GitHub, GitLab and many editors draw.

use harness::recording::{Entry, Recording};

use crate::report::sanitize;

/// The diagram.
pub fn draw(recording: &Recording, title: &str) -> String {
    let mut text = format!("sequenceDiagram\n    accTitle: {}\n", escaped(title));
    for (number, lane) in recording.lanes.iter().enumerate() {
        text.push_str(&format!("    participant L{number} as {}\n", escaped(&lane.name)));
    }
    for entry in &recording.entries {
        text.push_str(&format!("    {}\n", line(recording, entry)));
    }
    text
}

fn line(recording: &Recording, entry: &Entry) -> String {
    let number = |name: &str| recording.lanes.iter().position(|lane| lane.name == name);
    let remark = entry.remark();
    match (number(&entry.lane), entry.to().and_then(number)) {
        (Some(from), Some(to)) => {
            let words = match remark.is_empty() {
                true => entry.label().to_owned(),
                false if entry.is_call() => remark,
                false => format!("{} {remark}", entry.label()),
            };
            format!("L{from}->>L{to}: {}", escaped(&words))
        }
        (Some(lane), None) => format!("Note over L{lane}: {}", escaped(&remark)),
        _ => {
            let last = recording.lanes.len().saturating_sub(1);
            format!("Note over L0,L{last}: {}", escaped(&remark))
        }
    }
}

/// Mermaid ends a line at `;`, begins a comment with `%%` and an entity with `#`, and lets HTML through.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in sanitize::line(text).chars() {
        match c {
            '#' | ';' | '%' | '<' | '>' | '&' | '"' | '`' => escaped.push_str(&format!("#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}
