//! What a class has in common: how points are spread, which checks cost most, what was misunderstood, and what somebody should look at.
//! Computed here from a gradebook, and rendered by the reports.

use std::collections::BTreeMap;

use crate::grade::{Build, CheckRun, Grade, Gradebook, NotRun, Outcome, StudentGrades};

/// Shares of the points: below 10 %, below 20 %, …, below 100 %, and all.
pub const BANDS: usize = 11;

/// A class in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Everything together first when there are several exercises, then each.
    pub spreads: Vec<Spread>,
    /// Checks that cost somebody points, those that cost most people points first.
    pub hardest: Vec<Hardest>,
    /// Misconceptions that were recognised, the most common first.
    pub misconceptions: Vec<Common>,
    /// What a person should look at, in the order of students.
    pub by_hand: Vec<ByHand>,
}

/// How the points of one exercise, or of all, are spread over the class.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// `ex01`; `None` for all exercises together.
    pub exercise: Option<String>,
    /// How many students are in each band of points.
    pub bands: [usize; BANDS],
    /// Who handed nothing in; they are in no band.
    pub missing: usize,
    /// Whose number is not final; they are in no band.
    pub not_final: usize,
    /// The share of points, in percent, of the student in the middle; `None` when nobody is in a band.
    pub median: Option<u32>,
}

/// How a check went in the class.
#[derive(Debug, Clone, PartialEq)]
pub struct Hardest {
    /// `ex01`.
    pub exercise: String,
    /// Id in the rubric.
    pub id: String,
    /// Name of the check.
    pub name: String,
    /// Concept that it is about.
    pub concept: String,
    /// Programs that lost it.
    pub lost: usize,
    /// Programs that it was run on.
    pub of: usize,
}

/// A misconception and who seems to have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// `ex01`.
    pub exercise: String,
    /// The mutant's name.
    pub misconception: String,
    /// Its sentence for students.
    pub feedback: String,
    /// Names of students.
    pub students: Vec<String>,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq)]
pub struct ByHand {
    /// Whose.
    pub student: String,
    /// `ex01`; `None` when it is about all that was handed in.
    pub exercise: Option<String>,
    /// Why, in a sentence.
    pub why: String,
}

impl Summary {
    /// Of this class.
    pub fn of(gradebook: &Gradebook) -> Summary {
        let each = (0..gradebook.exercises.len()).map(|at| spread_of_one(gradebook, at));
        let all = (gradebook.exercises.len() > 1).then(|| spread_of_all(gradebook));
        Summary {
            spreads: all.into_iter().chain(each).collect(),
            hardest: hardest(gradebook),
            misconceptions: misconceptions(gradebook),
            by_hand: gradebook.students.iter().flat_map(by_hand).collect(),
        }
    }
}

impl Spread {
    fn new(exercise: Option<String>) -> Spread {
        Spread {
            exercise,
            bands: [0; BANDS],
            missing: 0,
            not_final: 0,
            median: None,
        }
    }

    fn count(&mut self, shares: &mut [(u32, u32)]) {
        for (points, of) in shares.iter() {
            self.bands[band(*points, *of)] += 1;
        }
        shares.sort_by_key(|(points, of)| percent(*points, *of));
        self.median = shares.get(shares.len() / 2).map(|(points, of)| percent(*points, *of));
    }
}

/// Rounded down, so that only all points are 100 %.
fn percent(points: u32, of: u32) -> u32 {
    (points * 100).checked_div(of).unwrap_or(0)
}

fn band(points: u32, of: u32) -> usize {
    let ten = percent(points, of) / 10;
    usize::try_from(ten).unwrap_or(0).min(BANDS - 1)
}

fn spread_of_one(gradebook: &Gradebook, at: usize) -> Spread {
    let mut spread = Spread::new(Some(gradebook.exercises[at].0.clone()));
    let mut shares = Vec::new();
    for grade in gradebook.students.iter().filter_map(|student| student.grades.get(at)) {
        match &grade.build {
            Build::Missing => spread.missing += 1,
            _ if grade.is_inconclusive() || grade.of() == 0 => spread.not_final += 1,
            _ => shares.push((grade.points(), grade.of())),
        }
    }
    spread.count(&mut shares);
    spread
}

