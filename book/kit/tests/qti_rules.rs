//! The exported quizzes keep the content rules of IMS QTI 1.2: which element may stand where, how often and in which order, which
//! attributes it has and what those may say. The rules are those of the standard's ASI document type, for the elements that the export
//! uses; an element or attribute that is not in the table is a defect, too.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::path::Path;

use bookkit::qti;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Names of which one may stand in a place, and how often: at least, at most.
type Group = (&'static [&'static str], usize, usize);
/// Name, whether it has to be there, and what it may say; anything if that is empty.
type Attribute = (&'static str, bool, &'static [&'static str]);

struct Rule {
    element: &'static str,
    attributes: &'static [Attribute],
    /// In this order.
    children: &'static [Group],
    /// Whether text may stand in it.
    text: bool,
}

const MANY: usize = usize::MAX;
const YES_NO: &[&str] = &["Yes", "No"];
const RENDERED: &[&str] = &["material", "response_label"];

/// A rule for an element that holds other elements.
const fn rule(element: &'static str, attributes: &'static [Attribute], children: &'static [Group]) -> Rule {
    Rule {
        element,
        attributes,
        children,
        text: false,
    }
}

/// A rule for an element that holds text.
const fn text(element: &'static str, attributes: &'static [Attribute]) -> Rule {
    Rule {
        element,
        attributes,
        children: &[],
        text: true,
    }
}

const RULES: &[Rule] = &[
    rule("questestinterop", &[("xmlns", false, &[])], &[(&["assessment"], 1, 1)]),
    rule(
        "assessment",
        &[("ident", true, &[]), ("title", false, &[])],
        &[(&["section"], 1, MANY)],
    ),
    rule(
        "section",
        &[("ident", true, &[]), ("title", false, &[])],
        &[(&["item", "section"], 0, MANY)],
    ),
    rule(
        "item",
        &[("ident", true, &[]), ("title", false, &[])],
        &[
            (&["itemmetadata"], 0, 1),
            (&["presentation"], 0, 1),
            (&["resprocessing"], 0, MANY),
            (&["itemfeedback"], 0, MANY),
        ],
    ),
    rule("itemmetadata", &[], &[(&["qtimetadata"], 0, MANY)]),
    rule("qtimetadata", &[], &[(&["qtimetadatafield"], 1, MANY)]),
    rule(
        "qtimetadatafield",
        &[],
        &[(&["fieldlabel"], 1, 1), (&["fieldentry"], 1, 1)],
    ),
    text("fieldlabel", &[]),
    text("fieldentry", &[]),
    rule(
        "presentation",
        &[],
        &[(&["material", "response_lid", "response_str"], 1, MANY)],
    ),
    rule(
        "response_lid",
        &[
            ("ident", true, &[]),
            ("rcardinality", false, &["Single", "Multiple", "Ordered"]),
        ],
        &[
            (&["material"], 0, 1),
            (&["render_choice", "render_fib"], 1, 1),
            (&["material"], 0, 1),
        ],
    ),
    rule(
        "response_str",
        &[
            ("ident", true, &[]),
            ("rcardinality", false, &["Single", "Multiple", "Ordered"]),
        ],
        &[
            (&["material"], 0, 1),
            (&["render_choice", "render_fib"], 1, 1),
            (&["material"], 0, 1),
        ],
    ),
    rule("render_choice", &[("shuffle", false, YES_NO)], &[(RENDERED, 0, MANY)]),
    rule("render_fib", &[], &[(RENDERED, 0, MANY)]),
    rule(
        "response_label",
        &[("ident", true, &[]), ("rshuffle", false, YES_NO)],
        &[(&["material"], 0, MANY)],
    ),
    rule("material", &[], &[(&["mattext"], 1, MANY)]),
    text("mattext", &[("texttype", false, &["text/plain", "text/html"])]),
    rule(
        "resprocessing",
        &[],
        &[(&["outcomes"], 1, 1), (&["respcondition"], 1, MANY)],
    ),
    rule("outcomes", &[], &[(&["decvar"], 1, MANY)]),
    text(
        "decvar",
        &[
            ("varname", false, &[]),
            ("minvalue", false, &[]),
            ("maxvalue", false, &[]),
            (
                "vartype",
                false,
                &[
                    "Integer",
                    "String",
                    "Decimal",
                    "Scientific",
                    "Boolean",
                    "Enumerated",
                    "Set",
                ],
            ),
        ],
    ),
    rule(
        "respcondition",
        &[("continue", false, YES_NO)],
        &[
            (&["conditionvar"], 1, 1),
            (&["setvar"], 0, MANY),
            (&["displayfeedback"], 0, MANY),
        ],
    ),
    rule("conditionvar", &[], &[(&["varequal", "other"], 1, MANY)]),
    text("varequal", &[("respident", true, &[]), ("case", false, YES_NO)]),
    text("other", &[]),
    text(
        "setvar",
        &[
            ("varname", false, &[]),
            ("action", false, &["Set", "Add", "Subtract", "Multiply", "Divide"]),
        ],
    ),
    text(
        "displayfeedback",
        &[
            ("linkrefid", true, &[]),
            ("feedbacktype", false, &["Response", "Solution", "Hint"]),
        ],
    ),
    rule(
        "itemfeedback",
        &[("ident", true, &[])],
        &[(&["flow_mat", "material"], 1, MANY)],
    ),
    rule("flow_mat", &[], &[(&["flow_mat", "material"], 1, MANY)]),
];

/// Every place where the document breaks a rule.
fn defects(document: &str) -> Vec<String> {
    let (mut reader, mut found) = (Reader::from_str(document), Vec::new());
    // Names of the open elements, and of the children that each has had so far.
    let mut open: Vec<(String, Vec<String>)> = vec![(String::new(), Vec::new())];
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(Event::Start(start)) => {
                let name = begin(&start, &mut open, &mut found);
                open.push((name, Vec::new()));
            }
            Ok(Event::Empty(start)) => {
                let name = begin(&start, &mut open, &mut found);
                found.extend(wrong_children(&name, &[]));
            }
            Ok(Event::End(_)) => {
                let (name, children) = open.pop().unwrap_or_default();
                found.extend(wrong_children(&name, &children));
            }
            Ok(Event::Text(text)) if !text.trim().is_empty() => {
                let name = open.last().map_or("", |(name, _)| name);
                if RULES.iter().any(|rule| rule.element == name && !rule.text) {
                    found.push(format!("<{name}> holds text"));
                }
            }
            Ok(_) => {}
            Err(error) => panic!("not XML: {error}"),
        }
    }
    found
}

