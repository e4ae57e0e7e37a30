//! The book in a browser: no page is wider than its window, and every widget says, step by step, what its table says.
//!
//! Needs chromium and chromedriver; without them it is not run here.
#![cfg(unix)]

mod driver;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bookkit::widget::{self, Widget};
use driver::{Browser, END, HOME, LEFT, RIGHT, TAB};
use scraper::{Html, Selector};
use serde_json::{Value, json};
use workbook::repository;

/// The built book, once for all tests here.
fn book() -> &'static Path {
    static BOOK: OnceLock<tempfile::TempDir> = OnceLock::new();
    let built = BOOK.get_or_init(|| {
        let room = tempfile::tempdir().unwrap();
        bookkit::build(&repository().join("book"), room.path()).unwrap();
        room
    });
    built.path()
}

fn pages() -> Vec<PathBuf> {
    let pages = walkdir::WalkDir::new(book()).sort_by_file_name().into_iter();
    let pages = pages.map(|entry| entry.unwrap().into_path());
    // mdBook's own are left out: a list that is shown inside other pages, a page whose links need a server, and all chapters once more.
    let own = |page: &PathBuf| {
        ["toc.html", "404.html", "print.html"]
            .iter()
            .any(|own| page.ends_with(own))
    };
    pages
        .filter(|page| page.extension().is_some_and(|extension| extension == "html") && !own(page))
        .collect()
}

fn browser() -> Option<Browser> {
    Browser::start()
        .map_err(|lacking| eprintln!("not run here: {lacking}"))
        .ok()
}

/// Sets mdBook's theme, and gives what does not fit: elements that stick out of the window, and pictures that are not there.
const UNFIT: &str = r#"
    const html = document.documentElement;
    html.classList.remove("light", "rust", "coal", "navy", "ayu");
    html.classList.add(arguments[0]);
    const width = html.clientWidth;
    const main = document.querySelector("main");
    // Code and tables may scroll in boxes of their own; everything around `main` may not.
    const scrolls = (element) => {
        for (let at = element.parentElement; at && at !== main; at = at.parentElement) {
            if (["auto", "scroll", "hidden"].includes(getComputedStyle(at).overflowX)) { return true; }
        }
        return false;
    };
    const what = (element) => `${element.tagName} ${element.className} ${(element.textContent || "").trim().slice(0, 40)}`;
    const unfit = [];
    for (let at = main; at; at = at.parentElement) {
        if (at.scrollWidth > width) { unfit.push(`${at.scrollWidth} wide: ${at.tagName} ${at.className}`); }
    }
    for (const element of document.querySelectorAll("main *")) {
        const box = element.getBoundingClientRect();
        if (box.width > 0 && (box.right > width + 1 || box.left < -1) && !element.closest("svg") && !scrolls(element)) {
            unfit.push(`sticks out to ${Math.round(box.right)}: ${what(element)}`);
        }
    }
    for (const image of document.querySelectorAll("main img")) {
        if (image.complete && image.naturalWidth === 0) { unfit.push(`no picture: ${image.src}`); }
        const scheme = getComputedStyle(image).colorScheme;
        if (scheme !== (arguments[0] === "light" ? "light" : "dark")) { unfit.push(`drawn for another theme (${scheme}): ${image.src}`); }
    }
    return unfit.slice(0, 5);
"#;

#[test]
fn no_page_is_wider_than_its_window() {
    let Some(browser) = browser() else { return };
    let mut defects = Vec::new();
    for page in pages() {
        browser.open(&page);
        for (width, theme) in [(1280, "light"), (1280, "navy"), (390, "light"), (390, "navy")] {
            browser.look(width, theme == "navy");
            let unfit = browser.run(UNFIT, &json!(theme));
            let name = page.strip_prefix(book()).unwrap().display();
            defects.extend(
                unfit
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|what| format!("{name} at {width}, {theme}: {what}")),
            );
        }
    }
    defects.extend(browser.complaints());
    assert!(defects.is_empty(), "{defects:#?}");

    // The same question about a page that does not fit.
    let wide = "const wide = document.createElement('p'); wide.style.width = '3000px'; document.querySelector('main').append(wide);";
    browser.run(wide, &Value::Null);
    assert_ne!(
        browser.run(UNFIT, &json!("light")),
        json!([]),
        "something wide is found"
    );
}

/// The widgets of a page, by name, in their order.
fn widgets(page: &Path) -> Vec<String> {
    let html = Html::parse_document(&std::fs::read_to_string(page).unwrap());
    let sections = Selector::parse("section.widget").unwrap();
    html.select(&sections)
        .map(|section| section.value().attr("data-widget").unwrap().to_string())
        .collect()
}

