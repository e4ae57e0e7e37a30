//! Pseudonyms: names that mean nothing to a reader, always the same for a student, and undone only by a private file.
//!
//! The file is a CSV with a first row that holds the key. A pseudonym is made of the name and the key, so the same file gives the same
//! pseudonyms on every machine and in every term, and without the key nobody finds a name by trying all of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::grade::Gradebook;
use crate::submission::{Note, hex};

/// First cell of the row with the key. No student is called so.
const KEY: &str = "key of all pseudonyms (keep this file private)";
const KEY_BYTES: usize = 32;

/// Whether and how names are hidden, as the command line says it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Pseudonyms {
    /// Show pseudonyms in place of names, everywhere but in the ledger; this private file undoes them, and is made when it is not there.
    #[arg(long = "pseudonyms", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Pseudonyms {
    /// The gradebook as it is to be shown.
    ///
    /// # Errors
    /// As [`applied`].
    pub fn applied<'g>(&self, gradebook: &'g Gradebook) -> Result<Cow<'g, Gradebook>> {
        Ok(match &self.file {
            Some(file) => Cow::Owned(applied(gradebook.clone(), file)?),
            None => Cow::Borrowed(gradebook),
        })
    }
}

/// The gradebook with pseudonyms for names, in their order; `file` is made when it is not there, and learns who is new. Notes name
/// folders, and so people, and are counted instead. What students' programs printed stays as it is.
///
/// # Errors
/// The file cannot be read or written, others may read it, or it is no such file.
pub fn applied(mut gradebook: Gradebook, file: &Path) -> Result<Gradebook> {
    let mut table = Table::open(file)?;
    for student in &mut gradebook.students {
        student.student = table.pseudonym(&student.student);
        if !student.notes.is_empty() {
            let count = student.notes.len();
            student.notes = vec![Note(format!("{count} notes on what was handed in"))];
        }
    }
    gradebook.students.sort_by(|a, b| a.student.cmp(&b.student));
    table.save(file)?;
    Ok(gradebook)
}

/// The private file.
struct Table {
    key: String,
    /// Name to pseudonym.
    known: BTreeMap<String, String>,
}

impl Table {
    fn open(file: &Path) -> Result<Table> {
        if !file.exists() {
            return Ok(Table {
                key: new_key()?,
                known: BTreeMap::new(),
            });
        }
        let about = fs::metadata(file).with_context(|| format!("cannot look at {}", file.display()))?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions());
        ensure!(
            mode & 0o077 == 0,
            "others may read {}, which undoes all pseudonyms; chmod 600 it",
            file.display()
        );
        Table::read(file).with_context(|| format!("{} is no file of pseudonyms", file.display()))
    }

    fn read(file: &Path) -> Result<Table> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(file)?;
        let mut rows = reader.deserialize::<(String, String)>();
        let (title, key) = rows.next().context("it is empty")??;
        ensure!(title == KEY && key.len() == 2 * KEY_BYTES, "its first row has no key");
        Ok(Table {
            key,
            known: rows.collect::<Result<_, _>>()?,
        })
    }

    fn pseudonym(&mut self, name: &str) -> String {
        let made = || {
            let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).expect("any length will do");
            mac.update(name.as_bytes());
            format!("student-{}", hex(&mac.finalize().into_bytes()[..5]))
        };
        self.known.entry(name.to_string()).or_insert_with(made).clone()
    }

    /// Written beside the file and renamed, never readable for others.
    fn save(&self, file: &Path) -> Result<()> {
        let write = || -> Result<()> {
            let part = file.with_extension("part");
            let _ = fs::remove_file(&part);
            let out = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&part)?;
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record([KEY, &self.key])?;
            for (name, pseudonym) in &self.known {
                writer.write_record([name, pseudonym])?;
            }
            writer.into_inner().map_err(|error| error.into_error())?.sync_data()?;
            Ok(fs::rename(&part, file)?)
        };
        write().with_context(|| format!("cannot write {}", file.display()))
    }
}

fn new_key() -> Result<String> {
    let mut bytes = [0; KEY_BYTES];
    let mut random = fs::File::open("/dev/urandom").context("cannot make a key")?;
    random.read_exact(&mut bytes).context("cannot make a key")?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Outcome;
    use crate::ledger::tests::{grade, gradebook};

    fn names(gradebook: &Gradebook) -> Vec<String> {
        gradebook
            .students
            .iter()
            .map(|student| student.student.clone())
            .collect()
    }

    #[test]
    fn the_same_file_gives_the_same_pseudonyms_and_another_gives_others() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one.csv"), dir.path().join("two.csv"));
        let grade = grade("aa", &[Outcome::Passed]);
        let class = gradebook(&[("Ada, \"the\" first", &grade), ("bela", &grade)]);
        let first = names(&applied(class.clone(), &one).unwrap());
        assert!(
            first.iter().all(|name| name.starts_with("student-")) && first[0] < first[1],
            "{first:?}"
        );
        assert_eq!(names(&applied(class.clone(), &one).unwrap()), first);
        let more = gradebook(&[("bela", &grade), ("carl", &grade)]);
        let later = names(&applied(more, &one).unwrap());
        assert_eq!(later.iter().filter(|name| first.contains(name)).count(), 1);
        assert_ne!(names(&applied(class, &two).unwrap()), first);
        let table = fs::read_to_string(&one).unwrap();
        assert!(
            table.contains("\"Ada, \"\"the\"\" first\",student-") && table.contains("carl,student-"),
            "{table}"
        );
    }

    #[test]
    fn notes_do_not_give_a_name_away() {
        let dir = tempfile::tempdir().unwrap();
        let grade = grade("aa", &[Outcome::Passed]);
        let mut class = gradebook(&[("ada", &grade)]);
        class.students[0]
            .notes
            .push(Note("the exercises were found below `ada lovelace/`".into()));
        let hidden = applied(class, &dir.path().join("t.csv")).unwrap();
        assert_eq!(hidden.students[0].notes, [Note("1 notes on what was handed in".into())]);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("t.csv");
        let grade = grade("aa", &[Outcome::Passed]);
        let class = gradebook(&[("ada", &grade)]);
        applied(class.clone(), &file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = applied(class.clone(), &file).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::write(&file, "ada,student-1\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let error = format!("{:#}", applied(class, &file).unwrap_err());
        assert!(error.contains("t.csv is no file of pseudonyms"), "{error}");
    }
}
