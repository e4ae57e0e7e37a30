//! `course.toml`: when each exercise is due, what lateness costs, and whose submission counts. All of it is data for the gradebook; no
//! outcome and no point depends on it.
//!
//! ```toml
//! time_zone = "Europe/Berlin"
//! [deadline]
//! ex01 = 2026-03-01T23:59:00
//! [late]
//! grace_minutes = 15
//! free_days = 3          # for all exercises together, spent in the course's order
//! percent_per_day = 10
//! cap_percent = 50
//! [extension."Jane Doe"]
//! ex01 = 2026-03-08T23:59:00
//! [chosen]
//! "Jane Doe" = "doejane_12345_67890_hw1"
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::roster;
use crate::course::Exercise;
use crate::grade::Lateness;

const DAY: i64 = 24 * 60 * 60;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    time_zone: String,
    deadline: BTreeMap<String, When>,
    late: Late,
    extension: BTreeMap<String, BTreeMap<String, When>>,
    chosen: BTreeMap<String, String>,
    /// Who may see solutions: read by `release.rs`.
    solutions: IgnoredAny,
}

/// A time as TOML has it, or in quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum When {
    Toml(toml::value::Datetime),
    Text(String),
}

/// What lateness costs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Late {
    grace_minutes: u32,
    free_days: u32,
    percent_per_day: u32,
    cap_percent: u32,
}

impl Default for Late {
    fn default() -> Self {
        Late {
            grace_minutes: 0,
            free_days: 0,
            percent_per_day: 0,
            cap_percent: 100,
        }
    }
}

/// The rules of a course.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub zone: TimeZone,
    deadlines: BTreeMap<String, Timestamp>,
    /// By student and exercise.
    extensions: BTreeMap<String, BTreeMap<String, Timestamp>>,
    late: Late,
    /// Name of the submission that counts, by student.
    pub chosen: BTreeMap<String, String>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            zone: TimeZone::UTC,
            deadlines: BTreeMap::new(),
            extensions: BTreeMap::new(),
            late: Late::default(),
            chosen: BTreeMap::new(),
        }
    }
}

impl Rules {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, has an unknown key, a time that is none, or a percentage over 100.
    pub(super) fn read(path: &Path) -> Result<Rules> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        parse(&text).with_context(|| format!("{} has a mistake", path.display()))
    }

    /// What lateness costs a student, per exercise that was handed in and has a deadline.
    pub(super) fn lateness(
        &self,
        student: &str,
        submitted: Option<Timestamp>,
        handed_in: &[&Exercise],
    ) -> Vec<Lateness> {
        let mut free = self.late.free_days;
        let due = |exercise: &&&Exercise| self.due(student, &exercise.name).is_some();
        let late = handed_in.iter().filter(due).filter_map(|exercise| {
            let due = self.due(student, &exercise.name)?;
            let days = self.days(submitted?, due);
            let free_days = days.min(free);
            free -= free_days;
            Some(Lateness {
                exercise: exercise.name.clone(),
                due,
                days,
                free_days,
                percent: (self.late.percent_per_day.saturating_mul(days - free_days)).min(self.late.cap_percent),
            })
        });
        late.collect()
    }

    fn due(&self, student: &str, exercise: &str) -> Option<Timestamp> {
        let extension = self.extensions.get(student).and_then(|of| of.get(exercise));
        extension.or_else(|| self.deadlines.get(exercise)).copied()
    }

    /// Begun days after the deadline. Within the grace there is none; after it the first day began at the deadline.
    fn days(&self, submitted: Timestamp, due: Timestamp) -> u32 {
        let late = submitted.as_second() - due.as_second();
        if late <= i64::from(self.late.grace_minutes) * 60 {
            return 0;
        }
        u32::try_from((late + DAY - 1) / DAY).unwrap_or(u32::MAX)
    }
}

