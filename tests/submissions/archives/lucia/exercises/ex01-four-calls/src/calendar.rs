//! 1970 and so on

fn is_leap(y: u64) -> bool {
    if y % 400 == 0 {
        true
    } else if y % 100 == 0 {
        false
    } else {
        y % 4 == 0
    }
}

pub fn daytime(epoch: u64) -> String {
    let mut rest = epoch;
    let mut y = 1970;
    loop {
        let len = if is_leap(y) { 366 * 86400 } else { 365 * 86400 };
        if rest < len {
            break;
        }
        rest = rest - len;
        y = y + 1;
    }
    let mut lens = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if is_leap(y) {
        lens[1] = 29;
    }
    let mut m = 0;
    while rest >= lens[m] * 86400 {
        rest = rest - lens[m] * 86400;
        m = m + 1;
    }
    let d = rest / 86400;
    let h = (rest / 3600) % 24;
    let min = (rest / 60) % 60;
    let s = rest % 60;
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", y, m + 1, d + 1, h, min, s)
}
