//! JSON as the evidence needs it, written by hand: serde_json and what it brings were a fifth of what a student compiles first.
//! It is read with serde_json, by the grader (`reading.rs`).

use std::{borrow::Cow, fmt};

/// A value to be written.
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Whole(u64),
    Real(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(&'static str, Json<'a>)>),
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for Json<'a> {
    fn from(text: &'a T) -> Json<'a> {
        Json::Text(text.as_ref().into())
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => out.write_str("null"),
            Json::Bool(yes) => write!(out, "{yes}"),
            Json::Whole(number) => write!(out, "{number}"),
            // Times and shares: neither infinite nor no number. JSON has no word for those.
            Json::Real(number) if number.is_finite() => write!(out, "{number}"),
            Json::Real(_) => out.write_str("null"),
            Json::Text(text) => quoted(out, text),
            Json::List(items) => between(out, ('[', ']'), items, |out, item| item.fmt(out)),
            Json::Object(fields) => between(out, ('{', '}'), fields, |out, (name, value)| {
                quoted(out, name)?;
                write!(out, ":{value}")
            }),
        }
    }
}

fn between<T>(
    out: &mut fmt::Formatter<'_>,
    (open, close): (char, char),
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    write!(out, "{open}")?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.write_str(",")?;
        }
        write(out, item)?;
    }
    write!(out, "{close}")
}

/// RFC 8259, section 7: quotation mark, backslash and control characters are escaped; everything else may stand as it is.
fn quoted(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    out.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            '\0'..='\x1f' => write!(out, "\\u{:04x}", u32::from(c))?,
            c => write!(out, "{c}")?,
        }
    }
    out.write_str("\"")
}

#[cfg(all(test, feature = "read"))]
mod tests {
    use super::Json;
    use serde_json::json;

    #[test]
    fn it_is_what_serde_json_reads() {
        let nasty: String = (0..0x2100).filter_map(char::from_u32).collect();
        let written = Json::Object(vec![
            ("text", Json::from(&nasty)),
            (
                "numbers",
                Json::List(vec![
                    Json::Whole(u64::MAX),
                    Json::Real(0.25),
                    Json::Real(3.0),
                    Json::Real(1e-9),
                ]),
            ),
            (
                "rest",
                Json::List(vec![Json::Null, Json::Bool(true), Json::Object(Vec::new())]),
            ),
        ]);
        let read: serde_json::Value = serde_json::from_str(&written.to_string()).unwrap();
        let wanted = json!({ "text": nasty, "numbers": [u64::MAX, 0.25, 3, 1e-9], "rest": [null, true, {}] });
        assert_eq!(read, wanted);
        assert!(!written.to_string().contains('\n'), "one line");
    }
}
