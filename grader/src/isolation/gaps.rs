//! What a level does not hold, in sentences for whoever grades. Nothing here is computed from hopes: each gap was seen, and the hostile
//! programs that go through it are named.

use std::fs;

use super::level::Isolation;

/// The gaps of `level` on this machine, with what closes each.
pub fn of(level: Isolation) -> Vec<String> {
    known(level, nix::unistd::geteuid().is_root(), has_network())
}

fn known(level: Isolation, root: bool, network: bool) -> Vec<String> {
    let mut gaps: Vec<&str> = Vec::new();
    if level == Isolation::None {
        gaps.push(
            "programs read your files, end your processes and reach the network; only time and output are limited",
        );
    }
    if level < Isolation::Namespaces && network {
        gaps.push(
            "programs reach the network, by TCP and by UDP (E01); in a container start it with `docker run --network none …`, \
             elsewhere pull the plug: nothing is needed from outside once the tests have been compiled",
        );
    }
    if level < Isolation::Namespaces {
        gaps.push("there is one network for all, so checks take turns, and the class takes longer (E02)");
    }
    if level == Isolation::None {
        return gaps.into_iter().map(str::to_string).collect();
    }
    if level < Isolation::Namespaces {
        gaps.push("each temporary file is limited, all together are not (D04)");
    }
    if level == Isolation::SameUid && root {
        gaps.push("the number of processes is not limited, because programs run as root (D02, D09)");
    }
    gaps.push(
        "memory is limited for each process, not for all of a program together; when they use up the machine's, the kernel ends them first",
    );
    gaps.into_iter().map(str::to_string).collect()
}

/// Whether there is a network beside the loopback. Where that cannot be seen, there may be.
fn has_network() -> bool {
    let Ok(devices) = fs::read_to_string("/proc/net/dev") else {
        return true;
    };
    let mut names = devices
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim());
    names.any(|name| name != "lo")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_level_has_fewer_gaps() {
        let count = |level| known(level, true, true).len();
        let counts: Vec<usize> = Isolation::BEST_FIRST[..3].iter().map(|level| count(*level)).collect();
        assert!(counts.is_sorted() && counts[0] < counts[2], "{counts:?}");
    }

    #[test]
    fn a_container_without_a_network_has_no_gap_there() {
        let says = |network| {
            known(Isolation::OwnUid, true, network)
                .iter()
                .any(|gap| gap.contains("E01"))
        };
        assert!(says(true) && !says(false));
        assert!(
            !known(Isolation::SameUid, false, true)
                .iter()
                .any(|gap| gap.contains("D02"))
        );
    }
}
