//! `cargo book build|serve|qti|test`: the command line of the kit.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

/// Builds, serves and tests the book.
#[derive(Parser)]
#[command(name = "cargo book")]
struct Cli {
    #[command(subcommand)]
    command: Cmd,
}

#[derive(Subcommand)]
enum Cmd {
    /// Build the pages
    Build {
        /// Where the pages go [default: book/build]
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Build the pages, show them to a browser on this machine, and build them again when a file changes
    Serve {
        /// Port on 127.0.0.1; 0 lets the system choose
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Write all quizzes into one file that Canvas and other systems import (a zip with IMS QTI 1.2)
    Qti {
        /// The file, `quizzes.zip` for instance
        out: PathBuf,
    },
    /// Prove the book: Rust blocks, answers of the quizzes, links, fragments, rubrics, spelling
    Test,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let folder = book_folder()?;
    match &cli.command {
        Cmd::Build { out } => {
            let out = out.clone().unwrap_or_else(|| folder.join("build"));
            let out = std::path::absolute(&out).with_context(|| format!("cannot use {}", out.display()))?;
            bookkit::build(&folder, &out)?;
            println!("built: {}", out.join("index.html").display());
            Ok(())
        }
        Cmd::Serve { port } => bookkit::serve::serve(&folder, *port),
        Cmd::Qti { out } => {
            let (quizzes, questions) = bookkit::qti::export(&folder, out)?;
            println!("{}: {quizzes} quizzes, {questions} questions", out.display());
            Ok(())
        }
        Cmd::Test => {
            let defects = bookkit::check::everything(&folder)?;
            for defect in &defects {
                eprintln!("defect: {defect}");
            }
            ensure!(defects.is_empty(), "{} defects", defects.len());
            println!("The book is proven: code, answers, links, fragments, rubrics and spelling hold.");
            Ok(())
        }
    }
}

/// The nearest `book/book.toml` above the current folder.
fn book_folder() -> Result<PathBuf> {
    let here = std::env::current_dir().context("the current folder is gone")?;
    let found = here
        .ancestors()
        .map(|folder| folder.join("book"))
        .find(|book| book.join("book.toml").is_file());
    found.with_context(|| format!("no book/book.toml in or above {}", Path::new(&here).display()))
}
