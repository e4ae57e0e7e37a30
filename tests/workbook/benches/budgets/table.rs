//! The table that is printed, a row as soon as it is known.

/// Of two processors, so much may go to others before a figure is worth less.
const LITTLE: f64 = 0.1;

/// The first lines.
pub fn head() {
    row_of("what", "measured", "budget", "met");
    println!("{}", "-".repeat(115));
}

/// A figure; `met` is none when it has no budget.
pub fn row(what: &str, measured: &str, budget: &str, met: Option<bool>) {
    let met = match met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    row_of(what, measured, budget, met);
}

/// A figure that cannot be taken on this machine, or only when somebody asks for it.
pub fn not_here(what: &str, reason: &str) {
    row_of(what, &format!("not run here: {reason}"), "", "");
}

/// A section that broke off.
pub fn not_measured(section: &str, reason: &str) {
    println!("{section}: NOT MEASURED: {reason}");
}

/// Says that others were at work while a section was measured.
pub fn disturbed(section: &str, processors: f64) {
    if processors > LITTLE {
        println!("  {section}: others used {processors:.1} processors meanwhile");
    }
}

fn row_of(what: &str, measured: &str, budget: &str, met: &str) {
    println!("{what:<66} {measured:<25} {budget:<17} {met}");
}

/// `1.83 ms`, for times of any size.
pub fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1e-3 => format!("{:.1} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}
