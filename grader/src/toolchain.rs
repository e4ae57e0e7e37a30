//! The compiler: found once, by absolute path, so that nothing in a submission's folder can choose another.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// cargo and rustc of one toolchain.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// cargo, for the course's own code.
    pub cargo: PathBuf,
    /// What it compiles for when it is not told: this system, e.g. `x86_64-unknown-linux-gnu`.
    pub host: String,
    /// The folder that holds all of it.
    pub sysroot: PathBuf,
    /// rustc itself, not a proxy that looks for `rust-toolchain.toml`.
    pub rustc: PathBuf,
    /// E.g. `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub version: String,
}

impl Toolchain {
    /// Asks the rustc on the path where it lives.
    ///
    /// # Errors
    /// No rustc there.
    pub fn find() -> Result<Toolchain> {
        let proxy = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let ask = |arguments: &[&str]| -> Result<String> {
            let output = Command::new(&proxy)
                .args(arguments)
                // Grading must never make rustup fetch or update a toolchain.
                .env("RUSTUP_AUTO_INSTALL", "0")
                .output()
                .context("cannot run rustc; install Rust from https://rustup.rs and try again")?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(
                output.status.success(),
                "rustc {} failed: {}",
                arguments.join(" "),
                said.trim()
            );
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
        };
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?);
        let bin = sysroot.join("bin");
        let rustc = bin.join("rustc");
        ensure!(
            rustc.is_file(),
            "{} is missing; reinstall the toolchain",
            rustc.display()
        );
        let beside = bin.join("cargo");
        let cargo = if beside.is_file() {
            beside
        } else {
            std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()).into()
        };
        let verbose = ask(&["-vV"])?;
        let host = verbose.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(Toolchain {
            cargo,
            host: host.context("rustc -vV names no host")?.to_string(),
            sysroot,
            rustc,
            version: ask(&["--version"])?,
        })
    }
}
