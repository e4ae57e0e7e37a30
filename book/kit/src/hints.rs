//! The three levels of hints of an exercise, as its README has them: a chapter shows them with `{{#hints ex02}}`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::banner;

/// How many levels every exercise has.
const LEVELS: usize = 3;

/// The hints of the exercise `name`, as Markdown: one folded block for each level.
///
/// # Errors
/// There is no such exercise in `exercises`, or its README has not the three levels.
pub fn markdown(exercises: &Path, name: &str) -> Result<String> {
    let path = exercises.join(banner::folder(exercises, name)?).join("README.md");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let hints = section(&text).with_context(|| format!("{} has no section `## Hints`", path.display()))?;
    for level in 1..=LEVELS {
        let opening = format!("<details><summary>Level {level}:");
        ensure!(
            hints.matches(&opening).count() == 1,
            "{}: its hints need one block that begins with `{opening}`",
            path.display()
        );
    }
    Ok(format!("<div class=\"hints\">\n\n{}\n\n</div>\n", hints.trim()))
}

/// What stands below `## Hints`, up to the next heading of that level.
fn section(text: &str) -> Option<&str> {
    let (_, below) = text.split_once("\n## Hints\n")?;
    Some(below.split("\n## ").next().unwrap_or(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(readme: &str) -> Result<String> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("ex99-small")).unwrap();
        std::fs::write(root.path().join("ex99-small/README.md"), readme).unwrap();
        markdown(root.path(), "ex99")
    }

    #[test]
    fn a_missing_level_is_an_error() {
        let level = |number| format!("<details><summary>Level {number}: x</summary>\n\n- y\n\n</details>\n\n");
        let all = format!(
            "# A\n\n## Hints\n\nOpen one.\n\n{}{}{}## Next\n",
            level(1),
            level(2),
            level(3)
        );
        assert!(of(&all).unwrap().ends_with("</details>\n\n</div>\n"));
        let error = of(&all.replace("Level 2", "Level 4")).unwrap_err().to_string();
        assert!(error.contains("Level 2"), "{error}");
    }
}
