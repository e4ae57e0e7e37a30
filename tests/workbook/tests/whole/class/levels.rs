//! The same points for the same work, whatever this machine offers and whoever grades on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use grader::isolation::{Isolation, Isolator};
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;
use workbook::{copy_tree, repository};

use super::{CLASS, EXERCISES, JOBS, read, submissions};
use crate::GRADER;

/// Right work, and work with many mistakes of its own in an archive.
const STUDENTS: [&str; 2] = ["ada", "kenji.zip"];
/// An ordinary user of most systems.
const NOBODY: &str = "65534";

/// Points and outcome of every check: student, exercise, check.
type Outcomes = BTreeMap<(String, String, String), (u64, String)>;

fn outcomes(gradebook: &Value) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for submission in gradebook["submissions"].as_array().unwrap() {
        let student = submission["student"].as_str().unwrap();
        let ours = STUDENTS.iter().any(|name| name.split('.').next() == Some(student));
        for grade in submission["grades"].as_array().unwrap().iter().filter(|_| ours) {
            for check in grade["checks"].as_array().unwrap() {
                let name = |value: &Value| value.as_str().unwrap().to_string();
                let key = (student.to_string(), name(&grade["exercise"]), name(&check["id"]));
                outcomes.insert(key, (check["points"].as_u64().unwrap(), name(&check["outcome"])));
            }
        }
    }
    outcomes
}

fn levels_of(gradebook: &Value) -> Vec<&str> {
    let submissions = gradebook["submissions"].as_array().unwrap();
    let grades = submissions.iter().flat_map(|one| one["grades"].as_array().unwrap());
    grades.map(|grade| grade["isolation"].as_str().unwrap()).collect()
}

/// A folder with these submissions.
fn class() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for student in STUDENTS {
        let (from, to) = (submissions().join("class").join(student), folder.path().join(student));
        if from.is_dir() {
            copy_tree(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
    folder
}

#[rstest]
#[case(Isolation::Namespaces)]
#[case(Isolation::OwnUid)]
#[case(Isolation::SameUid)]
#[case(Isolation::None)]
fn every_level_gives_the_same_points(#[case] level: Isolation) {
    let found = Isolator::find(Path::new(GRADER), level).unwrap().finding;
    if found.level != level {
        println!("{level} is not run here: {:?}", found.failed);
        return;
    }
    let (class, out) = (class(), tempfile::tempdir().unwrap());
    let mut grader = crate::grader();
    grader
        .args(EXERCISES)
        .args([
            "--isolation",
            level.short(),
            "--trust-submissions",
            "--jobs",
            JOBS,
            "--submissions",
        ])
        .arg(class.path());
    grader.arg("--out").arg(out.path()).assert().code(0);
    let gradebook: Value = serde_json::from_str(&read(&out.path().join("gradebook.json"))).unwrap();
    assert_eq!(outcomes(&gradebook), outcomes(&CLASS.gradebook), "{level}");
    assert!(levels_of(&gradebook).iter().all(|one| *one == level.to_string()));
    let report = read(&out.path().join("students/ada.txt"));
    assert!(report.contains(&format!("isolation {level}.")), "{report}");
}

/// The rest of this machine as root has it, seen by a user who owns nothing but a folder to build in: compiler, registry and course may lie
/// in root's home, so they are shown elsewhere, in mounts that only this test sees. That folder is kept, and begins with root's libraries:
/// they take a minute to compile.
#[test]
fn root_and_an_ordinary_user_give_the_same_points() {
    let needed = ["unshare", "setpriv", "mount", "chown"];
    if !nix::unistd::geteuid().is_root() || needed.iter().any(|tool| harness::find_tool(tool).is_none()) {
        println!("not run here: it takes root and {needed:?}");
        return;
    }
    if Isolator::find(Path::new(GRADER), Isolation::Namespaces)
        .unwrap()
        .level()
        < Isolation::Namespaces
    {
        println!("not run here: it takes namespaces");
        return;
    }
    let (class, built) = (class(), repository().join("target/ordinary-user"));
    copy_libraries_to(&built);
    let script = r#"
        set -e
        mount --make-rprivate /
        mount -t tmpfs -o mode=0755 none /mnt
        mkdir /mnt/toolchain /mnt/cargo /mnt/course /mnt/target /mnt/class /mnt/out
        mount --bind "$1" /mnt/toolchain
        mount --bind "$2" /mnt/cargo
        mount --bind "$3" /mnt/course
        mount --bind "$4" /mnt/target
        cp -r "$5"/. /mnt/class
        cp "$6" /mnt/grader
        chown -R USER:USER /mnt/target /mnt/class /mnt/out
        # cargo knows what it has compiled by where the source was, so its home is shown at its own path, if need be in place of root's home.
        if ! setpriv --reuid USER --regid USER --clear-groups test -r "$2"; then
            mount -t tmpfs -o mode=0755 none "/$(echo "$2" | cut -d/ -f2)"
            mkdir -p "$2"
            mount --bind /mnt/cargo "$2"
        fi
        cd /mnt/course
        env -i PATH=/mnt/toolchain/bin:/usr/local/bin:/usr/bin:/bin HOME=/mnt/out CARGO_HOME="$2" CARGO_NET_OFFLINE=true \
            setpriv --reuid USER --regid USER --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
            /mnt/grader EXERCISES --submissions /mnt/class --require-isolation L3 --jobs JOBS --target-dir /mnt/target --out /mnt/out >&2
        cat /mnt/out/gradebook.json
    "#;
    let script = script
        .replace("USER", NOBODY)
        .replace("EXERCISES", &EXERCISES.join(" "))
        .replace("JOBS", JOBS);
    let graded = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .args([sysroot(), cargo_home(), repository(), built])
        .args([class.path(), Path::new(GRADER)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&graded.stderr);
    assert!(graded.status.success(), "{said}");
    let gradebook: Value = serde_json::from_slice(&graded.stdout).unwrap();
    assert_eq!(outcomes(&gradebook), outcomes(&CLASS.gradebook));
}

/// What root has compiled, with its times, by which cargo knows it again.
fn copy_libraries_to(built: &Path) {
    std::fs::create_dir_all(built).unwrap();
    let (from, to) = (repository().join("target/grader/suites"), built.join("suites"));
    // The class was graded before, or there is nothing to copy.
    LazyLock::force(&CLASS);
    if from.is_dir() && !to.is_dir() {
        let copied = Command::new("cp").arg("-a").args([&from, &to]).status().unwrap();
        assert!(copied.success(), "{} cannot be copied", from.display());
    }
}

fn sysroot() -> PathBuf {
    let asked = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim())
}

/// Where cargo keeps what it has downloaded.
fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}
