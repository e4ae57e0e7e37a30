//! The works of a class in the layouts that other tools read.
//!
//! `exNN/dolos/` has `info.csv` (columns filename, full_name, label) beside the files that it names, one per work: Dolos compares single
//! files. `exNN/jplag/submissions/` has a folder per student, `exNN/jplag/base/` what was given: `jplag -l rust -bc base submissions`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::given;
use crate::course::Exercise;
use crate::report;
use crate::submission::{Submission, Work};

pub(super) fn write(out: &Path, class: &[Submission], exercises: &[&Exercise]) -> Result<()> {
    ensure!(
        !out.exists(),
        "{} is there already; name a folder that does not exist yet",
        out.display()
    );
    let names = report::file_names(class.iter().map(|one| one.student.as_str()));
    for exercise in exercises {
        let top = out.join(&exercise.name);
        let (dolos, jplag) = (top.join("dolos"), top.join("jplag"));
        let mut info = csv::Writer::from_writer(Vec::new());
        info.write_record(["filename", "full_name", "label"])?;
        for (submission, name) in class.iter().zip(&names) {
            let Some(work) = submission.works.get(&exercise.name) else {
                continue;
            };
            lay_out(work, &jplag.join("submissions").join(name))?;
            let file = format!("{name}.rs");
            put(&dolos.join(&file), &joined(work))?;
            info.write_record([&file, &submission.student, &submission.student])?;
        }
        put(
            &dolos.join("info.csv"),
            &info.into_inner().map_err(|error| error.into_error())?,
        )?;
        lay_out(&given(exercise)?, &jplag.join("base"))?;
    }
    Ok(())
}

fn lay_out(work: &Work, folder: &Path) -> Result<()> {
    work.files
        .iter()
        .try_for_each(|(path, bytes)| put(&folder.join(path), bytes))
}

/// A work's files one after the other, each below a line with its name.
fn joined(work: &Work) -> Vec<u8> {
    let file = |(path, bytes): (&String, &Vec<u8>)| [format!("// {path}\n").as_bytes(), bytes, b"\n"].concat();
    work.files.iter().flat_map(file).collect()
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
