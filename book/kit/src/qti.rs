//! All quizzes as one file that learning management systems import: a zip with a manifest and, for each quiz, an assessment in IMS QTI 1.2
//! in the dialect of Canvas.
//!
//! | question here | in Canvas |
//! |---|---|
//! | a choice | Multiple Choice; True/False if those are its answers |
//! | a program that prints one line | Fill In the Blank |
//! | a program that prints several lines | Fill In Multiple Blanks, one for each line |
//! | a program that does not compile | True/False: it compiles |
//!
//! The explanation of an answer becomes its comment, which is shown after the quiz. The same questions give the same bytes.

use std::io::{Cursor, Write as _};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use zip::write::SimpleFileOptions;

use crate::quiz::{self, Kind, Question, Quiz};
use crate::render::{self, letter};

/// Writes the quizzes of the book in `folder` into the file `out`, and says how many quizzes and questions there are.
///
/// # Errors
/// A quiz cannot be read, there is none, or `out` cannot be written.
pub fn export(folder: &Path, out: &Path) -> Result<(usize, usize)> {
    let quizzes = bank(folder)?;
    let questions = quizzes.iter().map(|(_, quiz)| quiz.questions.len()).sum();
    std::fs::write(out, package(&quizzes)?).with_context(|| format!("cannot write {}", out.display()))?;
    Ok((quizzes.len(), questions))
}

/// All quizzes of the book in `folder`, by name, in the order of the chapters.
///
/// # Errors
/// A quiz cannot be read, or there is none.
pub fn bank(folder: &Path) -> Result<Vec<(String, Quiz)>> {
    let source = folder.join("src/quizzes");
    let mut quizzes = Vec::new();
    for entry in walkdir::WalkDir::new(&source).min_depth(1).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot list {}", source.display()))?;
        let name = entry
            .path()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        quizzes.push((name, quiz::read(entry.path())?));
    }
    ensure!(!quizzes.is_empty(), "there are no quizzes in {}", source.display());
    Ok(quizzes)
}

fn package(quizzes: &[(String, Quiz)]) -> Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    zip.start_file("imsmanifest.xml", options)?;
    zip.write_all(&document(|xml| manifest(xml, quizzes))?)?;
    for (name, quiz) in quizzes {
        zip.start_file(format!("{name}/{name}.xml"), options)?;
        zip.write_all(&document(|xml| assessment(xml, name, quiz))?)?;
    }
    Ok(zip.finish()?.into_inner())
}

type Xml = Writer<Cursor<Vec<u8>>>;
type Written = std::io::Result<()>;

fn document(write: impl FnOnce(&mut Xml) -> Written) -> Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Cursor::new(Vec::new()), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    write(&mut xml)?;
    Ok(xml.into_inner().into_inner())
}

/// `<name attributes>…</name>`
fn element(
    xml: &mut Xml,
    name: &str,
    attributes: &[(&str, &str)],
    inside: impl FnOnce(&mut Xml) -> Written,
) -> Written {
    xml.create_element(name)
        .with_attributes(attributes.iter().copied())
        .write_inner_content(inside)?;
    Ok(())
}

fn text(xml: &mut Xml, name: &str, attributes: &[(&str, &str)], text: &str) -> Written {
    xml.create_element(name)
        .with_attributes(attributes.iter().copied())
        .write_text_content(BytesText::new(text))?;
    Ok(())
}

fn empty(xml: &mut Xml, name: &str, attributes: &[(&str, &str)]) -> Written {
    xml.create_element(name)
        .with_attributes(attributes.iter().copied())
        .write_empty()?;
    Ok(())
}

