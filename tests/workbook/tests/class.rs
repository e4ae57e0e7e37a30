//! A class as an instructor grades it: the table, the reports, the gradebook, and programs that each hold one misconception.
//!
//! What everybody has to get is data: `tests/submissions/class.toml`, and a `label.toml` in every folder of `weak`. The two
//! exercises are named, not `--all`: the class has not handed in those that come later.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use grader::course::Course;
use serde::Deserialize;
use serde_json::Value;
use workbook::{copy_tree, grader_in, repository};

const GRADER: &str = env!("CARGO_BIN_EXE_workbook-grader");
const EXERCISES: [&str; 2] = ["ex01", "ex02"];
/// Most of a weak class is waiting for a deadline, which takes no core.
const JOBS: &str = "4";

/// A class that was graded once for all tests.
struct Graded {
    table: String,
    out: tempfile::TempDir,
    gradebook: Value,
}

static CLASS: LazyLock<Graded> = LazyLock::new(|| graded("class"));
static WEAK: LazyLock<Graded> = LazyLock::new(|| graded("weak"));

fn graded(class: &str) -> Graded {
    let out = tempfile::tempdir().unwrap();
    let run = grader_in(GRADER, &repository())
        .args(EXERCISES)
        .args(["--jobs", JOBS, "--submissions"])
        .arg(submissions().join(class))
        .arg("--out")
        .arg(out.path())
        .assert()
        .code(0);
    let gradebook = std::fs::read(out.path().join("gradebook.json")).unwrap();
    Graded {
        table: String::from_utf8(run.get_output().stdout.clone()).unwrap(),
        gradebook: serde_json::from_slice(&gradebook).unwrap(),
        out,
    }
}

impl Graded {
    fn report(&self, student: &str) -> String {
        read(&self.out.path().join("students").join(format!("{student}.txt")))
    }

    fn submission(&self, student: &str) -> &Value {
        let of_student = |one: &&Value| one["student"] == student;
        let found = self.gradebook["submissions"]
            .as_array()
            .unwrap()
            .iter()
            .find(of_student);
        found.unwrap_or_else(|| panic!("{student} is not in the gradebook"))
    }

    fn grade(&self, student: &str, exercise: &str) -> &Value {
        let grades = self.submission(student)["grades"].as_array().unwrap();
        grades.iter().find(|grade| grade["exercise"] == exercise).unwrap()
    }
}

fn submissions() -> PathBuf {
    repository().join("tests/submissions")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the folders in `dir`, in name order.
fn folders(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let names: BTreeSet<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.into_iter().collect()
}

/// Values of `key` of the checks in a grade that were lost. A check that this machine cannot run is not among them.
fn lost<'g>(grade: &'g Value, key: &str) -> BTreeSet<&'g str> {
    let lost = |check: &&Value| !matches!(check["outcome"].as_str(), Some("passed" | "not_run_here"));
    let checks = grade["checks"].as_array().unwrap().iter().filter(lost);
    checks.map(|check| check[key].as_str().unwrap()).collect()
}

