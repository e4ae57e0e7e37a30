//! Names as they come from archives and folders: which are safe to show and to use, and what they say about an exercise.

use super::MAX_NAME;

/// The parts of an entry's name, without `.` and empty ones; or why such a name is refused.
pub(super) fn parts(name: &str) -> Result<Vec<&str>, &'static str> {
    if name.chars().any(char::is_control) {
        return Err("its name has a control character in it");
    }
    if name.starts_with('/') || name.as_bytes().get(1) == Some(&b':') {
        return Err("its name is absolute");
    }
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.contains(&"..") {
        return Err("its name climbs out with `..`");
    }
    if parts.iter().any(|part| part.len() > MAX_NAME) {
        return Err("its name is longer than 255 bytes");
    }
    Ok(parts)
}

/// What operating systems, editors and git leave behind: `.git`, `.DS_Store`, `._lib.rs`, `__MACOSX`.
pub(super) fn is_ignored(part: &str) -> bool {
    part.starts_with('.') || part == "__MACOSX"
}

/// `ex01` of `ex01-four-calls`, `ex01`, `Ex01_mine` or `ex01 (2)`.
pub(super) fn exercise_number(folder: &str) -> Option<String> {
    let bytes = folder.as_bytes();
    let named = bytes.len() >= 4
        && bytes[..2].eq_ignore_ascii_case(b"ex")
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && folder[4..].chars().next().is_none_or(|next| !next.is_alphanumeric());
    named.then(|| folder[..4].to_ascii_lowercase())
}

/// Whether a path below `src/` consists of names that mean the same file on every system. rustc wants modules in ASCII
/// anyway, and with ASCII only there are neither two ways to write `é` nor odd rules of case.
pub(super) fn is_plain(part: &str) -> bool {
    part.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The name of a source file that came without a folder. Canvas writes `lib-1.rs` for what was handed in a second time.
pub(super) fn of_loose(name: &str) -> String {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let numbered = stem.rsplit_once('-').filter(|(_, number)| is_number(number));
    let stem = numbered.map_or(stem, |(stem, _)| stem);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("{}.rs", stem.chars().map(plain).collect::<String>())
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// A name fit to be shown: on one line, without anything that a terminal obeys, and not endless.
pub(super) fn shown(name: &str) -> String {
    let clean = crate::report::sanitize::line(name);
    match clean.char_indices().nth(120) {
        Some((cut, _)) => format!("`{}…`", &clean[..cut]),
        None => format!("`{clean}`"),
    }
}
