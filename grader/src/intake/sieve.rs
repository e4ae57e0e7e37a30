//! The sieve: decides for each entry of a submission whether it is kept, ignored or refused, and puts the kept ones in order.
//!
//! The exercises may lie at the top, below `exercises/`, or below up to two folders more (`ada/`, `homework-main/`). Which
//! of several places counts is decided at the end, per exercise: the shallowest, with the course's own spelling first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use super::{MAX_DEPTH, MAX_FILE, MAX_FILES, MAX_NAME, MAX_NOTES, MAX_TOTAL, MAX_UNPACKED, name};
use crate::course::{Course, Exercise};
use crate::submission::{Note, Submission, Work};

/// What an entry is.
pub(super) enum What {
    /// A regular file.
    File,
    /// A folder; it matters only through what lies in it.
    Folder,
    /// Anything else, and what to call it.
    Refused(&'static str),
}

/// Folders that may lie around the exercises, `exercises/` itself not counted.
const MAX_WRAPPERS: usize = 2;
const EXERCISES: &str = "exercises";

/// Takes the entries of one submission.
pub(super) struct Sieve<'c> {
    course: &'c Course,
    kept: Vec<Kept>,
    /// Lower-case full paths, to find names that differ by case only.
    seen: BTreeSet<String>,
    /// Bytes in `kept`. Past [`MAX_UNPACKED`] nothing is kept any more, and in the end nothing is taken.
    held: u64,
    notes: Notes,
}

/// A source file that passed, with the place that it came from.
struct Kept {
    /// Index into the course's exercises.
    exercise: usize,
    place: Place,
    /// Path below `src/`.
    path: String,
    content: Vec<u8>,
}

/// A folder of an exercise inside the submission. The order is the order of preference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    wrappers: usize,
    not_below_exercises: bool,
    not_spelled_alike: bool,
    /// Folders around it; empty, or ends with `/`.
    around: String,
    folder: String,
}

impl Place {
    fn path(&self) -> String {
        format!("{}{}", self.around, self.folder)
    }
}

impl<'c> Sieve<'c> {
    pub(super) fn new(course: &'c Course) -> Self {
        Sieve { course, kept: Vec::new(), seen: BTreeSet::new(), held: 0, notes: Notes::default() }
    }

    /// Takes one entry. `content` is read only when the entry is wanted, and never past a limit.
    pub(super) fn offer(&mut self, entry: &str, what: What, content: &mut dyn Read) -> io::Result<()> {
        let parts = match name::parts(entry) {
            Ok(parts) => parts,
            Err(why) => return Ok(self.refuse(entry, why)),
        };
        if parts.iter().any(|part| name::is_ignored(part)) {
            return Ok(());
        }
        let located = self.locate(&parts);
        if located.as_ref().is_some_and(|(_, _, at)| parts.get(at + 1) == Some(&"target")) {
            return Ok(());
        }
        match (what, located) {
            (What::Refused(why), _) => Ok(self.refuse(entry, why)),
            (What::Folder, _) => Ok(()),
            (What::File, None) => Ok(self.say_if_unknown(&parts)),
            (What::File, Some((_, _, at))) if parts.len() - at > MAX_DEPTH => {
                Ok(self.refuse(entry, "it lies more than 8 folders deep"))
            }
            (What::File, Some((exercise, place, at))) => match parts[at + 1..].split_first() {
                Some((&"src", rest)) if !rest.is_empty() => self.take_source(entry, exercise, place, rest, content),
                _ => self.compare_with_given(entry, exercise, &parts[at + 1..], content),
            },
        }
    }

    /// Refuses an entry with one note.
    pub(super) fn refuse(&mut self, entry: &str, why: &str) {
        self.notes.add(format!("{} is refused: {why}", name::shown(entry)));
    }

    /// Whether something wanted can lie in this folder: for walkers, to leave out what is big and useless.
    pub(super) fn wants_folder(&self, parts: &[&str]) -> bool {
        if parts.iter().any(|part| name::is_ignored(part)) {
            return false;
        }
        match self.locate(parts) {
            Some((_, _, at)) => parts.get(at + 1) != Some(&"target") && parts.len() - at <= MAX_DEPTH,
            None => around_is_fine(parts) && parts.last() != Some(&"target"),
        }
    }

