//! Reports: one gradebook, rendered. Reports compute nothing; points come from the methods of [`crate::grade`].

mod canvas;
mod checks;
mod class_html;
mod classroom;
mod csv;
mod files;
pub mod format;
pub mod gradescope;
mod html;
pub mod json;
mod junit;
mod markdown;
pub mod request;
pub mod sanitize;
pub mod student;
#[cfg(test)]
mod tests;
pub mod text;

pub(crate) use files::file_names;
pub use files::write_all;
