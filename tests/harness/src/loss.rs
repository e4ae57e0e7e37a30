//! What happens to a datagram on a bad network: decided by its content, so that a run can be repeated.

/// How bad the network is. Chances in percent; the seed says which of all such networks it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loss {
    /// Another seed gives other accidents of the same frequency.
    pub seed: u64,
    /// Never arrives.
    pub loss: u8,
    /// Arrives twice.
    pub duplicate: u8,
    /// Is overtaken by the next one in its direction.
    pub reorder: u8,
    /// Arrives with one bit changed.
    pub corrupt: u8,
}

/// Of the same bytes from the same sender, at most so many are lost or corrupted in a row: bad luck alone must not fail a correct program.
/// A request and its answer may each have that much bad luck, so seven tries always succeed.
pub(crate) const BAD_LUCK: u32 = 3;

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// What happens to one datagram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub lost: bool,
    pub doubled: bool,
    pub overtaken: bool,
    /// The byte, and the bit in it.
    pub corrupt: Option<(usize, u8)>,
}

impl Loss {
    /// The fate of the `copy`-th datagram with these bytes in this direction. Time and other traffic have no part in it.
    pub(crate) fn fate(&self, direction: Direction, payload: &[u8], copy: u32) -> Fate {
        let mut dice = Dice::new(self.seed, direction, payload, copy);
        let lost = dice.hits(self.loss);
        let doubled = dice.hits(self.duplicate);
        let overtaken = dice.hits(self.reorder);
        let corrupt = dice
            .hits(self.corrupt)
            .then(|| dice.next())
            .filter(|_| !payload.is_empty());
        let corrupt = corrupt.map(|at| ((at >> 3) as usize % payload.len(), (at & 7) as u8));
        Fate {
            lost,
            doubled,
            overtaken,
            corrupt,
        }
    }
}

impl Fate {
    /// It would do the receiver no good.
    pub(crate) fn is_bad(self) -> bool {
        self.lost || self.corrupt.is_some()
    }
}

/// FNV-1a over what decides, then SplitMix64 for as many throws as are needed: short, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn new(seed: u64, direction: Direction, payload: &[u8], copy: u32) -> Dice {
        let decisive = seed
            .to_le_bytes()
            .into_iter()
            .chain([direction as u8])
            .chain(copy.to_le_bytes())
            .chain(payload.iter().copied());
        Dice(decisive.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn hits(&mut self, percent: u8) -> bool {
        self.next() % 100 < u64::from(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(loss: Loss) -> Vec<Fate> {
        (0..10_000u32)
            .map(|n| loss.fate(Direction::ToServer, &n.to_le_bytes(), 0))
            .collect()
    }

    #[test]
    fn chances_are_percent() {
        let fates = fates(Loss {
            seed: 1,
            loss: 20,
            duplicate: 5,
            reorder: 50,
            corrupt: 0,
        });
        let percent = |hit: fn(&Fate) -> bool| fates.iter().filter(|fate| hit(fate)).count() / 100;
        assert!((19..=21).contains(&percent(|fate| fate.lost)));
        assert!((4..=6).contains(&percent(|fate| fate.doubled)));
        assert!((48..=52).contains(&percent(|fate| fate.overtaken)));
        assert_eq!(percent(|fate| fate.corrupt.is_some()), 0);
    }

    #[test]
    fn everything_named_decides_and_nothing_else() {
        let loss = Loss {
            seed: 1,
            loss: 50,
            duplicate: 50,
            reorder: 50,
            corrupt: 50,
        };
        assert_eq!(fates(loss), fates(loss));
        assert_ne!(fates(loss), fates(Loss { seed: 2, ..loss }));
        let of = |direction, copy| (0..99u8).map(|n| loss.fate(direction, &[n], copy)).collect::<Vec<_>>();
        assert_ne!(of(Direction::ToServer, 0), of(Direction::ToClient, 0));
        assert_ne!(of(Direction::ToServer, 0), of(Direction::ToServer, 1));
    }

    #[test]
    fn an_empty_datagram_has_no_bit_to_change() {
        let loss = Loss {
            corrupt: 100,
            ..Loss::default()
        };
        assert_eq!(loss.fate(Direction::ToServer, b"", 0).corrupt, None);
        let (byte, bit) = loss.fate(Direction::ToServer, b"abc", 0).corrupt.expect("a bit");
        assert!(byte < 3 && bit < 8);
    }
}
