//! `grader similarity`: pairs of works that look alike, for a person to look at. No grade depends on it, and a pair proves nothing.
//!
//! Works are compared by winnowed fingerprints of their tokens (Schleimer, Wilkerson, Aiken, "Winnowing: local algorithms for document
//! fingerprinting", SIGMOD 2003): other names, numbers, comments and spaces change nothing, and other orders of functions little. What
//! the stub has already is nobody's, and what a third of the class has (a paragraph of the book) counts for no pair either.

mod export;
mod fingerprints;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use crate::course::{Course, Exercise};
use crate::report::sanitize;
use crate::submission::{Submission, Work};
use crate::{intake, stub};
use fingerprints::Fingerprints;

/// What more than this share of a class has is common knowledge, in a class of [`ENOUGH`] at least.
const COMMON: usize = 3;
const ENOUGH: usize = 9;

/// What `grader similarity` was asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// Only these exercises.
    #[arg(value_name = "exNN")]
    pub(crate) exercises: Vec<String>,
    /// One folder or archive per student.
    #[arg(long, value_name = "DIR")]
    submissions: PathBuf,
    /// Show pairs that share at least this much of the smaller work's own fingerprints.
    #[arg(long, value_name = "PERCENT", default_value_t = 50)]
    at_least: u32,
    /// Show at most so many pairs of an exercise.
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: usize,
    /// Also write the works as Dolos and JPlag read them, into a folder that does not exist yet.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
}

/// Two works that look alike.
#[derive(Debug, Clone, PartialEq)]
struct Pair {
    students: [usize; 2],
    /// Fingerprints that both have.
    shared: usize,
    /// Percent of the smaller work's own fingerprints.
    percent: u32,
    /// First and last line of what is shared, in each.
    lines: [Place; 2],
}

/// Lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: String,
    first: usize,
    last: usize,
}

/// Compares the works of a class, exercise by exercise; the text is for a person.
///
/// # Errors
/// The class cannot be read, or the export cannot be written.
pub fn run(course: &Course, exercises: &[&Exercise], request: &Request) -> Result<String> {
    let class = intake::read_class(&request.submissions, course)?;
    let mut text = String::new();
    for exercise in exercises {
        let _ = writeln!(text, "{} {}", exercise.name, exercise.rubric.title);
        text.push_str(&about(&class, exercise, request)?);
    }
    if let Some(out) = &request.export {
        export::write(out, &class, exercises)?;
        let _ = writeln!(
            text,
            "Written for Dolos and JPlag: {}",
            sanitize::line(&out.display().to_string())
        );
    }
    text.push_str("A pair is a reason to look at two programs, and never one to take points away.\n");
    Ok(text)
}

fn about(class: &[Submission], exercise: &Exercise, request: &Request) -> Result<String> {
    let works: Vec<(&str, &Work)> = class
        .iter()
        .filter_map(|one| Some((one.student.as_str(), one.works.get(&exercise.name)?)))
        .collect();
    let given = given(exercise)?;
    let own: Vec<Fingerprints> = works
        .iter()
        .map(|(_, work)| Fingerprints::of(work).without(&given))
        .collect();
    let pairs = pairs(&own, request.at_least);
    let mut text = String::new();
    for pair in pairs.iter().take(request.most) {
        let [a, b] = pair.students.map(|at| sanitize::line(works[at].0));
        let [one, two] = &pair.lines;
        let _ = writeln!(
            text,
            "  {:3} %  {a} {}:{}-{}  and  {b} {}:{}-{}  ({} fingerprints)",
            pair.percent, one.file, one.first, one.last, two.file, two.first, two.last, pair.shared
        );
    }
    if pairs.len() > request.most {
        let _ = writeln!(text, "  and {} pairs more (--most)", pairs.len() - request.most);
    }
    if pairs.is_empty() {
        let _ = writeln!(
            text,
            "  none of {} works share {} % of what is their own",
            works.len(),
            request.at_least
        );
    }
    Ok(text)
}

/// What everybody was given: the stub and the given program.
fn given(exercise: &Exercise) -> Result<Work> {
    let mut work = Work::default();
    let stub = match &exercise.solution {
        Some(_) => stub::files(exercise)?,
        None => BTreeMap::new(),
    };
    work.files
        .extend(stub.into_iter().map(|(path, text)| (path, text.into_bytes())));
    for name in exercise.given() {
        let path = exercise.dir.join("src").join(name);
        work.files.insert(format!("given/{name}"), std::fs::read(&path)?);
    }
    Ok(work)
}

