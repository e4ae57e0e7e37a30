//! How far a grading is, on standard error: a bar with the time left on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::grade::Grade;
use crate::report::sanitize;
use crate::say::say;

/// Lines that a whole grading prints where there is no terminal.
const LINES: usize = 20;
const BAR: &str = "{bar:30} {pos}/{len}, {eta} left  {msg}";

/// The progress of a number of (submission, exercise) jobs. Shared by the workers.
#[derive(Debug)]
pub struct Progress {
    total: usize,
    done: AtomicUsize,
    since: Instant,
    /// `None` where nobody looks at a terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing of `total` jobs is done.
    pub fn new(total: usize) -> Self {
        Progress {
            total,
            done: AtomicUsize::new(0),
            since: Instant::now(),
            bar: std::io::stderr().is_terminal().then(|| bar(total)),
        }
    }

    /// One more is done.
    pub fn step(&self, student: &str, grade: &Grade) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.bar {
            Some(bar) => {
                let student = sanitize::line(student);
                let (points, of) = (grade.points(), grade.of());
                bar.set_message(format!("{student} {} {points}/{of}", grade.exercise));
                bar.inc(1);
            }
            None if is_worth_a_line(done, self.total) => say!("{}", line(done, self.total, self.since.elapsed())),
            None => {}
        }
    }

    /// All that will be done is done: the bar goes away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).expect("the template is right");
    ProgressBar::new(total as u64).with_style(style.progress_chars("█▌░"))
}

/// Whether this job finishes another one of so many equal parts.
fn is_worth_a_line(done: usize, total: usize) -> bool {
    let part = |done: usize| done * LINES / total.max(1);
    part(done) > part(done - 1)
}

/// `graded 12 of 40, about 3 min left`.
fn line(done: usize, total: usize, elapsed: Duration) -> String {
    if done >= total {
        return format!("graded {total} of {total}");
    }
    let left = elapsed.as_secs_f64() / done as f64 * (total - done) as f64;
    format!("graded {done} of {total}, about {} left", in_words(left))
}

fn in_words(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_any_size_prints_a_few_lines_and_the_last_one_is_of_its_end() {
        for total in [1, 2, 19, 20, 21, 500, 8500] {
            let lines: Vec<usize> = (1..=total).filter(|done| is_worth_a_line(*done, total)).collect();
            assert!(
                lines.len() <= LINES && lines.last() == Some(&total),
                "{total}: {lines:?}"
            );
            assert_eq!(lines.len(), total.min(LINES), "{total}");
        }
    }

    #[test]
    fn the_time_left_is_that_of_what_is_left_at_the_speed_so_far() {
        let of_40 = |done, seconds| line(done, 40, Duration::from_secs(seconds));
        assert_eq!(of_40(10, 60), "graded 10 of 40, about 3 min left");
        assert_eq!(of_40(39, 39), "graded 39 of 40, about 1 s left");
        assert_eq!(of_40(1, 600), "graded 1 of 40, about 6.5 h left");
        assert_eq!(of_40(40, 600), "graded 40 of 40");
    }
}
