//! A program on a Raspberry Pi for the fake Pi's own tests: it uses the real rppal, well or badly, on request.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

#[cfg(target_os = "linux")]
#[path = "pi_subject/linux.rs"]
mod linux;

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    return linux::main();
    #[cfg(not(target_os = "linux"))]
    std::process::ExitCode::FAILURE
}
