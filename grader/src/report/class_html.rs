//! HTML: the page about the class, for instructors. What it counts comes from `summary.rs`.

use anyhow::Result;
use serde::Serialize;

use super::markdown::{BANDS, HARDEST, cell};
use super::{checks, html, sanitize};
use crate::grade::{Gradebook, StudentGrades};
use crate::summary::{self, Summary};

#[derive(Serialize)]
struct Page {
    title: String,
    submissions: usize,
    toolchain: String,
    isolation: String,
    inconclusive: bool,
    exercises: Vec<(String, String)>,
    students: Vec<Row>,
    spreads: Vec<Spread>,
    hardest: Vec<Hardest>,
    misconceptions: Vec<Common>,
    by_hand: Vec<ByHand>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    /// Address of the report, relative to this page; empty when there is none.
    report: String,
    cells: Vec<Cell>,
    total: String,
}

#[derive(Serialize)]
struct Cell {
    points: String,
    remark: String,
}

#[derive(Serialize)]
struct Spread {
    name: String,
    bands: Vec<Band>,
    missing: usize,
    not_final: usize,
    median: Option<u32>,
}

#[derive(Serialize)]
struct Band {
    name: &'static str,
    students: usize,
    /// Of the fullest band, in percent: the length of the bar.
    length: usize,
}

#[derive(Serialize)]
struct Hardest {
    exercise: String,
    id: String,
    sentence: String,
    about: String,
    lost: usize,
    of: usize,
    length: usize,
}

#[derive(Serialize)]
struct Common {
    exercise: String,
    name: String,
    feedback: String,
    students: String,
    count: usize,
}

#[derive(Serialize)]
struct ByHand {
    student: String,
    exercise: String,
    why: String,
}

/// The page of the class. `reports` are the file names of the students' pages below `students/`, in their order.
///
/// # Errors
/// A template has a mistake.
pub fn class(gradebook: &Gradebook, reports: Option<&[String]>) -> Result<String> {
    let summary = Summary::of(gradebook);
    let students = gradebook.students.iter().enumerate();
    let page = Page {
        title: "The class".into(),
        submissions: gradebook.students.len(),
        toolchain: sanitize::line(&gradebook.toolchain),
        isolation: sanitize::line(&gradebook.isolation),
        inconclusive: gradebook.is_inconclusive(),
        exercises: gradebook
            .exercises
            .iter()
            .map(|(name, title)| (name.clone(), sanitize::line(title)))
            .collect(),
        students: students
            .map(|(at, one)| row(one, reports.and_then(|all| all.get(at))))
            .collect(),
        spreads: summary.spreads.iter().map(spread).collect(),
        hardest: summary.hardest.iter().take(HARDEST).map(hardest).collect(),
        misconceptions: summary.misconceptions.iter().map(common).collect(),
        by_hand: summary.by_hand.iter().map(by_hand).collect(),
    };
    html::render("class.html", page)
}

fn row(student: &StudentGrades, report: Option<&String>) -> Row {
    let cells = student.grades.iter().map(|grade| Cell {
        points: cell(grade),
        remark: sanitize::line(&grade.in_three_words()),
    });
    Row {
        name: sanitize::line(&student.student),
        report: report.map_or_else(String::new, |name| format!("students/{}.html", in_address(name))),
        cells: cells.collect(),
        total: format!("{}/{}", student.points(), student.of()),
    }
}

/// A file's name as part of an address: every byte that is no plain letter, digit or mark is written as `%XX`.
fn in_address(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let part = |byte: u8| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    name.bytes().map(part).collect()
}

fn spread(spread: &summary::Spread) -> Spread {
    let fullest = spread.bands.iter().copied().max().unwrap_or(0);
    let bands = BANDS.iter().zip(spread.bands).rev().map(|(name, students)| Band {
        name,
        students,
        length: (students * 100).checked_div(fullest).unwrap_or(0),
    });
    Spread {
        name: spread.exercise.clone().unwrap_or_else(|| "all exercises".into()),
        bands: bands.collect(),
        missing: spread.missing,
        not_final: spread.not_final,
        median: spread.median,
    }
}

fn hardest(check: &summary::Hardest) -> Hardest {
    Hardest {
        exercise: check.exercise.clone(),
        id: check.id.clone(),
        sentence: checks::sentence(&check.name),
        about: sanitize::line(&check.concept),
        lost: check.lost,
        of: check.of,
        length: (check.lost * 100).checked_div(check.of).unwrap_or(0),
    }
}

fn common(common: &summary::Common) -> Common {
    let names: Vec<String> = common.students.iter().map(|name| sanitize::line(name)).collect();
    Common {
        exercise: common.exercise.clone(),
        name: common.misconception.clone(),
        feedback: sanitize::line(&common.feedback),
        students: names.join(", "),
        count: names.len(),
    }
}

fn by_hand(look: &summary::ByHand) -> ByHand {
    ByHand {
        student: sanitize::line(&look.student),
        exercise: look.exercise.clone().unwrap_or_default(),
        why: sanitize::line(&look.why),
    }
}
