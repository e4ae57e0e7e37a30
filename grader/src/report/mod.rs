//! Reports: one gradebook, rendered. Reports compute nothing; points come from the methods of [`crate::grade`].

mod checks;
mod files;
pub mod json;
pub mod sanitize;
pub mod student;
#[cfg(test)]
mod tests;
pub mod text;

pub use files::write_all;
