//! The terminal as a screen of lines: taken over, painted, and given back whatever happens. Keys, sizes and signals come as events.
//!
//! A [`Screen`] is a guard. Its drop gives the terminal back; a panic does so before it speaks, and so does the first signal that asks the
//! program to end, before anybody is told of it: also a program that hangs leaves a usable terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use crossterm::style::{Print, PrintStyledContent, StyledContent, Stylize};
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, execute, queue};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use unicode_width::UnicodeWidthChar;

/// Whether the terminal is ours, so that it is given back once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Pieces of one line, each with its style. Control characters in it are not shown.
#[derive(Debug, Clone, Default)]
pub struct Line(pub Vec<StyledContent<String>>);

impl Line {
    /// Text in the terminal's usual style.
    pub fn plain(text: impl Into<String>) -> Line {
        Line(vec![text.into().stylize()])
    }
}

impl From<StyledContent<String>> for Line {
    fn from(piece: StyledContent<String>) -> Line {
        Line(vec![piece])
    }
}

/// What happens to a program with a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has another size; paint again.
    Resized,
    /// Asked to end by this signal. The terminal has been given back already: paint nothing more.
    Ended(i32),
}

/// Whether there is a terminal whose cursor can be moved, and whose owner wants colours.
pub fn can_be_a_screen() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    // A terminal of an editor or a pipe calls itself dumb, or nothing.
    let moves = set("TERM").is_some_and(|term| term != "dumb");
    moves && set("NO_COLOR").is_none() && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The terminal, while it is ours: raw, on its alternate screen, without a cursor.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Standard input or output is no terminal, or it refuses.
    pub fn open() -> Result<Screen> {
        give_back_at_a_panic();
        terminal::enable_raw_mode().context("cannot take the terminal over; try --plain")?;
        TAKEN.store(true, Ordering::SeqCst);
        let screen = Screen(());
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide).context("cannot use the terminal")?;
        Ok(screen)
    }

    /// Columns and rows; 80 × 24 where the terminal does not tell.
    pub fn size(&self) -> (usize, usize) {
        let (columns, rows) = terminal::size().unwrap_or((80, 24));
        (columns.max(1).into(), rows.max(1).into())
    }

    /// Paints these lines from the top, cut to the screen. What was there before is gone.
    ///
    /// # Errors
    /// The terminal cannot be written.
    pub fn paint(&mut self, lines: &[Line]) -> io::Result<()> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (columns, rows) = self.size();
        let mut out = io::stdout().lock();
        queue!(out, terminal::BeginSynchronizedUpdate)?;
        for row in 0..rows {
            queue!(out, cursor::MoveTo(0, u16::try_from(row).unwrap_or(u16::MAX)))?;
            if let Some(line) = lines.get(row) {
                put(&mut out, line, columns)?;
            }
            queue!(out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, terminal::EndSynchronizedUpdate)?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Prints as much of a line as fits.
fn put(out: &mut impl Write, line: &Line, columns: usize) -> io::Result<()> {
    let mut room = columns;
    for piece in &line.0 {
        let (fits, used) = cut(piece.content(), room);
        room -= used;
        match piece.style() == &crossterm::style::ContentStyle::default() {
            true => queue!(out, Print(fits))?,
            false => queue!(out, PrintStyledContent(StyledContent::new(*piece.style(), fits)))?,
        }
    }
    Ok(())
}

/// The beginning of a text that fits into so many columns, without control characters, and how many it takes.
fn cut(text: &str, columns: usize) -> (String, usize) {
    let (mut fits, mut used) = (String::new(), 0);
    for c in text.chars() {
        let c = if c == '\t' { ' ' } else { c };
        let Some(width) = c.width() else { continue };
        if used + width > columns {
            break;
        }
        used += width;
        fits.push(c);
    }
    (fits, used)
}

/// Gives the terminal back, if it is ours.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// A panic is to be read on the ordinary screen.
fn give_back_at_a_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}

/// Tells of keys and sizes from now on, for the rest of the program. One thread waits for them.
pub fn listen_to_the_terminal(tell: impl Fn(Happening) + Send + 'static) {
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => tell(Happening::Key(key)),
                Event::Resize(..) => tell(Happening::Resized),
                _ => {}
            }
        }
    });
}

/// Tells of the first signal that asks the program to end; the second one ends it. One thread waits for them.
///
/// # Errors
/// Signals cannot be caught here.
pub fn listen_to_signals(tell: impl Fn(Happening) + Send + 'static) -> Result<()> {
    let asked = [SIGTERM, SIGINT, SIGHUP];
    let mut signals = signal_hook::iterator::Signals::new(asked).context("cannot catch signals")?;
    thread::spawn(move || {
        let mut all = signals.forever();
        if let Some(signal) = all.next() {
            give_back();
            tell(Happening::Ended(signal));
        }
        for signal in all {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(line: &Line, columns: usize) -> String {
        let mut out = Vec::new();
        put(&mut out, line, columns).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_cut_at_the_screens_edge_in_columns_not_in_bytes() {
        assert_eq!(painted(&Line::plain("│ né"), 3), "│ n");
        assert_eq!(painted(&Line::plain("漢字"), 3), "漢");
        let two = Line(vec!["ab".to_string().stylize(), "cd".to_string().stylize()]);
        assert_eq!(painted(&two, 3), "abc");
    }

    #[test]
    fn nothing_in_a_line_moves_the_cursor() {
        assert_eq!(painted(&Line::plain("a\x1b[2Jb\r\nc\td"), 80), "a[2Jbc d");
    }
}
