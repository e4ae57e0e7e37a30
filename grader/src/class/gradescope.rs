//! `submission_metadata.yml`, which Gradescope puts beside the submissions of a bulk download: who they are by, and when they came.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use yaml_rust2::{Yaml, YamlLoader};

/// What the file says about one submission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct About {
    /// Whose it is; a group has several members.
    pub submitters: Vec<Submitter>,
    /// When it came.
    pub submitted: Option<Timestamp>,
}

/// One of the people who handed something in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Submitter {
    pub name: String,
    /// E-mail address and student number.
    pub ids: Vec<String>,
}

/// Reads the file of a class by the names of its submissions; empty when there is none.
pub(super) fn read(dir: &Path) -> Result<BTreeMap<String, About>> {
    let path = dir.join("submission_metadata.yml");
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not as Gradescope writes it", path.display()))
}

fn parse(text: &str) -> Result<BTreeMap<String, About>> {
    let documents = YamlLoader::load_from_str(text)?;
    let submissions = documents
        .first()
        .and_then(Yaml::as_hash)
        .context("it has no submissions")?;
    let named = submissions
        .iter()
        .filter_map(|(name, about)| Some((name.as_str()?.to_string(), about)));
    named.map(|(name, about)| Ok((name, About::of(about)?))).collect()
}

impl About {
    fn of(yaml: &Yaml) -> Result<About> {
        let mut about = About::default();
        for submitter in yaml[":submitters"].as_vec().into_iter().flatten() {
            about.submitters.push(Submitter {
                name: text(&submitter[":name"]).unwrap_or_default(),
                ids: [":email", ":sid"]
                    .iter()
                    .filter_map(|key| text(&submitter[*key]))
                    .collect(),
            });
        }
        if let Some(time) = text(&yaml[":created_at"]) {
            about.submitted = Some(when(&time)?);
        }
        Ok(about)
    }
}

/// Text or a number, if there is any.
fn text(yaml: &Yaml) -> Option<String> {
    let text = match yaml {
        Yaml::String(text) | Yaml::Real(text) => text.trim().to_string(),
        Yaml::Integer(number) => number.to_string(),
        _ => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// `2024-03-04 05:06:07.123456789 Z`, as Ruby writes times; also with an offset.
fn when(time: &str) -> Result<Timestamp> {
    let (day, rest) = time.split_once(' ').with_context(|| format!("`{time}` is no time"))?;
    let joined = format!("{day}T{}", rest.replace(' ', ""));
    joined.parse().with_context(|| format!("`{time}` is no time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submitters_and_times_are_read() {
        let text = "---\nsubmission_11:\n  :submitters:\n  - :name: Jane Doe\n    :sid: '007'\n    :email: jane@example.org\n  :created_at: 2024-03-04 05:06:07.500000000 Z\n  :score: 3.5\n  \
            :history: []\nsubmission_12:\n  :submitters:\n  - :name: Ann\n    :sid:\n    :email: ann@example.org\n  - :name: Bo\n    :sid: 12\n  :created_at: 2024-03-04 05:06:07 +01:00\n";
        let read = parse(text).unwrap();
        let submitters = |name: &str| -> Vec<(&str, &[String])> {
            let all = read[name].submitters.iter();
            all.map(|one| (one.name.as_str(), one.ids.as_slice())).collect()
        };
        assert_eq!(
            submitters("submission_11"),
            [("Jane Doe", &["jane@example.org".to_string(), "007".into()][..])]
        );
        assert_eq!(
            submitters("submission_12"),
            [
                ("Ann", &["ann@example.org".to_string()][..]),
                ("Bo", &["12".to_string()])
            ]
        );
        assert_eq!(
            read["submission_11"].submitted.unwrap().to_string(),
            "2024-03-04T05:06:07.5Z"
        );
        assert_eq!(
            read["submission_12"].submitted.unwrap().to_string(),
            "2024-03-04T04:06:07Z"
        );
    }

    #[test]
    fn another_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap().is_empty());
        for wrong in ["- a\n", "a: {:created_at: soon}\n", "a: [\n"] {
            std::fs::write(dir.path().join("submission_metadata.yml"), wrong).unwrap();
            let error = format!("{:#}", read(dir.path()).unwrap_err());
            assert!(error.contains("submission_metadata.yml"), "{error}");
        }
    }
}
