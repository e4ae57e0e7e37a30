//! What people read in a browser or a wiki: HTML and Markdown.

use super::*;

/// Tries to leave every kind of quotation there is.
const EVIL: &str = "</pre><script>alert(1)</script><img src=x onerror=alert(1)> ``` ~~~ ```````` [a](javascript:x) @ada | {{ 71*71 }} {% raw %} \" onfocus=\"x";

fn evil_class() -> Gradebook {
    let mut class = class();
    let bad = Failure {
        doing: EVIL.into(),
        expected: EVIL.into(),
        received: EVIL.into(),
        chart: EVIL.into(),
        stderr: format!("first\n{EVIL}\n```\n# heading"),
    };
    class.students[1].student = EVIL.into();
    class.students[1].notes = vec![Note(EVIL.into())];
    class.students[1].grades[0].checks[1].outcome = Outcome::Failed(bad.clone());
    class.students[1].grades[0].checks[2].outcome = Outcome::NotRun(NotRun::Control {
        fix_first: "one_client_gets_22_bytes_then_eof".into(),
        failure: bad,
    });
    class.students[2].grades[0].build = Build::Rejected {
        reason: EVIL.into(),
        diagnostics: EVIL.into(),
    };
    class.students[3].grades[1].build = Build::Inconclusive(EVIL.into());
    class
}

/// What a browser shows of escaped text.
fn unescaped(page: &str) -> String {
    page.replace("&#x2f;", "/").replace("&#x27;", "'")
}

fn pages(class: &Gradebook, format: Format) -> Vec<String> {
    let mut pages = vec![written(class, format, About::Class).unwrap()];
    for student in &class.students {
        let alone = Gradebook {
            students: vec![student.clone()],
            ..class.clone()
        };
        pages.push(written(&alone, format, About::Author).unwrap());
    }
    pages
}

#[test]
fn nothing_that_students_write_is_markup_in_a_page() {
    for page in pages(&evil_class(), Format::Html) {
        assert!(
            page.contains("&lt;script&gt;") || !page.contains("alert(1)"),
            "not quoted"
        );
        for tag in ["<script", "<img", "<iframe", "<link", "<form"] {
            assert!(!page.contains(tag), "{tag} in {page}");
        }
        // No quotation mark of theirs ends an attribute.
        assert!(!page.contains("\" onfocus="));
        assert_eq!(page.matches("<pre").count(), page.matches("</pre>").count());
        assert!(!page.contains("5041"), "a template in their text was filled in");
    }
}

#[test]
fn a_page_loads_nothing_from_elsewhere() {
    for page in pages(&class(), Format::Html) {
        assert!(page.contains("default-src 'none'"));
        for loads in ["src=", "url(", "@import", "<link", "<script"] {
            assert!(!page.contains(loads), "{loads}");
        }
    }
}

#[test]
fn every_jump_within_a_page_arrives() {
    for page in pages(&class(), Format::Html) {
        let targets = page
            .split("href=\"#")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap());
        for target in targets {
            assert_eq!(page.matches(&format!(" id=\"{target}\"")).count(), 1, "#{target}");
        }
        let names = page
            .split("labelledby=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap());
        for name in names {
            assert_eq!(page.matches(&format!(" id=\"{name}\"")).count(), 1, "{name}");
        }
    }
}

#[test]
fn a_students_page_says_what_the_text_report_says() {
    let mut class = class();
    class.students[1].grades[0].diagnoses = vec![diagnosis("leaks", "Close what accept() gave you.")];
    let setting = Setting {
        book: "https://course.example/book/".into(),
        ..Setting::default()
    };
    let page = unescaped(&html::student(&class.students[1], &class, &setting).unwrap());
    let markdown = markdown::student(&class.students[1], &class, &setting);
    for said in [
        "Report for bob",
        "24 of 52 points",
        "8 of 26 points",
        "one client gets 22 bytes then eof",
        "nothing for 3.0 s; the connection is still open",
        "├── connect ─────▶",
        "panicked at src/lib.rs:12:5",
        "Fix first: one client gets 22 bytes then eof.",
        "Close what accept() gave you.",
        "https://course.example/book/02-sockets.html#two-kinds-of-descriptor",
        "not run here",
        "rustc 1.95.0",
    ] {
        assert!(page.contains(said), "{said} is not in the page:\n{page}");
        assert!(markdown.contains(said), "{said} is not in\n{markdown}");
    }
    for page in [page, markdown] {
        assert!(!page.contains("leaks"), "the mutant's name is for instructors");
    }
}

#[test]
fn the_page_of_the_class_has_everybody_and_what_to_look_at() {
    let mut class = class();
    class.students[1].grades[0].diagnoses = vec![diagnosis("leaks", "Close what accept() gave you.")];
    for format in [Format::Html, Format::Markdown] {
        let page = unescaped(&written(&class, format, About::Class).unwrap());
        for said in [
            "ada",
            "52/52",
            "leaks",
            "Close what accept() gave you.",
            "To look at by hand",
            "the disk is full",
        ] {
            assert!(page.contains(said), "{format:?}: {said} is not in\n{page}");
        }
    }
}

#[test]
fn what_students_write_stays_in_its_fence() {
    for page in pages(&evil_class(), Format::Markdown) {
        let mut fence: Option<&str> = None;
        for line in page.lines() {
            let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
            match fence {
                None if ticks.len() >= 3 => fence = Some(ticks),
                Some(open) if ticks.len() >= open.len() => {
                    assert_eq!(line, open, "a fence is closed by a student");
                    fence = None;
                }
                None => {
                    for markup in ["<script", "<img", "[a](", "@ada", "```"] {
                        assert!(!line.contains(markup), "{markup} in {line}");
                    }
                }
                Some(_) => {}
            }
        }
        assert_eq!(fence, None, "a fence stays open");
    }
}

#[test]
fn an_address_of_the_book_is_a_web_address() {
    use clap::Parser;
    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        setting: Setting,
    }
    let parsed = |book: &str| Line::try_parse_from(["x", "--book", book]).map(|line| line.setting.book);
    assert_eq!(parsed("https://a.example/b").unwrap(), "https://a.example/b/");
    for wrong in ["javascript:alert(1)", "book/src", "https://a.example/\"onclick", ""] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}
