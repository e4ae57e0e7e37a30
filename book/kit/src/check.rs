//! What has to hold for the book: it builds, its programs and answers are right, its links and the rubrics' lead somewhere, and it
//! loads nothing from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scraper::{Html, Selector};

use crate::{answers, preprocessor, quiz, spelling};

/// Builds the book and proves all of it; one sentence per defect.
///
/// # Errors
/// The book does not build, or a tool that this needs is missing.
pub fn everything(folder: &Path) -> Result<Vec<String>> {
    let room = tempfile::tempdir().context("no temporary folder")?;
    crate::build(folder, room.path())?;
    let pages = Pages::read(room.path())?;
    let mut defects = pages.broken_links();
    defects.extend(pages.loads_from_elsewhere());
    defects.extend(rubrics(folder, &pages)?);
    defects.extend(without_a_place(&folder.join("src"), &pages)?);
    defects.extend(quizzes(folder)?);
    defects.extend(spelling::misspelt(folder)?);
    // The Rust blocks of the chapters, by rustdoc, as mdBook does it; it names the chapter and the line.
    if let Err(error) = crate::load(folder)?.test(Vec::new()) {
        defects.push(format!("a Rust program in a chapter is wrong: {error:#}"));
    }
    Ok(defects)
}

/// The pages as a browser would get them, by path below the root.
struct Pages {
    root: PathBuf,
    pages: BTreeMap<PathBuf, Page>,
}

/// What matters of one page.
struct Page {
    ids: BTreeSet<String>,
    /// Where `a` elements lead.
    links: Vec<String>,
    /// What the browser loads by itself.
    loads: Vec<String>,
}

impl Pages {
    fn read(root: &Path) -> Result<Pages> {
        let mut pages = BTreeMap::new();
        for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
            let entry = entry.with_context(|| format!("cannot list {}", root.display()))?;
            if entry.path().extension().is_some_and(|extension| extension == "html") {
                let text = std::fs::read_to_string(entry.path())
                    .with_context(|| format!("cannot read {}", entry.path().display()))?;
                let name = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_path_buf();
                pages.insert(name, Page::parse(&text));
            }
        }
        Ok(Pages {
            root: root.to_path_buf(),
            pages,
        })
    }

    /// Links inside the book that lead nowhere. Two pages of mdBook's own repeat all chapters or none and are left out.
    fn broken_links(&self) -> Vec<String> {
        let own = ["print.html", "404.html", "toc.html"];
        let chapters = self
            .pages
            .iter()
            .filter(|(name, _)| !own.iter().any(|own| name.ends_with(own)));
        chapters
            .flat_map(|(name, page)| page.links.iter().chain(&page.loads).map(move |link| (name, link)))
            .filter(|(name, link)| !is_elsewhere(link) && !self.leads_somewhere(name, link))
            .map(|(name, link)| format!("{}: the link {link} leads nowhere", name.display()))
            .collect()
    }

    fn leads_somewhere(&self, from: &Path, link: &str) -> bool {
        let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
        let file = file.split('?').next().unwrap_or("");
        let target = if file.is_empty() {
            from.to_path_buf()
        } else {
            from.parent().unwrap_or(Path::new("")).join(file)
        };
        match self.pages.get(&target) {
            Some(page) => fragment.is_empty() || page.ids.contains(fragment),
            None => self.root.join(target).is_file(),
        }
    }

    /// Scripts, styles, fonts and pictures of other machines. A book has to be readable without a network.
    fn loads_from_elsewhere(&self) -> Vec<String> {
        self.pages
            .iter()
            .flat_map(|(name, page)| page.loads.iter().map(move |load| (name, load)))
            .filter(|(_, load)| is_elsewhere(load) && !load.starts_with("data:"))
            .map(|(name, load)| format!("{}: loads {load} from elsewhere", name.display()))
            .collect()
    }
}

fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("//") || link.starts_with("mailto:") || link.starts_with("data:")
}

impl Page {
    fn parse(text: &str) -> Page {
        let html = Html::parse_document(text);
        let all = |selector: &str, attribute: &str| -> Vec<String> {
            let selector = Selector::parse(selector).unwrap_or_else(|error| unreachable!("{selector}: {error}"));
            html.select(&selector)
                .filter_map(|element| element.value().attr(attribute).map(str::to_string))
                .collect()
        };
        let loads = [
            ("script[src]", "src"),
            ("img[src]", "src"),
            ("link[rel=stylesheet]", "href"),
            ("iframe[src]", "src"),
        ];
        Page {
            ids: all("[id]", "id").into_iter().collect(),
            links: all("a[href]", "href"),
            loads: loads
                .iter()
                .flat_map(|(selector, attribute)| all(selector, attribute))
                .collect(),
        }
    }
}

