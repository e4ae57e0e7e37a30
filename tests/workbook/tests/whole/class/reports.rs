//! What people read: the table of the class, and the reports of single students.

use std::collections::BTreeSet;

use workbook::repository;

use super::CLASS;

#[test]
fn everybody_has_a_report_and_the_table_is_kept() {
    let reports = CLASS.files.keys().filter(|path| path.starts_with("students/")).cloned();
    let students = CLASS.submissions().iter().map(|one| one["student"].as_str().unwrap());
    let expected = students.flat_map(|name| ["txt", "md", "html"].map(|ending| format!("students/{name}.{ending}")));
    assert_eq!(reports.collect::<BTreeSet<_>>(), expected.collect::<BTreeSet<_>>());
    assert_eq!(CLASS.files["gradebook.txt"], CLASS.table);
}

#[test]
fn no_report_has_a_path_of_the_graders_machine() {
    let home = std::env::var("HOME").unwrap_or_default() + "/.";
    let course = repository().to_string_lossy().into_owned();
    let paths = [home, course];
    let mut found = Vec::new();
    // The ledger is the instructor's own, and says where the class is, for `regrade`.
    let reports = CLASS.files.iter().filter(|(file, _)| *file != "ledger.jsonl");
    for (file, text) in reports {
        let lines = text.lines().filter(|line| paths.iter().any(|path| line.contains(path)));
        found.extend(lines.map(|line| format!("{file}: {}", line.trim())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_table_says_in_a_few_words_what_became_of_everybody() {
    insta::with_settings!({filters => vec![
        (r"isolation .* · rustc .*", "isolation LEVEL · rustc VERSION"),
        (r"(all \d+|\d+ checks?) failed", "N failed"),
    ]}, {
        insta::assert_snapshot!(without_scores(&CLASS.table), @r"
        13 submissions, 2 exercises · isolation LEVEL · rustc VERSION

        student ex01 ex02 total
        ada all all all
        bela some N failed some N failed some
        chiara some N failed some N failed some
        dmitri none N failed none N failed none
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

        Notes on what was handed in, in the reports of: kenji (3), lucia (1), mateo (2)
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
fn the_report_of_a_submission_that_is_partly_right() {
    insta::with_settings!({filters => volatile()}, {
        insta::assert_snapshot!(without_charts(CLASS.report("kenji")), @r#"
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

          This looks like a mistake that we know
            0.0.0.0 means every address of the machine, also those that face the world;
            bind to the one you were given.

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
        insta::assert_snapshot!(without_charts(CLASS.report("emil")), @r#"
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
    let mut skipping = false; // to the end of the paragraph
    for line in report.lines() {
        skipping = (skipping && !line.is_empty()) || line.starts_with("    Left out of the points");
        let said = line.trim_start().strip_prefix('│').map(str::trim_start);
        let is_detail = said.is_some_and(|said| !said.starts_with("error") || said.contains("aborting"));
        let is_uneventful = line.starts_with("  ✔") || line.ends_with(" not run here");
        if !skipping && !is_detail && !is_uneventful {
            kept += line;
            kept.push('\n');
        }
        if line == "    What happened" {
            kept += "      (chart)\n";
            skipping = true;
        }
    }
    kept
}
