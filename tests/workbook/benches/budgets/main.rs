//! What this project costs, each figure beside its budget: `cargo bench -p workbook` prints one table.
//!
//! Nothing here fails because it is slow: a busy machine is no defect. Most budgets are ratios within one run, because a ratio says the
//! same on every machine. All that is made stands below `target/bench`. Linux only, as cells and tracer are.

#[cfg(target_os = "linux")]
mod asked;
#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod cells;
#[cfg(target_os = "linux")]
mod check50;
#[cfg(target_os = "linux")]
mod class;
#[cfg(target_os = "linux")]
mod cost;
#[cfg(target_os = "linux")]
mod first_test;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod naive;
#[cfg(target_os = "linux")]
mod pi;
#[cfg(target_os = "linux")]
mod shapes;
#[cfg(target_os = "linux")]
mod submission;
#[cfg(target_os = "linux")]
mod suites;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod tracer;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    return bench::main();
    #[cfg(not(target_os = "linux"))]
    {
        println!("these figures are about cells and a tracer, which are Linux only");
        ExitCode::SUCCESS
    }
}
