//! A figure that can be stepped through: its table, and the first frame as HTML for paper and for readers without JavaScript.
//!
//! A table (`book/src/widgets/NAME.json`) holds every frame there is. `scripts/stepper.js` draws one after the other, in the same HTML as
//! [`html`] does here; a browser test compares the two. Nothing has an empty line in it: that would end the HTML inside a chapter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::render::{escape, inline};

/// One widget: everything that its reader can choose, and what comes of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Widget {
    /// What it is called.
    pub title: String,
    /// What to do with it (Markdown, one line).
    pub lead: String,
    /// What can be chosen. The values that are chosen, joined by `/`, name a run.
    pub settings: Vec<Setting>,
    /// The two ends of the conversation, if messages are drawn; else empty.
    pub ends: Vec<String>,
    /// The run that is shown first.
    pub first: String,
    /// Frames in their order; or, where a script of its own puts frames together, single ones by name.
    pub runs: BTreeMap<String, Vec<Frame>>,
    /// What such a script needs to know beside that; `null` if nothing.
    #[serde(default)]
    pub rules: serde_json::Value,
}

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What is chosen.
    pub label: String,
    /// Value and words of each choice.
    pub options: Vec<(String, String)>,
}

/// What is seen after one step.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// What has happened, in words; screen readers say it.
    pub say: String,
    /// Messages of this step; those of the steps before stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrows: Vec<Arrow>,
    /// Rows of small boxes: a queue, the bytes of a stream, a signal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strips: Vec<Strip>,
    /// Tables, one beside the other where there is room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
}

/// A message between the two ends.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Arrow {
    /// `right`: from the first end to the second; `left`: the other way; `note`: a line without an arrow.
    pub way: String,
    /// What is sent.
    pub text: String,
    /// `good`, `lost` or `bad`.
    pub fate: String,
}

/// A row of boxes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Strip {
    /// What they are.
    pub title: String,
    /// Text and kind of each: `plain`, `new`, `good`, `bad`, `gone`, `cut`, `high`, `low`.
    pub cells: Vec<(String, String)>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// The rows, each as long as `head`.
    pub rows: Vec<Vec<String>>,
    /// Which rows are marked as wrong, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad: Vec<usize>,
}

/// Reads the table of a widget and makes sure that everything that can be chosen is there.
///
/// # Errors
/// It cannot be read, is no table, or lacks a run.
pub fn read(path: &Path) -> Result<Widget> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let widget: Widget = serde_json::from_str(&text).with_context(|| format!("{} is no widget", path.display()))?;
    for key in widget.needed() {
        ensure!(
            widget.runs.get(&key).is_some_and(|frames| !frames.is_empty()),
            "{}: there is no run `{key}`",
            path.display()
        );
    }
    ensure!(
        matches!(widget.ends.len(), 0 | 2),
        "{}: a conversation has two ends, not {}",
        path.display(),
        widget.ends.len()
    );
    Ok(widget)
}

impl Widget {
    /// Names of the runs that have to be there: the first one, and every combination unless a script puts them together.
    fn needed(&self) -> Vec<String> {
        let mut needed = vec![self.first.clone()];
        if self.rules.is_null() {
            needed.extend(self.combinations());
        }
        needed
    }

    /// Every combination of the settings, as names of runs.
    #[must_use]
    pub fn combinations(&self) -> Vec<String> {
        let mut keys = vec![String::new()];
        for setting in &self.settings {
            let longer = |key: &String| -> Vec<String> {
                let joint = if key.is_empty() { "" } else { "/" };
                setting
                    .options
                    .iter()
                    .map(|(value, _)| format!("{key}{joint}{value}"))
                    .collect()
            };
            keys = keys.iter().flat_map(longer).collect();
        }
        keys
    }
}

/// The widget `name` as HTML: its first frame, and its table for the script.
///
/// # Errors
/// The table cannot be written as JSON.
pub fn html(name: &str, widget: &Widget) -> Result<String> {
    let first = &widget.runs[&widget.first][0];
    let table = serde_json::to_string(widget).context("a widget is no JSON")?;
    Ok(format!(
        "<section class=\"widget\" data-widget=\"{name}\" aria-label=\"{title}\">\n\
         <p class=\"name\"><strong>{title}</strong></p>\n<p class=\"lead\">{lead}</p>\n\
         <div class=\"stage\">\n<div class=\"frame\">{frame}</div>\n<p class=\"say\" role=\"status\" aria-live=\"polite\">{say}</p>\n</div>\n\
         <script type=\"application/json\">{table}</script>\n</section>\n",
        name = escape(name),
        title = escape(&widget.title),
        lead = inline(&widget.lead),
        frame = frame(&widget.ends, &first.arrows, first),
        say = escape(&first.say),
        // Nothing in a table can end the element it stands in.
        table = table.replace('<', "\\u003c"),
    ))
}

