//! The questions of a chapter, in the TOML schema of mdbook-quiz.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// One file of questions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiz {
    /// In the order they are asked.
    pub questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Deserialize)]
pub struct Question {
    /// Unique in the book.
    pub id: String,
    /// Why the answer is right, and why each other one is wrong (Markdown).
    pub context: String,
    /// What is asked.
    #[serde(flatten)]
    pub kind: Kind,
}

/// The kinds of questions.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub enum Kind {
    /// One of several answers is right.
    MultipleChoice {
        /// The question and the wrong answers.
        prompt: Choice,
        /// The right one.
        answer: Right,
    },
    /// What does this program print?
    Tracing {
        /// The program.
        prompt: Program,
        /// What becomes of it.
        answer: Printed,
    },
}

/// The text of a question with wrong answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Choice {
    /// The question (Markdown).
    pub prompt: String,
    /// Wrong answers (Markdown).
    pub distractors: Vec<String>,
    /// Where the right answer goes among them, from 0.
    pub answer_index: usize,
}

/// The right answer of a choice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Right {
    /// Markdown.
    pub answer: String,
}

/// A program to think through.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Rust, with `main`, std only.
    pub program: String,
}

/// What a program does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Printed {
    /// Whether it compiles at all.
    pub does_compile: bool,
    /// What it prints, without white space at the end; empty when it does not compile.
    #[serde(default)]
    pub stdout: String,
    /// The line that the compiler objects to, from 1.
    pub line_number: Option<usize>,
}

/// Reads a file of questions.
///
/// # Errors
/// It cannot be read, does not follow the schema, or a right answer has no place among the wrong ones.
pub fn read(path: &Path) -> Result<Quiz> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let quiz: Quiz = toml::from_str(&text).with_context(|| format!("{} is not a quiz", path.display()))?;
    for question in &quiz.questions {
        if let Kind::MultipleChoice { prompt, .. } = &question.kind {
            ensure!(
                !prompt.distractors.is_empty() && prompt.answer_index <= prompt.distractors.len(),
                "{}: {}: answerIndex {} has no place among {} distractors",
                path.display(),
                question.id,
                prompt.answer_index,
                prompt.distractors.len()
            );
        }
    }
    Ok(quiz)
}

impl Choice {
    /// All answers as they are shown, the right one in its place.
    #[must_use]
    pub fn answers<'a>(&'a self, right: &'a Right) -> Vec<&'a str> {
        let mut answers: Vec<&str> = self.distractors.iter().map(String::as_str).collect();
        answers.insert(self.answer_index.min(answers.len()), &right.answer);
        answers
    }
}
