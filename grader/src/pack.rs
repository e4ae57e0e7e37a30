//! `grader pack`: one archive to hand in, with the accepted files and nothing else, and a receipt that says what is in it.
//!
//! The archive is read back by the same intake that reads a class, before anybody is told that it is there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use harness::words;
use sha2::{Digest, Sha256};

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::grade::{Build, Grade, Gradebook};
use crate::grading::Grading;
use crate::isolation::Isolator;
use crate::say::say;
use crate::submission::{Note, Submission, Work};
use crate::{intake, reset};

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// Your name, as the archive's [default: your login name].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The folder for archive and receipt [default: handin, in the course].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub struct Packed {
    /// The receipt, which is written beside the archive too.
    pub receipt: String,
    /// Whether every program in it builds.
    pub builds: bool,
}

/// Packs what differs from the stubs.
///
/// # Errors
/// Nothing was written yet, by the student; no compiler; the disk fails us; or intake would not take the archive as it is.
pub fn run(course: &Course, request: &Request, isolator: Isolator) -> Result<Packed> {
    let login = || std::env::var("USER").ok().filter(|name| is_plain(name));
    let name = request
        .name
        .clone()
        .or_else(login)
        .unwrap_or_else(|| "submission".into());
    ensure!(
        is_plain(&name),
        "`{name}` cannot be a file's name; give another with --name"
    );
    let submission = own_work(course)?;
    let exercises: Vec<&Exercise> = course
        .exercises
        .iter()
        .filter(|exercise| submission.works.contains_key(&exercise.name))
        .collect();
    ensure!(
        !exercises.is_empty(),
        "there is nothing to hand in: every exercise is as it was handed out"
    );
    say!(
        "Building and checking {} exercises (the first time takes a while)",
        exercises.len()
    );
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let grading = Grading::prepare(course, exercises, isolator, jobs)?;
    let gradebook = grading.grade(std::slice::from_ref(&submission), &|_, _| {})?;
    let archive = archive(course, &submission)?;
    let folder = request.out.clone().unwrap_or_else(|| course.root.join("handin"));
    let file = folder.join(format!("{name}.tar.gz"));
    write_atomically(&file, &archive)?;
    ensure_accepted(course, &folder, &name, &submission)?;
    let receipt = receipt(&file, &archive, &gradebook, &submission.notes);
    write_atomically(&folder.join(format!("{name}.receipt.txt")), receipt.as_bytes())?;
    let builds = grades(&gradebook).all(|grade| matches!(grade.build, Build::Built { .. }));
    Ok(Packed { receipt, builds })
}

/// Fit to be a file's name, and the same on every system.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0'])
}

/// The student's files, of exercises that were begun.
fn own_work(course: &Course) -> Result<Submission> {
    let mut tree = intake::read_tree(&course.root, "this tree", course)?;
    for exercise in &course.exercises {
        let untouched = tree
            .works
            .get(&exercise.name)
            .is_some_and(|work| is_stub(work, exercise));
        if untouched {
            tree.works.remove(&exercise.name);
        }
    }
    Ok(tree)
}

fn is_stub(work: &Work, exercise: &Exercise) -> bool {
    let Ok(stub) = reset::original(exercise) else {
        return false;
    };
    let stub = stub
        .into_iter()
        .map(|(name, text)| (name.to_string_lossy().into_owned(), text.into_bytes()));
    work.files == stub.collect()
}

/// Folders as in `exercises/`; the same files give the same bytes.
fn archive(course: &Course, submission: &Submission) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for exercise in &course.exercises {
        let work = submission.works.get(&exercise.name).into_iter();
        for (name, bytes) in work.flat_map(|work| &work.files) {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            let path = format!("{}/src/{name}", exercise.folder);
            tar.append_data(&mut header, path, bytes.as_slice())
                .context("cannot pack")?;
        }
    }
    tar.into_inner().and_then(GzEncoder::finish).context("cannot pack")
}

/// What `--submissions` would read, compared with what was packed.
fn ensure_accepted(course: &Course, folder: &Path, name: &str, packed: &Submission) -> Result<()> {
    let class = intake::read_class(folder, course)?;
    let read = class.iter().find(|one| one.student == name);
    ensure!(
        read.is_some_and(|read| read.works == packed.works && read.notes.is_empty()),
        "{} holds something else beside {name}.tar.gz, and the two could be mixed up; choose an empty folder with --out",
        folder.display()
    );
    Ok(())
}

fn grades(gradebook: &Gradebook) -> impl Iterator<Item = &Grade> {
    gradebook.students.iter().flat_map(|student| &student.grades)
}

fn receipt(file: &Path, archive: &[u8], gradebook: &Gradebook, notes: &[Note]) -> String {
    let hex: String = Sha256::digest(archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut text = format!(
        "Archive  {}\nSHA-256  {hex}\nTime     {:.0}\n\n",
        file.display(),
        jiff::Timestamp::now()
    );
    for grade in grades(gradebook) {
        let right = match &grade.build {
            Build::Built { .. } => format!("{} of {} points", grade.points(), grade.of()),
            Build::Rejected { .. } => "DOES NOT BUILD".into(),
            Build::Missing | Build::Inconclusive(_) => "could not be built here".into(),
        };
        let short = grade.digest.get(..16).unwrap_or_default();
        let _ = writeln!(
            text,
            "{}",
            words::at_both_ends(&format!("{}  {short}", grade.exercise), &right)
        );
        if let Build::Rejected { reason, .. } = &grade.build {
            text.push_str(&words::paragraph("      ", &crate::report::sanitize::line(reason)));
        }
    }
    let (points, of) = grades(gradebook).fold((0, 0), |(points, of), grade| (points + grade.points(), of + grade.of()));
    let _ = writeln!(
        text,
        "\n{}",
        words::at_both_ends("Points by the checks of this tree", &format!("{points} of {of}"))
    );
    for note in notes {
        text.push_str(&words::paragraph(
            "",
            &format!("Not packed: {}", crate::report::sanitize::line(&note.0)),
        ));
    }
    text.push_str("The 16 digits begin the digest of an exercise's accepted files; a gradebook has all of it.\n");
    text
}
