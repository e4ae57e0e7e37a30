//! `grader watch`: grades an exercise again whenever its owner saves, and shows the check to begin with.
//!
//! ```text
//! terminal, signals, stdin ─┐
//! saves.rs ─────────────────┼─▶ one queue of news ─▶ the loop here ─▶ view.rs ─▶ terminal.rs, or plain text
//! worker (grades) ──────────┘                         └─ an order for the worker; an interrupt for what is out of date
//! ```
//!
//! A new save ends the run before at once. Nothing else waits for anything: keys are answered while checks run.

mod orders;
mod saves;
mod view;

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::course::{Course, Exercise};
use crate::diary::{self, Diary};
use crate::grade::{Build, Grade};
use crate::grading::Grading;
use crate::isolation::Isolator;
use crate::process::{self, Interrupt};
use crate::say::say;
use crate::terminal::{self, Happening, Screen};
use crate::{hint, intake, passage, plan, report, reset};
use orders::Orders;
use saves::{Saved, Saves};
use view::View;

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The exercise [default: the next one that is not done].
    #[arg(value_name = "exNN")]
    exercise: Option<String>,
    /// Print reports one after the other: no colour, no moving cursor. So it is where NO_COLOR is set, TERM is dumb, or no terminal is there.
    #[arg(long)]
    plain: bool,
}

/// How long a trace may take.
const TRACE: Duration = Duration::from_secs(120);

/// Everything that can happen.
#[derive(Debug)]
enum News {
    Terminal(Happening),
    /// A line on standard input, in plain mode.
    Typed(String),
    Saved(Saved),
    /// Of the run with this number: the grade so far, and whether it is all of it.
    Graded(u64, Box<Grade>, bool),
    /// A page is ready.
    Page(String, String),
}

/// What to do when one exercise is left.
enum Left {
    Quit,
    Signal(i32),
    GoOn(String),
}

/// Where it is shown.
enum Face {
    Screen(Screen),
    Plain,
}

/// Watches until asked to stop; the answer is the exit code.
///
/// # Errors
/// A broken course, no compiler, no terminal.
pub fn run(course: &Course, request: &Request, isolator: &dyn Fn() -> Result<Isolator>) -> Result<u8> {
    let plain = request.plain || !terminal::can_be_a_screen();
    let (tell, news) = mpsc::channel();
    let told = tell.clone();
    terminal::listen_to_signals(move |happening| drop(told.send(News::Terminal(happening))))?;
    let mut listens = false;
    let mut name = match &request.exercise {
        Some(name) => name.clone(),
        None => Diary::read(course)?
            .next(course)
            .unwrap_or(&course.exercises[0])
            .name
            .clone(),
    };
    loop {
        let exercise = course.exercise(&name)?;
        say!("Compiling the tests of {name} (the first time takes a while)");
        let grading = Grading::prepare(course, vec![exercise], isolator()?, 1)?;
        let face = if plain {
            Face::Plain
        } else {
            Face::Screen(Screen::open()?)
        };
        if !listens {
            listens = true;
            listen(plain, tell.clone());
        }
        let watch = Watch::new(course, exercise, &grading, tell.clone(), face);
        match watch.run(&news)? {
            Left::Quit => return Ok(0),
            Left::Signal(signal) => return Ok(128 + u8::try_from(signal).unwrap_or(0)),
            Left::GoOn(next) => name = next,
        }
    }
}

fn listen(plain: bool, tell: Sender<News>) {
    if !plain {
        return terminal::listen_to_the_terminal(move |happening| drop(tell.send(News::Terminal(happening))));
    }
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = tell.send(News::Typed(line.trim().to_string()));
        }
    });
}

/// One exercise being watched.
struct Watch<'a> {
    course: &'a Course,
    exercise: &'a Exercise,
    grading: &'a Grading<'a>,
    tell: Sender<News>,
    face: Face,
    view: View,
    /// Number of the newest run; what older ones still say is not shown.
    run: u64,
    /// Ends a trace that nobody waits for.
    aside: Interrupt,
    /// `r` was pressed once.
    asks_for_reset: bool,
}

