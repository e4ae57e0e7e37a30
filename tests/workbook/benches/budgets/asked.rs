//! The command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

pub const USAGE: &str = "cargo bench -p workbook [-- [NAME…] [--rounds N] [--grader FILE]]";
pub const OPTIONS: &str = "\
--rounds N      how often `rounds` grades the same class [default: 3]; its budget says 20
--grader FILE   the grader to measure, such as target/debug/grader [default: one compiled like this program]";

/// What was asked for.
#[derive(Debug)]
pub struct Asked {
    names: Vec<String>,
    /// How often the same class is graded.
    pub rounds: usize,
    /// Another grader than our own.
    pub grader: Option<PathBuf>,
    /// Only say what there is.
    pub help: bool,
}

impl Asked {
    pub fn read(args: &[String], known: &[&str]) -> Result<Asked> {
        let mut asked = Asked {
            names: Vec::new(),
            rounds: 3,
            grader: None,
            help: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // Cargo says this to every bench.
                "--bench" => {}
                "--help" | "-h" => asked.help = true,
                "--rounds" => asked.rounds = rounds(args.next())?,
                "--grader" => asked.grader = Some(grader(args.next())?),
                name if known.contains(&name) => asked.names.push(name.into()),
                other => bail!("there is no figure `{other}`; `cargo bench -p workbook -- --help` lists them"),
            }
        }
        Ok(asked)
    }

    /// Whether any figure was named.
    pub fn is_named(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether a figure is wanted: when none is named, the usual ones are.
    pub fn has(&self, name: &str, usual: bool) -> bool {
        match self.is_named() {
            true => self.names.iter().any(|named| named == name),
            false => usual,
        }
    }
}

fn rounds(number: Option<&String>) -> Result<usize> {
    let number = number.context("--rounds needs a number")?;
    match number.parse() {
        Ok(rounds @ 2..) => Ok(rounds),
        _ => bail!("--rounds {number}: it takes 2 or more to compare"),
    }
}

/// Cargo runs benches in their package's folder, and people mean the one they are in: so the path is from the repository.
fn grader(path: Option<&String>) -> Result<PathBuf> {
    let path = workbook::repository().join(path.context("--grader needs a file")?);
    path.canonicalize()
        .with_context(|| format!("there is no grader {}", path.display()))
}