#[test]
fn every_widget_says_what_its_table_says() {
    let Some(browser) = browser() else { return };
    let mut tried = std::collections::BTreeSet::new();
    for page in pages() {
        for (place, name) in widgets(&page).into_iter().enumerate() {
            if tried.insert(name.clone()) {
                browser.open(&page);
                try_out(&browser, place, &name);
            }
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let tables = std::fs::read_dir(repository().join("book/src/widgets")).unwrap();
    let tables: std::collections::BTreeSet<String> = tables
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_string())
        .collect();
    assert_eq!(tried, tables, "a table that no chapter shows");
}

fn try_out(browser: &Browser, place: usize, name: &str) {
    let table = widget::read(&repository().join(format!("book/src/widgets/{name}.json"))).unwrap();
    browser.run(
        "window.widget = document.querySelectorAll('section.widget')[arguments[0]];",
        &json!(place),
    );
    drawn_as_without_javascript(browser, name, &table);
    match name {
        "cuts" => cuts(browser, &table),
        "schedule" => schedules(browser, &table),
        "bounce" => bounces(browser, &table),
        _ => {
            by_keyboard(browser, name, &expected(&table.runs[&table.first]));
            for key in table.combinations() {
                let chosen = json!(key.split('/').collect::<Vec<_>>());
                assert_eq!(
                    said_when_chosen(browser, &chosen),
                    expected(&table.runs[&key]),
                    "{name} {key}"
                );
            }
        }
    }
}

/// The texts for screen readers that these frames have.
fn expected(frames: &[widget::Frame]) -> Vec<String> {
    let of = |(at, frame): (usize, &widget::Frame)| format!("Step {} of {}: {}", at + 1, frames.len(), frame.say);
    frames.iter().enumerate().map(of).collect()
}

fn said(browser: &Browser) -> String {
    let said = browser.run(
        "return window.widget.querySelector('[aria-live]').textContent;",
        &Value::Null,
    );
    said.as_str().unwrap().to_string()
}

/// Real keys: from the first step to the last and back.
fn by_keyboard(browser: &Browser, name: &str, steps: &[String]) {
    browser.run(
        "window.widget.querySelector('.steps button:last-child').focus();",
        &Value::Null,
    );
    browser.press(TAB);
    browser.run("window.widget.querySelector('.stage').focus();", &Value::Null);
    let focus = "const style = getComputedStyle(document.activeElement); return document.activeElement.className + ' ' + style.outlineStyle;";
    assert_eq!(
        browser.run(focus, &Value::Null),
        "stage solid",
        "{name}: where the keys go is seen"
    );
    for (at, step) in steps.iter().enumerate() {
        assert_eq!(&said(browser), step, "{name}, step {}", at + 1);
        browser.press(RIGHT);
    }
    let last = steps.last().unwrap();
    assert_eq!(&said(browser), last, "{name}: there is nothing behind the last step");
    browser.press(HOME);
    assert_eq!(said(browser), steps[0], "{name}: Home");
    browser.press(END);
    assert_eq!(&said(browser), last, "{name}: End");
    browser.press(LEFT);
    assert_eq!(said(browser), steps[steps.len().saturating_sub(2)], "{name}: back");
}

/// What is said at each step when these values are chosen; the keys are the page's own events here, which is faster.
fn said_when_chosen(browser: &Browser, chosen: &Value) -> Vec<String> {
    let script = r#"
        window.widget.querySelectorAll("select").forEach((select, at) => {
            select.value = arguments[0][at];
            select.dispatchEvent(new Event("change"));
        });
        const stage = window.widget.querySelector(".stage");
        const said = [];
        for (;;) {
            said.push(window.widget.querySelector("[aria-live]").textContent);
            if (window.widget.querySelector(".steps button:last-child").disabled) { return said; }
            stage.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
        }
    "#;
    let said = browser.run(script, chosen);
    said.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().to_string())
        .collect()
}

/// The script draws the first frame as `bookkit` does, so readers without JavaScript see the same.
fn drawn_as_without_javascript(browser: &Browser, name: &str, table: &Widget) {
    let frame = |html: &str| {
        let html = Html::parse_fragment(html);
        let frames = Selector::parse(".frame").unwrap();
        html.select(&frames).next().unwrap().inner_html()
    };
    let shown = browser.run("return window.widget.outerHTML;", &Value::Null);
    assert_eq!(
        frame(shown.as_str().unwrap()),
        frame(&widget::html(name, table).unwrap()),
        "{name}"
    );
}

