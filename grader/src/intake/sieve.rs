//! The sieve: decides for each entry of a submission whether it is kept, ignored or refused, and puts the kept ones in
//! order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use super::notes::Notes;
use super::place::{self, Located, Place};
use super::{MAX_FILE, MAX_FILES, MAX_NAME, MAX_TOTAL, MAX_UNPACKED, name};
use crate::course::{Course, Exercise};
use crate::submission::{Submission, Work};

/// The file that every exercise's work has.
const LIBRARY: &str = "lib.rs";

/// What an entry is.
pub(super) enum What {
    /// A regular file.
    File,
    /// A folder; it matters only through what lies in it.
    Folder,
    /// Anything else, and what to call it.
    Refused(&'static str),
}

/// What becomes of an entry.
enum Fate<'p> {
    Ignored,
    Refused(&'static str),
    /// Belongs to an exercise that the course does not have.
    Unknown(&'p str),
    /// Belongs to an exercise.
    Located(Located<'p>),
    /// A source file in no exercise's folder, and its path below `src/`.
    Loose(&'p [&'p str]),
}

/// Takes the entries of one submission.
pub(super) struct Sieve<'c> {
    course: &'c Course,
    kept: Vec<Kept>,
    /// Lower-case full paths, to find names that differ by case only.
    seen: BTreeSet<String>,
    /// Bytes in `kept`. Past [`MAX_UNPACKED`] nothing is kept any more, and in the end nothing is taken.
    held: u64,
    /// The only exercise asked for: loose source files are taken as its.
    only: Option<usize>,
    /// A loose source file that is nobody's, because several exercises were asked for.
    stray: Option<String>,
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

impl<'c> Sieve<'c> {
    pub(super) fn new(course: &'c Course, asked: &[&Exercise]) -> Self {
        let at = |asked: &Exercise| course.exercises.iter().position(|one| one.name == asked.name);
        Sieve {
            course,
            kept: Vec::new(),
            seen: BTreeSet::new(),
            held: 0,
            only: if let [one] = asked { at(one) } else { None },
            stray: None,
            notes: Notes::default(),
        }
    }

    /// Takes one entry. `content` is read only when the entry is wanted, and never past a limit.
    pub(super) fn offer(&mut self, entry: &str, what: What, content: &mut dyn Read) -> io::Result<()> {
        let parts = name::parts(entry);
        match fate(self.course, &parts, what) {
            Fate::Ignored => {}
            Fate::Refused(why) => self.refuse(entry, why),
            Fate::Unknown(folder) => {
                self.notes.add(format!(
                    "{} is not an exercise of this course; it is ignored",
                    name::shown(folder)
                ));
            }
            Fate::Loose(below) => self.take_loose(entry, below, content)?,
            Fate::Located(located) => match located.rest.split_first() {
                Some((&"src", below)) if !below.is_empty() && !self.is_given(located.exercise, below) => {
                    self.take_source(entry, located.exercise, located.place, below, content)?;
                }
                _ => self.compare_with_given(entry, &located, content)?,
            },
        }
        Ok(())
    }

    /// Refuses an entry with one note.
    pub(super) fn refuse(&mut self, entry: &str, why: &str) {
        self.notes.add(format!("{} is refused: {why}", name::shown(entry)));
    }

    /// Whether something wanted can lie in this folder.
    pub(super) fn wants_folder(&self, parts: &[&str]) -> bool {
        place::is_worth_a_look(self.course, parts)
    }

    fn take_loose(&mut self, entry: &str, below: &[&str], content: &mut dyn Read) -> io::Result<()> {
        let Some(exercise) = self.only else {
            self.stray.get_or_insert_with(|| entry.to_string());
            return Ok(());
        };
        let Some((name, folders)) = below.split_last() else {
            return Ok(());
        };
        let name = name::of_loose(name);
        let below = [folders, &[&*name]].concat();
        if self.is_given(exercise, &below) {
            return Ok(());
        }
        let place = Place::loose(&self.course.exercises[exercise]);
        self.take_source(entry, exercise, place, &below, content)
    }

    fn take_source(
        &mut self,
        entry: &str,
        exercise: usize,
        place: Place,
        below: &[&str],
        content: &mut dyn Read,
    ) -> io::Result<()> {
        if let Some(why) = self.reason_against(exercise, &place, below) {
            self.refuse(entry, why);
        } else if let Some(content) = read_within(content, MAX_FILE)? {
            self.held += content.len() as u64;
            if self.held <= MAX_UNPACKED {
                let path = below.join("/");
                self.seen.insert(folded(&place, &path));
                self.kept.push(Kept {
                    exercise,
                    place,
                    path,
                    content: without_bom(content),
                });
            }
        } else {
            self.refuse(entry, "it is larger than 256 KiB");
        }
        Ok(())
    }

    /// The course's own file below `src/`.
    fn is_given(&self, exercise: usize, below: &[&str]) -> bool {
        let mut given = self.course.exercises[exercise].given();
        given.any(|name| below == [name])
    }

    fn reason_against(&self, exercise: usize, place: &Place, below: &[&str]) -> Option<&'static str> {
        let path = below.join("/");
        if !path.ends_with(".rs") {
            return Some("only .rs files are taken from src/");
        }
        if !below.iter().all(|part| name::is_plain(part)) || path.len() > MAX_NAME {
            return Some("below src/ a name consists of ASCII letters, digits, `_`, `-` and `.`");
        }
        // Cargo would make another program of it, perhaps one with the name of the given one.
        if below[0].eq_ignore_ascii_case("bin") {
            return Some("the exercise has one program, src/main.rs, and the course gives it");
        }
        if self.seen.contains(&folded(place, &path)) {
            return Some("there is a file of that name already (upper and lower case count as the same)");
        }
        self.is_in_the_way(exercise, place, below)
            .then_some("another file has that name, or is in its way")
    }

    /// `wire.rs` beside `wire.rs/frame.rs` cannot lie on any disk, nor can anything beside the given `main.rs`. And where
    /// the course gives the module `files.rs`, there can be no second one in `files/mod.rs`.
    fn is_in_the_way(&self, exercise: usize, place: &Place, below: &[&str]) -> bool {
        let second = |name: &str| name.replace(".rs", "/mod.rs");
        let is_given = |path: &str| {
            let mut given = self.course.exercises[exercise].given();
            given.any(|name| path.eq_ignore_ascii_case(name) || path.eq_ignore_ascii_case(&second(name)))
        };
        let is_taken = |path: &str| is_given(path) || self.seen.contains(&folded(place, path));
        let folder = folded(place, &format!("{}/", below.join("/")));
        let file_in_it = self
            .seen
            .range(folder.clone()..)
            .next()
            .is_some_and(|next| next.starts_with(&folder));
        file_in_it || (1..=below.len()).any(|n| is_taken(&below[..n].join("/")))
    }

    /// What the course gives is never taken from a student, which is worth a note only where it matters: the file
    /// differs, or would have changed the build.
    fn compare_with_given(&mut self, entry: &str, located: &Located, content: &mut dyn Read) -> io::Result<()> {
        let path = self.course.exercises[located.exercise].dir.join(located.rest.join("/"));
        let given = super::open_regular(&path).and_then(|mut file| read_within(&mut file, MAX_FILE));
        let says = match given {
            Ok(given) => {
                let same = read_within(content, MAX_FILE)?.map(as_text) == given.map(as_text);
                (!same && !entry.ends_with(".md")).then_some("differs from the course's file; the course's is used")
            }
            Err(_) => {
                let matters = entry.ends_with(".rs") || entry.ends_with(".toml");
                matters.then_some("is not taken: only .rs files below src/ are")
            }
        };
        if let Some(says) = says {
            self.notes.add(format!("{} {says}", name::shown(entry)));
        }
        Ok(())
    }

    /// The submission: for each exercise the files of its best place, within the limits.
    pub(super) fn finish(mut self, student: &str) -> Submission {
        if self.held > MAX_UNPACKED {
            self.kept.clear();
            self.notes
                .add("there is more than 32 MiB of source text, so nothing was taken".into());
        }
        self.settle_loose();
        let chosen = self.choose_places();
        self.note_places(&chosen);
        let works = self.works(&chosen);
        self.note_what_is_missing(&works);
        Submission {
            student: student.to_string(),
            works,
            notes: self.notes.into_vec(),
        }
    }

    /// Loose files count when there is nothing else. The only one is the library, whatever its name.
    fn settle_loose(&mut self) {
        if self.kept.iter().any(|file| !file.place.is_loose) {
            self.kept.retain(|file| !file.place.is_loose);
        }
        let Some(first) = self.kept.first().filter(|file| file.place.is_loose) else {
            return;
        };
        let folder = first.place.path();
        self.notes
            .add(format!("the files are taken as those of `{folder}/src`"));
        if let [only] = self.kept.as_mut_slice()
            && only.path != LIBRARY
        {
            let name = std::mem::replace(&mut only.path, LIBRARY.into());
            self.notes
                .add(format!("{} is taken as `{LIBRARY}`", name::shown(&name)));
        }
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

    fn works(&mut self, chosen: &BTreeMap<usize, Place>) -> BTreeMap<String, Work> {
        let mut works: BTreeMap<String, Work> = BTreeMap::new();
        let (mut files, mut bytes) = (0, 0);
        let mut kept = std::mem::take(&mut self.kept);
        kept.retain(|file| chosen.get(&file.exercise) == Some(&file.place));
        kept.sort_by(|a, b| (a.exercise, &a.path).cmp(&(b.exercise, &b.path)));
        for file in kept {
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
        works
    }

    fn note_places(&mut self, chosen: &BTreeMap<usize, Place>) {
        let wrapped = chosen.values().filter(|place| place.wrappers > 0);
        let around: BTreeSet<&str> = wrapped.map(|place| place.around.as_str()).collect();
        for folder in around {
            self.notes
                .add(format!("the exercises were found below {}", name::shown(folder)));
        }
        for (exercise, place) in chosen {
            let Exercise {
                folder, name: number, ..
            } = &self.course.exercises[*exercise];
            let used = name::shown(&place.path());
            if place.spelled_otherwise {
                self.notes.add(format!("{used} is taken as `{folder}`"));
            }
            let others = self
                .kept
                .iter()
                .filter(|file| file.exercise == *exercise && file.place != *place);
            let others: BTreeSet<String> = others.map(|file| file.place.path()).collect();
            for other in others {
                let other = name::shown(&other);
                self.notes
                    .add(format!("{number} was found twice; {used} counts, {other} is ignored"));
            }
        }
    }

    fn note_what_is_missing(&mut self, works: &BTreeMap<String, Work>) {
        for (exercise, work) in works {
            if !work.files.contains_key(LIBRARY) {
                self.notes.add(format!("{exercise} has no src/lib.rs"));
            }
        }
        if let (true, Some(first)) = (works.is_empty(), self.course.exercises.first()) {
            if let Some(stray) = &self.stray {
                self.notes.add(format!(
                    "{} lies in no exercise's folder; where one exercise is graded, as in `grader {}`, it is taken as that one's",
                    name::shown(stray),
                    first.name
                ));
            }
            self.notes.add(format!(
                "nothing to grade was found; expected files like `{}/src/lib.rs`, at the top or below `exercises/`",
                first.folder
            ));
        }
    }
}

fn fate<'p>(course: &Course, parts: &'p Result<Vec<&'p str>, &'static str>, what: What) -> Fate<'p> {
    let parts = match parts {
        Ok(parts) => parts,
        Err(why) => return Fate::Refused(why),
    };
    if parts.iter().any(|part| name::is_ignored(part)) {
        return Fate::Ignored;
    }
    // `ex01.rs` is a file, whatever its name says.
    let located =
        place::locate(course, parts).filter(|located| !matches!(what, What::File) || !located.rest.is_empty());
    match (what, located) {
        (_, Some(located)) if located.is_build_output() => Fate::Ignored,
        (What::Refused(why), _) => Fate::Refused(why),
        (What::Folder, _) => Fate::Ignored,
        (What::File, None) => match (place::unknown_exercise(parts), loose(parts)) {
            (Some(folder), _) => Fate::Unknown(folder),
            (None, Some(below)) => Fate::Loose(below),
            (None, None) => Fate::Ignored,
        },
        (What::File, Some(located)) if located.is_too_deep() => Fate::Refused("it lies more than 8 folders deep"),
        (What::File, Some(located)) => Fate::Located(located),
    }
}

/// The path below `src/` of a source file at the top or in a folder `src`.
fn loose<'p>(parts: &'p [&'p str]) -> Option<&'p [&'p str]> {
    let below = if parts.first() == Some(&"src") {
        &parts[1..]
    } else {
        parts
    };
    let is_at_the_top = below.len() == 1 || below.len() < parts.len();
    let is_source = below.last().is_some_and(|name| name.ends_with(".rs"));
    (is_at_the_top && is_source).then_some(below)
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
