//! Questions as HTML: a form that works by keyboard; without JavaScript a list with the answer folded away.
//!
//! Nothing here has an empty line in it: inside a chapter that would end the HTML and begin Markdown again.

use std::fmt::Write as _;

use anyhow::Result;

use crate::quiz::{Choice, Kind, Printed, Question, Quiz, Right};

/// A whole quiz.
///
/// # Errors
/// None today.
pub fn quiz(quiz: &Quiz) -> Result<String> {
    let mut html = String::from("<section class=\"quiz\" aria-label=\"Quiz\">\n");
    for (at, question) in quiz.questions.iter().enumerate() {
        html.push_str(&one(at + 1, question));
    }
    html.push_str("</section>\n");
    Ok(html)
}

fn one(number: usize, question: &Question) -> String {
    let (asked, answers, right, shown) = match &question.kind {
        Kind::MultipleChoice { prompt, answer } => choice(&question.id, prompt, answer),
        Kind::Tracing { prompt, answer } => tracing(&question.id, &prompt.program, answer),
    };
    format!(
        "<form class=\"question\" id=\"{id}\" data-right=\"{right}\">\n\
         <fieldset>\n<legend>Question {number}</legend>\n{asked}{answers}\
         <p class=\"verdict-line\"><button type=\"submit\" hidden>Check</button> <output aria-live=\"polite\"></output></p>\n\
         </fieldset>\n\
         <details>\n<summary>Answer</summary>\n{shown}{context}</details>\n\
         </form>\n",
        id = escape(&question.id),
        right = escape(&right),
        context = markdown(&question.context),
    )
}

type Parts = (String, String, String, String);

fn choice(id: &str, prompt: &Choice, right: &Right) -> Parts {
    let mut answers = String::from("<ol class=\"answers\" type=\"A\">\n");
    for (at, answer) in prompt.answers(right).into_iter().enumerate() {
        let _ = writeln!(
            answers,
            "<li><label><input type=\"radio\" name=\"{}\" value=\"{}\"> {}</label></li>",
            escape(id),
            letter(at),
            inline(answer)
        );
    }
    answers.push_str("</ol>\n");
    let letter = letter(prompt.answer_index).to_string();
    let shown = format!("<p><strong>{letter}. {}</strong></p>\n", inline(&right.answer));
    (markdown(&prompt.prompt), answers, letter, shown)
}

fn tracing(id: &str, program: &str, answer: &Printed) -> Parts {
    let asked = format!(
        "<p>What does this program print? If it does not compile, tick the box.</p>\n{}",
        code("rust", program.trim_matches('\n'))
    );
    let id = escape(id);
    let answers = format!(
        "<p><label>It prints <textarea name=\"stdout\" rows=\"{}\" spellcheck=\"false\" autocomplete=\"off\"></textarea></label></p>\n\
         <p><label><input type=\"checkbox\" name=\"fails\" id=\"{id}-fails\"> It does not compile</label></p>\n",
        answer.stdout.lines().count().max(1)
    );
    if answer.does_compile {
        (
            asked,
            answers,
            answer.stdout.trim_end().to_string(),
            code("text", answer.stdout.trim_end()),
        )
    } else {
        let line = answer
            .line_number
            .map(|line| format!(" The compiler objects to line {line}."));
        let shown = format!(
            "<p><strong>It does not compile.</strong>{}</p>\n",
            line.unwrap_or_default()
        );
        (asked, answers, "does not compile".into(), shown)
    }
}

pub(crate) fn letter(at: usize) -> char {
    char::from(b'A' + u8::try_from(at % 26).unwrap_or(0))
}

fn code(language: &str, text: &str) -> String {
    let class = if language == "rust" {
        "language-rust ignore"
    } else {
        "language-text"
    };
    format!(
        "<pre><code class=\"{class}\">{}</code></pre>\n",
        unbroken(&escape(text))
    )
}

/// Line ends as entities, so that an empty line of a listing is none of the page.
fn unbroken(text: &str) -> String {
    text.replace('\n', "&#10;")
}

/// Markdown as HTML, without an empty line.
pub(crate) fn markdown(text: &str) -> String {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(text));
    let mut kept = String::with_capacity(html.len());
    let mut rest = html.as_str();
    while let Some((before, after)) = rest.split_once("<pre>") {
        let (listing, tail) = after.split_once("</pre>").unwrap_or((after, ""));
        kept.push_str(&without_empty_lines(before));
        let _ = writeln!(kept, "<pre>{}</pre>", unbroken(listing.trim_end_matches('\n')));
        rest = tail;
    }
    kept.push_str(&without_empty_lines(rest));
    kept
}

fn without_empty_lines(html: &str) -> String {
    html.lines()
        .filter(|line| !line.trim().is_empty())
        .fold(String::new(), |kept, line| kept + line + "\n")
}

/// Markdown of one line, without the paragraph around it.
pub(crate) fn inline(text: &str) -> String {
    let html = markdown(text);
    let html = html.trim();
    html.strip_prefix("<p>")
        .and_then(|html| html.strip_suffix("</p>"))
        .unwrap_or(html)
        .to_string()
}

/// Text for HTML and its attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(toml: &str) -> String {
        quiz(&toml::from_str(toml).unwrap()).unwrap()
    }

    const CHOICE: &str = r#"
[[questions]]
id = "q1"
type = "MultipleChoice"
prompt.prompt = "Is `a < b`?"
prompt.distractors = ["no", "maybe"]
prompt.answerIndex = 1
answer.answer = "yes"
context = "First.\n\n```text\none\n\ntwo\n```\n\nLast."
"#;

    #[test]
    fn the_right_answer_stands_in_its_place() {
        let html = rendered(CHOICE);
        assert!(html.contains(r#"data-right="B""#), "{html}");
        assert!(html.contains(r#"value="B"> yes</label>"#), "{html}");
    }

    #[test]
    fn no_line_is_empty_or_markdown_would_begin_again() {
        assert!(rendered(CHOICE).lines().all(|line| !line.trim().is_empty()));
    }

    #[test]
    fn a_program_keeps_its_empty_lines_and_its_angles() {
        let html = rendered(
            "[[questions]]\nid = 'q2'\ntype = 'Tracing'\nprompt.program = \"fn a() {}\\n\\nfn b<T>() {}\"\nanswer.doesCompile = true\nanswer.stdout = 'x'\ncontext = 'c'\n",
        );
        assert!(html.contains("fn a() {}&#10;&#10;fn b&lt;T&gt;() {}"), "{html}");
    }
}
