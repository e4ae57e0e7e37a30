//! The grader: everything graded is a `Submission` and takes one road, from intake to report.
//!
//! ```text
//! Course ─▶ Suites (compiled once)      Submission ─▶ stage ─▶ build ─▶ Artifact
//! for each check:  cell( suite --exact CHECK )  ──spawns──▶  Artifact      (two processes; sockets and pipes between)
//! exit status + evidence ─▶ CheckRun ─▶ Grade ─▶ Gradebook ─▶ reports
//! ```

#![warn(clippy::print_stderr)] // `say!` does not panic when nobody reads

pub mod after;
pub mod audit;
pub mod basis;
pub mod board;
pub mod build;
pub mod class;
pub mod cli;
pub mod course;
pub mod diagnosis;
pub mod diary;
pub mod doctor;
pub mod export;
pub mod files;
pub mod grade;
pub mod gradescope;
pub mod grading;
pub mod handout;
pub mod hint;
pub mod intake;
#[expect(clippy::print_stderr, reason = "cells and jails write to the grader itself")]
pub mod isolation;
pub mod ledger;
pub mod merge;
pub mod mutant;
pub mod new;
pub mod pack;
pub mod passage;
pub mod plan;
pub mod process;
pub mod progress;
pub mod pseudonyms;
pub mod regrade;
pub mod release;
pub mod report;
pub mod reset;
pub mod run;
pub mod say;
pub mod selftest;
pub mod similarity;
pub mod stub;
pub mod submission;
pub mod suite;
pub mod summary;
pub mod terminal;
pub mod toolchain;
pub mod trace;
pub mod watch;