/// Notes an element in its parent, and looks at its attributes.
fn begin(start: &BytesStart, open: &mut [(String, Vec<String>)], found: &mut Vec<String>) -> String {
    let name = start.name().as_ref().to_string();
    if let Some((_, siblings)) = open.last_mut() {
        siblings.push(name.clone());
    }
    let Some(rule) = RULES.iter().find(|rule| rule.element == name) else {
        found.push(format!("<{name}> is no element that we know"));
        return name;
    };
    let mut has = BTreeSet::new();
    for attribute in start.attributes().map(Result::unwrap) {
        let key = attribute.key.as_ref().to_string();
        let value = attribute.value.into_owned();
        match rule.attributes.iter().find(|(known, ..)| *known == key) {
            None => found.push(format!("<{name}> has no attribute {key}")),
            Some((_, _, may)) if !may.is_empty() && !may.contains(&value.as_str()) => {
                found.push(format!("<{name} {key}=\"{value}\">: it may be {may:?}"));
            }
            Some(_) => {}
        }
        has.insert(key);
    }
    let needed = rule.attributes.iter().filter(|(_, needed, _)| *needed);
    found.extend(
        needed
            .filter(|(key, ..)| !has.contains(*key))
            .map(|(key, ..)| format!("<{name}> lacks {key}")),
    );
    name
}

fn wrong_children(name: &str, children: &[String]) -> Option<String> {
    let rule = RULES.iter().find(|rule| rule.element == name)?;
    let mut rest = children;
    for (names, least, most) in rule.children {
        let fitting = rest.iter().take_while(|child| names.contains(&child.as_str())).count();
        let taken = fitting.min(*most);
        if taken < *least {
            return Some(format!("<{name}> needs {names:?} before {rest:?}"));
        }
        rest = &rest[taken..];
    }
    (!rest.is_empty()).then(|| format!("<{name}> has {rest:?}, which may not stand there"))
}

#[test]
fn every_quiz_keeps_the_rules() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let room = tempfile::tempdir().unwrap();
    let out = room.path().join("quizzes.zip");
    let (quizzes, _) = qti::export(&book, &out).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(std::fs::read(&out).unwrap())).unwrap();
    let mut looked_at = 0;
    for at in 0..archive.len() {
        let (mut file, mut text) = (archive.by_index(at).unwrap(), String::new());
        file.read_to_string(&mut text).unwrap();
        let name = file.name().unwrap().into_owned();
        if name != "imsmanifest.xml" {
            assert_eq!(defects(&text), Vec::<String>::new(), "{name}");
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, quizzes);
}

#[test]
fn what_breaks_a_rule_is_found() {
    let item = |inside: &str| {
        format!(
            "<questestinterop><assessment ident='a'><section ident='s'><item ident='i'>{inside}</item></section></assessment></questestinterop>"
        )
    };
    assert_eq!(defects(&item("")), Vec::<String>::new());
    for (inside, said) in [
        ("<presentation/>", "needs"),
        (
            "<itemfeedback ident='f'><feedback/></itemfeedback>",
            "no element that we know",
        ),
        ("words", "holds text"),
        (
            "<itemfeedback><material><mattext/></material></itemfeedback>",
            "lacks ident",
        ),
        (
            "<presentation><material><mattext texttype='html'/></material></presentation>",
            "it may be",
        ),
        ("<itemmetadata colour='red'/>", "has no attribute colour"),
        (
            "<itemfeedback ident='f'><material><mattext/></material></itemfeedback><itemmetadata/>",
            "may not stand there",
        ),
    ] {
        let found = defects(&item(inside));
        assert!(found.iter().any(|defect| defect.contains(said)), "{inside}: {found:?}");
    }
}
