//! The roster: a CSV of everybody who should hand something in, as Canvas, Moodle and Gradescope export it or as somebody writes it.
//!
//! Columns are found by their names. One has to be the student's name (`student`, `name`, `full name`, or `first name` and `last name`);
//! any of the others help to find a submission's owner, and `submitted` says when it came.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::platform::squeezed;

const NAME: [&str; 4] = ["student", "name", "full name", "student name"];
const IDS: [&str; 13] = [
    "id",
    "canvas id",
    "canvas_id",
    "moodle id",
    "moodle_id",
    "identifier",
    "sid",
    "student id",
    "sis user id",
    "sis login id",
    "email",
    "email address",
    "username",
];
const SUBMITTED: [&str; 2] = ["submitted", "last modified (submission)"];

/// Somebody in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// As reports show it.
    pub name: String,
    /// Numbers and addresses, in lower case.
    ids: BTreeSet<String>,
    /// When the roster says that something was handed in.
    pub submitted: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Roster {
    pub people: Vec<Person>,
}

/// Whom a submission belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// This one of the people.
    Is(usize),
    Unknown,
    /// Several people could be meant.
    Ambiguous,
}

impl Roster {
    /// Reads a roster. Times without an offset are in `zone`.
    ///
    /// # Errors
    /// It cannot be read, has no column of names, names somebody twice, or has a time that is none; with the line.
    pub(super) fn read(path: &Path, zone: &TimeZone) -> Result<Roster> {
        let text = std::fs::read(path).with_context(|| format!("cannot read the roster {}", path.display()))?;
        // Spreadsheets put a mark at the beginning.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        Roster::parse(text, zone).with_context(|| format!("the roster {} has a mistake", path.display()))
    }

    fn parse(text: &[u8], zone: &TimeZone) -> Result<Roster> {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text);
        let columns = Columns::of(reader.headers()?)?;
        let (mut people, mut known) = (Vec::new(), BTreeSet::new());
        for row in reader.records() {
            let row = row?;
            let line = row.position().map_or(0, csv::Position::line);
            let Some(person) = columns.person(&row, zone).with_context(|| format!("line {line}"))? else {
                continue;
            };
            ensure!(
                known.insert(person.name.clone()),
                "line {line}: `{}` is there twice; make the names differ",
                person.name
            );
            people.push(person);
        }
        Ok(Roster { people })
    }

    /// Whose a submission is: by one of these numbers or addresses, else by one of these names.
    pub(super) fn owner(&self, ids: &[&str], names: &[&str]) -> Owner {
        let by_id = self.find(|person| ids.iter().any(|id| person.ids.contains(&id.to_lowercase())));
        if by_id != Owner::Unknown {
            return by_id;
        }
        let wanted: BTreeSet<String> = names.iter().flat_map(|name| squeezed(name)).collect();
        self.find(|person| squeezed(&person.name).iter().any(|name| wanted.contains(name)))
    }

    fn find(&self, is_meant: impl Fn(&Person) -> bool) -> Owner {
        let mut found = (0..self.people.len()).filter(|at| is_meant(&self.people[*at]));
        match (found.next(), found.next()) {
            (None, _) => Owner::Unknown,
            (Some(one), None) => Owner::Is(one),
            _ => Owner::Ambiguous,
        }
    }
}

/// Where the columns stand.
struct Columns {
    name: Vec<usize>,
    ids: Vec<usize>,
    submitted: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Columns> {
        let titles: Vec<String> = header.iter().map(str::to_lowercase).collect();
        let find = |title: &str| titles.iter().position(|one| one == title);
        let parts = find("first name").zip(find("last name").or_else(|| find("surname")));
        let name = NAME.iter().find_map(|title| find(title)).map(|one| vec![one]);
        let name = name.or_else(|| parts.map(|(first, last)| vec![first, last]));
        Ok(Columns {
            name: name.context("no column is called student, name, full name, or first name and last name")?,
            ids: IDS.iter().filter_map(|title| find(title)).collect(),
            submitted: SUBMITTED.iter().find_map(|title| find(title)),
        })
    }

