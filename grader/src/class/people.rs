//! Who handed in what: the entries of a class's folder, given to students by what platforms and the roster say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::gradescope::{self, About, Submitter};
use super::platform::{self, Label};
use super::roster::{Owner, Roster};
use super::rules::Rules;
use crate::intake::{self, HandedIn};
use crate::report::sanitize;
use crate::say::say;
use crate::submission::Note;

/// Which of several submissions of one student counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The one that came last.
    Latest,
    /// The one with the most points.
    Best,
    /// Each of them, in a row of its own.
    #[default]
    All,
}

/// One submission of one student, or nothing of somebody in the roster.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub student: String,
    pub handed_in: Option<HandedIn>,
    pub submitted: Option<Timestamp>,
    pub notes: Vec<Note>,
}

/// Everybody.
#[derive(Debug, Default)]
pub(super) struct People {
    /// In order of names, and for one student of times.
    pub candidates: Vec<Candidate>,
    /// In the roster, without a submission.
    pub missing: Vec<String>,
    /// Submissions of nobody in the roster, and why.
    pub unknown: Vec<String>,
}

/// A submission with what is known about its owner.
struct Claim {
    handed_in: HandedIn,
    /// What to call it when no platform named it.
    name: String,
    label: Option<Label>,
    submitter: Submitter,
    submitted: Option<Timestamp>,
}

impl People {
    /// Finds everybody's submissions in `dir`.
    ///
    /// # Errors
    /// The folder or a file about it cannot be read; `keep` is `latest` and nothing says which one is.
    pub(super) fn find(dir: &Path, roster: Option<&Roster>, rules: &Rules, keep: Keep) -> Result<People> {
        let about = gradescope::read(dir)?;
        let mut claims = Vec::new();
        for handed_in in with_files_together(intake::list_class(dir)?) {
            // `ada/` and `ada.zip` are one student's if anybody asks for one of them, else two rows.
            let apart = roster.is_none() && keep == Keep::All && rules.chosen.is_empty();
            let name = if apart { &handed_in.student } else { &handed_in.stem }.clone();
            claims.extend(Claim::all_of(handed_in, name, &about)?);
        }
        let mut people = People::default();
        people.candidates = match roster {
            Some(roster) => people.by_roster(claims, roster),
            None => by_label(claims),
        };
        people
            .candidates
            .sort_by(|a, b| (&a.student, a.submitted, a.name()).cmp(&(&b.student, b.submitted, b.name())));
        people.choose(rules, keep)?;
        Ok(people)
    }

    /// Says on standard error who is missing and who is unknown.
    pub(super) fn tell(&self) {
        for (who, what) in [
            (&self.missing, "without a submission"),
            (&self.unknown, "not in the roster"),
        ] {
            if !who.is_empty() {
                let names: Vec<String> = who.iter().map(|name| sanitize::line(name)).collect();
                say!("{} {what}: {}", who.len(), names.join("; "));
            }
        }
    }

