//! `grader reset`: an exercise as it was handed out, and a copy of what was there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::course::{Course, Exercise};
use crate::files::write_atomically;
use crate::stub;

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The exercise.
    #[arg(value_name = "exNN")]
    exercise: String,
}

/// Puts the stub back; the answer says where the copy is.
///
/// # Errors
/// No such exercise or no stub; a file cannot be read or written. Then the student's files are where they were.
pub fn run(course: &Course, request: &Request) -> Result<String> {
    let exercise = course.exercise(&request.exercise)?;
    let kept = reset(exercise)?;
    let kept = kept.strip_prefix(&course.root).unwrap_or(&kept).display().to_string();
    Ok(format!(
        "{} is as it was handed out. What you had is in {kept}\n",
        exercise.name
    ))
}

/// The same; gives the folder with the copy.
///
/// # Errors
/// As [`run`].
pub fn reset(exercise: &Exercise) -> Result<PathBuf> {
    let stubs = original(exercise)?;
    let source = exercise.dir.join("src");
    let theirs = files_below(&source)?;
    let kept = new_folder(exercise)?;
    for name in &theirs {
        let from = source.join(name);
        let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        write_atomically(&kept.join(name), &bytes)?;
    }
    // Everything is safe now.
    let given: Vec<&str> = exercise.given().collect();
    let stays =
        |name: &Path| stubs.iter().any(|(stub, _)| stub == name) || given.iter().any(|given| Path::new(given) == name);
    for name in theirs.iter().filter(|name| !stays(name)) {
        let path = source.join(name);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    for (name, text) in stubs {
        write_atomically(&source.join(name), text.as_bytes())?;
    }
    Ok(kept)
}

/// Every file in `src/`, also what nobody would grade: a reset loses nothing.
fn files_below(source: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(source).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot list {}", source.display()))?;
        if !entry.file_type().is_dir() {
            files.push(entry.path().strip_prefix(source).unwrap_or(entry.path()).to_path_buf());
        }
    }
    Ok(files)
}

/// The stub's files: derived from the solution where there is one, else the handout's copy.
pub(crate) fn original(exercise: &Exercise) -> Result<Vec<(PathBuf, String)>> {
    if exercise.solution.is_some() {
        let files = stub::files(exercise)?.into_iter();
        return Ok(files.map(|(name, text)| (name.into(), text)).collect());
    }
    let folder = exercise.dir.join(stub::COPY);
    let missing = || {
        format!(
            "cannot read {}, the stub as it was handed out; take it from the handout again",
            folder.display()
        )
    };
    ensure!(folder.join("lib.rs").is_file(), "{}", missing());
    let names = files_below(&folder)?.into_iter();
    names
        .map(|name| {
            Ok((
                name.clone(),
                fs::read_to_string(folder.join(&name)).with_context(missing)?,
            ))
        })
        .collect()
}

/// `before-reset-1`, or the first number that is free.
fn new_folder(exercise: &Exercise) -> Result<PathBuf> {
    for number in 1..1000 {
        let folder = exercise.dir.join(format!("before-reset-{number}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("cannot make {}", folder.display())),
        }
    }
    bail!("{} is full of old copies; delete some", exercise.dir.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Rubric;

    fn exercise(dir: &Path) -> Exercise {
        let rubric = "title = \"T\"\nlevel = 1\nminutes = 1\nchapter = \"c.md\"\ngiven = [\"request.rs\"]\n[[check]]\nid = \"p1\"\nname = \"n\"\n\
            points = 1\nvisibility = \"public\"\nconcept = \"c\"\nfeedback = \"f\"\nbook = \"c.md#x\"\n";
        fs::write(dir.join("rubric.toml"), rubric).unwrap();
        Exercise {
            name: "ex01".into(),
            folder: "ex01-a".into(),
            dir: dir.to_path_buf(),
            solution: None,
            rubric: Rubric::load(&dir.join("rubric.toml")).unwrap(),
        }
    }

    #[test]
    fn the_stub_comes_back_modules_go_and_everything_is_kept_every_time() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, exercise) = (folder.path(), exercise(folder.path()));
        fs::create_dir_all(dir.join("src/wire")).unwrap();
        fs::create_dir(dir.join("stub")).unwrap();
        let put = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        let get = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        put("stub/lib.rs", "todo");
        for (name, text) in [
            ("lib.rs", "mine"),
            ("main.rs", "given"),
            ("request.rs", "given"),
            ("wire/frame.rs", "a module"),
        ] {
            put(&format!("src/{name}"), text);
        }
        let kept = reset(&exercise).unwrap();
        assert_eq!(kept, dir.join("before-reset-1"));
        assert_eq!((get("src/lib.rs"), get("src/main.rs")), ("todo".into(), "given".into()));
        assert!(dir.join("src/request.rs").exists() && !dir.join("src/wire/frame.rs").exists());
        assert_eq!(
            (get("before-reset-1/lib.rs"), get("before-reset-1/wire/frame.rs")),
            ("mine".into(), "a module".into())
        );
        put("src/lib.rs", "second");
        reset(&exercise).unwrap();
        assert_eq!(
            (get("before-reset-1/lib.rs"), get("before-reset-2/lib.rs")),
            ("mine".into(), "second".into())
        );
    }

    #[test]
    fn without_a_stub_nothing_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, exercise) = (folder.path(), exercise(folder.path()));
        fs::create_dir(dir.join("src")).unwrap();
        fs::write(dir.join("src/lib.rs"), "mine").unwrap();
        let error = format!("{:#}", reset(&exercise).unwrap_err());
        assert!(error.contains("stub"), "{error}");
        assert_eq!(fs::read_to_string(dir.join("src/lib.rs")).unwrap(), "mine");
        assert!(!dir.join("before-reset-1").exists());
    }
}