/// One frame. `arrows`: all messages up to here; those of this frame are the newest.
#[must_use]
pub fn frame(ends: &[String], arrows: &[Arrow], frame: &Frame) -> String {
    let mut html = String::new();
    if let [left, right] = ends {
        html.push_str(&chart(left, right, arrows, frame.arrows.len()));
    }
    frame.strips.iter().for_each(|strip| html.push_str(&strip_html(strip)));
    if !frame.tables.is_empty() {
        html.push_str("<div class=\"tables\">");
        frame.tables.iter().for_each(|table| html.push_str(&table_html(table)));
        html.push_str("</div>");
    }
    html
}

fn chart(left: &str, right: &str, arrows: &[Arrow], newest: usize) -> String {
    let mut html = format!(
        "<div class=\"chart\"><p class=\"ends\"><span>{}</span><span>{}</span></p><ol>",
        escape(left),
        escape(right)
    );
    for (at, arrow) in arrows.iter().enumerate() {
        let new = if at + newest >= arrows.len() { " new" } else { "" };
        let lost = if arrow.fate == "lost" { " <em>(lost)</em>" } else { "" };
        let _ = write!(
            html,
            "<li class=\"to-{} {}{new}\"><span>{}{lost}</span></li>",
            escape(&arrow.way),
            escape(&arrow.fate),
            escape(&arrow.text)
        );
    }
    html + "</ol></div>"
}

fn strip_html(strip: &Strip) -> String {
    let mut html = format!("<div class=\"strip\"><p>{}</p><ol>", escape(&strip.title));
    for (text, kind) in &strip.cells {
        let _ = write!(html, "<li class=\"{}\">{}</li>", escape(kind), escape(text));
    }
    html + "</ol></div>"
}

fn table_html(table: &Table) -> String {
    let mut html = format!("<table><caption>{}</caption>", escape(&table.title));
    // Two columns of name and value need no names of their own.
    if table.head.iter().any(|name| !name.is_empty()) {
        html.push_str("<thead><tr>");
        for name in &table.head {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escape(name));
        }
        html.push_str("</tr></thead>");
    }
    html.push_str("<tbody>");
    for (at, row) in table.rows.iter().enumerate() {
        html.push_str(if table.bad.contains(&at) {
            "<tr class=\"bad\">"
        } else {
            "<tr>"
        });
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escape(cell));
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Widget {
        let frame = Frame {
            say: "a < b".into(),
            arrows: vec![Arrow {
                way: "right".into(),
                text: "</script>".into(),
                fate: "lost".into(),
            }],
            ..Frame::default()
        };
        let option = |value: &str| (value.to_string(), value.to_string());
        Widget {
            title: "Small".into(),
            lead: "Step.".into(),
            settings: vec![
                Setting {
                    label: "one".into(),
                    options: vec![option("a"), option("b")],
                },
                Setting {
                    label: "two".into(),
                    options: vec![option("x"), option("y")],
                },
            ],
            ends: vec!["client".into(), "server".into()],
            first: "a/x".into(),
            runs: ["a/x", "a/y", "b/x", "b/y"]
                .map(|key| (key.to_string(), vec![frame.clone()]))
                .into(),
            rules: serde_json::Value::Null,
        }
    }

    fn written(widget: &Widget) -> Result<Widget> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.json");
        std::fs::write(&path, serde_json::to_string_pretty(widget).unwrap()).unwrap();
        read(&path)
    }

    #[test]
    fn a_table_that_lacks_a_combination_is_an_error() {
        let mut widget = small();
        assert_eq!(written(&widget).unwrap(), widget);
        widget.runs.remove("b/y");
        assert!(written(&widget).unwrap_err().to_string().contains("b/y"));
    }

    #[test]
    fn nothing_in_a_table_ends_the_script_or_the_chapters_html() {
        let html = html("small", &small()).unwrap();
        assert_eq!(html.matches("</script>").count(), 1, "{html}");
        assert!(html.lines().all(|line| !line.trim().is_empty()), "{html}");
        assert!(html.contains("&lt;/script&gt; <em>(lost)</em>"), "{html}");
    }
}