    fn by_roster(&mut self, claims: Vec<Claim>, roster: &Roster) -> Vec<Candidate> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for claim in claims {
            let owner = roster.owner(&claim.ids(), &claim.names());
            let mut candidate = claim.candidate();
            match owner {
                Owner::Is(at) => {
                    seen.insert(at);
                    candidate.student = roster.people[at].name.clone();
                    candidate.submitted = candidate.submitted.or(roster.people[at].submitted);
                }
                Owner::Unknown => self.is_unknown(&mut candidate, "nobody in the roster has this name or number"),
                Owner::Ambiguous => self.is_unknown(&mut candidate, "several people in the roster could be meant"),
            }
            found.push(candidate);
        }
        for (_, person) in roster.people.iter().enumerate().filter(|(at, _)| !seen.contains(at)) {
            self.missing.push(person.name.clone());
            found.push(Candidate {
                student: person.name.clone(),
                handed_in: None,
                submitted: None,
                notes: vec![Note("nothing was handed in".into())],
            });
        }
        found
    }

    fn is_unknown(&mut self, candidate: &mut Candidate, why: &str) {
        self.unknown.push(format!("{}: {why}", candidate.name()));
        candidate.notes.push(Note(why.into()));
    }

    /// Leaves one submission of each student, unless all are wanted. The best is chosen when there are grades.
    fn choose(&mut self, rules: &Rules, keep: Keep) -> Result<()> {
        let mut chosen = Vec::new();
        for mut group in grouped(std::mem::take(&mut self.candidates)) {
            let student = group[0].student.clone();
            if let Some(name) = rules.chosen.get(&student) {
                group.retain(|one| one.name() == name);
                let Some(one) = group.first_mut() else {
                    bail!("the course file chooses `{name}` of {student}, which is not there");
                };
                one.notes
                    .push(Note(format!("the course file chooses the submission `{name}`")));
            } else if group.len() > 1 && keep == Keep::Latest {
                group = vec![latest(group)?];
            } else if keep == Keep::All {
                number(&mut group);
            }
            chosen.append(&mut group);
        }
        self.candidates = chosen;
        Ok(())
    }
}

impl Claim {
    /// One claim for each member of a group.
    fn all_of(handed_in: HandedIn, name: String, about: &BTreeMap<String, About>) -> Result<Vec<Claim>> {
        let label = platform::label(&handed_in.stem);
        let about = about.get(&handed_in.stem);
        // Platforms put what was uploaded, one archive mostly, into a folder of their own.
        let handed_in = if label.is_some() {
            handed_in.archive_within()?
        } else {
            handed_in
        };
        let mut submitters = about.map_or_else(Vec::new, |about| about.submitters.clone());
        if submitters.is_empty() {
            submitters.push(Submitter::default());
        }
        let claims = submitters.into_iter().map(|submitter| Claim {
            handed_in: handed_in.clone(),
            name: name.clone(),
            label: label.clone(),
            submitter,
            submitted: about.and_then(|about| about.submitted),
        });
        Ok(claims.collect())
    }

    fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.submitter.ids.iter().map(String::as_str).collect();
        if ids.is_empty() {
            ids.extend(
                self.label
                    .iter()
                    .filter(|label| !label.name.is_empty())
                    .map(|label| label.id.as_str()),
            );
            ids.push(&self.name);
        }
        ids
    }

    fn names(&self) -> Vec<&str> {
        let label = self.label.as_ref().map(|label| label.name.as_str());
        let known = [self.submitter.name.as_str(), label.unwrap_or_default()];
        let known: Vec<&str> = known.into_iter().filter(|name| !name.is_empty()).collect();
        if known.is_empty() { vec![&self.name] } else { known }
    }

    /// Under the best name that is known without a roster.
    fn candidate(self) -> Candidate {
        let late = self.label.as_ref().is_some_and(|label| label.late);
        let notes = late.then(|| Note("Canvas marks it as late".into()));
        Candidate {
            student: self.names()[0].to_string(),
            submitted: self.submitted,
            notes: notes.into_iter().collect(),
            handed_in: Some(self.handed_in),
        }
    }
}

impl Candidate {
    /// Name of the folder or archive; empty when there is none.
    pub(super) fn name(&self) -> &str {
        self.handed_in
            .as_ref()
            .map_or("", |handed_in| handed_in.student.as_str())
    }
}

/// Platforms put every source file that somebody handed in beside those of others: all of one student are one submission.
fn with_files_together(all: Vec<HandedIn>) -> Vec<HandedIn> {
    let mut together: Vec<(HandedIn, Option<Label>)> = Vec::new();
    for one in all {
        let label = platform::label(&one.stem).filter(|_| one.is_loose());
        let Some(label) = label else {
            together.push((one, None));
            continue;
        };
        let one = one.named(&format!("{}.rs", label.file));
        let whose = Label {
            file: String::new(),
            ..label
        };
        match together.iter_mut().find(|(_, known)| known.as_ref() == Some(&whose)) {
            Some((known, _)) => known.join(one),
            None => together.push((one, Some(whose))),
        }
    }
    together.into_iter().map(|(one, _)| one).collect()
}