fn manifest(xml: &mut Xml, quizzes: &[(String, Quiz)]) -> Written {
    let space = [
        ("identifier", "network-programming-in-rust"),
        ("xmlns", "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"),
    ];
    element(xml, "manifest", &space, |xml| {
        element(xml, "metadata", &[], |xml| {
            text(xml, "schema", &[], "IMS Content")?;
            text(xml, "schemaversion", &[], "1.1.3")
        })?;
        empty(xml, "organizations", &[])?;
        element(xml, "resources", &[], |xml| {
            for (name, _) in quizzes {
                let file = format!("{name}/{name}.xml");
                element(
                    xml,
                    "resource",
                    &[("identifier", name), ("type", "imsqti_xmlv1p2")],
                    |xml| empty(xml, "file", &[("href", &file)]),
                )?;
            }
            Ok(())
        })
    })
}

fn assessment(xml: &mut Xml, name: &str, quiz: &Quiz) -> Written {
    let space = [("xmlns", "http://www.imsglobal.org/xsd/ims_qtiasiv1p2")];
    element(xml, "questestinterop", &space, |xml| {
        let title = format!("Quiz {name}");
        element(xml, "assessment", &[("ident", name), ("title", &title)], |xml| {
            element(xml, "section", &[("ident", "root_section")], |xml| {
                quiz.questions
                    .iter()
                    .enumerate()
                    .try_for_each(|(at, question)| item(xml, at + 1, question))
            })
        })
    })
}

/// A question in terms of QTI.
struct Item {
    kind: &'static str,
    /// HTML.
    asked: String,
    /// Identifier, possible answers as HTML (or text, for blanks), and the place of the right one.
    responses: Vec<(String, Vec<String>, usize)>,
    /// Whether the reader types the answer.
    typed: bool,
}

impl Item {
    fn of(question: &Question) -> Item {
        match &question.kind {
            Kind::MultipleChoice { prompt, answer } => {
                let answers: Vec<String> = prompt.answers(answer).into_iter().map(render::inline).collect();
                let is_true_false = answers.iter().all(|answer| answer == "True" || answer == "False");
                Item::chosen(
                    render::markdown(&prompt.prompt),
                    answers,
                    prompt.answer_index,
                    is_true_false,
                )
            }
            Kind::Tracing { prompt, answer } if answer.does_compile => {
                Item::typed(&prompt.program, answer.stdout.trim_end())
            }
            Kind::Tracing { prompt, .. } => {
                let asked = format!(
                    "<p>True or false: this program compiles.</p>{}",
                    listing(&prompt.program)
                );
                Item::chosen(asked, vec!["True".into(), "False".into()], 1, true)
            }
        }
    }

    fn chosen(asked: String, answers: Vec<String>, right: usize, is_true_false: bool) -> Item {
        Item {
            kind: if is_true_false {
                "true_false_question"
            } else {
                "multiple_choice_question"
            },
            asked,
            responses: vec![("response1".into(), answers, right)],
            typed: false,
        }
    }

    fn typed(program: &str, stdout: &str) -> Item {
        let lines: Vec<&str> = stdout.lines().collect();
        if let [line] = lines[..] {
            return Item {
                kind: "short_answer_question",
                asked: format!("<p>What does this program print?</p>{}", listing(program)),
                responses: vec![("response1".into(), vec![line.to_string()], 0)],
                typed: true,
            };
        }
        let mut asked = format!(
            "<p>What does this program print? A blank for each line.</p>{}",
            listing(program)
        );
        for number in 1..=lines.len() {
            asked.push_str(&format!("<p>[line{number}]</p>"));
        }
        let blank = |(at, line): (usize, &&str)| (format!("response_line{}", at + 1), vec![(*line).to_string()], 0);
        Item {
            kind: "fill_in_multiple_blanks_question",
            asked,
            responses: lines.iter().enumerate().map(blank).collect(),
            typed: true,
        }
    }
}

/// A program as HTML. Square brackets are written as entities: in a question with blanks they would be blanks.
fn listing(program: &str) -> String {
    let escaped = render::escape(program.trim_matches('\n'))
        .replace('[', "&#91;")
        .replace(']', "&#93;");
    format!("<pre>{escaped}</pre>")
}

