//! Exports of a made-up course.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::Command;

use super::*;

/// A course of two exercises, as far as an export looks at it.
fn course(with_solutions: bool) -> (tempfile::TempDir, Course) {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"book/kit\", \"exercises/*\", \"grader\", \"tests/harness\", \"tests/workbook\"]\ndefault-members = [\"grader\"]\n[workspace.dependencies]\nanyhow = \"1\"\nours = { path = \"exercises/ours\" }\n",
    );
    for name in ["ex01-one", "ex02-two"] {
        put(&format!("exercises/{name}/src/main.rs"), "fn main() {}\n");
        put(&format!("exercises/{name}/src/lib.rs"), "// stub\n");
        put(&format!("exercises/{name}/tests/public.rs"), "#[test]\nfn works() {}\n");
        put(&format!("exercises/{name}/target/debug/left"), "output");
        put(&format!("exercises/{name}/Cargo.toml"), "[package]\nname = \"x\"\n");
        put(
            &format!("exercises/{name}/rubric.toml"),
            "title = \"T\"\nlevel = 1\nminutes = 1\nchapter = \"c.md\"\n[[check]]\nid = \"p1\"\nname = \"works\"\npoints = 40\nvisibility = \"public\"\nconcept = \"c\"\nfeedback = \"f\"\nbook = \"c.md#a\"\n[[check]]\nid = \"h1\"\nname = \"works_too\"\npoints = 60\nvisibility = \"hidden\"\nconcept = \"c\"\nfeedback = \"f\"\nbook = \"c.md#a\"\n",
        );
        if with_solutions {
            put(&format!("solutions/{name}/src/lib.rs"), "// solution\n");
            put(
                &format!("solutions/{name}/tests/hidden.rs"),
                "#[test]\nfn works_too() {}\n",
            );
            put(&format!("solutions/{name}/mutants.toml"), "");
            put(&format!("solutions/{name}/Cargo.toml"), "[package]\nname = \"x\"\n");
        }
    }
    put("exercises/ours/src/lib.rs", "// a library of the course\n");
    put("grader/src/main.rs", "fn main() {}\n");
    put("book/src/secret.md", "not needed\n");
    let course = Course::load(folder.path()).unwrap();
    (folder, course)
}

fn unpacked(zip: &Path) -> BTreeMap<String, (u32, String)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(zip).unwrap()).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let read = |name: String| {
        let mut file = archive.by_name(&name).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        (name, (file.unix_mode().unwrap() & 0o777, text))
    };
    names.into_iter().map(read).collect()
}

fn gradescope(course: &Course, zip: &Path, exercises: &[&str]) -> Result<String> {
    let request = Request::Gradescope {
        zip: zip.into(),
        exercises: exercises.iter().map(|name| name.to_string()).collect(),
        hidden: Shown::AfterDueDate,
    };
    run(course, &request)
}

#[test]
fn an_autograder_has_its_scripts_at_the_root_and_the_exercises_of_the_assignment_only() {
    let (folder, course) = course(true);
    let zip = folder.path().join("out/ex02.zip");
    let said = gradescope(&course, &zip, &["ex02"]).unwrap();
    assert!(said.contains("100 points"), "{said}");
    let files = unpacked(&zip);
    assert_eq!(files["setup.sh"].0, 0o755);
    assert_eq!(files["run_autograder"].0, 0o755);
    assert!(
        files["run_autograder"]
            .1
            .contains("gradescope ex02 --hidden after_due_date")
    );
    assert!(files.contains_key("course/solutions/ex02-two/tests/hidden.rs"));
    assert!(files.contains_key("course/exercises/ours/src/lib.rs"));
    for absent in ["ex01", "book", "target", "secret"] {
        assert!(!files.keys().any(|name| name.contains(absent)), "{absent}");
    }
    for (name, (_, text)) in &files {
        assert!(
            !text.contains('@') || !name.ends_with("er"),
            "{name} has a gap that nobody filled in"
        );
    }
    let manifest: toml::Table = toml::from_str(&files["course/Cargo.toml"].1).unwrap();
    assert_eq!(manifest["workspace"]["members"].as_array().unwrap().len(), 3);
    assert!(manifest["workspace"].get("default-members").is_none());
    assert!(manifest["workspace"].get("dependencies").is_some());
}

#[test]
fn the_same_course_gives_the_same_zip() {
    let (folder, course) = course(true);
    let bytes = ["a.zip", "b.zip"].map(|name| {
        let zip = folder.path().join(name);
        gradescope(&course, &zip, &["ex01", "ex02"]).unwrap();
        std::fs::read(zip).unwrap()
    });
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn a_handout_makes_no_autograder() {
    let (folder, course) = course(false);
    let error = gradescope(&course, &folder.path().join("x.zip"), &["ex01"]).unwrap_err();
    assert!(error.to_string().contains("is this a handout?"), "{error}");
    assert!(!folder.path().join("x.zip").exists());
}

#[test]
fn a_workflow_grades_each_exercise_and_reports_all() {
    let (_folder, whole) = course(true);
    let (handout, _) = course(false);
    let request = |path: &Path| Request::Classroom {
        handout: path.into(),
        exercises: Vec::new(),
    };
    run(&whole, &request(handout.path())).unwrap();
    let text = std::fs::read_to_string(handout.path().join(".github/workflows/classroom.yml")).unwrap();
    for line in [
        "        run: bash .github/classroom/grade.sh ex01\n",
        "        run: bash .github/classroom/grade.sh ex02\n",
        "          EX02_RESULTS: \"${{ steps.ex02.outputs.result }}\"\n",
        "          runners: ex01,ex02\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains("@S") && !text.contains("@N") && !text.contains("@R"),
        "{text}"
    );
    // What students get must not hold the solutions.
    let error = run(&whole, &request(&whole.root)).unwrap_err();
    assert!(error.to_string().contains("has the solutions"), "{error}");
}

#[test]
fn every_script_is_one_that_a_shell_understands() {
    let (folder, whole) = course(true);
    let (handout, _) = course(false);
    let class = folder.path().join("it's a class");
    std::fs::create_dir(&class).unwrap();
    let dir = folder.path().join("jobs");
    let wanted = slurm::Wanted::of(&dir, &class, 3);
    run(&whole, &Request::Slurm(wanted)).unwrap();
    let classroom = Request::Classroom {
        handout: handout.path().into(),
        exercises: Vec::new(),
    };
    run(&whole, &classroom).unwrap();
    let zip = folder.path().join("x.zip");
    gradescope(&whole, &zip, &["ex01"]).unwrap();
    for name in ["setup.sh", "run_autograder"] {
        std::fs::write(dir.join(name), &unpacked(&zip)[name].1).unwrap();
    }
    let grade = handout.path().join(".github/classroom/grade.sh");
    let scripts = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    for script in scripts.chain([grade]) {
        let checked = Command::new("bash").arg("-n").arg(&script).output().unwrap();
        assert!(checked.status.success(), "{}: {checked:?}", script.display());
        let text = std::fs::read_to_string(&script).unwrap();
        assert!(
            !text.contains("@C") && !text.contains("@E") && !text.contains("@S"),
            "{text}"
        );
    }
    let grade = std::fs::read_to_string(dir.join("grade.sbatch")).unwrap();
    assert!(grade.contains("--array=1-3") && grade.contains("--shard \"$SLURM_ARRAY_TASK_ID/3\""));
}