fn spread_of_all(gradebook: &Gradebook) -> Spread {
    let mut spread = Spread::new(None);
    let mut shares = Vec::new();
    for student in &gradebook.students {
        if student.grades.iter().all(|grade| grade.build == Build::Missing) {
            spread.missing += 1;
        } else if student.grades.iter().any(Grade::is_inconclusive) || student.of() == 0 {
            spread.not_final += 1;
        } else {
            shares.push((student.points(), student.of()));
        }
    }
    spread.count(&mut shares);
    spread
}

fn hardest(gradebook: &Gradebook) -> Vec<Hardest> {
    let mut checks: BTreeMap<(&str, &str), Hardest> = BTreeMap::new();
    let grades = gradebook.students.iter().flat_map(|student| &student.grades);
    for (grade, run) in grades.flat_map(|grade| grade.checks.iter().map(move |run| (grade, run))) {
        let Some(lost) = is_lost(run) else { continue };
        let known = checks
            .entry((&grade.exercise, &run.check.name))
            .or_insert_with(|| Hardest {
                exercise: grade.exercise.clone(),
                id: run.check.id.clone(),
                name: run.check.name.clone(),
                concept: run.check.concept.clone(),
                lost: 0,
                of: 0,
            });
        known.of += 1;
        known.lost += usize::from(lost);
    }
    let mut checks: Vec<Hardest> = checks.into_values().filter(|check| check.lost > 0).collect();
    // The share lost, without dividing: a/b > c/d when a·d > c·b.
    checks.sort_by(|a, b| {
        (b.lost * a.of)
            .cmp(&(a.lost * b.of))
            .then_with(|| a.exercise.cmp(&b.exercise))
    });
    checks
}

/// Whether a program lost this check; `None` when there was no program, or nothing is known.
fn is_lost(run: &CheckRun) -> Option<bool> {
    match &run.outcome {
        Outcome::Passed => Some(false),
        Outcome::Failed(_) | Outcome::NotRun(NotRun::Control { .. }) => Some(true),
        Outcome::NotRun(NotRun::Here(_) | NotRun::NoProgram) | Outcome::Inconclusive(_) => None,
    }
}

fn misconceptions(gradebook: &Gradebook) -> Vec<Common> {
    let mut known: BTreeMap<(&str, &str), Common> = BTreeMap::new();
    for student in &gradebook.students {
        for (grade, diagnosis) in student
            .grades
            .iter()
            .flat_map(|g| g.diagnoses.iter().map(move |d| (g, d)))
        {
            let common = known
                .entry((&grade.exercise, &diagnosis.misconception))
                .or_insert_with(|| Common {
                    exercise: grade.exercise.clone(),
                    misconception: diagnosis.misconception.clone(),
                    feedback: diagnosis.feedback.clone(),
                    students: Vec::new(),
                });
            common.students.push(student.student.clone());
        }
    }
    let mut known: Vec<Common> = known.into_values().collect();
    known.sort_by_key(|common| std::cmp::Reverse(common.students.len()));
    known
}

fn by_hand(student: &StudentGrades) -> Vec<ByHand> {
    let look = |exercise: Option<&str>, why: String| ByHand {
        student: student.student.clone(),
        exercise: exercise.map(str::to_string),
        why,
    };
    let mut found = Vec::new();
    if !student.notes.is_empty() {
        let notes: Vec<&str> = student.notes.iter().map(|note| note.0.as_str()).collect();
        found.push(look(None, format!("what was handed in: {}", notes.join("; "))));
    }
    for grade in &student.grades {
        found.extend(why_by_hand(grade).map(|why| look(Some(&grade.exercise), why)));
    }
    found
}

/// Why a person should look at a grade. One reason is enough: the one that decides most.
fn why_by_hand(grade: &Grade) -> Option<String> {
    match &grade.build {
        Build::Rejected { reason, .. } => return Some(format!("no program: {reason}")),
        Build::Inconclusive(reason) => return Some(format!("the grader's fault: {reason}")),
        Build::Missing => return None,
        Build::Built { .. } => {}
    }
    let fault = grade.checks.iter().find_map(|run| match &run.outcome {
        Outcome::Inconclusive(reason) => Some(reason),
        _ => None,
    });
    if let Some(reason) = fault {
        return Some(format!("the grader's fault: {reason}"));
    }
    if grade.points() == 0 && grade.of() > 0 {
        return Some("there is a program, and it earns nothing".into());
    }
    match grade.diagnoses.as_slice() {
        [one, other] => Some(format!(
            "looks like `{}` or `{}`",
            one.misconception, other.misconception
        )),
        _ => None,
    }
}
