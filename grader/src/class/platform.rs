//! How Canvas, Moodle and Gradescope name what they let an instructor download in bulk.

/// What a platform's name for a submission says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Label {
    /// The student's name as the platform writes it: `doejane`, `Jane Doe`.
    pub name: String,
    /// The platform's number: of the student on Canvas, of the participant in the assignment on Moodle, of the submission on Gradescope.
    pub id: String,
    /// Canvas marks what came late.
    pub late: bool,
    /// What the student called the file, without its ending, where the platform keeps it.
    pub file: String,
}

/// What `name`, without the ending of an archive, says; `None` when no platform names things so.
pub(super) fn label(name: &str) -> Option<Label> {
    moodle(name).or_else(|| gradescope(name)).or_else(|| canvas(name))
}

/// `lastfirst_12345_67890_file`, with `_LATE` after the name when it came late.
fn canvas(name: &str) -> Option<Label> {
    let mut parts = name.splitn(5, '_');
    let student = parts.next().filter(|name| is_squeezed(name))?;
    let mut next = parts.next()?;
    let late = next == "LATE";
    if late {
        next = parts.next()?;
    }
    let (id, attachment, file) = (next, parts.next()?, parts.next()?);
    (is_number(id) && is_number(attachment) && !file.is_empty()).then(|| Label {
        name: student.into(),
        id: id.into(),
        late,
        file: file.into(),
    })
}

/// `First Last_123456_assignsubmission_file_`, or with the file's own name behind it.
fn moodle(name: &str) -> Option<Label> {
    let (student, file) = name.split_once("_assignsubmission_file")?;
    let (student, id) = student.rsplit_once('_')?;
    (is_number(id) && !student.is_empty()).then(|| Label {
        name: student.into(),
        id: id.into(),
        late: false,
        file: file.trim_start_matches('_').into(),
    })
}

/// `submission_678910`: the student stands in `submission_metadata.yml` beside it.
fn gradescope(name: &str) -> Option<Label> {
    let id = name.strip_prefix("submission_").filter(|id| is_number(id))?;
    Some(Label {
        id: id.into(),
        ..Label::default()
    })
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Canvas writes `Doe, Jane` without spaces, signs and capitals.
fn is_squeezed(part: &str) -> bool {
    !part.is_empty()
        && part
            .chars()
            .all(|c| c.is_alphanumeric() && !c.is_uppercase() || c == '-')
}

/// Every way in which a name may be written without spaces, signs and capitals: `Jane Ann Doe` is `janeanndoe`, `anndoejane` and `doejaneann`.
pub(super) fn squeezed(name: &str) -> Vec<String> {
    let letters = |part: &str| {
        part.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let parts: Vec<String> = name
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(letters)
        .filter(|part: &String| !part.is_empty())
        .collect();
    (0..parts.len())
        .map(|first| [&parts[first..], &parts[..first]].concat().concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_platforms_are_read() {
        for (label, name, id, late, file) in [
            ("doejane_12345_67890_hw1", "doejane", "12345", false, "hw1"),
            (
                "doejane_LATE_12345_67890_my_home_work-1",
                "doejane",
                "12345",
                true,
                "my_home_work-1",
            ),
            ("müllerzoë_7_8_x", "müllerzoë", "7", false, "x"),
            (
                "Jane Doe_123456_assignsubmission_file_",
                "Jane Doe",
                "123456",
                false,
                "",
            ),
            (
                "Jane van der Doe_9_assignsubmission_file_hw",
                "Jane van der Doe",
                "9",
                false,
                "hw",
            ),
            ("O_Brien Ann_9_assignsubmission_file", "O_Brien Ann", "9", false, ""),
            ("submission_678910", "", "678910", false, ""),
        ] {
            let expected = Label {
                name: name.into(),
                id: id.into(),
                late,
                file: file.into(),
            };
            assert_eq!(super::label(label), Some(expected), "{label}");
        }
    }

    #[test]
    fn other_names_are_names() {
        for name in [
            "ada",
            "jane_doe",
            "Doe_1_2_x",
            "a_1_2_",
            "a_1_b_c",
            "submission_x",
            "_1_assignsubmission_file_",
            "a_LATE_1_2",
        ] {
            assert_eq!(label(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_is_known_in_every_order() {
        assert_eq!(
            squeezed("Jane Ann O'Doe"),
            ["janeannodoe", "annodoejane", "odoejaneann"]
        );
        assert_eq!(squeezed("Doe, Jane"), ["doejane", "janedoe"]);
        assert!(squeezed(" , ").is_empty());
    }
}