/// Without a roster two people of one name are told apart by the platform's number.
fn by_label(claims: Vec<Claim>) -> Vec<Candidate> {
    let mut numbers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for claim in &claims {
        numbers
            .entry(claim.names()[0].to_string())
            .or_default()
            .insert(claim.ids()[0].to_string());
    }
    let named = claims.into_iter().map(|claim| {
        let id = claim.ids()[0].to_string();
        let mut candidate = claim.candidate();
        if numbers[&candidate.student].len() > 1 {
            candidate.student = format!("{} ({id})", candidate.student);
        }
        candidate
    });
    named.collect()
}

/// The submissions of each student together. They are in order of names.
fn grouped(candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut groups: Vec<Vec<Candidate>> = Vec::new();
    for candidate in candidates {
        match groups.last_mut().filter(|group| group[0].student == candidate.student) {
            Some(group) => group.push(candidate),
            None => groups.push(vec![candidate]),
        }
    }
    groups
}

fn latest(mut group: Vec<Candidate>) -> Result<Candidate> {
    let names: Vec<String> = group.iter().map(|one| one.name().to_string()).collect();
    group.sort_by_key(|one| one.submitted);
    let times: BTreeSet<_> = group.iter().map(|one| one.submitted).collect();
    if times.len() < group.len() || times.contains(&None) {
        bail!(
            "nothing says which submission of {} is the latest: {}; choose one in the course file, below [chosen]",
            group[0].student,
            names.join(", ")
        );
    }
    let mut latest = group.pop().expect("a group has members");
    latest.notes.push(Note(format!(
        "the latest of {} submissions, `{}`",
        names.len(),
        latest.name()
    )));
    Ok(latest)
}

