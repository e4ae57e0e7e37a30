// CANARY-7f3a91c2-hidden
//! Doubling and halving.

/// Twice `number`.
pub fn double(number: u64) -> u64 {
    // SOLUTION todo!("double the number {number}")
    number * 2
    // END SOLUTION
}

/// Half of `number`, rounded down.
pub fn halve(number: u64) -> u64 {
    // SOLUTION todo!("halve the number {number}")
    number / 2
    // END SOLUTION
}
