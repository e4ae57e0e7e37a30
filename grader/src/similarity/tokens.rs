//! Rust source as a row of tokens, as far as two programs can be compared by it: names, numbers and texts are all alike, comments and
//! spaces nothing. Any bytes give a row; a program need not compile.

/// A token's kind, and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// A keyword's or sign's own number, or that of its kind.
    pub kind: u64,
    /// From 1.
    pub line: usize,
}

const NAME: u64 = 1;
const NUMBER: u64 = 2;
const TEXT: u64 = 3;
const LIFETIME: u64 = 4;

/// Words that mean something to the language, and so stay.
const KEYWORDS: [&str; 36] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self",
    "static", "struct", "trait", "true", "type", "unsafe", "use", "while",
];

pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut rest = Rest { text: source, line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = rest.text.chars().next() {
        let line = rest.line;
        if let Some(kind) = rest.next(first) {
            tokens.push(Token { kind, line });
        }
    }
    tokens
}

/// What has not been read yet.
struct Rest<'s> {
    text: &'s str,
    line: usize,
}

impl Rest<'_> {
    /// Reads one token or one piece of nothing.
    fn next(&mut self, first: char) -> Option<u64> {
        if self.text.starts_with("//") {
            self.take(self.text.find('\n').unwrap_or(self.text.len()));
            return None;
        }
        if self.text.starts_with("/*") {
            self.take(block_comment(self.text));
            return None;
        }
        if let Some(length) = text(self.text) {
            self.take(length);
            return Some(TEXT);
        }
        if first == '\'' {
            let (kind, length) = quote(self.text);
            self.take(length);
            return Some(kind);
        }
        if first.is_alphanumeric() || first == '_' {
            let end = self.text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            let word = &self.text[..end.unwrap_or(self.text.len())];
            let kind = word_kind(word, first);
            self.take(word.len());
            return Some(kind);
        }
        self.take(first.len_utf8());
        (!first.is_whitespace()).then_some(0x1000 + u64::from(u32::from(first)))
    }

    fn take(&mut self, length: usize) {
        let (taken, rest) = self.text.split_at(length);
        self.line += taken.matches('\n').count();
        self.text = rest;
    }
}

fn word_kind(word: &str, first: char) -> u64 {
    if first.is_ascii_digit() {
        return NUMBER;
    }
    let keyword = KEYWORDS.iter().position(|keyword| *keyword == word);
    keyword.map_or(NAME, |at| 0x100 + at as u64)
}

/// Length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if bytes[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of a literal text: `"…"`, `b"…"`, `r#"…"#` and the like.
fn text(source: &str) -> Option<usize> {
    let prefix = source.find(|c| !matches!(c, 'b' | 'c' | 'r'))?;
    if prefix > 2 {
        return None;
    }
    let after = &source[prefix..];
    let hashes = after.find(|c| c != '#')?;
    let body = after[hashes..].strip_prefix('"')?;
    let start = prefix + hashes + 1;
    if source[..prefix].contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(body.find(&end).map_or(source.len(), |at| start + at + end.len()));
    }
    if hashes > 0 {
        return None;
    }
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Some(start + at + 1),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Some(source.len())
}

/// `'a'` and `'\n'` are texts, `'a` a lifetime.
fn quote(source: &str) -> (u64, usize) {
    let mut rest = source.char_indices().skip(1);
    match (rest.next(), rest.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let after = at + escaped.len_utf8();
            (
                TEXT,
                source[after..].find('\'').map_or(source.len(), |end| after + end + 1),
            )
        }
        (Some(_), Some((at, '\''))) => (TEXT, at + 1),
        _ => {
            let end = source[1..].find(|c: char| !(c.is_alphanumeric() || c == '_'));
            (LIFETIME, end.map_or(source.len(), |end| end + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<u64> {
        tokens(source).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn names_numbers_and_texts_are_alike_and_the_rest_is_not() {
        assert_eq!(kinds("let a = 1;"), kinds("let  bcd=0x2f_u8 ; // end"));
        assert_eq!(
            kinds("f(\"a\\\"b\", b\"x\", r#\"q\"q\"#, 'c', '\\'', '\\u{1F600}')"),
            kinds("g(\"\",\"\",\"\",\"\",\"\",\"\")")
        );
        assert_eq!(kinds("/* a /* b */ c */ x"), [NAME]);
        assert_eq!(kinds("&'a str"), kinds("&'static_ text"));
        for (a, b) in [("let x", "mut x"), ("a + b", "a - b"), ("'a'", "'a"), ("x", "1")] {
            assert_ne!(kinds(a), kinds(b), "{a} {b}");
        }
    }

    #[test]
    fn any_text_has_an_end_and_lines_are_counted() {
        for source in [
            "\"", "r##\"", "'", "'\\", "/*", "b'", "r#", "ä'ö'é", "\\\u{0}", "br\"\"#", "'\\u{",
        ] {
            let _ = tokens(source);
        }
        let lines: Vec<usize> = tokens("a\n\"b\nc\" d\n/*\n*/ e")
            .into_iter()
            .map(|token| token.line)
            .collect();
        assert_eq!(lines, [1, 2, 3, 5]);
    }
}
