//! Reports: one gradebook, rendered. Reports compute nothing; points come from the methods of [`crate::grade`].

mod checks;
mod files;
pub mod json;
pub mod sanitize;
pub mod student;
pub mod text;
#[cfg(test)]
mod tests;

pub use files::write_all;