/// Pairs from `at_least` percent on, the likest first. Every fingerprint meets only those who have it, too.
fn pairs(works: &[Fingerprints], at_least: u32) -> Vec<Pair> {
    let mut owners: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, work) in works.iter().enumerate() {
        for hash in work.hashes() {
            owners.entry(hash).or_default().push(at);
        }
    }
    let common = |owners: &[usize]| works.len() >= ENOUGH && owners.len() * COMMON > works.len();
    owners.retain(|_, owners| !common(owners));
    let mut shared: BTreeMap<[usize; 2], BTreeSet<u64>> = BTreeMap::new();
    let mut own = vec![0_usize; works.len()];
    for (hash, owners) in &owners {
        for (i, a) in owners.iter().enumerate() {
            own[*a] += 1;
            for b in &owners[i + 1..] {
                shared.entry([*a, *b]).or_default().insert(*hash);
            }
        }
    }
    let pair = |(students, hashes): ([usize; 2], BTreeSet<u64>)| {
        let smaller = own[students[0]].min(own[students[1]]).max(1);
        Some(Pair {
            percent: u32::try_from(hashes.len() * 100 / smaller).unwrap_or(100),
            shared: hashes.len(),
            lines: [works[students[0]].place(&hashes)?, works[students[1]].place(&hashes)?],
            students,
        })
    };
    let mut pairs: Vec<Pair> = shared
        .into_iter()
        .filter_map(pair)
        .filter(|pair| pair.percent >= at_least)
        .collect();
    pairs.sort_by(|a, b| (b.percent, b.shared, a.students).cmp(&(a.percent, a.shared, b.students)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "pub fn serve(port: u16) -> std::io::Result<()> {\n    let listener = TcpListener::bind((\"127.0.0.1\", port))?;\n    for stream in listener.incoming() {\n        \
        let mut stream = stream?;\n        let mut buffer = [0; 512];\n        loop {\n            let count = stream.read(&mut buffer)?;\n            if count == 0 { break; }\n            \
        stream.write_all(&buffer[..count])?;\n        }\n    }\n    Ok(())\n}\n";
    const OTHER: &str = "pub fn serve(port: u16) -> std::io::Result<()> {\n    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;\n    \
        bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port))?;\n    listen(&socket, Backlog::new(5)?)?;\n    while let Ok(client) = accept(socket.as_raw_fd()) {\n        \
        std::thread::spawn(move || copy(client));\n    }\n    Err(std::io::Error::last_os_error())\n}\n";

    fn work(text: &str) -> Fingerprints {
        let mut work = Work::default();
        work.files.insert("lib.rs".into(), text.into());
        Fingerprints::of(&work)
    }

    #[test]
    fn other_names_comments_and_spaces_hide_nothing_and_another_program_is_another() {
        let renamed = ONE
            .replace("stream", "s")
            .replace("buffer", "b")
            .replace("    ", "\t")
            .replace("512", "1024");
        let disguised = format!("// my own work\n\n{}", renamed.replace(";\n", "; // done\n"));
        let pairs = pairs(&[work(ONE), work(OTHER), work(&disguised)], 50);
        assert_eq!(pairs.len(), 1, "{pairs:?}");
        assert_eq!((pairs[0].students, pairs[0].percent), ([0, 2], 100));
        let place = &pairs[0].lines[1];
        assert!(
            place.file == "lib.rs" && place.first >= 3 && place.last <= 16,
            "{place:?}"
        );
    }

    #[test]
    fn what_was_given_is_nobodys() {
        let mut given = Work::default();
        given.files.insert("lib.rs".into(), ONE.into());
        let more = format!("{ONE}fn more() -> u8 {{ 1 }}\n");
        let own = [work(ONE).without(&given), work(&more).without(&given)];
        assert!(pairs(&own, 1).is_empty());
    }

    #[test]
    fn what_a_third_of_the_class_has_is_no_pair() {
        let mut class: Vec<Fingerprints> = (0..4).map(|_| work(ONE)).collect();
        class.extend((0..5).map(|at| work(&format!("fn f{at}() {{}}"))));
        assert!(pairs(&class, 1).is_empty());
        assert_eq!(pairs(&class[..3], 1).len(), 3, "in a small class it is");
    }
}