    /// `None` for an empty row, and for the row in which Canvas writes how many points are possible.
    fn person(&self, row: &csv::StringRecord, zone: &TimeZone) -> Result<Option<Person>> {
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let name: Vec<&str> = self
            .name
            .iter()
            .map(|at| cell(*at))
            .filter(|part| !part.is_empty())
            .collect();
        let name = name.join(" ");
        if name.is_empty() || name.starts_with("Points Possible") {
            return Ok(None);
        }
        let mut ids = BTreeSet::new();
        for at in &self.ids {
            // Moodle writes `Participant 123456`.
            let id = cell(*at).trim_start_matches("Participant ").to_lowercase();
            if let Some((login, _)) = id.split_once('@') {
                ids.insert(login.to_string());
            }
            ids.insert(id);
        }
        ids.remove("");
        let submitted = self.submitted.map(cell).filter(|time| !time.is_empty() && *time != "-");
        Ok(Some(Person {
            name,
            ids,
            submitted: submitted.map(|time| when(time, zone)).transpose()?,
        }))
    }
}

/// `2026-03-01T23:59:00Z`, `2026-03-01 23:59`, or Moodle's `Sunday, 1 March 2026, 11:59 PM`.
pub(super) fn when(time: &str, zone: &TimeZone) -> Result<Timestamp> {
    if let Ok(exact) = time.parse() {
        return Ok(exact);
    }
    let civil = time
        .parse()
        .or_else(|_| jiff::civil::DateTime::strptime("%A, %d %B %Y, %I:%M %p", time));
    let civil: jiff::civil::DateTime = civil.ok().with_context(|| {
        format!("`{time}` is no time; write 2026-03-01 23:59, or with an offset 2026-03-01T23:59:00+01:00")
    })?;
    Ok(zone.to_timestamp(civil)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(text: &str) -> Result<Roster> {
        Roster::parse(text.as_bytes(), &TimeZone::get("Europe/Berlin").unwrap())
    }

    #[test]
    fn the_rosters_of_the_platforms_are_read() {
        let canvas =
            "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n\"Doe, Jane\",12345,s7,jdoe,A\n";
        let moodle = "Identifier,Full name,Email address,Last modified (submission)\nParticipant 99,Jane Doe,jane@example.org,\"Sunday, 1 March 2026, 11:59 PM\"\n";
        let gradescope = "First Name,Last Name,SID,Email,Role\nJane,Doe,7,jane@example.org,Student\n";
        for (text, id) in [
            (canvas, "12345"),
            (canvas, "jdoe"),
            (moodle, "99"),
            (moodle, "Jane@Example.org"),
            (gradescope, "7"),
            (gradescope, "jane"),
        ] {
            assert_eq!(roster(text).unwrap().owner(&[id], &[]), Owner::Is(0), "{id} in {text}");
        }
        let submitted = roster(moodle).unwrap().people[0].submitted.unwrap();
        assert_eq!(submitted.to_string(), "2026-03-01T22:59:00Z");
    }

    #[test]
    fn numbers_come_before_names_and_two_of_a_name_are_not_guessed() {
        let roster = roster("name,id\nJane Doe,1\nDoe Jane,2\nAnn Lee,3\n").unwrap();
        assert_eq!(roster.owner(&["2"], &["Ann Lee"]), Owner::Is(1));
        assert_eq!(roster.owner(&[], &["leeann"]), Owner::Is(2));
        assert_eq!(roster.owner(&["77"], &["doejane"]), Owner::Ambiguous);
        assert_eq!(roster.owner(&["77"], &["nobody"]), Owner::Unknown);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, said) in [
            ("a,b\n1,2\n", "no column is called student"),
            ("name\nada\nbela\nada\n", "line 4: `ada` is there twice"),
            ("name,submitted\nada,yesterday\n", "line 2: `yesterday` is no time"),
        ] {
            let error = format!("{:#}", roster(text).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
