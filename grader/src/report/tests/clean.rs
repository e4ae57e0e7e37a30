//! What is taken out of everything that students and their programs write.

use std::path::Path;

use super::super::sanitize::{self, line, scrub_paths};

#[test]
fn escape_sequences_are_removed_whole_and_plain_text_stays() {
    for (raw, clean) in [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\u{1b}[1;31mred\u{1b}[0m", "red"),
        ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}!", "link!"),
        ("\u{1b}]never ends\nnext line", "\nnext line"),
        ("\u{1b}(Bx\u{1b}", "x"),
        ("a\r\nb\u{8}c\u{7f}\u{85}", "a\nbc"),
        ("\u{202e}abc\u{2066}", "\u{fffd}abc\u{fffd}"),
        ("Zoë 日本 ▶ é", "Zoë 日本 ▶ é"),
    ] {
        assert_eq!(sanitize::text(raw), clean, "{raw:?}");
    }
    assert_eq!(line("two\nlines\there"), "two lines here");
}

#[test]
fn a_long_text_keeps_its_beginning_and_its_end() {
    let long = format!("begin{}end", "ä".repeat(100_000));
    let short = sanitize::text(&long);
    assert!(short.len() <= sanitize::MAX_TEXT && short.starts_with("begin") && short.ends_with("end"));
    assert!(short.contains("bytes left out"));
}

#[test]
fn paths_of_this_machine_are_replaced_where_they_stand_whole() {
    let paths = [
        (Path::new("/tmp/a"), "STAGE"),
        (Path::new("/tmp/a/target"), "TARGET"),
        (Path::new("/"), "ROOT"),
    ];
    let text = "/tmp/a/src/lib.rs /tmp/abc /tmp/a/target/debug (/tmp/a) /home";
    assert_eq!(
        scrub_paths(text, &paths),
        "STAGE/src/lib.rs /tmp/abc TARGET/debug (STAGE) /home"
    );
}