fn parse(text: &str) -> Result<Rules> {
    let written: Written = toml::from_str(text)?;
    for (name, percent) in [
        ("percent_per_day", written.late.percent_per_day),
        ("cap_percent", written.late.cap_percent),
    ] {
        ensure!(percent <= 100, "{name} is {percent}; it has to be at most 100");
    }
    let zone = match written.time_zone.as_str() {
        "" => TimeZone::UTC,
        name => {
            TimeZone::get(name).with_context(|| format!("`{name}` is no time zone; write one such as Europe/Berlin"))?
        }
    };
    let times = |table: &BTreeMap<String, When>| -> Result<BTreeMap<String, Timestamp>> {
        let times = table
            .iter()
            .map(|(exercise, when)| Ok((exercise.clone(), when.at(&zone).with_context(|| exercise.clone())?)));
        times.collect()
    };
    let extensions = written
        .extension
        .iter()
        .map(|(student, table)| Ok((student.clone(), times(table)?)));
    Ok(Rules {
        deadlines: times(&written.deadline)?,
        extensions: extensions.collect::<Result<_>>()?,
        late: written.late,
        chosen: written.chosen,
        zone,
    })
}

impl When {
    fn at(&self, zone: &TimeZone) -> Result<Timestamp> {
        match self {
            When::Toml(time) => roster::when(&time.to_string(), zone),
            When::Text(text) => roster::when(text, zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Course;

    const RULES: &str = "time_zone = \"Europe/Berlin\"\n[deadline]\nex01 = 2026-03-01T23:59:00\nex02 = \"2026-03-10 12:00\"\n[late]\ngrace_minutes = 15\nfree_days = 2\n\
        percent_per_day = 10\ncap_percent = 35\n[extension.bela]\nex01 = 2026-03-08T23:59:00\n";

    fn costs(student: &str, submitted: &str) -> Vec<(String, u32, u32, u32)> {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let exercises: Vec<&Exercise> = course.exercises.iter().collect();
        let found = parse(RULES)
            .unwrap()
            .lateness(student, Some(submitted.parse().unwrap()), &exercises);
        found
            .into_iter()
            .map(|one| (one.exercise, one.days, one.free_days, one.percent))
            .collect()
    }

    #[test]
    fn grace_free_days_percent_and_cap_are_applied_in_the_courses_order() {
        let on_time = [("ex01".into(), 0, 0, 0), ("ex02".into(), 0, 0, 0)];
        for time in ["2026-03-01T22:59:00Z", "2026-03-01T23:14:00Z"] {
            assert_eq!(costs("ada", time), on_time, "{time}");
        }
        let just_late = costs("ada", "2026-03-01T23:14:01Z");
        assert_eq!(just_late[0], ("ex01".into(), 1, 1, 0));
        let a_week = costs("ada", "2026-03-06T22:59:00Z");
        assert_eq!(a_week[0], ("ex01".into(), 5, 2, 30), "two days are free, three cost");
        let more = costs("ada", "2026-03-12T11:00:00Z");
        assert_eq!(
            more,
            [("ex01".into(), 11, 2, 35), ("ex02".into(), 2, 0, 20)],
            "capped, and no free day is left for ex02"
        );
        assert_eq!(
            costs("bela", "2026-03-06T22:59:00Z")[0],
            ("ex01".into(), 0, 0, 0),
            "an extension is a deadline"
        );
    }

    #[test]
    fn without_a_time_nothing_is_said() {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(
            parse(RULES)
                .unwrap()
                .lateness("ada", None, &[&course.exercises[0]])
                .is_empty()
        );
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, said) in [
            ("[late]\npercent_per_day = 101\n", "percent_per_day is 101"),
            ("[late]\npercent = 1\n", "unknown field `percent`"),
            ("[deadline]\nex01 = \"soon\"\n", "`soon` is no time"),
            ("time_zone = \"Mars/Base\"\n", "`Mars/Base` is no time zone"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_file_may_also_say_who_sees_solutions() {
        let both = format!("{RULES}[solutions]\ndefault = \"on pass\"\n");
        assert_eq!(parse(&both).unwrap().deadlines.len(), 2);
        assert!(parse("[solution]\n").is_err());
    }
}
