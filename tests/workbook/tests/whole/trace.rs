//! `grader trace`: a scenario of the reference solution, of a stub, and of a program that prints what no figure must believe.

use std::path::Path;
use std::sync::Mutex;
use std::{iter, thread};

use grader::course::{Course, Exercise};
use grader::trace::scenario;
use insta::assert_snapshot;
use predicates::prelude::*;
use predicates::str::{contains, starts_with};
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use workbook::{SmallCourse, repository};

use crate::GRADER;

/// What `grader trace …` prints on standard output, when all is well.
fn traced(arguments: &[&str]) -> String {
    let run = crate::grader().arg("trace").args(arguments).assert().code(0);
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

/// The lines of a chart that the traced program alone decides about, and the connection; without what changes from run to run.
fn of_the_program(chart: &str) -> String {
    let is_its_own = |line: &&str| line.contains('●') || line.contains("connects");
    let without_time = |line: &str| line.chars().skip(9).collect::<String>() + "\n";
    chart.lines().filter(is_its_own).map(without_time).collect()
}

#[test]
fn the_reference_solution_makes_the_four_calls() {
    if harness::trace::available().is_err() {
        return;
    }
    let chart = traced(&["ex01", "--solutions"]);
    assert!(
        chart.starts_with("ex01 one_client, reference solution\n\nms "),
        "{chart}"
    );
    assert!(chart.contains("22 bytes ─│  \"2016-09-14T18:30:05Z\\r\\n\""), "{chart}");
    insta::with_settings!({ filters => [(r"127\.0\.0\.1:[1-9]\d+", "127.0.0.1:PORT")] }, {
        assert_snapshot!(of_the_program(&chart), @r#"
        │                   ●  starts: ex01 server --count 1 --epoch 1473877805
        │                   ●  socket(AF_INET, SOCK_STREAM, 0) = 3
        │                   ●  setsockopt(3, SO_REUSEADDR, 1) = 0
        │                   ●  bind(3, 127.0.0.1:0) = 0
        │                   ●  listen(3, backlog 5) = 0
        │                   ●  getsockname(3) = 0: 127.0.0.1:PORT
        │                   ●  prints "listening on 127.0.0.1:PORT"
        │─ connects ───────▶│
        │                   ●  accept(3) = 4
        │                   ●  getpeername(4) = 0 from 127.0.0.1:PORT
        │                   ●  prints "client 1 from 127.0.0.1:PORT"
        │                   ●  sendto(4, 22 bytes) = 22
        │                   ●  close(4) = 0
        │                   ●  close(3) = 0
        │                   ●  exits with code 0
        "#);
    });
}

/// Four exercises at a time: most of a scenario is waiting.
#[test]
fn every_scenario_is_green_on_the_reference_solution() {
    let course = Course::load(&repository()).unwrap();
    let with_scenarios = |exercise: &&Exercise| scenario::file(exercise).is_some();
    let exercises = Mutex::new(course.exercises.iter().filter(with_scenarios));
    let next = || exercises.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| iter::from_fn(next).for_each(every_scenario_is_green));
        }
    });
}

fn every_scenario_is_green(exercise: &Exercise) {
    for scenario in scenario::list(exercise).unwrap() {
        let chart = traced(&[&exercise.name, &scenario.name, "--solutions"]);
        let name = format!("{} {}", exercise.name, scenario.name);
        assert!(chart.contains('●') && !chart.contains('✗'), "{name}:\n{chart}");
        assert!(!chart.contains("It ended while"), "{name}:\n{chart}");
    }
}

#[test]
fn a_stub_is_drawn_up_to_where_it_ended() {
    let chart = traced(&["ex01", "one_client"]);
    assert!(chart.contains("● ") && chart.contains("exits with code 101"), "{chart}");
    let words = chart.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("It ended while waiting for the first line of `ex01 server`"),
        "{chart}"
    );
    assert!(words.contains("it reached the todo!()"), "{chart}");
}

