//! Misspelt words in everything that people read: chapters, questions, widgets, and the READMEs beside the book.
//!
//! The list of the `typos` project knows common misspellings with their corrections. A word that it does not know is fine; so names,
//! system calls and British spelling need no exceptions. Code is not looked at.

use std::path::Path;

use anyhow::{Context, Result};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use typos_dict::WORD;
use unicase::UniCase;

use crate::quiz::{self, Kind, Question};
use crate::widget::{self, Widget};

/// Words of ours that the list takes for others, in lower case: a crate, and the retransmission time-out.
const OURS: [&str; 2] = ["ratatui", "rto"];

/// One sentence for each misspelt word, in the book in `folder` and in the texts beside it.
///
/// # Errors
/// A text cannot be read.
pub fn misspelt(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for path in texts(folder)? {
        let words = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => quiz::read(&path)?.questions.iter().map(question).collect(),
            Some("json") => of_widget(&widget::read(&path)?),
            _ => prose(&std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?),
        };
        let name = path.strip_prefix(folder).unwrap_or(&path).display();
        found.extend(wrong(&words).map(|(word, right)| format!("{name}: `{word}` should be {right}")));
    }
    Ok(found)
}

/// Everything with words in it: the book's chapters, quizzes and widgets; the texts in the root; the exercises' READMEs.
fn texts(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let root = folder.parent().context("the book is in no folder")?;
    let places = [
        (folder.join("src"), 1, 2),
        (root.to_path_buf(), 1, 1),
        (root.join("exercises"), 2, 2),
    ];
    let mut texts = Vec::new();
    for (place, least, most) in places {
        for entry in walkdir::WalkDir::new(&place)
            .min_depth(least)
            .max_depth(most)
            .sort_by_file_name()
        {
            let path = entry
                .with_context(|| format!("cannot list {}", place.display()))?
                .into_path();
            let is_ours = |kind: &str, parent: &str| {
                path.extension().is_some_and(|extension| extension == kind)
                    && path.parent().is_some_and(|above| above.ends_with(parent))
            };
            if is_ours("md", "") || is_ours("toml", "src/quizzes") || is_ours("json", "src/widgets") {
                texts.push(path);
            }
        }
    }
    Ok(texts)
}

/// A Markdown text without its code, addresses and HTML.
fn prose(text: &str) -> String {
    let (mut prose, mut code) = (String::new(), false);
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Text(words) if !code => prose.push_str(&words),
            Event::Code(_) | Event::SoftBreak | Event::HardBreak | Event::End(_) => prose.push(' '),
            _ => {}
        }
    }
    prose
}

fn question(question: &Question) -> String {
    let asked = match &question.kind {
        Kind::MultipleChoice { prompt, answer } => [&prompt.prompt, &prompt.distractors.join("\n\n"), &answer.answer]
            .map(|text| prose(text))
            .join(" "),
        Kind::Tracing { .. } => String::new(),
    };
    format!("{asked} {} ", prose(&question.context))
}

fn of_widget(widget: &Widget) -> String {
    let frames = widget.runs.values().flatten();
    let said: Vec<&str> = frames.map(|frame| frame.say.as_str()).collect();
    format!("{} {} {}", widget.title, prose(&widget.lead), said.join(" "))
}

/// Words that are on the list of misspellings, each once, with what they should be.
fn wrong(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut words: Vec<&str> = text
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        // A word with a digit in it is a name.
        .filter(|word| !word.contains(|letter: char| letter.is_numeric()))
        .collect();
    words.sort_unstable();
    words.dedup();
    words.into_iter().filter_map(|word| {
        let right = WORD.find(&UniCase::new(word))?;
        let is_ours = OURS.contains(&word.to_lowercase().as_str());
        (!is_ours && !right.is_empty()).then(|| (word, right.join(" or ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_found_and_code_is_not_looked_at() {
        let text = prose("We recieve *teh* datagram; `recieve` is a name.\n\n```text\nteh\n```\n");
        let found: Vec<(&str, String)> = wrong(&text).collect();
        assert_eq!(found, [("recieve", "receive".into()), ("teh", "the".into())]);
    }

    #[test]
    fn british_spelling_and_system_calls_are_fine() {
        assert_eq!(
            wrong("colour serialised getsockname recvfrom accept4 flate2").count(),
            0
        );
    }
}
