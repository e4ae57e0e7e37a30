//! A file of lines that is only ever added to: one writer, a torn last line is cut off, a failed write leaves no half line.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::Unfinished;

/// Where a line stands, without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u64,
    len: usize,
}

#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    file: fs::File,
    /// Where the next line begins: behind the last whole one.
    end: u64,
    /// Held as long as we may write.
    _lock: Option<Flock<fs::File>>,
}

impl File {
    /// Opens and locks; the second value is a sentence when a torn line was cut off.
    pub(super) fn open(path: &Path) -> Result<(File, Option<String>)> {
        let lock = lock(path)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let mut opened = File::of(path, file, Some(lock))?;
        let torn = opened.len()? - opened.end;
        let repaired = (torn > 0).then(|| {
            format!(
                "{} ended in the middle of a line (a grader was killed while it wrote); the {torn} bytes were cut off",
                path.display()
            )
        });
        if torn > 0 {
            opened.cut_off()?;
        }
        // The name itself has to survive a crash, too.
        if let Some(folder) = path.parent().and_then(|folder| fs::File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        opened.end = opened.len()?;
        Ok((opened, repaired))
    }

    pub(super) fn open_to_read(path: &Path) -> Result<File> {
        let file = fs::File::open(path).with_context(|| {
            format!(
                "cannot open {}; a class that was graded into this folder has one",
                path.display()
            )
        })?;
        File::of(path, file, None)
    }

    fn of(path: &Path, file: fs::File, lock: Option<Flock<fs::File>>) -> Result<File> {
        let mut opened = File {
            path: path.to_path_buf(),
            file,
            end: 0,
            _lock: lock,
        };
        opened.end = opened.last_newline()?;
        Ok(opened)
    }

    fn len(&self) -> Result<u64> {
        let about = self.file.metadata();
        Ok(about
            .with_context(|| format!("cannot look at {}", self.path.display()))?
            .len())
    }

    /// The place behind the last newline.
    fn last_newline(&self) -> Result<u64> {
        let mut block = vec![0; 64 * 1024];
        let mut end = self.len()?;
        while end > 0 {
            let start = end.saturating_sub(block.len() as u64);
            let part = &mut block[..usize::try_from(end - start)?];
            self.file
                .read_exact_at(part, start)
                .with_context(|| format!("cannot read {}", self.path.display()))?;
            if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
                return Ok(start + at as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }

    /// Shows every whole line. A line that `see` cannot read is an error that names it.
    pub(super) fn each_line(&self, mut see: impl FnMut(Span, &[u8]) -> Result<()>) -> Result<()> {
        let file = fs::File::open(&self.path).with_context(|| format!("cannot open {}", self.path.display()))?;
        let mut lines = BufReader::with_capacity(256 * 1024, file);
        let (mut start, mut line) = (0, Vec::new());
        for number in 1.. {
            if start >= self.end {
                break;
            }
            line.clear();
            let read = lines.read_until(b'\n', &mut line);
            let read = read.with_context(|| format!("cannot read {}", self.path.display()))?;
            line.pop();
            let span = Span { start, len: line.len() };
            see(span, &line).with_context(|| {
                format!(
                    "{} line {number} is broken. Nothing was changed. Take that line out, or move the file away to grade everything anew",
                    self.path.display()
                )
            })?;
            start += read as u64;
        }
        Ok(())
    }

    pub(super) fn read(&self, span: Span) -> Result<Vec<u8>> {
        let mut line = vec![0; span.len];
        self.file
            .read_exact_at(&mut line, span.start)
            .with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(line)
    }

    /// Adds a line and waits until it is on disk.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<Span> {
        debug_assert!(!line.contains(&b'\n'));
        let whole = [line, b"\n"].concat();
        if let Err(error) = self.file.write_all(&whole).and_then(|()| self.file.sync_data()) {
            // What came through of it must not stand before the next line.
            let cut = self
                .cut_off()
                .err()
                .map_or_else(String::new, |error| format!(" ({error:#})"));
            return Err(error).context(Unfinished(format!(
                "cannot add to {}{cut}. Everything graded before is safe in it: make room and run the same command again",
                self.path.display()
            )));
        }
        let span = Span {
            start: self.end,
            len: line.len(),
        };
        self.end += whole.len() as u64;
        Ok(span)
    }

    fn cut_off(&self) -> Result<()> {
        self.file
            .set_len(self.end)
            .with_context(|| format!("cannot cut off a torn line of {}", self.path.display()))
    }
}

/// One grader per folder. The lock ends with its process, however that ends; the file may stay.
fn lock(path: &Path) -> Result<Flock<fs::File>> {
    let path = path.with_extension("lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let mut file = file.with_context(|| format!("cannot open {}", path.display()))?;
    let mut locked = match Flock::lock(file.try_clone()?, FlockArg::LockExclusiveNonblock) {
        Ok(locked) => locked,
        Err((_, Errno::EWOULDBLOCK)) => {
            let holder = std::io::read_to_string(&mut file).unwrap_or_default();
            bail!(
                "another grader (process {}) works in this folder; wait for it, or give --out another folder. {} is its lock",
                holder.trim(),
                path.display()
            );
        }
        Err((_, error)) => return Err(error).with_context(|| format!("cannot lock {}", path.display())),
    };
    // For the message above only; that it is there proves nothing.
    let _ = locked.set_len(0);
    let _ = writeln!(locked, "{}", std::process::id());
    Ok(locked)
}