/// `ada`, `ada (2)`: no row may hide another.
fn number(group: &mut [Candidate]) {
    for (at, one) in group.iter_mut().enumerate().skip(1) {
        one.student = format!("{} ({})", one.student, at + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use jiff::tz::TimeZone;

    /// A class's folder with these empty submissions, `.zip` for archives, and files with their text.
    fn class(submissions: &[&str], files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in submissions {
            let path = dir.path().join(name);
            if name.ends_with(".zip") {
                fs::write(path, "").unwrap()
            } else {
                fs::create_dir(path).unwrap()
            }
        }
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn found(dir: &tempfile::TempDir, roster: Option<&str>, keep: Keep) -> Result<People> {
        let roster = roster.map(|text| {
            let file = dir.path().join("roster.csv");
            fs::write(&file, text).unwrap();
            Roster::read(&file, &TimeZone::UTC).unwrap()
        });
        People::find(dir.path(), roster.as_ref(), &Rules::default(), keep)
    }

    fn rows(people: &People) -> Vec<(&str, &str)> {
        people
            .candidates
            .iter()
            .map(|one| (one.student.as_str(), one.name()))
            .collect()
    }

    #[test]
    fn a_roster_names_everybody_who_is_missing_and_who_is_unknown() {
        let dir = class(
            &[
                "doejane_LATE_11_1_hw.zip",
                "Ann Lee_7_assignsubmission_file_",
                "bo",
                "stranger",
            ],
            &[],
        );
        let roster = "student,id,submitted\nJane Doe,11,2026-03-01T10:00:00Z\nAnn Lee,99,\nBo,,\nCarl,5,\n";
        let people = found(&dir, Some(roster), Keep::All).unwrap();
        assert_eq!(
            rows(&people),
            [
                ("Ann Lee", "Ann Lee_7_assignsubmission_file_"),
                ("Bo", "bo"),
                ("Carl", ""),
                ("Jane Doe", "doejane_LATE_11_1_hw"),
                ("stranger", "stranger")
            ]
        );
        assert_eq!(people.missing, ["Carl"]);
        assert_eq!(
            people.unknown,
            ["stranger: nobody in the roster has this name or number"]
        );
        let jane = &people.candidates[3];
        assert_eq!(jane.notes, [Note("Canvas marks it as late".into())]);
        assert_eq!(jane.submitted.unwrap().to_string(), "2026-03-01T10:00:00Z");
    }

    #[test]
    fn two_people_of_one_name_are_told_apart_by_their_numbers() {
        let dir = class(
            &["doejane_11_1_hw.zip", "doejane_12_2_hw.zip", "leeann_13_3_hw.zip"],
            &[],
        );
        let people = found(&dir, None, Keep::All).unwrap();
        let names: Vec<&str> = rows(&people).into_iter().map(|(student, _)| student).collect();
        assert_eq!(names, ["doejane (11)", "doejane (12)", "leeann"]);
    }

    #[test]
    fn gradescope_says_who_and_when_and_the_latest_counts() {
        let about = "submission_1:\n  :submitters:\n  - :name: Jane Doe\n    :email: j@x\n  :created_at: 2026-03-02 10:00:00 Z\nsubmission_2:\n  :submitters:\n  - :name: Jane Doe\n    :email: j@x\n  \
            - :name: Bo\n    :email: b@x\n  :created_at: 2026-03-01 10:00:00 Z\n";
        let dir = class(&["submission_1", "submission_2"], &[("submission_metadata.yml", about)]);
        let all = found(&dir, None, Keep::All).unwrap();
        assert_eq!(
            rows(&all),
            [
                ("Bo", "submission_2"),
                ("Jane Doe", "submission_2"),
                ("Jane Doe (2)", "submission_1")
            ]
        );
        let latest = found(&dir, None, Keep::Latest).unwrap();
        assert_eq!(rows(&latest), [("Bo", "submission_2"), ("Jane Doe", "submission_1")]);
        assert_eq!(
            latest.candidates[1].notes,
            [Note("the latest of 2 submissions, `submission_1`".into())]
        );
    }

    #[test]
    fn the_latest_is_never_guessed_but_may_be_chosen() {
        let dir = class(&["ada", "ada.zip"], &[]);
        assert_eq!(
            rows(&found(&dir, None, Keep::All).unwrap()),
            [("ada", "ada"), ("ada.zip", "ada.zip")]
        );
        let error = found(&dir, None, Keep::Latest).unwrap_err().to_string();
        assert!(
            error.contains("which submission of ada is the latest: ada, ada.zip"),
            "{error}"
        );
        let rules = |name: &str| {
            let file = dir.path().join("course.toml");
            fs::write(&file, format!("[chosen]\nada = \"{name}\"\n")).unwrap();
            People::find(dir.path(), None, &Rules::read(&file).unwrap(), Keep::Latest)
        };
        assert_eq!(rows(&rules("ada.zip").unwrap()), [("ada", "ada.zip")]);
        let error = rules("bela").unwrap_err().to_string();
        assert!(error.contains("chooses `bela` of ada, which is not there"), "{error}");
    }

    #[test]
    fn what_a_platform_put_into_a_folder_of_its_own_is_read() {
        let dir = class(&["Ann Lee_7_assignsubmission_file_", "plain"], &[]);
        for folder in ["Ann Lee_7_assignsubmission_file_", "plain"] {
            fs::write(dir.path().join(folder).join("work.zip"), "").unwrap();
        }
        let people = found(&dir, None, Keep::All).unwrap();
        let path = |at: usize| people.candidates[at].handed_in.as_ref().unwrap().path().to_path_buf();
        assert_eq!(path(0), dir.path().join("Ann Lee_7_assignsubmission_file_/work.zip"));
        assert_eq!(path(1), dir.path().join("plain"));
    }
}