    /// The exercise that a path belongs to, its place, and which part of the path is its folder.
    fn locate(&self, parts: &[&str]) -> Option<(usize, Place, usize)> {
        let known = |at: &usize| self.course.exercises.iter().any(|e| Some(&e.name) == number(parts[*at]).as_ref());
        let candidates = || (0..parts.len()).filter(|at| around_is_fine(&parts[..*at])).filter(known);
        let at = candidates().find(|at| parts.get(at + 1) == Some(&"src")).or_else(|| candidates().last())?;
        let exercise = self.course.exercises.iter().position(|e| Some(&e.name) == number(parts[at]).as_ref())?;
        let below_exercises = at > 0 && parts[at - 1] == EXERCISES;
        let place = Place {
            wrappers: at - usize::from(below_exercises),
            not_below_exercises: !below_exercises,
            not_spelled_alike: parts[at] != self.course.exercises[exercise].folder,
            around: parts[..at].iter().map(|part| format!("{part}/")).collect(),
            folder: parts[at].to_string(),
        };
        Some((exercise, place, at))
    }

    fn take_source(
        &mut self,
        entry: &str,
        exercise: usize,
        place: Place,
        rest: &[&str],
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let path = rest.join("/");
        if path == "main.rs" {
            return self.compare_with_given(entry, exercise, &["src", "main.rs"], content);
        }
        if let Some(why) = self.reason_against(&place, rest) {
            return Ok(self.refuse(entry, &why));
        }
        let Some(content) = read_within(content, MAX_FILE)? else {
            return Ok(self.refuse(entry, "it is larger than 256 KiB"));
        };
        self.held += content.len() as u64;
        if self.held > MAX_UNPACKED {
            return Ok(());
        }
        self.seen.insert(folded(&place, &path));
        self.kept.push(Kept { exercise, place, path, content: without_bom(content) });
        Ok(())
    }

    fn reason_against(&self, place: &Place, rest: &[&str]) -> Option<String> {
        let path = rest.join("/");
        if !path.ends_with(".rs") {
            return Some("only .rs files are taken from src/".into());
        }
        if !rest.iter().all(|part| name::is_plain(part)) || path.len() > MAX_NAME {
            return Some("below src/ a name consists of ASCII letters, digits, `_`, `-` and `.`".into());
        }
        if rest[0].eq_ignore_ascii_case("bin") {
            return Some("the exercise has one program, src/main.rs, and the course gives it".into());
        }
        if self.seen.contains(&folded(place, &path)) {
            return Some("there is a file of that name already (upper and lower case count as the same)".into());
        }
        // `wire.rs` beside `wire.rs/frame.rs` cannot lie on any disk.
        let above = (1..rest.len()).map(|n| rest[..n].join("/"));
        let below = folded(place, &format!("{path}/"));
        let first_after = self.seen.range(below.clone()..).next();
        let clashes = above.into_iter().any(|dir| is_main(&dir) || self.seen.contains(&folded(place, &dir)))
            || first_after.is_some_and(|next| next.starts_with(&below));
        if clashes || is_main(&path) {
            return Some("another file has that name, or is in its way".into());
        }
        None
    }

    /// A file that the course gives: the student's copy is never used, which is worth a note only where it differs.
    fn compare_with_given(
        &mut self,
        entry: &str,
        exercise: usize,
        rest: &[&str],
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let given = self.course.exercises[exercise].dir.join(rest.join("/"));
        let Ok(given) = super::open_regular(&given).and_then(|mut file| read_within(&mut file, MAX_FILE)) else {
            let last = rest.last().copied().unwrap_or_default();
            if last.ends_with(".rs") || last.ends_with(".toml") {
                self.notes.add(format!("{} is not taken: only .rs files below src/ are", name::shown(entry)));
            }
            return Ok(());
        };
        let handed_in = read_within(content, MAX_FILE)?;
        let same = handed_in.map(as_text) == given.map(as_text);
        if !same && !entry.ends_with(".md") {
            self.notes.add(format!("{} differs from the course's file; the course's is used", name::shown(entry)));
        }
        Ok(())
    }

    fn say_if_unknown(&mut self, parts: &[&str]) {
        let unknown = parts.iter().enumerate().find(|(at, part)| {
            around_is_fine(&parts[..*at]) && number(part).is_some() && parts.get(at + 1) == Some(&"src")
        });
        if let Some((_, folder)) = unknown {
            self.notes.add(format!("{} is not an exercise of this course; it is ignored", name::shown(folder)));
        }
    }

