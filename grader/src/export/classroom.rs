//! A workflow for GitHub Classroom: every push of a student is graded by the public checks, with the report as the run's summary.

use std::path::Path;

use anyhow::{Result, ensure};

use super::write_script;
use crate::course::Exercise;
use crate::files::write_atomically;

const WORKFLOW: &str = include_str!("classroom/workflow.yml");
const STEP: &str = include_str!("classroom/step.yml");
const GRADE: &str = include_str!("classroom/grade.sh");

/// Writes the workflow and its script into a handout; answers what to do next.
///
/// # Errors
/// The folder is no handout: it is no course, or it has the solutions. A file cannot be written.
pub(super) fn write(exercises: &[&Exercise], handout: &Path) -> Result<String> {
    ensure!(
        handout.join("exercises").is_dir() && handout.join("Cargo.toml").is_file(),
        "{} is no handout; make one with `grader handout {}`",
        handout.display(),
        handout.display()
    );
    ensure!(
        !handout.join("solutions").exists(),
        "{} has the solutions, and students get all that is in it; make a handout with `grader handout OUT`",
        handout.display()
    );
    for exercise in exercises {
        ensure!(
            handout.join("exercises").join(&exercise.folder).is_dir(),
            "{} has no {}; it is an older handout",
            handout.display(),
            exercise.folder
        );
    }
    let folder = handout.join(".github");
    write_atomically(&folder.join("workflows/classroom.yml"), workflow(exercises).as_bytes())?;
    write_script(&folder.join("classroom/grade.sh"), GRADE)?;
    Ok(format!(
        "{}: make a repository of this folder, and use it as the template of a Classroom assignment.\n",
        folder.display()
    ))
}

fn workflow(exercises: &[&Exercise]) -> String {
    let each =
        |line: &dyn Fn(&str) -> String| -> String { exercises.iter().map(|exercise| line(&exercise.name)).collect() };
    let names: Vec<&str> = exercises.iter().map(|exercise| exercise.name.as_str()).collect();
    let results = each(&|name| {
        let variable = name.to_uppercase();
        format!("          {variable}_RESULTS: \"${{{{ steps.{name}.outputs.result }}}}\"\n")
    });
    WORKFLOW
        .replace("@STEPS@\n", &each(&|name| STEP.replace("@NAME@", name)))
        .replace("@RESULTS@\n", &results)
        .replace("@NAMES@", &names.join(","))
}
