//! Puts HTML in the place of `{{#quiz FILE}}`, `{{#exercise exNN}}`, `{{#hints exNN}}` and `{{#widget NAME}}`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use mdbook_preprocessor::book::{Book, BookItem};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::{banner, hints, quiz, render, widget};

/// Our preprocessor. It runs inside `cargo book`, after mdBook's own.
#[derive(Debug)]
pub struct Kit;

impl Preprocessor for Kit {
    fn name(&self) -> &str {
        "kit"
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let source = context.root.join(&context.config.book.src);
        let mut outcome = Ok(());
        book.for_each_mut(|item| {
            if let BookItem::Chapter(chapter) = item
                && outcome.is_ok()
            {
                match expand(&chapter.content, &source) {
                    Ok(text) => chapter.content = text,
                    Err(error) => outcome = Err(error.context(format!("in the chapter `{}`", chapter.name))),
                }
            }
        });
        outcome.map(|()| book)
    }
}

/// A chapter's text with every directive of ours replaced. `source`: the folder of the chapters.
///
/// # Errors
/// A directive names a file or an exercise that is not there or is wrong.
pub fn expand(text: &str, source: &Path) -> Result<String> {
    let mut expanded = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match directive(line) {
            Some(("quiz", file)) => expanded.push_str(&render::quiz(&quiz::read(&source.join(file))?)?),
            Some(("exercise", name)) => expanded.push_str(&banner::html(&exercises(source)?, name)?),
            Some(("hints", name)) => expanded.push_str(&hints::markdown(&exercises(source)?, name)?),
            Some(("widget", name)) => {
                let table = widget::read(&source.join("widgets").join(format!("{name}.json")))?;
                expanded.push_str(&widget::html(name, &table)?);
            }
            Some((other, _)) => bail!("`{{{{#{other} …}}}}` is not a directive (quiz, exercise, hints, widget)"),
            None => {
                expanded.push_str(line);
                continue;
            }
        }
        expanded.push('\n');
    }
    Ok(expanded)
}

/// `{{#word argument}}` alone in its line.
pub(crate) fn directive(line: &str) -> Option<(&str, &str)> {
    line.trim_end().strip_prefix("{{#")?.strip_suffix("}}")?.split_once(' ')
}

/// The folder of the exercises, seen from the chapters' folder.
fn exercises(source: &Path) -> Result<std::path::PathBuf> {
    let folder = source.join("../../exercises");
    folder
        .canonicalize()
        .with_context(|| format!("there is no {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_stands_alone_in_its_line() {
        assert_eq!(
            directive("{{#quiz quizzes/ch02.toml}}\n"),
            Some(("quiz", "quizzes/ch02.toml"))
        );
        assert_eq!(directive("see {{#quiz quizzes/ch02.toml}}"), None);
        assert_eq!(directive("text"), None);
    }

    #[test]
    fn an_unknown_directive_is_an_error_and_not_text_in_the_book() {
        let error = expand("{{#quizz a.toml}}\n", Path::new("/")).unwrap_err();
        assert!(error.to_string().contains("quizz"), "{error}");
    }
}
