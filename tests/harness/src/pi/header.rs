//! The 40-pin header, and the numbers by which its pins go: the usual source of a lamp that stays dark.

/// Power or ground.
const NONE: u8 = u8::MAX;
/// BCM numbers by position on the header, 1 to 40.
const HEADER: [u8; 40] = [
    NONE, NONE, 2, NONE, 3, NONE, 4, 14, NONE, 15, 17, 18, 27, NONE, 22, 23, NONE, 24, 10, NONE, 9, 25, 11, 8, NONE, 7,
    0, 1, 5, NONE, 6, 12, 13, NONE, 19, 16, 26, 20, NONE, 21,
];

/// BCM numbers by the number that wiringPi gives them, 0 to 31.
const WIRING_PI: [u8; 32] = [
    17, 18, 27, 22, 23, 24, 25, 4, 2, 3, 8, 7, 10, 9, 11, 14, 15, 28, 29, 30, 31, 5, 6, 13, 19, 26, 12, 16, 20, 21, 0,
    1,
];

/// Where on the header this pin is, 1 to 40.
pub(super) fn position(bcm: u8) -> Option<u8> {
    let at = HEADER.iter().position(|pin| *pin == bcm)?;
    Some(at as u8 + 1)
}

/// A sentence, when somebody who meant BCM `meant` has used `used` and there is a known reason for that.
pub(super) fn mistake(meant: u8, used: u8) -> Option<String> {
    let at = position(meant)?;
    if used == at {
        return Some(format!(
            "BCM {used} was used where BCM {meant} was meant: {used} is the position of BCM {meant} on the header, and rppal counts by BCM numbers"
        ));
    }
    if WIRING_PI.get(usize::from(used)) == Some(&meant) {
        return Some(format!(
            "BCM {used} was used where BCM {meant} was meant: {used} is what wiringPi calls BCM {meant}, and rppal counts by BCM numbers"
        ));
    }
    if position(used) == Some(meant) {
        return Some(format!(
            "BCM {used} was used where BCM {meant} was meant: BCM {used} sits at position {meant} of the header, but {meant} is a BCM number here"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pin_of_the_header_has_one_place() {
        let mut pins: Vec<u8> = HEADER.into_iter().filter(|pin| *pin != NONE).collect();
        pins.sort_unstable();
        assert_eq!(pins, (0..=27).collect::<Vec<u8>>());
        assert_eq!((position(17), position(27), position(2)), (Some(11), Some(13), Some(3)));
    }

    #[test]
    fn the_usual_mistakes_are_recognised() {
        for (meant, used, word) in [
            (17, 11, "position"),
            (17, 0, "wiringPi"),
            (11, 17, "position 11"),
            (27, 13, "position"),
        ] {
            let said = mistake(meant, used).unwrap_or_default();
            assert!(said.contains(word), "{meant} {used}: {said}");
        }
        assert_eq!(mistake(17, 5), None);
    }
}
