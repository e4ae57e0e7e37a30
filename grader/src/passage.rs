//! A passage of the book, by the address that a rubric gives: what `grader watch` shows without a browser.

use anyhow::{Context, Result};

use crate::course::Course;

/// The section at `02-sockets.md#the-accept-queue`, as Markdown; without a fragment, the beginning of the chapter.
///
/// # Errors
/// There is no such chapter, or no such heading in it.
pub fn read(course: &Course, address: &str) -> Result<String> {
    let (file, fragment) = address.split_once('#').unwrap_or((address, ""));
    let path = course.root.join("book/src").join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    section(&text, fragment).with_context(|| format!("{} has no heading `#{fragment}`", path.display()))
}

fn section(text: &str, fragment: &str) -> Option<String> {
    let (mut found, mut depth, mut in_code) = (String::new(), 0, false);
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let level = line.chars().take_while(|c| *c == '#').count();
        let heading = !in_code && level > 0 && line[level..].starts_with(' ');
        if depth > 0 && heading && (level <= depth || fragment.is_empty()) {
            break;
        }
        if depth == 0 && heading && (fragment.is_empty() || slug(&line[level..]) == fragment) {
            depth = level;
        }
        if depth > 0 {
            found.push_str(line);
            found.push('\n');
        }
    }
    (depth > 0).then_some(found)
}

/// A heading's fragment, as mdBook makes it.
fn slug(heading: &str) -> String {
    let kept = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    };
    heading.trim().chars().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn a_section_goes_to_the_next_heading_of_its_depth() {
        let text = "# A\nintro\n## Port 0: `why`\none\n```\n# not a heading\n```\n### Deeper\ntwo\n## Next\nthree\n";
        assert_eq!(
            section(text, "port-0-why").unwrap(),
            "## Port 0: `why`\none\n```\n# not a heading\n```\n### Deeper\ntwo\n"
        );
        assert_eq!(section(text, "").unwrap(), "# A\nintro\n");
        assert_eq!(section(text, "nowhere"), None);
    }
}