impl<'a> Watch<'a> {
    fn new(
        course: &'a Course,
        exercise: &'a Exercise,
        grading: &'a Grading<'a>,
        tell: Sender<News>,
        face: Face,
    ) -> Watch<'a> {
        Watch {
            course,
            exercise,
            grading,
            tell,
            face,
            view: View::default(),
            run: 0,
            aside: Interrupt::default(),
            asks_for_reset: false,
        }
    }

    fn run(mut self, news: &Receiver<News>) -> Result<Left> {
        let tell = self.tell.clone();
        let _saves = Saves::watch(&self.exercise.dir.join("src"), move |saved| {
            drop(tell.send(News::Saved(saved)))
        });
        if let Face::Plain = self.face {
            println!("{}", KEYS_IN_PLAIN);
        }
        let orders = Orders::default();
        let worker = Worker {
            exercise: self.exercise,
            grading: self.grading,
            tell: self.tell.clone(),
        };
        thread::scope(|scope| {
            scope.spawn(|| worker.work(&orders));
            let left = self.follow(news, &orders);
            orders.close(&self.grading.interrupt);
            self.aside.now();
            left
        })
    }

    fn follow(&mut self, news: &Receiver<News>, orders: &Orders) -> Result<Left> {
        self.again(orders)?;
        loop {
            self.show()?;
            let left = match news.recv().context("nothing tells of anything any more")? {
                News::Terminal(Happening::Ended(signal)) => Some(Left::Signal(signal)),
                News::Terminal(Happening::Resized) => None,
                News::Terminal(Happening::Key(key)) => self.pressed(key, orders)?,
                News::Typed(line) => self.asked(line.chars().next().unwrap_or('\n'), orders)?,
                News::Saved(saved) => {
                    self.saved(saved);
                    self.again(orders)?;
                    None
                }
                News::Graded(run, grade, whole) if run == self.run => {
                    self.graded(*grade, whole)?;
                    None
                }
                News::Graded(..) => None,
                News::Page(title, text) => {
                    self.page(title, text);
                    None
                }
            };
            if let Some(left) = left {
                return Ok(left);
            }
        }
    }

    /// Orders a run of what is on disk now, and ends the one before.
    fn again(&mut self, orders: &Orders) -> Result<()> {
        let mut tree = intake::read_tree(&self.course.root, "this tree", self.course)?;
        self.run += 1;
        let work = tree.works.remove(&self.exercise.name).unwrap_or_default();
        "building".clone_into(&mut self.view.doing);
        self.view.well_done.clear();
        orders.put(self.run, work, &self.grading.interrupt);
        Ok(())
    }

    fn saved(&mut self, saved: Saved) {
        self.view.page = None;
        self.view.top = 0;
        self.asks_for_reset = false;
        self.view.notice = match saved {
            Saved::Announced => String::new(),
            Saved::Found => "this file system announces no changes: files are looked at ten times a second".into(),
        };
        if let Face::Plain = self.face {
            println!("\n── saved ──");
        }
    }

    fn graded(&mut self, grade: Grade, whole: bool) -> Result<()> {
        let next = self.exercise.available_checks();
        let next = next.get(grade.checks.len()).map(|check| check.id.clone());
        self.view.doing = match next {
            Some(id) if !whole => format!("running {id}"),
            _ if !matches!(grade.build, Build::Built { .. }) => format!("no program; {} is watched", self.source()),
            _ => format!("all checks have run; {} is watched", self.source()),
        };
        if whole {
            if let Err(error) = diary::note(self.course, &grade) {
                self.view.notice = format!("progress is not remembered: {error:#}");
            }
            if grade.of() > 0 && grade.points() == grade.of() {
                self.view.well_done = plan::well_done(self.course, self.exercise);
            }
        }
        self.view.grade = Some(grade);
        if let (Face::Plain, true) = (&self.face, whole) {
            self.print_report();
        }
        Ok(())
    }

    fn print_report(&self) {
        if let Some(grade) = &self.view.grade {
            let report = report::text::own_exercise(grade);
            println!("\n{report}{}\n{}", self.view.well_done, self.view.doing);
        }
    }

    fn page(&mut self, title: String, text: String) {
        match self.face {
            Face::Plain => println!("\n{title}\n\n{text}"),
            Face::Screen(_) => {
                self.view.page = Some((title, text));
                self.view.top = 0;
                self.view.notice = "any other key: back to the checks".into();
            }
        }
    }

    fn pressed(&mut self, key: KeyEvent, orders: &Orders) -> Result<Option<Left>> {
        let page = match &self.face {
            Face::Screen(screen) => screen.size().1.saturating_sub(6).max(1),
            Face::Plain => 1,
        };
        let top = &mut self.view.top;
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => *top = top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => *top += 1,
            KeyCode::PageUp => *top = top.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => *top += page,
            KeyCode::Home => *top = 0,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(Some(Left::Quit)),
            KeyCode::Char(letter) => return self.asked(letter, orders),
            KeyCode::Enter => return self.asked('\n', orders),
            _ => self.back(),
        }
        Ok(None)
    }

    fn back(&mut self) {
        self.view.page = None;
        self.view.notice.clear();
        self.asks_for_reset = false;
    }

    /// A letter was pressed or typed.
    fn asked(&mut self, letter: char, orders: &Orders) -> Result<Option<Left>> {
        if self.asks_for_reset && letter == 'y' {
            self.reset();
            return Ok(None);
        }
        self.back();
        match letter {
            'q' => return Ok(Some(Left::Quit)),
            'n' => return self.next(),
            'h' => self.hint(),
            'l' => self.tell_of("The exercises", plan::list(self.course)),
            'b' => self.book(),
            't' => self.trace(),
            'r' => {
                self.asks_for_reset = true;
                self.view.notice = format!("{} as it was handed out? A copy is kept. y: yes", self.exercise.name);
                if let Face::Plain = self.face {
                    println!("{}", self.view.notice);
                }
            }
            '\n' => {
                self.view.top = 0;
                self.again(orders)?;
            }
            _ => {}
        }
        Ok(None)
    }

    fn tell_of(&mut self, title: &str, text: Result<String>) {
        let text = text.unwrap_or_else(|error| format!("{error:#}"));
        self.page(title.to_string(), text);
    }

    fn next(&mut self) -> Result<Option<Left>> {
        let done = Diary::read(self.course)?;
        let later = self
            .course
            .exercises
            .iter()
            .skip_while(|one| one.name <= self.exercise.name);
        let mut later = later.filter(|one| !done.is_done(&one.name));
        if let Some(next) = later
            .next()
            .or(done.next(self.course).filter(|next| next.name != self.exercise.name))
        {
            return Ok(Some(Left::GoOn(next.name.clone())));
        }
        self.view.notice = "no other exercise is left to do".into();
        Ok(None)
    }

    fn hint(&mut self) {
        let seen = Diary::read(self.course).map(|diary| diary.of(&self.exercise.name).hints);
        let text = seen.and_then(|seen| hint::open(self.course, self.exercise, seen + 1));
        self.tell_of("Hint (h: the next one)", text);
    }

    fn book(&mut self) {
        let grade = self.view.grade.as_ref();
        let lost = grade.and_then(|grade| grade.checks.iter().find(|run| run.points() < run.of()));
        let address = lost
            .map_or(&self.exercise.rubric.chapter, |run| &run.check.book)
            .clone();
        let title = format!("book/src/{address} (with figures: cargo book serve)");
        self.tell_of(&title, passage::read(self.course, &address));
    }

    /// Another process draws it: it has its own compiler run, and can be ended.
    fn trace(&mut self) {
        let columns = match &self.face {
            Face::Screen(screen) => screen.size().0.clamp(40, 400),
            Face::Plain => 80,
        };
        "drawing the first scenario".clone_into(&mut self.view.notice);
        let (tell, aside, name) = (self.tell.clone(), self.aside.clone(), self.exercise.name.clone());
        let (root, target) = (self.course.root.clone(), self.course.target_dir.clone());
        thread::spawn(move || {
            let text = traced(&name, columns, &root, &target, &aside).unwrap_or_else(|error| format!("{error:#}"));
            let _ = tell.send(News::Page(format!("cargo grader trace {name}"), text));
        });
    }

    fn reset(&mut self) {
        self.asks_for_reset = false;
        self.view.notice = match reset::reset(self.exercise) {
            Ok(kept) => format!(
                "what you had is in {}",
                kept.strip_prefix(&self.course.root).unwrap_or(&kept).display()
            ),
            Err(error) => format!("{error:#}"),
        };
        if let Face::Plain = self.face {
            println!("{}", self.view.notice);
        }
    }

    fn source(&self) -> String {
        format!("exercises/{}/src", self.exercise.folder)
    }

    fn show(&mut self) -> Result<()> {
        let Face::Screen(screen) = &mut self.face else {
            return std::io::stdout().flush().context("cannot write to standard output");
        };
        let (columns, rows) = screen.size();
        let lines = self.view.lines(self.exercise, columns, rows);
        screen.paint(&lines).context("cannot paint the terminal")
    }
}