fn item(xml: &mut Xml, number: usize, question: &Question) -> Written {
    let item = Item::of(question);
    let title = format!("Question {number}");
    element(xml, "item", &[("ident", &question.id), ("title", &title)], |xml| {
        metadata(xml, item.kind)?;
        presentation(xml, &item)?;
        processing(xml, &item)?;
        element(xml, "itemfeedback", &[("ident", "general_fb")], |xml| {
            element(xml, "flow_mat", &[], |xml| {
                material(xml, &render::markdown(&question.context), true)
            })
        })
    })
}

fn metadata(xml: &mut Xml, kind: &str) -> Written {
    element(xml, "itemmetadata", &[], |xml| {
        element(xml, "qtimetadata", &[], |xml| {
            for (label, entry) in [("question_type", kind), ("points_possible", "1.0")] {
                element(xml, "qtimetadatafield", &[], |xml| {
                    text(xml, "fieldlabel", &[], label)?;
                    text(xml, "fieldentry", &[], entry)
                })?;
            }
            Ok(())
        })
    })
}

fn presentation(xml: &mut Xml, item: &Item) -> Written {
    element(xml, "presentation", &[], |xml| {
        material(xml, &item.asked, true)?;
        if item.kind == "short_answer_question" {
            let single = [("ident", "response1"), ("rcardinality", "Single")];
            return element(xml, "response_str", &single, |xml| {
                element(xml, "render_fib", &[], |xml| {
                    empty(xml, "response_label", &[("ident", "answer1"), ("rshuffle", "No")])
                })
            });
        }
        for (ident, answers, _) in &item.responses {
            let attributes = [("ident", ident.as_str()), ("rcardinality", "Single")];
            let attributes = if item.typed { &attributes[..1] } else { &attributes[..] };
            element(xml, "response_lid", attributes, |xml| {
                if item.typed {
                    material(xml, ident.trim_start_matches("response_"), false)?;
                }
                element(xml, "render_choice", &[], |xml| {
                    answers.iter().enumerate().try_for_each(|(at, answer)| {
                        element(xml, "response_label", &[("ident", &label(ident, at))], |xml| {
                            material(xml, answer, !item.typed)
                        })
                    })
                })
            })?;
        }
        Ok(())
    })
}

/// How the answers are told right from wrong.
fn processing(xml: &mut Xml, item: &Item) -> Written {
    element(xml, "resprocessing", &[], |xml| {
        element(xml, "outcomes", &[], |xml| {
            let score = [
                ("maxvalue", "100"),
                ("minvalue", "0"),
                ("varname", "SCORE"),
                ("vartype", "Decimal"),
            ];
            empty(xml, "decvar", &score)
        })?;
        element(xml, "respcondition", &[("continue", "Yes")], |xml| {
            element(xml, "conditionvar", &[], |xml| empty(xml, "other", &[]))?;
            empty(
                xml,
                "displayfeedback",
                &[("feedbacktype", "Response"), ("linkrefid", "general_fb")],
            )
        })?;
        let several = item.responses.len() > 1;
        let share = format!("{:.2}", 100.0 / item.responses.len() as f64);
        for (ident, answers, right) in &item.responses {
            let value = match item.kind {
                "short_answer_question" => answers[*right].clone(),
                _ => label(ident, *right),
            };
            let way: &[(&str, &str)] = if several { &[] } else { &[("continue", "No")] };
            element(xml, "respcondition", way, |xml| {
                element(xml, "conditionvar", &[], |xml| {
                    text(xml, "varequal", &[("respident", ident)], &value)
                })?;
                let (action, points) = if several {
                    ("Add", share.as_str())
                } else {
                    ("Set", "100")
                };
                text(xml, "setvar", &[("varname", "SCORE"), ("action", action)], points)
            })?;
        }
        Ok(())
    })
}

/// The name of an answer: unique in its question.
fn label(response: &str, at: usize) -> String {
    format!("{response}_{}", letter(at))
}

fn material(xml: &mut Xml, content: &str, is_html: bool) -> Written {
    let kind = if is_html { "text/html" } else { "text/plain" };
    element(xml, "material", &[], |xml| {
        text(xml, "mattext", &[("texttype", kind)], content)
    })
}
