//! The book's kit: a preprocessor for what mdBook does not know (quizzes, exercise banners, hints, widgets), and the checks that the book is right.

pub mod answers;
pub mod banner;
pub mod check;
pub mod hints;
pub mod preprocessor;
pub mod qti;
pub mod quiz;
pub mod render;
pub mod serve;
pub mod spelling;
pub mod widget;

use std::path::Path;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;

/// The book in `folder` (where `book.toml` lies), with our preprocessor in place.
///
/// # Errors
/// There is no book there, or its summary names a file that is not.
pub fn load(folder: &Path) -> Result<MDBook> {
    let mut book = MDBook::load(folder).with_context(|| format!("cannot load the book in {}", folder.display()))?;
    book.with_preprocessor(preprocessor::Kit);
    Ok(book)
}

/// Builds the book's pages into `out`.
///
/// # Errors
/// A chapter, quiz or rubric cannot be read, or `out` cannot be written.
pub fn build(folder: &Path, out: &Path) -> Result<()> {
    let mut book = load(folder)?;
    book.config.build.build_dir = out.to_path_buf();
    book.build().context("the book does not build")
}
