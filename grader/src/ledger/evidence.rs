//! Where the evidence of a gradebook is: charts, failures and compilers' words. They are nine tenths of its bytes, and only the reports
//! about single students show them. So a gradebook that comes from a ledger is read without them, and asks for one student's at a time.

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::{Key, Ledger, Rubric};
use crate::grade::{Grade, StudentGrades};

/// Where the evidence of a gradebook is.
#[derive(Debug, Clone, Default)]
pub enum Evidence {
    /// In its grades.
    #[default]
    Held,
    /// In a ledger that is at work elsewhere: the grades are for tables and comparisons only.
    Left,
    /// In this ledger. When it is locked, it is so until the last report is written.
    Ledger(Arc<Ledger>),
}

impl Evidence {
    /// The student's grades with their evidence.
    pub(crate) fn added_to<'g>(&self, student: &'g StudentGrades) -> Result<Cow<'g, StudentGrades>> {
        match self {
            Evidence::Held => Ok(Cow::Borrowed(student)),
            Evidence::Left => bail!("the evidence of {}'s grades was not kept", student.student),
            Evidence::Ledger(ledger) => ledger.in_full(student).map(Cow::Owned),
        }
    }
}

/// Where its evidence is makes no other gradebook of it.
impl PartialEq for Evidence {
    fn eq(&self, _: &Evidence) -> bool {
        true
    }
}

impl Ledger {
    fn in_full(&self, student: &StudentGrades) -> Result<StudentGrades> {
        let in_full = |known: &Grade| {
            let grade = self.grade(&Key::of(known), &Rubric::of_grade(known))?;
            Ok(Grade {
                basis: known.basis.clone(),
                diagnoses: known.diagnoses.clone(),
                ..grade
            })
        };
        Ok(StudentGrades {
            student: student.student.clone(),
            submitted: student.submitted,
            lateness: student.lateness.clone(),
            notes: student.notes.clone(),
            grades: student.grades.iter().map(in_full).collect::<Result<_>>()?,
        })
    }
}
