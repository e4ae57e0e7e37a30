//! The exported quizzes, read back: every file that the manifest names is there, and every question's right answer is among its answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use bookkit::qti;
use bookkit::quiz::Kind;
use scraper::{ElementRef, Html, Selector};

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The package's files, each of them well-formed XML.
fn files() -> BTreeMap<String, String> {
    let room = tempfile::tempdir().unwrap();
    let out = room.path().join("quizzes.zip");
    qti::export(&book(), &out).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(std::fs::read(&out).unwrap())).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let (mut file, mut text) = (archive.by_index(at).unwrap(), String::new());
        file.read_to_string(&mut text).unwrap();
        let name = file.name().unwrap().into_owned();
        well_formed(&name, &text);
        files.insert(name, text);
    }
    files
}

fn well_formed(name: &str, text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => return,
            Ok(_) => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

fn all<'a>(within: ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    within.select(&Selector::parse(selector).unwrap()).collect()
}

fn attribute(element: ElementRef, name: &str) -> String {
    element
        .value()
        .attr(name)
        .unwrap_or_else(|| panic!("no {name}: {}", element.html()))
        .to_string()
}

/// XML as a tree. An HTML parser does not know elements that close themselves, so they are given an end.
fn tree(text: &str) -> Html {
    let mut whole = String::new();
    for piece in text.split_inclusive("/>") {
        match piece.strip_suffix("/>") {
            Some(open) => {
                let name: String = open
                    .rsplit('<')
                    .next()
                    .unwrap()
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                whole.push_str(&format!("{open}></{name}>"));
            }
            None => whole.push_str(piece),
        }
    }
    Html::parse_document(&whole)
}

#[test]
fn the_manifest_names_every_file_and_no_other() {
    let files = files();
    let manifest = tree(&files["imsmanifest.xml"]);
    let named: BTreeSet<String> = all(manifest.root_element(), "resource[type=imsqti_xmlv1p2] > file")
        .into_iter()
        .map(|file| attribute(file, "href"))
        .collect();
    let there: BTreeSet<String> = files
        .keys()
        .filter(|name| *name != "imsmanifest.xml")
        .cloned()
        .collect();
    assert_eq!(named, there);
    assert_eq!(named.len(), qti::bank(&book()).unwrap().len());
}

#[test]
fn every_question_is_there_with_its_right_answer() {
    let files = files();
    for (name, quiz) in qti::bank(&book()).unwrap() {
        let tree = tree(&files[&format!("{name}/{name}.xml")]);
        let items = all(tree.root_element(), "item");
        assert_eq!(items.len(), quiz.questions.len(), "{name}");
        for (item, question) in items.into_iter().zip(&quiz.questions) {
            assert_eq!(attribute(item, "ident"), question.id);
            let right = right_answers(item);
            match &question.kind {
                Kind::MultipleChoice { answer, .. } => {
                    assert_eq!(right.len(), 1, "{}", question.id);
                    assert_eq!(letters(&right[0]), letters(&answer.answer), "{}", question.id);
                }
                Kind::Tracing { answer, .. } if answer.does_compile => {
                    assert_eq!(right.join("\n"), answer.stdout.trim_end(), "{}", question.id);
                }
                Kind::Tracing { .. } => assert_eq!(right, ["False"], "{}", question.id),
            }
            assert!(item.html().contains("general_fb"), "{}: no explanation", question.id);
        }
    }
}

/// What the conditions of a question call right, as its texts say it.
fn right_answers(item: ElementRef) -> Vec<String> {
    let kind = all(item, "fieldentry")[0].text().collect::<String>();
    let mut right = Vec::new();
    for equal in all(item, "varequal") {
        let (response, value) = (attribute(equal, "respident"), equal.text().collect::<String>());
        let fields = all(item, "response_lid, response_str");
        let field = fields.into_iter().find(|field| attribute(*field, "ident") == response);
        let field = field.unwrap_or_else(|| panic!("nothing is asked as {response}"));
        if kind == "short_answer_question" {
            right.push(value);
            continue;
        }
        let labels = all(field, "response_label");
        let label = labels.into_iter().find(|label| attribute(*label, "ident") == value);
        right.push(
            label
                .unwrap_or_else(|| panic!("no answer {value}"))
                .text()
                .collect::<String>()
                .trim()
                .to_string(),
        );
    }
    right
}

/// Only letters and digits: Markdown, HTML and typographic quotes aside.
fn letters(text: &str) -> String {
    let text = Html::parse_fragment(text).root_element().text().collect::<String>();
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}