#[test]
fn figures_are_well_formed_and_hold_no_script() {
    let folder = tempfile::tempdir().unwrap();
    let (svg, mermaid) = (folder.path().join("a.svg"), folder.path().join("a.mmd"));
    let run = crate::grader()
        .args(["trace", "ex02", "hello_world", "--solutions", "--svg"])
        .arg(&svg)
        .arg("--mermaid")
        .arg(&mermaid)
        .assert()
        .code(0);
    run.stdout("").stderr(contains("a.svg").and(contains("a.mmd")));
    let figure = std::fs::read_to_string(&svg).unwrap();
    let elements = elements(&figure);
    for needed in ["title", "desc", "style", "path", "text"] {
        assert!(elements.iter().any(|name| name == needed), "no <{needed}>:\n{figure}");
    }
    assert!(!elements.iter().any(|name| name == "script"), "{figure}");
    assert!(
        figure.contains("prefers-color-scheme: dark") && !figure.contains("url(http"),
        "{figure}"
    );
    let diagram = std::fs::read_to_string(&mermaid).unwrap();
    assert!(diagram.starts_with("sequenceDiagram\n"), "{diagram}");
    if harness::trace::available().is_ok() {
        assert!(diagram.contains("L1->>L0: connect(3, 127.0.0.1:"), "{diagram}");
        assert!(figure.contains(">connect</tspan>"), "{figure}");
    }
}

/// The names of all elements, in order. Fails when the text is no XML.
fn elements(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} in\n{xml}")) {
            Event::Start(element) | Event::Empty(element) => {
                assert!(element.attributes().all(|attribute| attribute.is_ok()), "{element:?}");
                names.push(element.name().as_ref().to_owned());
            }
            Event::Eof => return names,
            _ => {}
        }
    }
}

/// A small course whose student prints what would be markup anywhere else.
fn with_a_scenario(scenarios: &str) -> SmallCourse {
    let small = SmallCourse::new();
    small.write(
        "exercises/ex01-small/src/lib.rs",
        "//! Mine.\npub fn double(n: u64) -> u64 { println!(\"</text><script>alert('&')</script>\\u{1b}[31m;#%%\"); n * 2 }\n\
         pub fn halve(n: u64) -> u64 { n / 2 }\n",
    );
    small.write("exercises/ex01-small/tests/scenarios.rs", scenarios);
    small
}

const MINE: &str = "harness::exercise!(\"../rubric.toml\");\n/// My own experiment.\n#[test]\nfn mine() {\n    \
                    let lab = lab().recorded();\n    lab.probe(&[\"double 3\"]);\n}\n";

#[test]
fn what_a_program_prints_is_only_text() {
    let small = with_a_scenario(MINE);
    let draw = |arguments: &[&str]| {
        small
            .grader(GRADER, arguments)
            .assert()
            .code(0)
            .get_output()
            .stdout
            .clone()
    };
    draw(&["trace", "ex01", "--svg", "a.svg", "--mermaid", "a.mmd"]);
    let (figure, diagram) = (small.read("a.svg"), small.read("a.mmd"));
    assert!(!elements(&figure).iter().any(|name| name == "script"), "{figure}");
    assert!(figure.contains("&lt;script&gt;alert("), "{figure}");
    let printed = diagram.lines().find(|line| line.contains("alert(")).unwrap();
    assert!(
        !printed.contains(['<', '>', '\u{1b}']) && !printed.contains("%%"),
        "{printed}"
    );
    assert!(
        !printed.trim_end().trim_start_matches("Note").contains("; "),
        "{printed}"
    );
    let chart = String::from_utf8(draw(&["trace", "ex01", "mine", "--width", "60"])).unwrap();
    assert!(chart.contains("<script>") && !chart.contains('\u{1b}'), "{chart}");
    assert!(chart.lines().all(|line| line.chars().count() <= 60), "{chart}");
}

#[test]
fn a_scenario_that_does_not_compile_stops_no_grading() {
    let small = with_a_scenario("this is no Rust");
    small.grader(GRADER, &["ex01"]).assert().code(0);
    small.write(
        "exercises/ex01-small/tests/scenarios.rs",
        &MINE.replace("lab.probe", "lab.prob"),
    );
    small
        .grader(GRADER, &["trace", "ex01"])
        .assert()
        .code(2)
        .stderr(contains("tests/scenarios.rs"));
}

#[test]
fn a_scenario_without_a_recording_says_how_to_make_one() {
    let small = with_a_scenario(&MINE.replace(".recorded()", ""));
    let run = small.grader(GRADER, &["trace", "ex01"]).assert();
    run.code(2).stderr(contains("lab().recorded()"));
}

#[test]
fn an_unknown_scenario_lists_those_that_exist() {
    let run = crate::grader().args(["trace", "ex01", "no_such"]).assert();
    run.code(2).stdout("").stderr(
        starts_with("error: ex01 has no scenario `no_such`")
            .and(contains("one_client"))
            .and(contains("queue")),
    );
    let small = SmallCourse::new();
    let run = small.grader(GRADER, &["trace", "ex01"]).assert();
    run.code(2).stderr(contains("exercises/ex01-small/tests/scenarios.rs"));
    assert!(
        !Path::new(small.root())
            .join("exercises/ex01-small/tests/scenarios.rs")
            .exists()
    );
}
