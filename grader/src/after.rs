//! What a student reads after an exercise has all its points: the reference's idea, and one thing to try further.

use harness::words;
use serde::Deserialize;

use crate::course::Exercise;

/// `[after]` of a `rubric.toml`. It is public: the idea in words, never the code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// How the reference solution goes about it, in two sentences.
    pub idea: String,
    /// Something to try that nobody grades.
    pub further: String,
}

/// The text, or nothing for an exercise that has none.
pub fn text(exercise: &Exercise) -> String {
    let Some(after) = &exercise.rubric.after else {
        return String::new();
    };
    format!(
        "\n  How the reference solution does it\n{}\n  Something to try further\n{}",
        words::paragraph("    ", &after.idea),
        words::paragraph("    ", &after.further)
    )
}