/// Every check's `book` line and every exercise's chapter is a place in the built book.
fn rubrics(folder: &Path, pages: &Pages) -> Result<Vec<String>> {
    let exercises = folder.join("../exercises");
    let mut defects = Vec::new();
    for entry in walkdir::WalkDir::new(&exercises)
        .min_depth(2)
        .max_depth(2)
        .sort_by_file_name()
    {
        let entry = entry.with_context(|| format!("cannot list {}", exercises.display()))?;
        if entry.file_name() != "rubric.toml" {
            continue;
        }
        let text = std::fs::read_to_string(entry.path())?;
        let rubric: toml::Table = toml::from_str(&text).with_context(|| format!("{}", entry.path().display()))?;
        let checks = rubric
            .get("check")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten();
        let links = checks
            .filter_map(|check| check.get("book"))
            .chain(rubric.get("chapter"));
        for link in links.filter_map(toml::Value::as_str) {
            let page = link.replacen(".md", ".html", 1);
            if !pages.leads_somewhere(Path::new("index.html"), &page) {
                let exercise = entry.path().parent().and_then(Path::file_name).unwrap_or_default();
                defects.push(format!(
                    "{}: its rubric's {link} is no place in the book",
                    exercise.display()
                ));
            }
        }
    }
    Ok(defects)
}

/// Pages that `SUMMARY.md` forgets, in the folders of appendices and instructors, too.
fn without_a_place(source: &Path, pages: &Pages) -> Result<Vec<String>> {
    let mut defects = Vec::new();
    for entry in walkdir::WalkDir::new(source).sort_by_file_name() {
        let path = entry
            .with_context(|| format!("cannot list {}", source.display()))?
            .into_path();
        let name = path.strip_prefix(source).unwrap_or(&path);
        let is_page = name.extension().is_some_and(|extension| extension == "md") && name != Path::new("SUMMARY.md");
        if is_page && !pages.pages.contains_key(&name.with_extension("html")) {
            defects.push(format!("SUMMARY.md lacks {}", name.display()));
        }
    }
    Ok(defects)
}

/// Every quiz is asked in some chapter, every question has a name of its own, and programs print what their answers say.
fn quizzes(folder: &Path) -> Result<Vec<String>> {
    let source = folder.join("src");
    let mut asked = BTreeSet::new();
    for entry in std::fs::read_dir(&source)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path)?;
            let directives = text.lines().filter_map(preprocessor::directive);
            asked.extend(
                directives
                    .filter(|(word, _)| *word == "quiz")
                    .map(|(_, file)| source.join(file)),
            );
        }
    }
    let (mut defects, mut ids) = (Vec::new(), BTreeSet::new());
    for entry in walkdir::WalkDir::new(source.join("quizzes"))
        .min_depth(1)
        .sort_by_file_name()
    {
        let path = entry?.into_path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !asked.contains(&path) {
            defects.push(format!("{name}: no chapter asks these questions"));
        }
        let quiz = quiz::read(&path)?;
        for question in &quiz.questions {
            if !ids.insert(question.id.clone()) {
                defects.push(format!("{name}: the id {} is used twice", question.id));
            }
        }
        defects.extend(answers::wrong(&name, &quiz)?);
    }
    Ok(defects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(chapter: &str) -> Pages {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.html"), chapter).unwrap();
        std::fs::write(root.path().join("b.html"), "<h2 id=here>b</h2>").unwrap();
        Pages::read(root.path()).unwrap()
    }

    #[test]
    fn a_link_to_a_fragment_that_is_not_there_is_a_defect() {
        let broken =
            pages("<a href='b.html#gone'>x</a><a href='b.html#here'>y</a><a href='c.html'>z</a>").broken_links();
        assert_eq!(broken.len(), 2, "{broken:?}");
    }

    #[test]
    fn a_script_from_another_machine_is_a_defect() {
        let found = pages("<script src='https://example.org/x.js'></script><a href='https://example.org'>fine</a>");
        assert_eq!(found.loads_from_elsewhere().len(), 1);
    }

    /// What is wrong with the rubric of a course whose book has the page `b.md` with the section `here`.
    fn rubric(text: &str) -> Vec<String> {
        let course = tempfile::tempdir().unwrap();
        for (file, text) in [("book/book.toml", ""), ("exercises/ex01-a/rubric.toml", text)] {
            let path = course.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        rubrics(&course.path().join("book"), &pages("")).unwrap()
    }

    #[test]
    fn a_rubric_that_names_no_place_in_the_book_is_a_defect() {
        let of =
            |chapter: &str, link: &str| rubric(&format!("chapter = \"{chapter}\"\n[[check]]\nbook = \"{link}\"\n"));
        assert_eq!(of("b.md", "b.md#here"), Vec::<String>::new());
        for (chapter, link, said) in [
            ("b.md", "b.md#gone", "b.md#gone"),
            ("b.md", "c.md#here", "c.md#here"),
            ("c.md", "b.md#here", "c.md"),
        ] {
            let found = of(chapter, link);
            assert_eq!(found, [format!("ex01-a: its rubric's {said} is no place in the book")]);
        }
    }

    #[test]
    fn a_page_that_the_summary_forgets_is_a_defect() {
        let source = tempfile::tempdir().unwrap();
        std::fs::create_dir(source.path().join("appendix")).unwrap();
        for file in ["SUMMARY.md", "a.md", "b.md", "appendix/c.md"] {
            std::fs::write(source.path().join(file), "").unwrap();
        }
        let found = without_a_place(source.path(), &pages("")).unwrap();
        assert_eq!(found, ["SUMMARY.md lacks appendix/c.md"]);
    }
}