fn cuts(browser: &Browser, table: &Widget) {
    let numbers = |name: &str| -> Vec<usize> { serde_json::from_value(table.rules[name].clone()).unwrap() };
    let total = table.rules["bytes"].as_array().unwrap().len();
    let reads = |ends: Vec<usize>| -> Vec<String> {
        let begins = std::iter::once(0).chain(ends.clone());
        let frames: Vec<widget::Frame> = begins
            .zip(&ends)
            .enumerate()
            .map(|(at, (begin, end))| {
                let length = if end - begin == 1 {
                    "1 byte".to_string()
                } else {
                    format!("{} bytes", end - begin)
                };
                let say = format!(
                    "Read {} brings {length}. {}",
                    at + 1,
                    table.runs[&end.to_string()][0].say
                );
                widget::Frame {
                    say,
                    ..widget::Frame::default()
                }
            })
            .collect();
        expected(&frames)
    };
    let ends = |cuts: Vec<usize>| {
        cuts.into_iter()
            .filter(|cut| *cut < total)
            .chain([total])
            .collect::<Vec<_>>()
    };
    by_keyboard(browser, "cuts", &reads(ends(numbers("cuts"))));
    let press = "window.widget.querySelector(`.settings > button:nth-child(${arguments[0]})`).click();";
    for (button, cuts) in [(1, Vec::new()), (2, numbers("messages")), (3, (1..total).collect())] {
        browser.run(press, &json!(button));
        assert_eq!(said_when_chosen(browser, &json!([])), reads(ends(cuts)));
    }
    // One switch, by keyboard: the cut before the third byte goes.
    browser.run(
        "window.widget.querySelectorAll('.switches button')[1].focus();",
        &Value::Null,
    );
    browser.press(RIGHT);
    browser.press(" ");
    assert_eq!(
        said_when_chosen(browser, &json!([])),
        reads(ends((1..total).filter(|cut| *cut != 2).collect()))
    );
}

fn schedules(browser: &Browser, table: &Widget) {
    let schedules: Vec<String> = serde_json::from_value(table.rules["schedules"].clone()).unwrap();
    let prefixes = |program: &str, moves: &str| -> Vec<String> {
        let frames: Vec<widget::Frame> = (0..=moves.len())
            .map(|length| table.runs[&format!("{program}:{}", &moves[..length])][0].clone())
            .collect();
        expected(&frames)
    };
    for ((program, _), moves) in table.settings[0].options.iter().zip(&schedules) {
        assert_eq!(
            said_when_chosen(browser, &json!([program])),
            prefixes(program, moves),
            "{program}"
        );
    }
    // The last program, from its beginning: A, then B, and now both are stuck or not, as the table says.
    let program = &table.settings[0].options.last().unwrap().0;
    browser.run("window.widget.querySelector('.stage').focus();", &Value::Null);
    browser.press(HOME);
    let press = "window.widget.querySelectorAll('.settings > button')[arguments[0]].focus();";
    for (thread, moves) in [(0, "A"), (1, "AB")] {
        browser.run(press, &json!(thread));
        browser.press(" ");
        assert_eq!(said(browser), *prefixes(program, moves).last().unwrap());
    }
    let stuck = browser.run(
        "return [...window.widget.querySelectorAll('.settings > button')].every((button) => button.disabled);",
        &Value::Null,
    );
    assert_eq!(stuck, json!(true), "two threads that wait for each other cannot go on");
}

/// The table has the first frame and the rule; which edges a drawing has, and what the rule says of each, is worked out here once more.
fn bounces(browser: &Browser, table: &Widget) {
    let number = |value: &Value| value.as_u64().unwrap();
    let tick = number(&table.rules["tick"]);
    let mut train: Vec<bool> = table.rules["train"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| number(level) == 1)
        .collect();
    let steps = |train: &[bool], window: u64| -> Vec<String> {
        let (mut level, mut last, mut presses, mut frames) = (true, None, 0, Vec::new());
        for (at, high) in train
            .iter()
            .enumerate()
            .filter(|(at, high)| **high != (*at == 0 || train[at - 1]))
        {
            let at = tick * at as u64;
            let rest = last.map_or("first", |last| if at - last >= window { "rested" } else { "soon" });
            assert_ne!(*high, level);
            let press = table.rules["presses"][format!("{rest}/{}", if *high { "high" } else { "low" })] == true;
            presses += u32::from(press);
            let say = format!(
                "The level goes {} at {at} ms: {}. Presses so far: {presses}.",
                if *high { "up" } else { "down" },
                if press { "a press" } else { "no press" }
            );
            frames.push(widget::Frame {
                say,
                ..widget::Frame::default()
            });
            (level, last) = (*high, Some(at));
        }
        expected(&frames)
    };
    by_keyboard(browser, "bounce", &steps(&train, table.first.parse().unwrap()));
    for (window, _) in &table.settings[0].options {
        let said = said_when_chosen(browser, &json!([window]));
        assert_eq!(said, steps(&train, window.parse().unwrap()), "a window of {window}");
    }
    // One level is changed by keyboard: the button is up for a moment in the middle of the long press.
    let (place, window) = (7, &table.settings[0].options[0].0);
    browser.run(
        "window.widget.querySelectorAll('.switches button')[arguments[0]].focus();",
        &json!(place),
    );
    browser.press(" ");
    train[place] = !train[place];
    assert_eq!(
        said_when_chosen(browser, &json!([window])),
        steps(&train, window.parse().unwrap())
    );
}
