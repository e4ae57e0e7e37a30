//! Batch scripts for a Slurm cluster: one job compiles and proves the course, an array of jobs grades a share of the class each, a last
//! one puts the shares together. They share a file system; what is compiled, is compiled once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{quoted, some, write_script};
use crate::course::Course;

const SCRIPTS: [(&str, &str); 4] = [
    ("submit.sh", include_str!("slurm/submit.sh")),
    ("prepare.sbatch", include_str!("slurm/prepare.sbatch")),
    ("grade.sbatch", include_str!("slurm/grade.sbatch")),
    ("merge.sbatch", include_str!("slurm/merge.sbatch")),
];

/// What the scripts are to do.
#[derive(Debug, clap::Args)]
pub struct Wanted {
    /// Where the scripts are written.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only these exercises [default: all].
    #[arg(value_name = "exNN")]
    exercises: Vec<String>,
    /// The class to grade, as all nodes see it.
    #[arg(long, value_name = "CLASS")]
    submissions: PathBuf,
    /// Jobs that grade.
    #[arg(long, value_name = "N", default_value_t = 4)]
    shards: usize,
    /// Processors of each of them.
    #[arg(long, value_name = "N", default_value_t = 2)]
    cpus: usize,
    /// Where the reports of the whole class are written [default: DIR/grades].
    #[arg(long, value_name = "OUT")]
    out: Option<PathBuf>,
}

/// Writes the scripts; answers how to start them.
///
/// # Errors
/// There is no such class; no jobs are asked for; a script cannot be written.
pub(super) fn write(course: &Course, wanted: &Wanted) -> Result<String> {
    ensure!(
        wanted.shards > 0 && wanted.cpus > 0,
        "at least one job with one processor has to grade"
    );
    let class = wanted.submissions.canonicalize();
    let class = class.with_context(|| format!("there is no class in {}", wanted.submissions.display()))?;
    let dir = absolute(&wanted.dir)?;
    let out = wanted.out.as_deref().map_or_else(|| Ok(dir.join("grades")), absolute)?;
    let exercises = match wanted.exercises.as_slice() {
        [] => "--all".to_string(),
        asked => some(course, asked)?
            .iter()
            .map(|one| one.name.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    };
    let values = [
        ("@COURSE@", quoted(&course.root.to_string_lossy())),
        ("@CLASS@", quoted(&class.to_string_lossy())),
        ("@DIR@", quoted(&dir.to_string_lossy())),
        ("@OUT@", quoted(&out.to_string_lossy())),
        ("@EXERCISES@", exercises),
        ("@SHARDS@", wanted.shards.to_string()),
        ("@CPUS@", wanted.cpus.to_string()),
    ];
    for (name, template) in SCRIPTS {
        let filled = values
            .iter()
            .fold(template.to_string(), |text, (key, value)| text.replace(key, value));
        write_script(&dir.join(name), &filled)?;
    }
    Ok(format!(
        "{}: run submit.sh where sbatch is. The reports will be in {}.\n",
        dir.display(),
        out.display()
    ))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot use the path {}", path.display()))
}

#[cfg(test)]
impl Wanted {
    /// Every exercise of a class, in so many jobs.
    pub(super) fn of(dir: &Path, class: &Path, shards: usize) -> Wanted {
        Wanted {
            dir: dir.into(),
            exercises: Vec::new(),
            submissions: class.into(),
            shards,
            cpus: 1,
            out: None,
        }
    }
}
