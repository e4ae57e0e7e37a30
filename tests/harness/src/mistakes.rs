//! "This looks like …": which known mistake explains the checks that a program lost.
//!
//! A program's failed checks are compared with those of each known mistake by *likeness*: the shared checks over all checks of the two sets
//! (Jaccard), each weighted by how rarely the known mistakes lose it, because a check that everybody loses tells nothing. Checks that say
//! nothing about the program (a control failed, not run here) are in neither set.
//!
//! A mistake is named from [`SURE`] on, and only if at most [`AT_MOST`] are that close together: more would be guessing. Nothing is said of a
//! program that failed more checks than it passed: it can hardly be talked to, which has many reasons, and whatever mistake loses the most
//! would look like it.

use std::collections::BTreeSet;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The least likeness, of 1, that is worth saying.
pub const SURE: f64 = 0.7;
/// Mistakes closer together than this are equally likely.
const CLOSE: f64 = 0.05;
/// The most mistakes that are named together.
pub const AT_MOST: usize = 2;

/// A mistake that we know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistake {
    /// A sentence for somebody who made it.
    pub says: String,
    /// Names of the checks that such a program fails.
    pub fails: BTreeSet<String>,
}

/// How the checks of a program came out, by name.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    /// It did what was asked.
    pub passed: BTreeSet<String>,
    /// It did something else.
    pub failed: BTreeSet<String>,
    /// They say nothing about it.
    pub unknown: BTreeSet<String>,
}

/// What a program looks like: places in `known` with their likeness, the likeliest first; empty when that is not sure.
pub fn likely(known: &[Mistake], seen: &Outcomes) -> Vec<(usize, f64)> {
    if seen.failed.is_empty() || seen.failed.len() > seen.passed.len() {
        return Vec::new();
    }
    let mut found: Vec<(usize, f64)> = known
        .iter()
        .map(|mistake| likeness(known, seen, &mistake.fails))
        .enumerate()
        .filter(|(_, likeness)| *likeness >= SURE)
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let best = found.first().map_or(0.0, |(_, likeness)| *likeness);
    found.retain(|(_, likeness)| best - likeness < CLOSE);
    if found.len() > AT_MOST {
        found.clear();
    }
    found
}

fn likeness(known: &[Mistake], seen: &Outcomes, signature: &BTreeSet<String>) -> f64 {
    let weight = |names: &mut dyn Iterator<Item = &String>| -> f64 {
        names
            .filter(|name| !seen.unknown.contains(*name))
            .map(|name| rarity(known, name))
            .sum()
    };
    let all = weight(&mut seen.failed.union(signature));
    if all == 0.0 {
        return 0.0;
    }
    weight(&mut seen.failed.intersection(signature)) / all
}

/// How much a lost check tells: the fewer known mistakes lose it, the more.
fn rarity(known: &[Mistake], check: &str) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let losers = known.iter().filter(|known| known.fails.contains(check)).count();
    ((count(known.len()) + 1.0) / (count(losers) + 0.5)).ln()
}

/// Reads a handout's `mistakes.toml`.
///
/// # Errors
/// It is no such file; the sentence says where.
pub fn read(text: &str) -> Result<Vec<Mistake>, String> {
    let table = DeTable::parse(text).map_err(|error| error.to_string())?;
    let listed = table
        .get_ref()
        .get("mistake")
        .and_then(|list| list.get_ref().as_array());
    let one = |entry: &Spanned<DeValue>| {
        let says = entry.get_ref().get("says")?.get_ref().as_str()?.to_owned();
        let fails = entry.get_ref().get("fails")?.get_ref().as_array()?.iter();
        let fails = fails
            .map(|name| name.get_ref().as_str().map(str::to_owned))
            .collect::<Option<_>>()?;
        Some(Mistake { says, fails })
    };
    let all = listed.into_iter().flatten().map(one);
    all.collect::<Option<_>>()
        .ok_or_else(|| "every [[mistake]] needs `says` and a list `fails`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_program_that_fails_more_than_it_passes_looks_like_no_mistake() {
        let fails = names(&["a", "b"]);
        let known = [Mistake {
            says: "most of all".to_owned(),
            fails: fails.clone(),
        }];
        let mut seen = Outcomes {
            failed: fails,
            passed: names(&["c"]),
            ..Outcomes::default()
        };
        assert!(likely(&known, &seen).is_empty());
        seen.passed.insert("d".to_owned());
        assert_eq!(likely(&known, &seen).len(), 1);
    }

    #[test]
    fn a_file_is_read_and_a_wrong_one_is_refused() {
        let found = read("[[mistake]]\nsays = \"s\"\nfails = [\"a\", \"b\"]\n").unwrap();
        assert_eq!(found[0].says, "s");
        assert_eq!(found[0].fails, ["a".to_owned(), "b".to_owned()].into());
        assert!(read("").unwrap().is_empty());
        for wrong in [
            "[[mistake]]\nsays = \"s\"\n",
            "[[mistake",
            "[[mistake]]\nsays = 1\nfails = []\n",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