/// `class.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    checks: BTreeMap<String, BTreeSet<String>>,
    student: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    notes: Vec<String>,
    ex01: ExpectedGrade,
    ex02: ExpectedGrade,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedGrade {
    build: String,
    #[serde(default)]
    reason: String,
    loses: Loses,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Loses {
    These(BTreeSet<String>),
    AllOrNone(AllOrNone),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AllOrNone {
    All,
    None,
}

impl ExpectedGrade {
    /// How a grade differs from this, in words; `known` are the checks that the lists speak about.
    fn difference(&self, grade: &Value, known: &BTreeSet<String>) -> Option<String> {
        let build = &grade["build"];
        if (build["outcome"].as_str(), build["reason"].as_str()) != (Some(&self.build), Some(&self.reason)) {
            return Some(format!("build is {build}"));
        }
        let here = lost(grade, "id");
        match &self.loses {
            Loses::AllOrNone(AllOrNone::All) => {
                (grade["points"] != 0).then(|| format!("has {} points", grade["points"]))
            }
            Loses::AllOrNone(AllOrNone::None) => (!here.is_empty()).then(|| format!("loses {here:?}")),
            Loses::These(these) => {
                let can_run = |id: &&String| {
                    grade["checks"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|check| check["id"] == **id && check["outcome"] != "not_run_here")
                };
                let expected: BTreeSet<&str> = these.iter().filter(can_run).map(String::as_str).collect();
                let here: BTreeSet<&str> = here.into_iter().filter(|id| known.contains(*id)).collect();
                (here != expected).then(|| format!("loses {here:?} instead of {expected:?}"))
            }
        }
    }
}

#[test]
fn everybody_loses_the_checks_that_are_expected_and_no_other() {
    let expectations: Expectations = toml::from_str(&read(&submissions().join("class.toml"))).unwrap();
    let mut differences = Vec::new();
    for (student, expected) in &expectations.student {
        let notes: Vec<&str> = CLASS.submission(student)["notes"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        if notes != expected.notes {
            differences.push(format!("{student}: notes are {notes:#?}"));
        }
        for (exercise, expected) in EXERCISES.iter().zip([&expected.ex01, &expected.ex02]) {
            let grade = CLASS.grade(student, exercise);
            let difference = expected.difference(grade, &expectations.checks[*exercise]);
            differences.extend(difference.map(|difference| format!("{student} {exercise}: {difference}")));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(
        expectations.student.len(),
        CLASS.gradebook["submissions"].as_array().unwrap().len()
    );
}

#[test]
fn the_table_says_in_a_few_words_what_became_of_everybody() {
    insta::with_settings!({filters => vec![
        (r"isolation .* · rustc .*", "isolation LEVEL · rustc VERSION"),
        (r"all \d+ failed", "all failed"),
        (r"\d+ checks? failed", "N failed"),
    ]}, {
        insta::assert_snapshot!(without_scores(&CLASS.table), @r"
        13 submissions, 2 exercises · isolation LEVEL · rustc VERSION

        student ex01 ex02 total
        ada all all all
        bela some N failed some N failed some
        chiara some N failed some N failed some
        dmitri none all failed none all failed none
        emil none does not compile none does not compile none
        fatima some N failed some N failed some
        goran some N failed all some
        hanna all some N failed some
        ivan some N failed some N failed some
        jamila all – some
        kenji some N failed all some
        lucia all some N failed some
        mateo – – none

        – nothing handed in; counts 0 points

        Notes on what was handed in, in the reports of: kenji (3), lucia (1), mateo (1)
        ");
    });
}

/// A table without its rule, its column widths and its points, of which `all`, `some` and `none` are left.
fn without_scores(table: &str) -> String {
    let score = |word: &str| match word.split_once('/') {
        Some(("0", _)) => "none".to_string(),
        Some((points, of)) if points == of => "all".to_string(),
        Some((points, _)) if points.parse::<u32>().is_ok() => "some".to_string(),
        _ => word.to_string(),
    };
    // Which tools a machine lacks is its own business.
    let paragraphs = table
        .split("\n\n")
        .filter(|paragraph| !paragraph.starts_with("Not run here"));
    let lines = |paragraph: &str| {
        let lines = paragraph.lines().filter(|line| !line.starts_with('─'));
        let lines = lines.map(|line| line.split_whitespace().map(score).collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>().join("\n")
    };
    paragraphs.map(lines).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn everybody_has_a_report_and_the_gradebook_is_there_twice() {
    let reports = CLASS.out.path().join("students");
    let names: BTreeSet<String> = std::fs::read_dir(&reports)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let students = CLASS.gradebook["submissions"].as_array().unwrap().iter();
    let expected: BTreeSet<String> = students
        .map(|one| format!("{}.txt", one["student"].as_str().unwrap()))
        .collect();
    assert_eq!(names, expected);
    assert_eq!(read(&CLASS.out.path().join("gradebook.txt")), CLASS.table);
}

#[test]
fn no_report_has_a_path_of_the_graders_machine() {
    let home = std::env::var("HOME").unwrap_or_default();
    let paths = [
        repository().to_string_lossy().into_owned(),
        format!("{home}/."),
        "/rustlib/".to_string(),
        std::env::temp_dir().join("").to_string_lossy().into_owned(),
    ];
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(CLASS.out.path())
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
    {
        let text = read(entry.path());
        let lines = text.lines().filter(|line| paths.iter().any(|path| line.contains(path)));
        found.extend(lines.map(|line| format!("{}: {line}", entry.file_name().display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_report_of_a_submission_that_is_partly_right() {
    insta::with_settings!({filters => volatile()}, {
        insta::assert_snapshot!(without_charts(&CLASS.report("kenji")), @r#"
        Report for kenji
        ════════════════

        ex01  Four calls: socket, bind, listen, accept N of M points
        ex02  Echo server and client: a stream is not messages N of M points
        Total N of M points

        Notes on what was handed in
          - the exercises were found below `Networking Homework (final)/`
          - `Networking Homework (final)/Ex01` is taken as `ex01-four-calls`
          - `Networking Homework (final)/Ex02` is taken as `ex02-echo`

        ────────────────────────────────────────────────────────────────────────────────
        ex01  Four calls: socket, bind, listen, accept N of M points

          ✘ p5  descriptor table matches the figure                               0 of 8
          ✘ h6  only the asked address listens                                    0 of 6

          p5 descriptor table matches the figure

            While     comparing what was printed with what is expected, line 1
            Expected  "listening on 127.0.0.1:PORT1"
            Received  "listening on 0.0.0.0:PORT1"

            What happened
              (chart)

            About     descriptor table
            Think     The listening and the connected socket are two entries of the
                      descriptor table: same local address, but only one of them has a
                      peer.
            Read      book/src/02-sockets.md#the-descriptor-table

          h6 only the asked address listens

            While     connecting to 127.0.0.2:PORT, where nobody should listen
            Expected  connection refused (ECONNREFUSED)
            Received  a connection: somebody listens on 127.0.0.2:PORT

            What happened
              (chart)

            About     bind address
            Think     bind() decides through which of the machine's addresses the server
                      can be reached; give it the one that was asked for.
            Read      book/src/02-sockets.md#which-address-listens

        ────────────────────────────────────────────────────────────────────────────────
        ex02  Echo server and client: a stream is not messages N of M points


        ────────────────────────────────────────────────────────────────────────────────
        Graded with VERSION, isolation LEVEL.
        "#);
    });
}

#[test]
fn the_report_of_a_submission_that_does_not_compile() {
    insta::with_settings!({filters => volatile()}, {
        insta::assert_snapshot!(without_charts(&CLASS.report("emil")), @r#"
        Report for emil
        ═══════════════

        ex01  Four calls: socket, bind, listen, accept N of M points
        ex02  Echo server and client: a stream is not messages N of M points
        Total N of M points

        ────────────────────────────────────────────────────────────────────────────────
        ex01  Four calls: socket, bind, listen, accept N of M points

          No program was made: does not compile: mismatched types (src/lib.rs:31:9)

          The compiler said
            │ error[E0308]: mismatched types
            │ error[E0308]: mismatched types

          – p1  prints the real port                                              0 of 8
          – p2  one client gets 22 bytes then eof                                 0 of 8
          – p3  three clients in a row are served                                 0 of 8
          – p4  daytime formats known instants                                    0 of 8
          – p5  descriptor table matches the figure                               0 of 8
          – h1  calls in order                                                   0 of 10
          – h2  backlog reaches listen                                            0 of 8
          – h3  restarts at once on the same port                                0 of 10
          – h4  two hundred clients with 32 descriptors                           0 of 8
          – h5  queued clients are served in order                                0 of 8
          – h6  only the asked address listens                                    0 of 6
          – h7  a client that reset while queued is harmless                      0 of 5
          – h8  curl telnet and python read the time                              0 of 5

        ────────────────────────────────────────────────────────────────────────────────
        ex02  Echo server and client: a stream is not messages N of M points

          No program was made: does not compile: this file contains an unclosed
          delimiter (src/lib.rs:98:3)

          The compiler said
            │ error: this file contains an unclosed delimiter

          – p1  hello world transcript                                            0 of 8
          – p2  lecture mode echoes one message without newline                   0 of 6
          – p3  stream mode echoes until half close                               0 of 8
          – p4  send all survives short writes                                    0 of 8
          – p5  echoes only the bytes received                                    0 of 5
          – p6  second client is served after the first                           0 of 5
          – h1  short reads and writes change nothing                            0 of 10
          – h2  one mebibyte of random bytes comes back identical                 0 of 8
          – h3  client reads a reply that comes in pieces                        0 of 10
          – h4  interrupted calls are retried                                     0 of 8
          – h5  client half closes and waits for eof                              0 of 8
          – h6  connect and leave is not an error                                 0 of 6
          – h7  interoperates with the lecture programs                          0 of 10

        ────────────────────────────────────────────────────────────────────────────────
        Graded with VERSION, isolation LEVEL.
        "#);
    });
}

/// What differs from run to run and from machine to machine.
fn volatile() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"(127\.0\.0\.\d):\d+", "$1:PORT"),
        (r" +\d+ of \d+ points", " N of M points"),
        (r"Graded with .*", "Graded with VERSION, isolation LEVEL."),
    ]
}

/// A report without charts, whose order is the network's; without the checks that passed or cannot be run here; and without
/// what differs between versions of the compiler.
fn without_charts(report: &str) -> String {
    let mut kept = String::new();
    let mut in_chart = false;
    for line in report.lines() {
        in_chart &= !line.is_empty();
        let said = line.trim_start().strip_prefix('│').map(str::trim_start);
        let is_detail = said.is_some_and(|said| !said.starts_with("error") || said.contains("aborting"));
        let is_passed =
            line.starts_with("  ✔") || line.contains("not run here") || line.contains("Left out of the points");
        if !in_chart && !is_detail && !is_passed {
            kept += line;
            kept.push('\n');
        }
        if line == "    What happened" {
            kept += "      (chart)\n";
            in_chart = true;
        }
    }
    kept
}

#[test]
fn gradebooks_follow_their_schema() {
    let schema = read(&repository().join("grader/schema/gradebook-1.schema.json"));
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let one_tree = json(&["ex01"], &[]);
    for (what, gradebook) in [
        ("class", &CLASS.gradebook),
        ("weak", &WEAK.gradebook),
        ("this tree", &one_tree),
    ] {
        let errors: Vec<String> = schema
            .iter_errors(gradebook)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:#?}");
    }
}

/// The gradebook that the grader prints for these exercises.
fn json(exercises: &[&str], arguments: &[&str]) -> Value {
    let mut grader = grader_in(GRADER, &repository());
    let run = grader
        .args(exercises)
        .args(["--format", "json"])
        .args(arguments)
        .assert()
        .code(0);
    serde_json::from_slice(&run.get_output().stdout).unwrap()
}

#[test]
fn the_number_of_jobs_changes_nothing_but_the_time() {
    let class = tempfile::tempdir().unwrap();
    for student in ["ada", "chiara", "emil"] {
        copy_tree(&submissions().join("class").join(student), &class.path().join(student));
    }
    std::fs::copy(submissions().join("class/kenji.zip"), class.path().join("kenji.zip")).unwrap();
    let out = class.path().join(".out");
    let (class, out) = (class.path().to_str().unwrap(), out.to_str().unwrap());
    let gradebooks = ["1", "4"].map(|jobs| {
        let mut gradebook = json(&["ex01"], &["--submissions", class, "--out", out, "--jobs", jobs]);
        strip_time(&mut gradebook);
        gradebook
    });
    assert_eq!(gradebooks[0], gradebooks[1]);
}

/// Takes out seconds, charts and numbers in texts, such as ports.
fn strip_time(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for volatile in ["seconds", "chart"] {
                fields.remove(volatile);
            }
            fields
                .iter_mut()
                .filter(|(name, _)| *name != "digest")
                .for_each(|(_, value)| strip_time(value));
        }
        Value::Array(values) => values.iter_mut().for_each(strip_time),
        Value::String(text) => text.retain(|c| !c.is_ascii_digit()),
        _ => {}
    }
}

/// `label.toml` of a weak program.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    exercise: String,
    misconception: String,
    why: String,
}

#[test]
fn every_weak_program_is_caught_by_a_check_that_is_named_for_its_misconception() {
    let course = Course::load(&repository()).unwrap();
    let mut wrong = Vec::new();
    let mut misconceptions = BTreeSet::new();
    for name in folders(&submissions().join("weak")) {
        let label: Label = toml::from_str(&read(&submissions().join("weak").join(&name).join("label.toml"))).unwrap();
        let mutants = grader::mutant::load(course.exercise(&label.exercise).unwrap()).unwrap();
        let Some(mutant) = mutants.iter().find(|mutant| mutant.name == label.misconception) else {
            wrong.push(format!(
                "{name}: {} has no mutant {}",
                label.exercise, label.misconception
            ));
            continue;
        };
        let grade = WEAK.grade(&name, &label.exercise);
        let lost = lost(grade, "name");
        if grade["build"]["outcome"] != "built" || grade["points"] == 0 {
            wrong.push(format!(
                "{name}: has to build and to earn something: {}",
                grade["build"]
            ));
        } else if !mutant.loses.iter().any(|check| lost.contains(check.as_str())) {
            wrong.push(format!("{name}: loses {lost:?}, and none of {:?}", mutant.loses));
        }
        assert!(label.why.ends_with('.'), "{name}: why is a sentence");
        misconceptions.insert((label.exercise, label.misconception));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(misconceptions.len() >= 12, "only {misconceptions:?}");
}

#[test]
fn every_folder_says_in_two_lines_why_it_exists() {
    for class in ["class", "weak"] {
        for name in folders(&submissions().join(class)) {
            let why = read(&submissions().join(class).join(&name).join("WHY.md"));
            assert_eq!(why.lines().count(), 2, "{class}/{name}/WHY.md");
        }
    }
}

#[test]
fn every_archive_holds_what_its_folder_holds() {
    let sources = submissions().join("archives");
    for name in folders(&sources) {
        let folder = sources.join(&name);
        let files = walkdir::WalkDir::new(&folder)
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file());
        let expected: BTreeMap<String, String> = files
            .map(|file| {
                (
                    file.path().strip_prefix(&folder).unwrap().to_str().unwrap().to_string(),
                    read(file.path()),
                )
            })
            .collect();
        assert_eq!(unpacked(&name), expected, "run tests/submissions/make-archives.py");
    }
}

/// The files of a student's archive, by name.
fn unpacked(student: &str) -> BTreeMap<String, String> {
    let path = submissions().join("class").join(format!("{student}.zip"));
    let mut files = BTreeMap::new();
    if let Ok(file) = std::fs::File::open(&path) {
        let mut archive = zip::ZipArchive::new(file).unwrap();
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            files.insert(entry.name().unwrap().to_string(), text);
        }
        return files;
    }
    let file = std::fs::File::open(path.with_extension("tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(entry.path().unwrap().to_str().unwrap().to_string(), text);
    }
    files
}