    /// The submission: for each exercise the files of its best place, within the limits.
    pub(super) fn finish(mut self, student: &str) -> Submission {
        if self.held > MAX_UNPACKED {
            self.kept.clear();
            self.notes.add("there is more than 32 MiB of source text, so nothing was taken".into());
        }
        let chosen = self.choose_places();
        self.note_places(&chosen);
        let mut works: BTreeMap<String, Work> = BTreeMap::new();
        let (mut files, mut bytes) = (0, 0);
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_by(|a, b| (a.exercise, &a.path).cmp(&(b.exercise, &b.path)));
        for file in kept {
            if chosen.get(&file.exercise) != Some(&file.place) {
                continue;
            }
            let shown = format!("{}/src/{}", file.place.path(), file.path);
            let length = file.content.len() as u64;
            if files == MAX_FILES {
                self.refuse(&shown, "a submission has at most 200 files");
            } else if bytes + length > MAX_TOTAL {
                self.refuse(&shown, "a submission has at most 2 MiB");
            } else {
                (files, bytes) = (files + 1, bytes + length);
                let exercise = self.course.exercises[file.exercise].name.clone();
                works.entry(exercise).or_default().files.insert(file.path, file.content);
            }
        }
        self.note_what_is_missing(&works);
        Submission { student: student.to_string(), works, notes: self.notes.into_vec() }
    }

    fn choose_places(&self) -> BTreeMap<usize, Place> {
        let mut chosen: BTreeMap<usize, Place> = BTreeMap::new();
        for file in &self.kept {
            let best = chosen.entry(file.exercise).or_insert_with(|| file.place.clone());
            if file.place < *best {
                *best = file.place.clone();
            }
        }
        chosen
    }

    fn note_places(&mut self, chosen: &BTreeMap<usize, Place>) {
        let around: BTreeSet<&str> =
            chosen.values().filter(|place| place.wrappers > 0).map(|place| place.around.as_str()).collect();
        for folder in around {
            self.notes.add(format!("the exercises were found below {}", name::shown(folder)));
        }
        for (exercise, place) in chosen {
            let Exercise { folder, name: number, .. } = &self.course.exercises[*exercise];
            if place.not_spelled_alike {
                self.notes.add(format!("{} is taken as `{folder}`", name::shown(&place.path())));
            }
            let others: BTreeSet<String> =
                self.kept.iter().filter(|k| k.exercise == *exercise && k.place != *place).map(|k| k.place.path()).collect();
            for other in others {
                let (other, used) = (name::shown(&other), name::shown(&place.path()));
                self.notes.add(format!("{number} was found twice; {used} counts, {other} is ignored"));
            }
        }
    }

    fn note_what_is_missing(&mut self, works: &BTreeMap<String, Work>) {
        for (exercise, work) in works {
            if !work.files.contains_key("lib.rs") {
                self.notes.add(format!("{exercise} has no src/lib.rs"));
            }
        }
        if let (true, Some(first)) = (works.is_empty(), self.course.exercises.first()) {
            self.notes.add(format!(
                "nothing to grade was found; expected files like `{}/src/lib.rs`, at the top or below `exercises/`",
                first.folder
            ));
        }
    }
}

/// Whether exercises may lie below these folders.
fn around_is_fine(parts: &[&str]) -> bool {
    parts.len() - usize::from(parts.last() == Some(&EXERCISES)) <= MAX_WRAPPERS
}

fn number(folder: &str) -> Option<String> {
    name::exercise_number(folder)
}

fn is_main(path: &str) -> bool {
    path.eq_ignore_ascii_case("main.rs")
}

fn folded(place: &Place, path: &str) -> String {
    format!("{}/src/{}", place.path(), path.to_ascii_lowercase())
}

/// Everything up to the end, or `None` when there is more than `limit`. Sizes that an archive states are not asked.
fn read_within(content: &mut dyn Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    content.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

fn without_bom(mut content: Vec<u8>) -> Vec<u8> {
    if content.starts_with(b"\xEF\xBB\xBF") {
        content.drain(..3);
    }
    content
}

/// Content for comparison: git and editors change line ends and byte order marks, which is no difference.
fn as_text(content: Vec<u8>) -> Vec<u8> {
    without_bom(content).into_iter().filter(|byte| *byte != b'\r').collect()
}

/// Notes, each once, and no more than anybody reads.
#[derive(Default)]
struct Notes {
    all: Vec<String>,
    more: usize,
}

impl Notes {
    fn add(&mut self, note: String) {
        if self.all.contains(&note) {
            return;
        }
        if self.all.len() < MAX_NOTES { self.all.push(note) } else { self.more += 1 }
    }

    fn into_vec(mut self) -> Vec<Note> {
        if self.more > 0 {
            self.all.push(format!("… and {} more", self.more));
        }
        self.all.into_iter().map(Note).collect()
    }
}
