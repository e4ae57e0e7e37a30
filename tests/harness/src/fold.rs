//! Makes one of many: the same thing over and over, or a few things in turn, stand once with a count.

/// A pattern is at most so long: `poll, recvfrom, poll, sendto`.
const LONGEST: usize = 4;
/// Fewer repetitions stay as they are: two equal lines say more than a count.
const FEWEST: usize = 3;

/// A stretch of a list: `length` items from `first` on, which came `times` times in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub first: usize,
    pub length: usize,
    pub times: usize,
}

/// Cuts a list of `len` items into stretches. `same(a, b)` says whether two items look alike; an item that is not like itself is never
/// folded.
pub(crate) fn stretches(len: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Stretch> {
    let mut found = Vec::new();
    let mut first = 0;
    while first < len {
        let best = (1..=LONGEST).find_map(|length| {
            let times = repetitions(first, length, len, &same);
            (times >= FEWEST).then_some(Stretch { first, length, times })
        });
        let stretch = best.unwrap_or(Stretch {
            first,
            length: 1,
            times: 1,
        });
        first += stretch.length * stretch.times;
        found.push(stretch);
    }
    found
}

/// How often the `length` items from `first` on come in a row.
fn repetitions(first: usize, length: usize, len: usize, same: &impl Fn(usize, usize) -> bool) -> usize {
    let alike = (first..len - length.min(len))
        .take_while(|&at| at + length < len && same(at, at + length))
        .count();
    1 + alike / length
}

#[cfg(test)]
mod tests {
    use super::stretches;

    /// `ab×3` for three times a, b in turn; upper case is like nothing.
    fn folded(text: &str) -> String {
        let items: Vec<char> = text.chars().collect();
        let same = |a: usize, b: usize| items[a] == items[b] && items[a].is_lowercase();
        let words = stretches(items.len(), same).into_iter().map(|stretch| {
            let what: String = items[stretch.first..stretch.first + stretch.length].iter().collect();
            match stretch.times {
                1 => what,
                times => format!("{what}×{times}"),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_same_in_a_row_and_in_turn() {
        assert_eq!(folded(""), "");
        assert_eq!(folded("a"), "a");
        assert_eq!(folded("aab"), "a a b");
        assert_eq!(folded("aaab"), "a×3 b");
        assert_eq!(folded("xababababy"), "x ab×4 y");
        assert_eq!(folded("abababa"), "ab×3 a");
        assert_eq!(folded("abcdabcdabcd"), "abcd×3");
        assert_eq!(folded("aaaaaabbbb"), "a×6 b×4");
        assert_eq!(folded("AAAA"), "A A A A");
    }
}
