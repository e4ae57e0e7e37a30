//! Reports on disk: which files there are, and what a student's file is called.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::format::{About, Format, Setting};
use super::{class_html, format, html, json, markdown, student};
use crate::files::{stream_atomically, write_atomically};
use crate::grade::Gradebook;

/// Characters of a file name made from a student's name, ending not counted.
const LONGEST: usize = 50;

/// What is written about the class, beside its page, which has links to the students' reports.
const ABOUT_THE_CLASS: [(&str, Format); 5] = [
    ("gradebook.txt", Format::Text),
    ("gradebook.csv", Format::Csv),
    ("gradebook.md", Format::Markdown),
    ("canvas.csv", Format::Canvas),
    ("junit.xml", Format::Junit),
];

/// Writes every report into `out`, which is made when it is not there: `gradebook.{txt,json,csv,md,html}`, `canvas.csv`, `junit.xml`, and
/// `students/<name>.{txt,md,html}`.
///
/// # Errors
/// A file or folder cannot be written; the message names it. No file is left half-written.
pub fn write_all(gradebook: &Gradebook, out: &Path, setting: &Setting) -> Result<()> {
    let students = out.join("students");
    let names = file_names(gradebook.students.iter().map(|student| student.student.as_str()));
    for (grades, name) in gradebook.students.iter().zip(&names) {
        let grades = &*gradebook.in_full(grades)?;
        let write =
            |ending: &str, text: String| write_atomically(&students.join(format!("{name}.{ending}")), text.as_bytes());
        write("txt", student::report(grades, gradebook))?;
        write("md", markdown::student(grades, gradebook, setting))?;
        write("html", html::student(grades, gradebook, setting)?)?;
    }
    for (name, format) in ABOUT_THE_CLASS {
        stream_atomically(&out.join(name), |file| {
            format::write(gradebook, format, About::Class, setting, file)
        })?;
    }
    let page = class_html::class(gradebook, Some(&names))?;
    write_atomically(&out.join("gradebook.html"), page.as_bytes())?;
    stream_atomically(&out.join("gradebook.json"), |file| json::decisions(gradebook, file))
}

/// File names for students, in their order: no separators or leading dots, short, and different on every file system.
pub(crate) fn file_names<'s>(students: impl Iterator<Item = &'s str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    students
        .map(|student| {
            let plain = file_name(student);
            let candidates = (1..).map(|n| if n == 1 { plain.clone() } else { format!("{plain}-{n}") });
            let free = candidates.into_iter().find(|name| taken.insert(name.to_lowercase()));
            free.expect("there is always another number")
        })
        .collect()
}

fn file_name(student: &str) -> String {
    let fits = |c: char| {
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '@') {
            c
        } else {
            '_'
        }
    };
    let name: String = student.chars().map(fits).take(LONGEST).collect();
    let name = name.trim_matches('.');
    // Windows keeps these names for devices, with any ending.
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
    if name.is_empty() || device {
        format!("student-{name}")
    } else {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_names_become_safe_and_different_file_names() {
        let students = [
            "ada",
            "Ada",
            "../../etc/passwd",
            ".hidden",
            "",
            "..",
            "a\nb",
            "Zoë Ångström",
            "nul",
            "ada-2",
        ];
        let names = file_names(students.into_iter());
        assert_eq!(
            names,
            [
                "ada",
                "Ada-2",
                "_.._etc_passwd",
                "hidden",
                "student-",
                "student--2",
                "a_b",
                "Zoë_Ångström",
                "student-nul",
                "ada-2-2"
            ]
        );
        assert_eq!(file_names([&*"x".repeat(5000)].into_iter())[0].len(), LONGEST);
    }
}
