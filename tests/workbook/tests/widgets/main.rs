//! The tables of the book's widgets are made here: from what the reference solutions answer, from what the kernel does, or from a small
//! model that is tried out completely. Each test makes one table and compares it with `book/src/widgets/NAME.json`.
//!
//! `WIDGETS=write cargo test -p workbook --test widgets` writes the tables anew. Texts are changed here, never there.

mod bounce;
#[cfg(target_os = "linux")]
mod closing;
mod cuts;
#[cfg(target_os = "linux")]
mod descriptors;
mod duplicates;
mod programs;
#[cfg(target_os = "linux")]
mod queue;
mod schedule;
mod select;
#[cfg(target_os = "linux")]
mod sockets;
mod timer;

use std::fmt::Write as _;

use bookkit::widget::{self, Arrow, Frame, Setting, Strip, Table, Widget};
use workbook::repository;

/// Compares a table that was just made with the book's; or, if asked to, writes it there.
fn holds(name: &str, made: &Widget) {
    let path = repository().join("book/src/widgets").join(format!("{name}.json"));
    if std::env::var_os("WIDGETS").is_some_and(|what| what == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, written(made)).unwrap();
    }
    let kept = widget::read(&path).unwrap_or_else(|error| panic!("{error:#}"));
    for (key, frames) in &made.runs {
        let there = kept.runs.get(key);
        assert!(
            there == Some(frames),
            "{name}.json is stale: the run `{key}` is now\n{frames:#?}\nand was\n{there:#?}\nIf that is right: WIDGETS=write cargo test -p workbook --test widgets"
        );
    }
    assert_eq!(
        &kept, made,
        "{name}.json is stale: WIDGETS=write cargo test -p workbook --test widgets"
    );
}

/// As JSON, with a line for each frame, so that a changed one is a changed line.
fn written(made: &Widget) -> String {
    let mut head = serde_json::to_value(made).unwrap();
    let head = head.as_object_mut().unwrap();
    head.remove("runs");
    let mut text = String::from("{\n");
    for (key, value) in head {
        writeln!(text, "\"{key}\": {value},").unwrap();
    }
    text.push_str("\"runs\": {");
    for (at, (key, frames)) in made.runs.iter().enumerate() {
        let frames: Vec<String> = frames
            .iter()
            .map(|frame| serde_json::to_string(frame).unwrap())
            .collect();
        let joint = if at == 0 { "" } else { "," };
        write!(text, "{joint}\n\"{key}\": [\n  {}\n]", frames.join(",\n  ")).unwrap();
    }
    text + "\n}\n}\n"
}

fn setting(label: &str, options: &[(&str, &str)]) -> Setting {
    Setting {
        label: label.into(),
        options: options
            .iter()
            .map(|(value, words)| ((*value).into(), (*words).into()))
            .collect(),
    }
}

fn arrow(way: &str, text: impl Into<String>, fate: &str) -> Arrow {
    Arrow {
        way: way.into(),
        text: text.into(),
        fate: fate.into(),
    }
}

fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table {
        title: title.into(),
        head: head.iter().map(|name| (*name).into()).collect(),
        rows,
        bad: Vec::new(),
    }
}

fn strip(title: &str, cells: Vec<(String, String)>) -> Strip {
    Strip {
        title: title.into(),
        cells,
    }
}

fn frame(say: impl Into<String>) -> Frame {
    Frame {
        say: say.into(),
        ..Frame::default()
    }
}
