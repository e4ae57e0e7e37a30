//! The four levels of isolation, their names, and what was found about them on this machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// Isolation levels, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Isolation {
    /// A process group, a wall clock, an output cap, and on Linux the death of everything that escaped: for one's own work.
    #[serde(rename = "L0")]
    None,
    /// Landlock, seccomp, limits and a subreaper, but the submission runs as the same user as the grader.
    #[serde(rename = "L1")]
    SameUid,
    /// As L1, and every slot has a user id of its own: root in a container that gives no namespaces.
    #[serde(rename = "L2")]
    OwnUid,
    /// Namespaces: own processes, mounts, network, IPC and names; landlock and seccomp are the second lock.
    #[serde(rename = "L3")]
    Namespaces,
}

impl Isolation {
    /// From the best to the worst.
    pub const BEST_FIRST: [Isolation; 4] = [
        Isolation::Namespaces,
        Isolation::OwnUid,
        Isolation::SameUid,
        Isolation::None,
    ];

    /// `L3`.
    pub fn short(self) -> &'static str {
        match self {
            Isolation::None => "L0",
            Isolation::SameUid => "L1",
            Isolation::OwnUid => "L2",
            Isolation::Namespaces => "L3",
        }
    }

    /// What it means for whoever grades, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Isolation::None => "programs run with your own rights; grade only code that you trust",
            Isolation::SameUid => {
                "programs run as your own user behind landlock, seccomp and limits; they reach the network"
            }
            Isolation::OwnUid => {
                "programs run as users of their own behind landlock, seccomp and limits; they reach the network"
            }
            Isolation::Namespaces => "programs see their own files, processes and network, and nothing else",
        }
    }

    /// Whether a class of strangers' programs may be graded at this level without being asked.
    pub fn is_for_strangers(self) -> bool {
        self >= Isolation::OwnUid
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isolation::None => "L0 none",
            Isolation::SameUid => "L1 same user",
            Isolation::OwnUid => "L2 own user",
            Isolation::Namespaces => "L3 namespaces",
        })
    }
}

impl FromStr for Isolation {
    type Err = String;

    fn from_str(text: &str) -> Result<Isolation, String> {
        let named = Isolation::BEST_FIRST
            .into_iter()
            .find(|level| level.short().eq_ignore_ascii_case(text));
        named.ok_or_else(|| format!("no isolation level `{text}`; there are L0, L1, L2 and L3"))
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The best level that works, or the best that was asked for.
    pub level: Isolation,
    /// Whether a jail can have a `/proc` of its own.
    pub proc: bool,
    /// The better levels that failed, and where.
    pub failed: Vec<(Isolation, Fault)>,
}