const KEYS_IN_PLAIN: &str = "Type a letter and Enter: h hint, t trace, b book, l list, n next, r reset,\nq quit; Enter alone runs the checks again.";

fn traced(name: &str, columns: usize, root: &Path, target: &Path, aside: &Interrupt) -> Result<String> {
    let grader = std::env::current_exe().context("cannot find the grader's own program")?;
    let mut trace = Command::new(grader);
    trace
        .args(["trace", name, "--width", &columns.to_string(), "--target-dir"])
        .arg(target);
    let ended = process::run_unless(trace.current_dir(root), TRACE, aside)?;
    Ok(match ended.stdout.trim() {
        "" => ended.stderr,
        _ => ended.stdout,
    })
}

/// Grades what it is told to, one order after the other.
struct Worker<'a> {
    exercise: &'a Exercise,
    grading: &'a Grading<'a>,
    tell: Sender<News>,
}

impl Worker<'_> {
    fn work(&self, orders: &Orders) {
        while let Some((run, work)) = orders.take(&self.grading.interrupt) {
            let tell = |grade: &Grade, whole| drop(self.tell.send(News::Graded(run, Box::new(grade.clone()), whole)));
            let grade = self
                .grading
                .grade_telling(&work, self.exercise, &mut |grade| tell(grade, false));
            tell(&grade, true);
        }
    }
}
